"""When keys come."""

from __future__ import annotations

from tabby_lsp.bench.replay.clock import LINE_S, LONGEST_S, SHORTEST_S, Clock


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
    assert all(gap == 0 for gap in (Clock("patient").before_hunk("f", 0), Clock("patient").before_key("f", 0, "a", 0)))


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
