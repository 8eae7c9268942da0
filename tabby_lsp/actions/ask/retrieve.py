"""Places of a repository that a question is about: a hybrid search, and what defines the names in the question."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from tabby_lsp.actions.ask.relevance import RELEVANT, covered, roots, telling
from tabby_lsp.actions.types import Source
from tabby_lsp.index.types import Query, Snippet

LIMIT = 8
"""Places that are shown to a model, where nobody says how many."""
OF_A_FILE = 3
"""Most of them from one file: others may say it better."""
CANDIDATES = 4
"""Hits that are looked at for each place that is kept."""
NAMES = 4
"""Names whose definitions are looked up."""
DEFINITIONS = 2
"""Places that each name is looked for in."""
_QUOTED = re.compile(r"`([^`\n]+)`")
_NAME = re.compile(
    r"\b(?:[A-Za-z_]\w+(?:(?:\.|::|#)[A-Za-z_]\w+)+"  # Client.fetch, std::map; not "e.g."
    r"|[A-Za-z]\w*_\w+|_\w+"  # parse_known_args, _private
    r"|[a-z]+[a-z0-9]*[A-Z]\w*|[A-Z][a-z0-9]+[A-Z]\w*"  # parseArgs, HttpClient
    r"|[A-Za-z_]\w*(?=\(\)))"  # parse()
)
_NAME_OR_WORD = re.compile(r"[A-Za-z_]\w*(?:(?:\.|::|#)[A-Za-z_]\w*)*")
_TEST = re.compile(r"(?:^|/)(?:tests?|specs?|__tests__|testdata)/|(?:^|/)(?:test_|conftest)|[._-](?:test|spec)s?\.\w+$")

Search = Callable[[Query], Sequence[Snippet]]
"""Asks an index and waits for its answer."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the index has for a question.

    Attributes:
        sources: the best first, numbered from 1.
        relevance: 0 to 1: see `relevance.covered`; 1 where a name that was asked about is defined here.
    """

    sources: tuple[Source, ...]
    relevance: float

    @property
    def relevant(self) -> bool:
        """Whether it is worth asking a model."""
        return bool(self.sources) and self.relevance >= RELEVANT


def retrieve(search: Search, question: str, *, about: Sequence[str] = (), limit: int = LIMIT) -> Found:
    """Look for what a question is about.

    Args:
        search: the index; it is asked up to five times.
        question: in plain words, with names of code or without.
        about: names that were spoken of before; they are searched for too, and do not make anything relevant.
        limit: most places.

    Raises:
        RepositoryIndexError: whatever the index raises.
    """
    hits = list(search(Query(" ".join([question, *about]), limit=CANDIDATES * limit)))
    defined = [hit for name in names_in(question)[:NAMES] for hit in _defining(search, name, question)]
    wanted = telling(question)
    best = max((covered(wanted, _words(hit)) for hit in hits), default=0.0)
    ordered = [*_unique(defined), *sorted(_unique(hits), key=lambda hit: is_test(hit.path))]
    return Found(numbered(_diverse(ordered, limit)), 1.0 if defined else best)


def names_in(text: str) -> list[str]:
    """Names of code in a text, in its order: in backticks, or of a form that no word of English has."""
    found = [(match.start(), name) for match in _QUOTED.finditer(text) for name in _NAME_OR_WORD.findall(match[1])[:1]]
    found += [(match.start(), match[0]) for match in _NAME.finditer(_QUOTED.sub(lambda m: " " * len(m[0]), text))]
    return list(dict.fromkeys(name for _, name in sorted(found)))


def is_test(path: str) -> bool:
    """Whether a file is a test, by its name or its folder.

    Args:
        path: relative, with slashes.
    """
    return bool(_TEST.search(path))


def numbered(sources: Iterable[Source]) -> tuple[Source, ...]:
    """The same with numbers from 1."""
    return tuple(replace(source, number=number) for number, source in enumerate(sources, 1))


def own_lines(text: str, start: int, end: int) -> list[str]:
    """The lines of a chunk without the headings that a piece of a page has in front, which do not stand there.

    Args:
        text: of the chunk.
        start: its first line.
        end: the line after its last.
    """
    lines = text.removesuffix("\n").split("\n")
    return lines[max(0, len(lines) - (end - start)) :]


def _defining(search: Search, name: str, question: str) -> Sequence[Snippet]:
    """Where a name is defined; of `client.fetch` where `fetch` is, if nothing is called by the whole of it."""
    whole = re.sub(r"::|#", ".", name)
    for symbol in dict.fromkeys((whole, whole.rpartition(".")[2])):
        found = search(Query(f"{question} {symbol}", symbol=symbol, limit=2 * DEFINITIONS))
        if found:
            return sorted(found, key=lambda hit: is_test(hit.path))[:DEFINITIONS]
    return ()


def _words(hit: Snippet) -> set[str]:
    return roots((hit.path, *hit.symbols, hit.text))


def _unique(hits: Iterable[Snippet]) -> list[Snippet]:
    return list({(hit.path, hit.start, hit.end): hit for hit in hits}.values())


def _diverse(hits: Iterable[Snippet], limit: int) -> list[Source]:
    """The first hits, few of each file; what overlaps what is there already, or touches it, is added to it."""
    kept: list[Source] = []
    for hit in hits:
        same = [place for place, source in enumerate(kept) if source.path == hit.path]
        near = next((place for place in same if _touch(kept[place], hit)), None)
        if near is not None:
            kept[near] = _joined(kept[near], hit)
        elif len(kept) < limit and len(same) < OF_A_FILE:
            kept.append(Source(0, hit.path, hit.start, hit.end, hit.text, hit.symbols))
    return kept


def _touch(source: Source, hit: Snippet) -> bool:
    """Whether they overlap; where one merely follows the other, each is worth its own number."""
    return source.start < hit.end and hit.start < source.end


def _joined(source: Source, hit: Snippet) -> Source:
    """Both as one, where the lines are what they say they are; else the first."""
    lines = dict(enumerate(own_lines(hit.text, hit.start, hit.end), hit.start))
    lines |= dict(enumerate(own_lines(source.text, source.start, source.end), source.start))
    start, end = min(source.start, hit.start), max(source.end, hit.end)
    if len(lines) != end - start:
        return source
    text = "\n".join(lines[at] for at in range(start, end))
    symbols = tuple(dict.fromkeys((*source.symbols, *hit.symbols)))
    return replace(source, start=start, end=end, text=text, symbols=symbols)
