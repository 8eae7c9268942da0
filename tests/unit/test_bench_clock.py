"""When keys come."""

from __future__ import annotations

import pytest

from tabby_lsp.bench.replay.clock import FILE_S, HUNK_S, LINE_S, LONGEST_FILE_S, LONGEST_S, SHORTEST_S, Clock


def gaps(seed: int, name: str = "f.py") -> list[float]:
    typed = "one line\n    another line\nthird"
    return [Clock("typing", seed).before_key(name, 0, typed, at) for at in range(len(typed))]


def test_gaps_are_the_same_at_each_run_and_like_a_persons() -> None:
    assert gaps(1) == gaps(1)
    assert gaps(1) != gaps(2)
    assert gaps(1) != gaps(1, "g.py")
    drawn = sorted(gap for seed in range(60) for gap in gaps(seed))
    assert drawn[0] >= SHORTEST_S
    assert drawn[-1] <= LONGEST_S
    assert 0.18 < drawn[len(drawn) // 2] < 0.23
    patient = Clock("patient")
    assert patient.before_key("f", 0, "a", 0) == 0
    assert [patient.before_hunk("f", 0, first=first) for first in (True, False)] == [0, 0]


def test_a_file_is_read_longer_before_its_first_edit() -> None:
    def drawn(*, first: bool) -> list[float]:
        return sorted(Clock("typing", seed).before_hunk("f.py", 3, first=first) for seed in range(600))

    opened, later = drawn(first=True), drawn(first=False)
    assert opened[300] == pytest.approx(FILE_S, rel=0.1)
    assert later[300] == pytest.approx(HUNK_S, rel=0.1)
    assert sum(gap > LONGEST_S for gap in opened) > 300  # what bounds all other gaps does not bound this one
    assert opened[-1] <= LONGEST_FILE_S
    assert later[-1] <= LONGEST_S
    assert len(set(opened)) > 590  # nearly none is cut
    clock = Clock("typing", 5)
    more = clock.expected_s("f.py", 3, "a = 1", first=True) - clock.expected_s("f.py", 3, "a = 1", first=False)
    assert more == pytest.approx(clock.before_hunk("f.py", 3, first=True) - clock.before_hunk("f.py", 3, first=False))


def test_a_lines_end_has_one_pause_before_or_after_the_break() -> None:
    typed, slow = "ab\n    cd", LINE_S / 2
    pauses = [
        (clock.before_key("f", 0, typed, 2) > slow, clock.before_key("f", 0, typed, 7) > slow)
        for clock in (Clock("typing", seed) for seed in range(200))
    ]
    both = sum(before and after for before, after in pauses)
    assert both < 10  # an ordinary gap is rarely that long
    assert 60 < sum(before for before, _ in pauses) < 140
    assert 60 < sum(after for _, after in pauses) < 140
