"""Which files are worth searching: the language of a name, and what tells data and vendored files from sources.

Tables and nothing else; no file is opened here but for the first line of a script without an ending.
"""

from __future__ import annotations

import re
from functools import lru_cache

from tabby_lsp.syntax.languages import LANGUAGES, PLAIN, language_of

OTHERS: dict[str, str] = {
    **dict.fromkeys((".rst", ".rest"), "restructuredtext"),
    **dict.fromkeys((".adoc", ".asciidoc"), "asciidoc"),
    **dict.fromkeys((".txt", ".text"), PLAIN),
    **dict.fromkeys((".tex", ".sty", ".cls"), "latex"),
    ".org": "org",
    ".mdx": "mdx",
    **dict.fromkeys((".pyx", ".pxd", ".pxi"), "cython"),
    **dict.fromkeys((".hs", ".lhs"), "haskell"),
    **dict.fromkeys((".ml", ".mli"), "ocaml"),
    **dict.fromkeys((".fs", ".fsi", ".fsx"), "fsharp"),
    **dict.fromkeys((".clj", ".cljs", ".cljc", ".edn"), "clojure"),
    **dict.fromkeys((".erl", ".hrl"), "erlang"),
    **dict.fromkeys((".el", ".lisp", ".lsp", ".cl"), "lisp"),
    **dict.fromkeys((".scm", ".ss", ".rkt"), "scheme"),
    **dict.fromkeys((".f", ".for", ".f90", ".f95", ".f03", ".f08"), "fortran"),
    **dict.fromkeys((".pas", ".pp", ".dpr"), "pascal"),
    **dict.fromkeys((".adb", ".ads"), "ada"),
    **dict.fromkeys((".v", ".vh", ".sv", ".svh"), "verilog"),
    **dict.fromkeys((".vhd", ".vhdl"), "vhdl"),
    **dict.fromkeys((".s", ".asm"), "asm"),
    **dict.fromkeys((".vb", ".bas"), "vb"),
    **dict.fromkeys((".cr",), "crystal"),
    **dict.fromkeys((".d", ".di"), "d"),
    **dict.fromkeys((".mm",), "objective-cpp"),
    **dict.fromkeys((".coffee",), "coffeescript"),
    **dict.fromkeys((".glsl", ".vert", ".frag", ".comp"), "glsl"),
    **dict.fromkeys((".tcl",), "tcl"),
    **dict.fromkeys((".bzl", ".bazel", ".star"), "starlark"),
    ".astro": "astro",
    ".awk": "awk",
    ".bat": "bat",
    ".cmake": "cmake",
    ".cmd": "bat",
    ".elm": "elm",
    ".fish": "fish",
    ".gd": "gdscript",
    ".gleam": "gleam",
    ".gql": "graphql",
    ".graphql": "graphql",
    ".hlsl": "hlsl",
    ".nim": "nim",
    ".nu": "nushell",
    ".odin": "odin",
    ".prisma": "prisma",
    ".proto": "proto",
    ".purs": "purescript",
    ".re": "reason",
    ".rego": "rego",
    ".sol": "solidity",
    ".styl": "stylus",
    ".thrift": "thrift",
    ".vim": "vim",
    ".wgsl": "wgsl",
}
"""Languages without a row of `LANGUAGES`, by ending: their lines are searched."""

NAMED: dict[str, str] = {
    "build": "starlark",
    "cmakelists.txt": "cmake",
    "containerfile": "dockerfile",
    "gnumakefile": "makefile",
    "jenkinsfile": "groovy",
    "justfile": "just",
    "meson.build": "meson",
    "procfile": PLAIN,
    "readme": PLAIN,
    "vagrantfile": "ruby",
    "workspace": "starlark",
}
"""Whole names, in lower case."""

INTERPRETERS: dict[bytes, str] = {
    b"awk": "awk",
    b"bash": "shellscript",
    b"dash": "shellscript",
    b"deno": "typescript",
    b"fish": "fish",
    b"gawk": "awk",
    b"ksh": "shellscript",
    b"lua": "lua",
    b"node": "javascript",
    b"perl": "perl",
    b"php": "php",
    b"pwsh": "powershell",
    b"python": "python",
    b"rscript": "r",
    b"ruby": "ruby",
    b"sh": "shellscript",
    b"tclsh": "tcl",
    b"zsh": "shellscript",
}
"""What a script's first line names, without its version."""

PROSE = frozenset({"markdown", "mdx", "restructuredtext", "asciidoc", "latex", "org", PLAIN})
"""Languages in which a paragraph may be one long line."""

DATA_KB: dict[str, int] = {
    "json": 24,
    "jsonc": 24,
    "yaml": 64,
    "toml": 64,
    "html": 64,
    "sql": 128,
    "css": 128,
    PLAIN: 64,
}
"""KiB beyond which a file of a language is data and not written by a person: manifests and configurations are below,
fixtures, translations and descriptions of services above."""

_WHOLE = frozenset(name.lower() for row in LANGUAGES for name in row.files if not name.startswith(".")) | {
    name.lower() for row in LANGUAGES for name in row.files if name.startswith(".") and "rc" in name
}
_SHEBANG = re.compile(
    rb"#!\s*\S*?([A-Za-z]+)[0-9.]*(?:\s+(?:-\S+\s+)*(?:\w+=\S+\s+)*(\S*?([A-Za-z]+))[0-9.]*)?(?:\s|$)"
)


@lru_cache(maxsize=1024)
def _by_ending(ending: str) -> str:
    known = language_of(f"x{ending}")
    return OTHERS.get(ending, "") if known == PLAIN else known


def language_of_name(name: str) -> str:
    """The protocol's language id of a file that is worth searching.

    Args:
        name: the last part of a path.

    Returns:
        The id, or "" where the name tells of nothing that is read: pictures, archives, objects, data.
    """
    low = name.lower()
    if low in NAMED:
        return NAMED[low]
    if low in _WHOLE or low.startswith("."):
        known = language_of(low)
        return "" if known == PLAIN else known
    dot = low.rfind(".")
    return _by_ending(low[dot:]) if dot > 0 else ""


def language_of_script(first: bytes) -> str:
    """The language id that a script's first line names; "" where it is no script of a known interpreter."""
    found = _SHEBANG.match(first)
    if not found:
        return ""
    program = found[3] if found[1] == b"env" and found[3] else found[1]
    return INTERPRETERS.get(program.lower(), "")
