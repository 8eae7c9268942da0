"""What is not indexed, and why: a named reason for each file, judged by its name, its size, and then its bytes.

A rule is a row of a table. What is said here of a name costs no system call; what is said of bytes is asked once for
each version of a file, in the processes that read it.
"""

from __future__ import annotations

import re
from enum import StrEnum

from tabby_lsp.index.files.kinds import DATA_KB, PROSE, language_of_name
from tabby_lsp.index.files.secret import content_tells, name_tells


class Reason(StrEnum):
    """Why a file is left out; what a person reads in `tabby-lsp index`."""

    IGNORED = "ignored"  # by .tabbyignore; what git ignores is not listed at all
    UNKNOWN = "unknown kind"
    DATA = "data"
    SIZE = "too large"
    EMPTY = "empty"
    BINARY = "binary"
    MINIFIED = "minified"
    GENERATED = "generated"
    SECRET = "secret"  # noqa: S105
    LINK = "link"
    SPECIAL = "not a file"
    NAME = "unreadable name"
    UNREADABLE = "not readable"
    MANY = "too many"


NAMES: dict[str, Reason] = {
    **dict.fromkeys(
        (
            "bun.lock", "cargo.lock", "composer.lock", "deno.lock", "flake.lock", "gemfile.lock", "go.sum", "mix.lock",
            "npm-shrinkwrap.json", "package-lock.json", "package.resolved", "packages.lock.json", "pdm.lock",
            "pipfile.lock", "pnpm-lock.yaml", "podfile.lock", "poetry.lock", "pubspec.lock", "pylock.toml", "uv.lock",
            "yarn.lock", ".pnp.cjs", ".pnp.js", ".terraform.lock.hcl",
        ),
        Reason.GENERATED,
    ),
    **dict.fromkeys(
        (
            "copying.txt", "entry_points.txt", "license.txt", "license.md", "licence.txt", "licence.md",
            "license.rst", "top_level.txt", "sources.txt", "third-party-notices.txt", "thirdpartynotices.txt",
            "words.txt", "robots.txt", "unlicense.txt",
        ),
        Reason.DATA,
    ),
}  # fmt: skip
"""Whole names, in lower case."""

ENDINGS: dict[str, Reason] = {
    **dict.fromkeys((".min.js", ".min.mjs", ".min.css", ".bundle.js", ".chunk.js", "-min.js"), Reason.MINIFIED),
    **dict.fromkeys((".js.map", ".css.map", ".mjs.map", ".d.ts.map"), Reason.GENERATED),
    **dict.fromkeys(
        (
            "_pb2.py", "_pb2.pyi", "_pb2_grpc.py", ".pb.go", ".pb.gw.go", ".pb.cc", ".pb.h", "_pb.js", "_pb.d.ts",
            ".g.dart", ".freezed.dart", ".g.cs", ".designer.cs", ".generated.cs", ".generated.ts", ".generated.go",
            "_generated.go", "zz_generated.deepcopy.go", ".gen.go", ".gen.ts",
        ),
        Reason.GENERATED,
    ),
    **dict.fromkeys((".csv", ".tsv", ".svg", ".xml", ".po", ".jsonl", ".ndjson", ".geojson", ".ipynb"), Reason.DATA),
}  # fmt: skip
"""Ends of names, in lower case."""

_ENDINGS = tuple(ENDINGS)

_COMMENT = rb"""^[ \t]{0,4}(?:\#|//|/\*|\*|--|;|%|<!--|\(\*|\{-|\"\"\"|'''|\"[ ]|\.\.|dnl|rem\b)"""
_TOOLS = rb"""(?:the\ )?(?:openapi|swagger|protocol\ buffer|protoc|grpc|thrift|flatbuffers|cap'n|cython|swig|flex|antlr|
    (?:gnu\ )?(?:bison|autoconf|automake)|pegjs|peggy|ragel|re2c|lemon|rust-bindgen|cbindgen|sphinx|doxygen|typescript|
    coffeescript|webpack|rollup)\b"""

GENERATED = re.compile(
    _COMMENT + rb"""(?:
      [^\n]{0,160}?(?:
        \bcode\ generated\b[^\n]{0,120}\bdo\ not\ edit
      | @generated\b | <auto-?generated
      | \bgenerated\b[^\n]{0,80}\bdo\ not\ (?:edit|modify|change)
      | \bdo\ not\ (?:edit|modify)\b[^\n]{0,60}\b(?:generated|this\ file|by\ hand|manually)
      | \b(?:this|the\ following)\ (?:is\ an?\ )?(?:auto(?:matically)?[ -]?)?(?:generated\ )?
            (?:file|code|module|class|source)\b[^\n]{0,30}?\bgenerated\ (?:by|from|with|using|automatically)
      | \bthis\ is\ an?\ (?:auto(?:matically)?[ -]?)?generated\ (?:file|module)
      )
    | (?:[^\n]{0,40}---)?[\W_]*(?:(?:note|warning)[\W_]*)?(?:auto(?:matically)?[ -]?|machine[ -])generated\b
          [^\n]{0,60}?\b(?:by|from|with|using|file|module|do\ not)\b
    | [\W_]*generated\ by\ """ + _TOOLS + rb"""
    ) | ^[ \t]{0,4}generated\ by\ """ + _TOOLS,
    re.IGNORECASE | re.MULTILINE | re.VERBOSE,
)  # fmt: skip
"""How generators begin their files. The line must be a comment: a program that *writes* one has it in a string."""

SPOKEN = (b"generated", b"do not edit", b"do not modify")
"""One of these is in every such line, in lower case."""

HEAD_BYTES = 2048
"""Where generators speak: a licence may stand above."""

LONG_LINE = 5_000
"""Characters; nobody writes such a line of code, and bundles begin at some ten thousand."""

MEAN_LINE = 250
"""Characters of a mean line in what was minified; code that people write has 25 to 45."""

DENSE_BYTES = 4_096
"""Below this a mean says nothing."""

UTF8_BAD = 0.15
"""Share of bytes that are not UTF-8 up to which a file is text in an older encoding: a comment in Latin-1 has some in a
hundred, Cyrillic in KOI8-R all of its comments, an image half."""

_CONTROLS = bytes(byte for byte in range(32) if byte not in b"\t\n\v\f\r\x1b")


def by_name(name: str) -> Reason | None:
    """Why a file is left out by its name alone.

    Args:
        name: the last part of its path.

    Returns:
        The reason; None for a file that is to be looked at, and for one without an ending, which may be a script.
    """
    low = name.lower()
    if name_tells(low):
        return Reason.SECRET
    known = NAMES.get(low)
    if known is None and low.endswith(_ENDINGS):
        known = next(reason for ending, reason in ENDINGS.items() if low.endswith(ending))
    if known is None and not language_of_name(low) and "." in low:
        known = Reason.UNKNOWN
    return known


def by_size(language: str, size: int, max_file_kb: int) -> Reason | None:
    """Why a file is left out by its length.

    Args:
        language: its language id.
        size: in bytes.
        max_file_kb: the setting, in KiB.
    """
    if size == 0:
        return Reason.EMPTY
    if size > max_file_kb * 1024:
        return Reason.SIZE
    return Reason.DATA if size > DATA_KB.get(language, max_file_kb) * 1024 else None


def _binary(data: bytes) -> bool:
    """Whether bytes are no text in any encoding that has ASCII inside."""
    if b"\0" in data or len(data.translate(None, _CONTROLS)) < len(data) * 0.99:
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return data.decode(errors="replace").count("\N{REPLACEMENT CHARACTER}") > UTF8_BAD * len(data)
    return False


def _minified(path: str, data: bytes) -> bool:
    """Whether code has lines that no person writes."""
    if language_of_name(path.rpartition("/")[2]) in PROSE:
        return False
    lines = data.count(b"\n") + 1
    if len(data) > DENSE_BYTES and len(data) > MEAN_LINE * lines:
        return True
    start = 0
    while len(data) - start > LONG_LINE:
        start = data.rfind(b"\n", start, start + LONG_LINE + 1) + 1
        if not start:
            return True
    return False


def by_content(path: str, data: bytes) -> str:
    """Why a file is left out by what is in it.

    Args:
        path: relative to its folder, with slashes.
        data: all its bytes.

    Returns:
        The reason, one of `Reason`; "" for a file that is indexed.
    """
    if not data.strip():
        return Reason.EMPTY.value
    if _binary(data):
        return Reason.BINARY.value
    if content_tells(data):
        return Reason.SECRET.value
    if _minified(path, data):
        return Reason.MINIFIED.value
    head = data[:HEAD_BYTES]
    low = head.lower()
    spoken = any(word in low for word in SPOKEN) and GENERATED.search(head)
    return Reason.GENERATED.value if spoken else ""
