"""What a model wrote, made fit for a preview: nothing is loaded from elsewhere, and links lead into the folder alone.

An image of another machine tells that machine whatever stands in its address, as soon as the text is shown; and what a
model writes may have been dictated by a file that it read.
"""

from __future__ import annotations

import re
from pathlib import Path

_REFERENCE = re.compile(r"`?(?<![\w/\\.:(\[!])((?:[\w.@+-]+/)*[\w@+-][\w.@+-]*\.\w+):(\d+)(?:-(\d+))?`?(?![\w(])")
"""`path:line` and `path:line-line`, in backticks or not, where it is not part of an address."""
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_OPENS = re.compile(r"(`{3,}(?=[^`]*$)|~{3,})")
_CLOSES = re.compile(r" {0,3}(`{3,}|~{3,})[ \t]*$")
_UNSURE = re.compile(r"```|~~~|^[ \t>]*\$\$")
"""A block that may begin or end here, in a list, a quotation or a formula: programs differ in where."""
_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_IMAGE = re.compile(r"!(?=\[)")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_LOADS = re.compile(
    r"<(?=/?(?:img|image|picture|source|video|audio|track|svg|iframe|frame|object|embed|link|style|script|base|meta"
    r"|form|input|body|table|td|th)\b)",
    re.IGNORECASE,
)
"""What may load something; beside it `<T>` is code that a person reads."""
_LINE_BREAK = re.compile(r"\r\n?|[\v\f\x85\u2028\u2029]")


def harmless(markdown: str) -> str:
    """The same text without images and HTML; code blocks and code in backticks stay as they are.

    Where programs may differ in what is code, images and tags are taken out of it too.

    Args:
        markdown: any text.
    """
    lines, fence, unsure, odd = _LINE_BREAK.sub("\n", markdown).split("\n"), "", False, False
    for number, line in enumerate(lines):
        if fence:
            mark = _CLOSES.match(line)
            fence = "" if mark and mark[1].startswith(fence) else fence
            continue
        opening = None if unsure else _OPENS.match(line)
        if opening:
            fence, odd = opening[1], False
            continue
        unsure = unsure or bool(_UNSURE.search(line))
        bare = _SPAN.sub("", line)
        # a backtick that has no other on its line may belong to one on a line behind it
        odd = bool(line.strip()) and (odd or "`" in bare or "\\`" in line)
        lines[number] = _escaped(line, unsure=unsure, spans=not (unsure or odd))
    return "\n".join(lines)


def _escaped(line: str, *, unsure: bool, spans: bool) -> str:
    tag = _LOADS if unsure else _TAG

    def plain(text: str) -> str:
        return tag.sub("&lt;", _IMAGE.sub(r"!\\", text))

    if not spans:
        return plain(line)
    pieces, done = [], 0
    for span in _SPAN.finditer(line):
        pieces += [plain(line[done : span.start()]), span[0]]
        done = span.end()
    return "".join([*pieces, plain(line[done:])])


def linked(markdown: str, root: Path) -> str:
    """Make links of `path:line` to files that exist below a folder, outside of code blocks.

    Args:
        markdown: any text.
        root: the folder that the paths are relative to.
    """

    def link(found: re.Match[str]) -> str:
        path, line, end = found[1], int(found[2]), found[3]
        if not _is_file(root, path):
            return found[0]
        label = f"{path}:{line}-{end}" if end else f"{path}:{line}"
        return f"[`{label}`]({(root / path).absolute().as_uri()}#L{line})"

    lines, fence = markdown.split("\n"), ""
    for number, text in enumerate(lines):
        mark = _FENCE.match(text)
        if fence:
            fence = "" if mark and mark[1].startswith(fence) else fence
        elif mark:
            fence = mark[1]
        else:
            lines[number] = _REFERENCE.sub(link, text)
    return "\n".join(lines)


def _is_file(root: Path, path: str) -> bool:
    try:
        file = (root / path).resolve()
        return file.is_relative_to(root.resolve()) and file.is_file()
    except (OSError, ValueError):
        return False
