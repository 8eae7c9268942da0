"""Definitions as the model reads them: signatures that look like the code they stand for, grouped by class and file."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

from tabby_lsp.syntax.symbols.types import Definition, Kind

LONGEST = 200
"""Characters of one signature; what goes beyond is cut at a comma."""
LONGEST_TYPES = 24
"""Characters of the type parameters of a definition; more are left out."""
VALUES = frozenset({Kind.FIELD, Kind.CONSTANT})
NONE: Mapping[str, Definition] = MappingProxyType({})
_DOC = re.compile(r'^\s*(?:"""|\'\'\'|//|/\*|#)')


def text_of(definitions: Sequence[Definition], language: str, owners: Mapping[str, Definition] = NONE) -> str:
    """Write definitions of one file down, in the order of the source.

    Args:
        definitions: members stand below their class, which is named by a line of its own where it is not among them.
        language: the protocol's id.
        owners: classes by name, as far as they are known.
    """
    blocks: list[str] = []
    container = ""
    tops = {d.name for d in definitions if not d.container}
    holders = {d.container for d in definitions}
    ordered = sorted(definitions, key=lambda d: d.start)
    for definition in ordered:
        if definition.container and definition.container != container and definition.container not in tops:
            blocks.append(_header(definition.container, language, owners.get(definition.container)))
        container = definition.container or definition.name
        text = compact(definition, language)
        if definition.kind is Kind.CLASS and text.endswith(":") and definition.name not in holders:
            text += " ..."
        blocks.append(textwrap.indent(text, "    ") if definition.container else text)
    return "\n".join(blocks) + "\n"


@lru_cache(maxsize=16384)
def compact(definition: Definition, language: str) -> str:
    """A signature without its documentation, on as few lines as it can be, and not too long."""
    lines = [line for line in definition.signature.splitlines() if line.strip() and not _DOC.match(line)]
    text = re.sub(r"([(\[{])\s+", r"\1", re.sub(r"\s+", " ", " ".join(lines))).strip()
    text = re.sub(r",? ([)\]])", r"\1", text)
    text = _without_parameters_of_types(text, definition.name)
    if definition.kind in VALUES and text.endswith("..."):  # cut off, perhaps inside of a string
        head, equals, _ = text.partition("=")
        return f"{head}{equals} ..." if equals else text
    if len(text) > LONGEST:
        cut = text.rfind(",", 0, LONGEST)
        text = text[: cut if cut > 0 else LONGEST] + ", ..."
        if "(" in text:
            text += "):" if language == "python" and definition.kind is not Kind.FIELD else ")"
    if language == "python" and text.endswith(":"):
        return text if definition.kind is Kind.CLASS else text + " ..."
    return text.removesuffix("{").rstrip()


def _without_parameters_of_types(text: str, name: str) -> str:
    """Leave out a long `<...>` behind a name: what follows tells more for what it costs."""
    start = text.find(f"{name}<") + len(name)
    if start < len(name):
        return text
    depth = 0
    for place in range(start, len(text)):
        depth += (text[place] == "<") - (text[place] == ">" and text[place - 1] not in "=-")
        if depth == 0:
            return text[:start] + text[place + 1 :] if place - start > LONGEST_TYPES else text
    return text


def _header(name: str, language: str, owner: Definition | None) -> str:
    """A class in as few words as name it: `interface Options`."""
    text = compact(owner, language) if owner else ""
    found = re.search(rf"(?:^|\s)(\w+\s+{re.escape(name)})(?![\w$])", text)
    return (found.group(1) if found else f"class {name}") + (":" if language == "python" else "")
