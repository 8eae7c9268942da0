"""The words of a documentation comment, out of whatever a model put around them, and wrapped to a width."""

from __future__ import annotations

import inspect
import re
import textwrap
from typing import TYPE_CHECKING

from tabby_lsp.actions.checks import is_documentation
from tabby_lsp.actions.reading import answers
from tabby_lsp.actions.reading.code import CUT
from tabby_lsp.actions.reading.regions import Region, Unusable, outer
from tabby_lsp.actions.reading.statements import ATTACHED, Parsed, parsed
from tabby_lsp.syntax.grammars import captures
from tabby_lsp.syntax.symbols.types import Kind

if TYPE_CHECKING:
    from tabby_lsp.actions.reading.answers import Block
    from tabby_lsp.engine.types import Finish
    from tabby_lsp.syntax.symbols.extract import Found

_QUOTED = re.compile(r"(?:^|\n)[ \t]*[rRuU]?(\"\"\"|''')([\s\S]*?)(?:\1|\Z)")
_STARRED = re.compile(r"(?:^|\n)[ \t]*/\*+!?([\s\S]*?)(?:\*+/|\Z)")
_MARKED = {
    "//": re.compile(r"^[ \t]*//[/!]*[ \t]?"),
    "#": re.compile(r"^[ \t]*#+(?!\[)[ \t]?"),
    "--": re.compile(r"^[ \t]*---*[ \t]?"),
}
_STAR = re.compile(r"^[ \t]*\*(?!\*)[ \t]?")
_CODE = re.compile(r"[;{}=]$|^\s*(?:return|import|const|let|fn|func|def)\b|\w\(.*\)$")
_FENCE = re.compile(r"^\s*(?:```|~~~)")
_HANGING = re.compile(r"^(\s*)(?:[-*+•]\s+|\d+[.)]\s+|(?:\*{0,2}[\w`]+(?: \([^)]*\))?: )|@\w+ |:\w+ \w+: )")
_OWN_LINE = re.compile(r"^\s*(?:[-*+•]\s|\d+[.)]\s|@\w|:\w+|>>>|#|\||<|\.\.|[\w ]+:$|[-=~^]{3,}$)|:\s*$")


def documentation(region: Region, name: str, answer: str, finish: Finish) -> str:
    """What an answer says about a definition, without quotes and comment marks.

    Args:
        region: where the definition is.
        name: the definition's.
        answer: what the model wrote: the text, a comment, or the whole function with one.
        finish: why it ended.

    Raises:
        Unusable: it says nothing, or not all of it.
    """
    text = answers.spoken(answer, region.snapshot.text)
    if not text.strip():
        raise Unusable("empty")
    found = answers.blocks(text)
    if found and not any(block.text.strip() for block in found):
        raise Unusable("no-code", "The model answered without documentation.")
    found = [block for block in found if block.text.strip()]
    whole = found or [answers.Block(text.strip("\n"), fenced=False, closed=False)]
    whole = [answers.without_numbers(block) for block in whole]
    for block in sorted(whole, key=lambda one: not re.search(rf"\b{re.escape(name)}\b", one.text)):
        words, complete = _said(region, name, block)
        if words:
            if finish in CUT and not complete and not (block.closed and block.fenced):
                raise Unusable("cut-off")
            if answers.is_echo(words, "\n".join(one.text for one in region.brief.messages if one.role != "assistant")):
                raise Unusable("unchanged" if answers.is_echo(words, region.text) else "echo")
            return words
    raise Unusable("no-code", "The model answered without documentation.")


def wrapped(text: str, width: int) -> str:
    """A text whose lines are no wider than `width` columns where that can be; examples and tables stay as they are."""
    lines: list[str] = []
    paragraph: list[str] = []
    fenced = False

    def flush() -> None:
        lines.extend(_filled(paragraph, width))
        paragraph.clear()

    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if mark or fenced:
            flush()
            lines.append(line)
            fenced = fenced != bool(mark)
            continue
        same = paragraph and _indent(paragraph[-1]) == _indent(line) and not _HANGING.match(paragraph[0])
        hangs = paragraph and _HANGING.match(paragraph[0]) and _indent(line) > _indent(paragraph[0])
        if not line.strip() or _OWN_LINE.search(line) or _HANGING.match(line) or not (same or hangs):
            flush()
        paragraph.append(line)
        if not line.strip() or _OWN_LINE.search(line):
            flush()
    flush()
    return "\n".join(lines)


def _said(region: Region, name: str, block: Block) -> tuple[str, bool]:
    """The words of a block, and whether they have an end of their own."""
    answer = parsed(region.snapshot.language, region.language.name, block.text)
    defined = [one for one in answer.definitions if one.kind not in (Kind.FIELD, Kind.CONSTANT)] if answer else []
    one = next((one for one in defined if one.name == name), defined[0] if len(defined) == 1 else None)
    if answer is not None and one is not None and (words := _of_definition(region, answer, one)):
        return _clean(words), True
    for pattern, group in ((_QUOTED, 2), (_STARRED, 1)):
        if (found := pattern.search(block.text)) and _clean(_unstarred(found.group(group))):
            return _clean(_unstarred(found.group(group))), not found.group().endswith(found.group(group))
    if words := _run(region, block.text):
        return words, one is not None
    if defined or (answer is not None and _is_code(region, block, answer)):
        return "", False
    return _clean(_without_introduction(block)), False


def _of_definition(region: Region, answer: Parsed, one: Found) -> str:
    """What stands in a definition, or in the comments above it."""
    body = one.body
    if body is not None and body.named_children and is_documentation(body.named_children[0]):
        literal = (body.named_children[0].text or b"").decode("utf-8", "replace")
        return re.sub(r"^[rRuUbB]*(\"\"\"|'''|\"|')([\s\S]*)\1$", r"\2", literal)
    comments = {
        node.id for node in captures(answer.tree, region.snapshot.language, 0, len(answer.data)).get("comment", [])
    }
    above: list[str] = []
    node = outer(one).prev_sibling
    while node is not None and (node.id in comments or node.type in ATTACHED):
        if node.id in comments:
            above.insert(0, (node.text or b"").decode("utf-8", "replace").rstrip("\n"))
        node = node.prev_sibling
    return _bare("\n".join(above))


def _clean(text: str) -> str:
    """A text without blanks around it, and without what is no word of documentation."""
    lines = [line.rstrip() for line in inspect.cleandoc(text.expandtabs(4)).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n").strip()


def _unstarred(text: str) -> str:
    lines = text.split("\n")
    if sum(bool(_STAR.match(line)) for line in lines[1:]) * 2 < len(lines) - 1:
        return text
    return "\n".join([_STAR.sub("", lines[0]), *(_STAR.sub("", line) for line in lines[1:])])


def _bare(comment: str) -> str:
    """Comments without their marks."""
    if found := _STARRED.search(comment):
        return _unstarred(found.group(1))
    return "\n".join(re.sub(r"^[ \t]*(?://[/!]*|#+|---*)[ \t]?", "", line) for line in comment.split("\n"))


def _run(region: Region, text: str) -> str:
    """The first lines of a text that are all comments in its language."""
    pattern = _MARKED.get(region.language.comment)
    if pattern is None:
        return ""
    run: list[str] = []
    for line in text.split("\n"):
        if pattern.match(line):
            run.append(pattern.sub("", line))
        elif run:
            break
        elif line.strip() and not line.strip().endswith(":") and not line.strip().startswith(("@", "#[")):
            return ""
    return _clean("\n".join(run))


def _is_code(region: Region, block: Block, answer: Parsed) -> bool:
    """Whether a block without comments is code: its lines stand in the region, or it reads as code and not as words."""
    lines = [line.strip() for line in block.text.split("\n") if line.strip()]
    own = {line.strip() for line in region.text.split("\n")}
    if sum(line in own for line in lines) * 2 >= len(lines):
        return True
    code = sum(
        bool(re.search(r"[;{}=]$|^\s*(?:return|import|const|let|fn|func|def)\b|\w\(.*\)$", line)) for line in lines
    )
    return code * 2 > len(lines) and bool(answer.tree.root_node.named_children)


def _without_introduction(block: Block) -> str:
    """Words without the sentence that only announces them."""
    if block.fenced:
        return _unquoted(block.text.strip())
    parts = re.split(r"\n[ \t]*\n", block.text.strip())
    while len(parts) > 1 and parts[0].rstrip().endswith(":") and "\n" not in parts[0].strip():
        parts.pop(0)
    lines = "\n\n".join(parts).split("\n")
    if len(lines) > 1 and re.match(r"(?:sure|certainly|of course|here)\b.*:\s*$", lines[0].strip(), re.IGNORECASE):
        lines = lines[1:]
    return _unquoted("\n".join(lines).strip())


def _unquoted(text: str) -> str:
    """Words without quotes around all of them."""
    quote = text[:1]
    return text[1:-1] if quote in ('"', "`", "'") and text.count(quote) == 2 and text.endswith(quote) else text


def _filled(paragraph: list[str], width: int) -> list[str]:
    if all(len(line) <= width for line in paragraph):
        return paragraph[:]
    first = paragraph[0]
    lead = " " * _indent(first)
    found = _HANGING.match(first)
    deeper = (_indent(paragraph[1]) if len(paragraph) > 1 else _indent(first) + 4) if found else _indent(first)
    if found and re.match(r"\s*(?:[-*+•]|\d+[.)])\s", first) and len(paragraph) == 1:
        deeper = len(found.group())
    words = " ".join(line.strip() for line in paragraph)
    return textwrap.wrap(
        words,
        max(width, deeper + 20),
        initial_indent=lead,
        subsequent_indent=" " * deeper,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
