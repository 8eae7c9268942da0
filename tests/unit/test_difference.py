"""Two versions are the same up to where they differ, and from where they do not any more."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tabby_lsp.difference import common_prefix, difference

ITEMS = st.lists(st.integers(0, 1), max_size=40)


@given(ITEMS, ITEMS, st.integers(0, 40))
def test_the_common_prefix_ends_at_the_first_difference(a: list[int], b: list[int], shared: int) -> None:
    b = a[:shared] + b
    length = common_prefix(a, b)
    assert a[:length] == b[:length]
    assert length == min(len(a), len(b)) or a[length] != b[length]


@given(ITEMS, ITEMS, ITEMS, ITEMS)
def test_outside_of_the_difference_all_is_the_same(
    head: list[int], old: list[int], new: list[int], tail: list[int]
) -> None:
    one, other = bytes(head + old + tail), bytes(head + new + tail)
    first, before, now = difference(one, other)
    assert first <= min(before, now)
    assert (one[:first], one[before:]) == (other[:first], other[now:])
    assert (before - first, now - first) <= (len(old), len(new))
    if first < min(before, now):
        assert one[first] != other[first]
        assert one[before - 1] != other[now - 1]


def test_a_line_doubled_is_added_once() -> None:
    assert difference(("a", "b", "b", "c"), ("a", "b", "b", "b", "c")) == (3, 3, 4)
    assert difference((), ()) == (0, 0, 0)
