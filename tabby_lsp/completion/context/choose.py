"""Which snippets a prompt shows: none that the window shows already, none twice, as many as the budget holds.

What is shown stays: a block is continued where it can be, since everything behind a changed line of a prompt is
evaluated anew. When it is full, all that is no longer wanted goes at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from types import MappingProxyType

from tabby_lsp.index.types import Snippet, Why

WINDOW_SHARE = 0.5
"""Part of a snippet's lines that the cursor's window may hold: models repeat what they see twice."""
SAME_SHARE = 0.9
"""Part of a snippet's lines in another one from which on the two are the same."""
FILL = 0.75
"""Part of the budget that a block takes after it was emptied; the rest is for what comes."""
SHARES: Mapping[Why, float] = MappingProxyType({Why.RECENT: 0.4, Why.SIBLING: 0.3})
"""Part of the budget that one kind may take while others want room; the rest of them: all of it."""
LOOSE = frozenset({Why.SIBLING, Why.SEARCH})
"""Kinds that are not worth evaluating a prompt anew for: they come along when others do."""
PRESSING = 4
"""So many of the best that is wanted must be shown; what is worth less waits until one of them is missing."""
GROUPED = frozenset({Why.USED, Why.IMPORTED, Why.NAMED, Why.MEMBER})
"""Kinds whose lines are signatures, each good for itself."""
TRIVIAL = re.compile(r"[\W_]*|(?:else|pass|return|try|end|break|continue|finally)\W*")
"""Lines that say nothing about likeness."""
BODY = " .:;{}\u2026"
"""What a signature may end with in place of its body."""

Cost = Callable[[Snippet], int]
Key = tuple[str, tuple[str, ...], int]
"""What a snippet is, whatever it says now: its path, what it defines, and a number where it defines nothing."""


def wanted(snippets: Iterable[Snippet], window: str, budget: int, cost: Cost) -> tuple[Snippet, ...]:
    """What is worth showing, best first.

    Args:
        snippets: from all sources, in the order of their worth.
        window: the text of the document that the prompt shows.
        budget: in tokens.
        cost: of a snippet in tokens, in the form in which it is shown.
    """
    seen = _lines(window)
    chosen: list[Snippet] = []
    for found in snippets:
        # the head of a class that is shown gives way to the same with its members
        heads = [
            s for s in chosen if found.why in GROUPED and s.path == found.path and _lines(s.text) < _lines(found.text)
        ]
        others = [s for s in chosen if s not in heads]
        snippet = _beyond(found, others)
        lines = _lines(snippet.text) if snippet else set()
        if snippet is None or not lines or len(lines & seen) > WINDOW_SHARE * len(lines):
            continue
        if _within(lines, (_lines(other.text) for other in others)):
            continue
        tokens, spent = cost(snippet), sum(map(cost, others))
        alike = sum(cost(other) for other in others if other.why is snippet.why)
        if spent + tokens > budget or alike + tokens > SHARES.get(snippet.why, 1.0) * budget:
            continue
        first = chosen.index(heads[0]) if heads else len(chosen)
        chosen = [*others[:first], snippet, *others[first:]]
    return tuple(chosen)


def continued(
    last: Sequence[Snippet],
    now: Sequence[Snippet],
    budget: int,
    cost: Cost,
    is_stale: Callable[[Snippet], bool] = lambda _: False,
) -> tuple[Snippet, ...]:
    """The last block with what is new at its end; less of the old where it is full, or some of it holds no more.

    Args:
        last: what is shown, in its order.
        now: what is worth showing now, best first; it fits the budget.
        budget: in tokens.
        cost: of a snippet in tokens.
        is_stale: whether what is shown is not in its file any more; asked of what is not worth showing now.

    Returns:
        `last` itself where nothing is to be added. The best of what is new stands last, next to the code.
    """
    places = {_place(snippet): snippet for snippet in now}
    kept = [_as_now(snippet, places) for snippet in last if _place(snippet) in places or not is_stale(snippet)]
    shown = [_lines(snippet.text) for snippet in kept]
    there = {_place(snippet) for snippet in kept}
    new = [
        rest
        for snippet in reversed(now)
        if _place(snippet) not in there and (rest := _beyond(snippet, kept)) and not _within(_lines(rest.text), shown)
    ]
    spent = sum(map(cost, kept))
    if kept == list(last) and spent <= budget and not (new if not last else _pressing(now, new)):
        return tuple(last)
    if spent + sum(map(cost, new)) <= budget:
        return (*kept, *_by_file(new))
    return _emptied(kept, now, int(budget * FILL) if last else budget, budget, cost)


def fitting(snippets: Sequence[Snippet], budget: int, cost: Cost) -> tuple[Snippet, ...]:
    """As many of the first snippets as a budget holds: their text is in the cache, and nothing of it moves."""
    totals = accumulate(map(cost, snippets))
    return tuple(snippet for snippet, total in zip(snippets, totals, strict=True) if total <= budget)


def _emptied(
    kept: Sequence[Snippet], now: Sequence[Snippet], room: int, budget: int, cost: Cost
) -> tuple[Snippet, ...]:
    """The best of what is wanted, as far as there is room; what was shown before keeps its order, in front."""
    chosen: list[Snippet] = []
    for snippet in now:
        if (tokens := cost(snippet)) <= (room if chosen else budget):
            chosen.append(snippet)
            room -= tokens
    picked = {_place(snippet) for snippet in chosen}
    still = [snippet for snippet in kept if _place(snippet) in picked]
    staying = {_place(snippet) for snippet in still}
    return (*still, *_by_file([s for s in reversed(chosen) if _place(s) not in staying]))


def _by_file(snippets: Sequence[Snippet]) -> list[Snippet]:
    """Snippets of one file stand together, where the last of them stands; its path is then said once.

    In a file it is the same with the members of a class: worth divides them, and the class would be named before each.
    """
    paths = list(dict.fromkeys(snippet.path for snippet in reversed(snippets)))
    owners = list(dict.fromkeys((snippet.path, _owner(snippet)) for snippet in reversed(snippets)))
    return sorted(snippets, key=lambda s: (-paths.index(s.path), -owners.index((s.path, _owner(s)))))


def _owner(snippet: Snippet) -> str:
    """The class whose members a snippet shows; where it shows none, the snippet itself."""
    first, _, rest = snippet.text.partition("\n")
    return first if snippet.why in GROUPED and rest[:1].isspace() else snippet.text


def _pressing(now: Sequence[Snippet], new: Sequence[Snippet]) -> bool:
    """Whether what is new is worth evaluating a prompt anew for: it is of the best, and has a name."""
    places = {_place(snippet) for snippet in new}
    return any(_place(snippet) in places and snippet.why not in LOOSE for snippet in now[:PRESSING])


def _beyond(snippet: Snippet, kept: Iterable[Snippet]) -> Snippet | None:
    """A group of signatures without those that stand there already; its class stays in front of the rest."""
    shown = {line for other in kept if other.path == snippet.path for line in other.text.splitlines()}
    lines = snippet.text.splitlines()
    if snippet.why not in GROUPED or not shown.intersection(lines):
        return snippet
    rest = [line for number, line in enumerate(lines) if line not in shown or _heads(lines, number, shown)]
    return replace(snippet, text="\n".join(rest)) if set(rest) - shown else None


def _heads(lines: Sequence[str], number: int, shown: set[str]) -> bool:
    """Whether a line stands above more indented ones of which one is not shown yet."""
    own = len(lines[number]) - len(lines[number].lstrip())
    for line in lines[number + 1 :]:
        if len(line) - len(line.lstrip()) <= own:
            return False
        if line not in shown:
            return True
    return False


def _within(lines: set[str], others: Iterable[set[str]]) -> bool:
    return any(len(lines & other) >= SAME_SHARE * len(lines) for other in others)


def _as_now(snippet: Snippet, places: Mapping[Key, Snippet]) -> Snippet:
    """A snippet as it was found now; itself where that says the same, so that a block stays what it is."""
    now = places.get(_place(snippet), snippet)
    return snippet if now.text == snippet.text else now


def _place(snippet: Snippet) -> Key:
    # lines move; what a snippet defines does not, nor which stretch of edited lines it is
    if snippet.stretch:
        return (snippet.path, (Why.RECENT,), snippet.stretch)
    return (snippet.path, snippet.symbols, 0) if snippet.symbols else (snippet.path, (), snippet.start)


def _lines(text: str) -> set[str]:
    return {line for raw in text.splitlines() if not TRIVIAL.fullmatch(line := raw.strip().rstrip(BODY))}
