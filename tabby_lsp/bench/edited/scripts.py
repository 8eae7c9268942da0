"""Scripts from edited files: which hunks are typed, so that a run has so many in all, spread over the files."""

from __future__ import annotations

import random
from collections.abc import Sequence

from tabby_lsp.bench.edited import edits, order
from tabby_lsp.bench.edited.history import Edited
from tabby_lsp.bench.types import Script

TOGETHER = 2
"""Hunks that a file gets at once: without a second one there is no key after an edit elsewhere."""


def scripts_of(files: Sequence[Edited], limit: int, most_keys: int, seed: int = 1) -> list[Script]:
    """A script for each file that gets a share of the hunks.

    A file's share is consecutive hunks from a place drawn by chance: what comes before them is done already, what
    comes after is not reached, as it was when they were typed.

    Args:
        files: the earlier ones are taken where there are more files than hunks.
        limit: hunks that are typed in all.
        most_keys: of a file; places from which its share fits are preferred.
        seed: another one draws other places.

    Returns:
        In the order in which one person would edit them.
    """
    found: list[tuple[Edited, Script]] = []
    for file, count in zip(files, _shares(files, limit), strict=True):
        if count:
            draw = random.Random(repr((seed, file.source, file.name)))  # noqa: S311 - the same at each run, no secret
            first = draw.choice(_places(file, count, most_keys))
            base, hunks = edits.excerpt(file.base, file.hunks, first, count)
            after = edits.apply(file.base, file.hunks)
            found.append((file, Script(file.name, file.source, file.language, base, hunks, after)))
    return order.as_one_person(found)


def _shares(files: Sequence[Edited], limit: int) -> list[int]:
    """How many hunks each file gets: two, then the next file, and round again as long as there are some."""
    there = [sum(map(edits.worth_typing, file.hunks)) for file in files]
    shares = [0] * len(files)
    while limit > 0 and shares != there:
        for i, most in enumerate(there):
            more = min(TOGETHER, most - shares[i], limit)
            shares[i] += more
            limit -= more
    return shares


def _places(file: Edited, count: int, most_keys: int) -> list[int]:
    """The hunks from which so many can be typed; those from which they fit, where there are any."""
    typed = [i for i, hunk in enumerate(file.hunks) if edits.worth_typing(hunk)]
    keys = [len(edits.keys(file.hunks[i].typed)) for i in typed]
    starts = range(len(typed) - count + 1)
    fitting = [typed[i] for i in starts if sum(keys[i : i + count]) <= most_keys]
    return fitting or [typed[i] for i in starts]
