"""Where two sequences differ: lines of two versions, bytes of two texts, tokens of two prompts.

By halves: this is done at each key, and slices are compared many times as fast as their items in a loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def common_prefix(one: Sequence[Any], other: Sequence[Any]) -> int:
    """How many items are equal before the first that is not; both are of one type, and its slices can be compared."""
    known, most = 0, min(len(one), len(other))
    while known < most:
        upto = (known + most + 1) // 2
        if one[known:upto] == other[known:upto]:
            known = upto
        else:
            most = upto - 1
    return known


def difference(old: Sequence[Any], new: Sequence[Any]) -> tuple[int, int, int]:
    """The one stretch in which two versions differ: its first item, and the item after it, before and now."""
    head = common_prefix(old, new)
    tail = min(common_prefix(old[::-1], new[::-1]), min(len(old), len(new)) - head)
    return head, len(old) - tail, len(new) - tail
