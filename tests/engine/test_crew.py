"""As many threads as the machine has cores free, and no more than are allowed."""

from __future__ import annotations

import pytest

from tabby_lsp.engine.llama.crew import LOOK_AGAIN_S, Crew, Load, machine_load


class Machine:
    """Counters of a machine on which others and this process are busy."""

    def __init__(self) -> None:
        self.others = self.own = 0.0
        self.looks = 0

    def load(self) -> Load:
        self.looks += 1
        return Load(self.others + self.own, self.own)

    def second(self, crew: Crew, now: float, *, others: float, own: float) -> bool:
        """A second passes, in which so many cores were busy; returns whether the crew changed."""
        self.others += others
        self.own += own
        return crew.look(now)


@pytest.mark.parametrize(
    ("others", "own", "size"),
    [
        pytest.param(0.0, 0.0, 4, id="idle"),
        pytest.param(0.0, 4.0, 4, id="busy with our own work"),
        pytest.param(0.4, 3.0, 4, id="less than half a core"),
        pytest.param(0.6, 3.0, 3, id="more than half a core"),
        pytest.param(2.0, 2.0, 2, id="half of it"),
        pytest.param(4.0, 0.1, 1, id="all of it"),
        pytest.param(40.0, 0.1, 1, id="more than there is"),
        pytest.param(-1.0, 2.0, 4, id="counters that go backwards"),
    ],
)
def test_the_crew_is_what_others_leave(others: float, own: float, size: int) -> None:
    machine = Machine()
    crew = Crew(4, 4, machine.load)
    assert crew.size == 4
    assert not crew.look(10.0), "one look says nothing"
    assert machine.second(crew, 11.0, others=others, own=own) is (size != 4)
    assert crew.size == size


def test_it_is_never_more_than_allowed() -> None:
    machine = Machine()
    crew = Crew(2, 16, machine.load)
    crew.look(10.0)
    assert not machine.second(crew, 11.0, others=0.0, own=0.0)
    assert crew.size == 2


def test_it_grows_again() -> None:
    machine = Machine()
    crew = Crew(2, 2, machine.load)
    crew.look(10.0)
    assert machine.second(crew, 11.0, others=2.0, own=0.0)
    assert not machine.second(crew, 12.0, others=2.0, own=0.0)
    assert machine.second(crew, 13.0, others=0.0, own=2.0)
    assert crew.size == 2


def test_it_does_not_look_too_often() -> None:
    machine = Machine()
    crew = Crew(2, 2, machine.load)
    for n in range(10):
        crew.look(10.0 + n * LOOK_AGAIN_S / 3.9)
    assert machine.looks == 3


def test_a_crew_of_one_never_looks() -> None:
    machine = Machine()
    crew = Crew(1, 8, machine.load)
    assert not machine.second(crew, 10.0, others=8.0, own=0.0)
    assert machine.looks == 0
    assert crew.size == 1


def test_counters_that_cannot_be_read_change_nothing() -> None:
    """A sandbox without /proc: the crew stays as it is."""

    def load() -> Load:
        raise PermissionError("/proc/stat")

    crew = Crew(2, 2, load)
    for now in (10.0, 11.0, 12.0):
        assert not crew.look(now)
    assert crew.size == 2


def test_the_real_counters_grow() -> None:
    first = machine_load()
    total = sum(n * n for n in range(1_000_000))
    second = machine_load()
    assert total
    assert second.machine >= first.machine
    assert second.own > first.own
