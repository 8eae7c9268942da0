"""An answer as text: its code blocks, and what stands in them that no file should have.

Model output is not Markdown that somebody proofread: fences stay open, are indented, or hold line numbers.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tabby_lsp.completion.postprocess import TEMPLATE_MARKER

_OPENING = re.compile(r"^([ \t]*(?:>[ \t]?)?)(`{3,}|~{3,})[ \t]*([^`\n]*)$")
_PROMPTED = re.compile(r"^[ \t]*(`{3,}|~{3,})")
_ONE_LINE = re.compile(r"^[ \t]*```([\w+#.-]*)[ \t]+(\S[^`\n]*?)[ \t]*```[ \t]*$")
_TAG = re.compile(r"[\w+#-]+")
_THOUGHT = re.compile(r"^\s*<(think|thinking|reasoning)>[\s\S]*?(?:</\1>|\Z)")
_THOUGHT_END = re.compile(r"^[\s\S]*?</(?:think|thinking|reasoning)>")
_TURN = re.compile(r"^\s*(?:(?:<\|[^|\n]{1,30}\|>|<｜[^｜\n]{1,30}｜>)\s*(?:assistant\b)?\s*)+")
_NUMBERED = re.compile(r"^[ \t]*(\d{1,6})(?:[ \t]?[|│:]|\t)(?: ?)(.*)$")
_SPEECH = re.compile(r"[A-Z\"'*`\-\d]")
_WORDS = re.compile(r"[^\W\d_][\w'’-]*")
_CODE_END = re.compile(r"[{};,=(\[]$|\)\s*:$|^\s*[})\]]|^\s*(?:@|\w+\s*=[^=])|\w\(.*\)$")
_COMMENT_MARKS = re.compile(r"^\s*(?:#+|//+!?|--+|/\*+|\*+/?|<!--|\"\"\"|''')\s?|\s*(?:\*+/|-->|\"\"\"|''')$")
_PLACEHOLDER_COMMENT = re.compile(
    r"(?:\.{3}|…)\s*$|^\s*(?:\.{3}|…)"
    r"|^(?:the\s+)?(?:rest|remaining|remainder|other|existing|previous|same)\b.{0,40}"
    r"\b(?:unchanged|the same|code|method|function|implementation|remain|as before|omitted|here)\w*"
    r"|^(?:todo:?\s+)?(?:add |put |insert |write |keep )?(?:your|the|existing|original)\s+(?:own\s+)?"
    r"(?:\w+\s+)?(?:code|logic|implementation|loop|body)\b.{0,20}\b(?:here|unchanged)\b",
    re.IGNORECASE,
)
_BARE_WORDS = re.compile(r"(?!(?:True|False|None|Self|Nil)\b)(?:I|[A-Z][a-z'’]+)(?:,? [\w'’]+)*[.!…]*")
_BARE_DOTS = re.compile(r"^\s*(?:\.{3}|…)\s*;?\s*$")


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of an answer that may be what was asked for.

    Attributes:
        text: without its fences.
        tag: the name of its language, in small letters; empty where none is given.
        closed: whether it ends with a fence.
        fenced: whether it begins with one.
    """

    text: str
    tag: str = ""
    closed: bool = True
    fenced: bool = True


def spoken(answer: str, own: str = "") -> str:
    """What a model says, without byte order mark, thoughts, and markers of its template.

    Args:
        answer: what it wrote.
        own: text in which a marker is no accident: the document, which may be about models.
    """
    text = answer.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff").replace("\0", "")
    text = _TURN.sub("", text, count=1)
    text = _THOUGHT.sub("", text, count=1)
    if not _OPENING.match(text) and "</" in text:
        text = _THOUGHT_END.sub("", text, count=1)
    for found in TEMPLATE_MARKER.finditer(text):
        if found.group() not in own:
            text = text[: found.start()]
            break
    return text


def blocks(text: str) -> list[Block]:
    """The code blocks of an answer in their order; fences of any length, indented, of one line, or left open."""
    lines = text.split("\n")
    found: list[Block] = []
    at = 0
    while at < len(lines):
        if single := _ONE_LINE.match(lines[at]):
            found.append(Block(single.group(2), single.group(1).lower()))
        elif opening := _OPENING.match(lines[at]):
            indent, fence, info = opening.groups()
            end = _closing(lines, at + 1, indent, fence)
            inner = [_dedented(line, indent) for line in lines[at + 1 : end]]
            found.append(Block("\n".join(inner), _tag(info), closed=end < len(lines)))
            at = end
        at += 1
    return _opened_before(lines, found) or found


def unfenced(text: str) -> Block | None:
    """An answer without fences as code, prose at both ends left out; None where nothing is left."""
    paragraphs = re.split(r"(\n[ \t]*\n+)", text)
    parts = list(range(0, len(paragraphs), 2))
    while parts and _is_prose(paragraphs[parts[0]]):
        parts.pop(0)
    while parts and _is_prose(paragraphs[parts[-1]]):
        parts.pop()
    if not parts:
        return None
    lines = "".join(paragraphs[parts[0] : parts[-1] + 1]).split("\n")
    while lines and _is_prose(lines[0]):
        lines.pop(0)
    while lines and _is_prose(lines[-1]):
        lines.pop()
    rest = "\n".join(lines).strip("\n")
    return Block(rest, fenced=False) if rest.strip() else None


def is_bare_words(text: str) -> bool:
    """Whether all lines are words of a sentence, with nothing of code: `Sorry`."""
    return all(_BARE_WORDS.fullmatch(line.strip()) for line in text.split("\n") if line.strip())


def without_numbers(block: Block) -> Block:
    """A block without line numbers that were copied from the prompt: each line has one, and they count up."""
    lines = block.text.rstrip("\n").split("\n")
    found = [_NUMBERED.match(line) for line in lines if line.strip()]
    numbers = [int(one.group(1)) for one in found if one]
    counted = all(new == old + 1 for old, new in itertools.pairwise(numbers))
    if len(numbers) != len(found) or not numbers or not counted or (len(numbers) == 1 and "|" not in lines[0]):
        return block
    stripped = [one.group(2) if (one := _NUMBERED.match(line)) else line for line in lines]
    return replace(block, text="\n".join(stripped))


def without_echo(block: Block, prompt: str, own: str) -> Block:
    """A block without first lines that repeat the prompt's words: a problem's message, the instruction.

    Args:
        block: the code.
        prompt: all that the model was told.
        own: the code that was shown, whose lines may well be repeated.
    """
    told = {_plain(line) for line in _words_of(prompt)} - {_plain(line) for line in own.split("\n")}
    told = {line for line in told if len(_WORDS.findall(line)) > 1}
    lines = block.text.split("\n")
    first = 0
    while first < len(lines) and (not lines[first].strip() or _plain(lines[first]) in told):
        first += 1
    return replace(block, text="\n".join(lines[first:])) if first else block


def _words_of(prompt: str) -> Iterator[str]:
    """The lines of a prompt that are no code: code that was shown may well be wanted again, as imports are."""
    fence = ""
    for line in prompt.split("\n"):
        mark = _PROMPTED.match(line)
        if mark and (not fence or mark[1].startswith(fence)):
            fence = "" if fence else mark[1]
        elif not fence:
            yield line


def has_placeholder(text: str, own: str) -> bool:
    """Whether code stands for more code: `# ... rest unchanged`, or bare dots that were not there before."""
    for line in text.split("\n"):
        plain = _plain(line)
        commented = plain != " ".join(line.split()).lower() and _PLACEHOLDER_COMMENT.search(plain)
        if (commented or _BARE_DOTS.match(line)) and line.strip() not in own:
            return True
    return False


def is_echo(text: str, prompt: str) -> bool:
    """Whether an answer says no more than the prompt did."""
    plain = _squeezed(text)
    return bool(plain) and plain in _squeezed(prompt)


def _closing(lines: list[str], start: int, indent: str, fence: str) -> int:
    """The line that closes a fence, which stands at most three columns deeper; behind the last where none does."""
    pattern = re.compile(rf"^[ \t>]{{0,{len(indent.expandtabs(4)) + 3}}}{re.escape(fence[0])}{{{len(fence)},}}[ \t]*$")
    return next((at for at in range(start, len(lines)) if pattern.match(lines[at])), len(lines))


def _dedented(line: str, indent: str) -> str:
    if ">" in indent:
        return re.sub(r"^[ \t]*>[ \t]?", "", line, count=1)
    blanks = len(line) - len(line.lstrip(" \t"))
    return line[min(len(indent), blanks) :]


def _tag(info: str) -> str:
    found = _TAG.search(info.strip().strip("{}.").lower())
    return found.group() if found else ""


def _opened_before(lines: list[str], found: list[Block]) -> list[Block]:
    """The code of an answer that only closes its fence: the prompt had opened it."""
    if len(found) != 1 or found[0].tag or found[0].closed:
        return []
    at = next(number for number, line in enumerate(lines) if _OPENING.match(line))
    before = "\n".join(lines[:at])
    code = unfenced(before)
    behind = found[0].text
    if code is None or (behind.strip() and not all(_is_prose(part) for part in re.split(r"\n\s*\n", behind.strip()))):
        return []
    return [Block(code.text)]


def _is_prose(text: str) -> bool:
    """Whether a paragraph is said to a person: it begins like a sentence, and is of words rather than of code."""
    plain = text.strip()
    if not plain:
        return True
    if text[:1] in " \t" or not _SPEECH.match(plain) or len(_WORDS.findall(plain)) < 3:
        return False
    if any(_CODE_END.search(line) for line in plain.split("\n")) and not plain.endswith((".", ":", "!")):
        return False
    words = sum(map(len, re.findall(r"[\w\s.,:;!?'’\"`*()-]", plain)))
    return words >= 0.9 * len(plain) and not re.match(r"[\w.]+\s*(?:=|:=|\()", plain)


def _plain(line: str) -> str:
    """A line without comment marks and the blanks around it, in small letters."""
    return " ".join(_COMMENT_MARKS.sub("", _COMMENT_MARKS.sub("", line)).split()).lower()


def _squeezed(text: str) -> str:
    return " ".join(text.split()).lower()
