"""In which order one person edits the files of a run: a source's files after each other, definitions before their uses.

How files come before that, packages and languages in turn, spreads a run that is too short for all of them; nobody
works like that. What is known of a file is what its tree says; what an edit uses is told by its words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tabby_lsp.bench.edited import edits
from tabby_lsp.bench.edited.history import Edited
from tabby_lsp.bench.types import Script
from tabby_lsp.index.reading.reader import parse
from tabby_lsp.syntax.symbols.extract import facts_of
from tabby_lsp.syntax.symbols.references import references
from tabby_lsp.syntax.symbols.types import Definition


def as_one_person(picked: Sequence[tuple[Edited, Script]]) -> list[Script]:
    """Scripts in the order in which they are typed.

    Sources come in the order of their first file. In a source a file whose edits define what another's edits use comes
    before it; for the rest, and where files need each other, it stays as it was.

    Args:
        picked: files with what is typed of them.
    """
    by_source: dict[str, list[tuple[Edited, Script]]] = {}
    for file, script in picked:
        by_source.setdefault(file.source, []).append((file, script))
    return [script for pairs in by_source.values() for script in _definitions_first(pairs)]


def definitions(text: str, language: str) -> set[Definition]:
    """What a text defines, without where it stands: a definition that has only moved is the same."""
    data = text.encode()
    found = facts_of(parse(data, language), data, language).definitions
    return {Definition(one.name, one.kind, 0, 0, one.signature, one.container, one.bases) for one in found}


def used(script: Script) -> set[str]:
    """The names in what is typed of a file, but for those in strings and comments."""
    typed = (hunk.typed.encode() for hunk in script.hunks if edits.worth_typing(hunk))
    return {name for text in typed for name in references(text, script.language, ())}


def _definitions_first(pairs: Sequence[tuple[Edited, Script]]) -> list[Script]:
    if len(pairs) == 1:
        return [pairs[0][1]]
    after = [definitions(script.after, script.language) for _, script in pairs]
    new = [
        {one.name for one in now - definitions(file.base, file.language)}
        for (file, _), now in zip(pairs, after, strict=True)
    ]
    # what a file defines itself is no other file's, whatever it is called there
    foreign = [used(script) - {one.name for one in now} for (_, script), now in zip(pairs, after, strict=True)]
    needs = {
        at: {other for other, defined in enumerate(new) if other != at and defined & names}
        for at, names in enumerate(foreign)
    }
    return [pairs[at][1] for at in _sorted(needs)]


def _sorted(needs: Mapping[int, set[int]]) -> list[int]:
    """Files by number, each behind those that it needs, but for those that need it, too."""
    behind = {one: {other for other in others if one not in _reached(other, needs)} for one, others in needs.items()}
    waiting, found = list(needs), list[int]()
    while waiting:
        found.append(next(one for one in waiting if behind[one].isdisjoint(waiting)))
        waiting.remove(found[-1])
    return found


def _reached(start: int, needs: Mapping[int, set[int]]) -> set[int]:
    """All files that one needs, or that those need."""
    found, waiting = set[int](), [start]
    while waiting:
        more = needs[waiting.pop()] - found
        found |= more
        waiting += more
    return found
