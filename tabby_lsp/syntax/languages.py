"""The languages, one table row each.

A new language is one new row of `LANGUAGES`, and a file `queries/<name>.scm` if its grammar is a wheel of its own.
A row without a grammar module takes it from the optional package `semble_grammars`; a language without a grammar or
without a row is still served by its lines. This table imports nothing: `grammars.py` loads.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from os import PathLike

PLAIN = "plaintext"
"""The protocol's id for text of no known language."""


class Blocks(StrEnum):
    """How a language shows where a block ends."""

    BRACES = "braces"
    INDENTATION = "indentation"
    KEYWORDS = "keywords"


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """What is to know about one language.

    Args:
        name: unique; the name of its query file, and of its grammar in `semble_grammars`.
        ids: the protocol's language ids.
        files: name endings such as ".py", and whole names such as "Gemfile".
        module: the Python module of the grammar; empty: none of our own.
        function: the function in it that returns the grammar.
        queries: the row whose query file serves; empty: its own.
        preamble: what a piece of a file needs in front for the grammar to read it as code.
        comment: what begins a comment up to the end of the line.
        literals: names of `lexical.FORMS`, the longer mark before the shorter; empty: the language is not code.
        letters: what belongs to identifiers besides letters, digits and underscores.
        brackets: those that come in pairs.
        shape: what ends a block.
        opener: regular expression that finds a block's opening at the end of the line before the cursor.
        closer: regular expression for the start of a line that closes a block (`Blocks.KEYWORDS`).
        middle: regular expression for the start of a line that goes on with the statement above (`else`).
    """

    name: str
    ids: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    module: str = ""
    function: str = "language"
    queries: str = ""
    preamble: str = ""
    comment: str = ""
    literals: tuple[str, ...] = ()
    letters: str = ""
    brackets: str = "()[]{}"
    shape: Blocks = Blocks.BRACES
    opener: str = r"[{\[]\s*$"
    closer: str = r"(?!)"
    middle: str = r"(?!)"

    @property
    def indented(self) -> bool:
        """Whether indentation alone makes the blocks."""
        return self.shape is Blocks.INDENTATION


_C_LITERALS = ("// comment", "/* comment */", '"', "'c'")
_JS_LITERALS = ("// comment", "/* comment */", "`", '"', "'")
_SCRIPT_LITERALS = ("# comment", '"', "'")
_C_OPENER = r"(?:[{\[]|^\s*(?:case\b.*|default\s*|public|private|protected):)\s*$"
_JS_OPENER = r"(?:[{\[]|=>\s*\(|\breturn\s*\(|^\s*(?:case\b.*|default\s*):)\s*$"

LANGUAGES: tuple[Language, ...] = (
    Language(
        name="python",
        ids=("python",),
        files=(".py", ".pyi", ".pyw"),
        module="tree_sitter_python",
        comment="#",
        literals=("# comment", '"""', "'''", '"', "'"),
        shape=Blocks.INDENTATION,
        opener=r"(?::|[{\[])\s*(?:#.*)?$",
        middle=r"(?:elif|else|except|finally|case)\b",
    ),
    Language(
        name="javascript",
        ids=("javascript", "javascriptreact"),
        files=(".js", ".mjs", ".cjs", ".jsx"),
        module="tree_sitter_javascript",
        comment="//",
        literals=_JS_LITERALS,
        letters="$",
        opener=_JS_OPENER,
    ),
    Language(
        name="typescript",
        ids=("typescript",),
        files=(".ts", ".mts", ".cts"),
        module="tree_sitter_typescript",
        function="language_typescript",
        comment="//",
        literals=_JS_LITERALS,
        letters="$",
        opener=_JS_OPENER,
    ),
    Language(
        name="tsx",
        ids=("typescriptreact",),
        files=(".tsx",),
        module="tree_sitter_typescript",
        function="language_tsx",
        queries="typescript",
        comment="//",
        literals=_JS_LITERALS,
        letters="$",
        opener=_JS_OPENER,
    ),
    Language(
        name="go",
        ids=("go",),
        files=(".go",),
        module="tree_sitter_go",
        comment="//",
        literals=("// comment", "/* comment */", "` without escapes", '"', "'c'"),
        opener=r"(?:[{\[]|^\s*(?:case\b.*|default\s*):|^(?:import|const|var|type)\s*\()\s*$",
    ),
    Language(
        name="rust",
        ids=("rust",),
        files=(".rs",),
        module="tree_sitter_rust",
        comment="//",
        literals=("// comment", "/* comment */", 'r#"', '" over lines', "'c'"),
    ),
    Language(
        name="c",
        ids=("c",),
        files=(".c", ".h"),
        module="tree_sitter_c",
        comment="//",
        literals=_C_LITERALS,
        opener=_C_OPENER,
    ),
    Language(
        name="cpp",
        ids=("cpp", "cuda-cpp"),
        files=(".cpp", ".cc", ".cxx", ".hpp", ".hh", ".hxx", ".ipp", ".inl", ".cu", ".cuh"),
        module="tree_sitter_cpp",
        comment="//",
        literals=("// comment", "/* comment */", 'R"(', '"', "'c'"),
        opener=_C_OPENER,
    ),
    Language(
        name="java",
        ids=("java",),
        files=(".java",),
        module="tree_sitter_java",
        comment="//",
        literals=("// comment", "/* comment */", '"""', '"', "'c'"),
        letters="$",
        opener=_C_OPENER,
    ),
    Language(
        name="csharp",
        ids=("csharp",),
        files=(".cs", ".csx"),
        module="tree_sitter_c_sharp",
        comment="//",
        literals=("// comment", "/* comment */", '"""', '@"', '"', "'c'"),
        opener=_C_OPENER,
    ),
    Language(
        name="ruby",
        ids=("ruby",),
        files=(".rb", ".rake", ".gemspec", "Gemfile", "Rakefile"),
        module="tree_sitter_ruby",
        comment="#",
        literals=("=begin comment =end", "# comment after a space", '" over lines', "' over lines", "`"),
        letters="@$?!",
        shape=Blocks.KEYWORDS,
        opener=r"^\s*(?:def|class|module|if|unless|while|until|case|for|begin|else|elsif|when|rescue|ensure)\b(?!.*\bend\b)"
        r".*$|=\s*(?:if|unless|case|begin)\b.*$|\bdo\s*(?:\|[^|]*\|)?\s*$|[{\[]\s*(?:\|[^|]*\|)?\s*$",
        closer=r"end\b",
        middle=r"(?:else|elsif|when|in|rescue|ensure)\b",
    ),
    Language(
        name="php",
        ids=("php",),
        files=(".php", ".phtml"),
        module="tree_sitter_php",
        function="language_php",
        preamble="<?php ",
        comment="//",
        literals=("// comment", "# comment but #[", "/* comment */", '" over lines', "' over lines", "`"),
        letters="$",
        opener=_C_OPENER,
    ),
    Language(
        name="lua",
        ids=("lua",),
        files=(".lua",),
        module="tree_sitter_lua",
        comment="--",
        literals=("--[[ comment ]]", "-- comment", "[[", '"', "'"),
        shape=Blocks.KEYWORDS,
        opener=r"\b(?:then|do|else|repeat)\s*$|\bfunction\b[^()]*\([^()]*\)\s*$|[{\[]\s*$",
        closer=r"(?:end|until)\b",
        middle=r"(?:else|elseif)\b",
    ),
    Language(
        name="bash",
        ids=("shellscript",),
        files=(".sh", ".bash", ".zsh", ".ksh", ".bashrc", ".zshrc", ".profile"),
        module="tree_sitter_bash",
        comment="#",
        literals=("# comment after a space", '" over lines', "' without escapes"),
        brackets="{}",
        shape=Blocks.KEYWORDS,
        opener=r"(?:\b(?:then|do|else|in)|\{|^\s*[^()\s]*\))\s*$",
        closer=r"(?:fi|done|esac)\b|;;|\}",
        middle=r"(?:else|elif)\b",
    ),
    # From here on the grammars come from `semble_grammars`, where it is installed.
    Language(name="kotlin", ids=("kotlin",), files=(".kt", ".kts"), comment="//", literals=('"""', *_C_LITERALS)),
    Language(name="scala", ids=("scala",), files=(".scala", ".sc"), comment="//", literals=('"""', *_C_LITERALS)),
    Language(name="swift", ids=("swift",), files=(".swift",), comment="//", literals=('"""', *_C_LITERALS)),
    Language(name="dart", ids=("dart",), files=(".dart",), comment="//", literals=('"""', "'''", *_JS_LITERALS)),
    Language(name="zig", ids=("zig",), files=(".zig",), comment="//", literals=_C_LITERALS),
    Language(name="objc", ids=("objective-c",), files=(".m",), comment="//", literals=_C_LITERALS),
    Language(name="groovy", ids=("groovy",), files=(".groovy", ".gradle"), comment="//", literals=_JS_LITERALS),
    Language(name="css", ids=("css",), files=(".css",), literals=("/* comment */", '"', "'")),
    Language(name="scss", ids=("scss", "less"), files=(".scss", ".less"), comment="//", literals=_JS_LITERALS),
    Language(name="json", ids=("json",), files=(".json",), literals=('"',)),
    Language(name="jsonc", ids=("jsonc",), files=(".jsonc",), comment="//", literals=_C_LITERALS),
    Language(name="hcl", ids=("terraform", "hcl"), files=(".tf", ".hcl"), comment="#", literals=("# comment", '"')),
    Language(name="toml", ids=("toml",), files=(".toml",), comment="#", literals=_SCRIPT_LITERALS),
    Language(name="r", ids=("r",), files=(".r",), comment="#", literals=_SCRIPT_LITERALS),
    Language(name="perl", ids=("perl",), files=(".pl", ".pm"), comment="#", literals=_SCRIPT_LITERALS),
    Language(name="powershell", ids=("powershell",), files=(".ps1",), comment="#", literals=_SCRIPT_LITERALS),
    Language(name="nix", ids=("nix",), files=(".nix",), comment="#", literals=("# comment", "/* comment */", '"')),
    Language(name="sql", ids=("sql",), files=(".sql",), comment="--", literals=("-- comment", '"', "'")),
    Language(
        name="yaml",
        ids=("yaml",),
        files=(".yaml", ".yml"),
        comment="#",
        literals=("# comment after a space", '"'),
        shape=Blocks.INDENTATION,
        opener=r":\s*$",
    ),
    Language(
        name="elixir",
        ids=("elixir",),
        files=(".ex", ".exs"),
        comment="#",
        literals=("# comment", '"""', '"'),
        shape=Blocks.KEYWORDS,
        opener=r"(?:\bdo|->|[{\[])\s*$",
        closer=r"end\b",
        middle=r"(?:else|rescue|catch|after)\b",
    ),
    Language(
        name="julia",
        ids=("julia",),
        files=(".jl",),
        comment="#",
        literals=("# comment", '"""', '"', "'c'"),
        shape=Blocks.KEYWORDS,
        opener=r"^\s*(?:function|struct|mutable|module|if|else|elseif|for|while|let|begin|try|catch)\b(?!.*\bend\b).*$",
        closer=r"end\b",
        middle=r"(?:else|elseif|catch|finally)\b",
    ),
    Language(name="html", ids=("html", "vue", "svelte"), files=(".html", ".htm", ".vue", ".svelte")),
    Language(name="markdown", ids=("markdown",), files=(".md", ".markdown")),
    Language(name="dockerfile", ids=("dockerfile",), files=("Dockerfile",), comment="#"),
    Language(name="make", ids=("makefile",), files=("Makefile", ".mk"), comment="#"),
)

_BY_ID = {identifier: row for row in LANGUAGES for identifier in row.ids}
_BY_FILE = {ending.lower(): row.ids[0] for row in LANGUAGES for ending in row.files}


@lru_cache(maxsize=64)
def language(language_id: str) -> Language:
    """The row of a language id; for an unknown one a row that knows nothing but the name."""
    return _BY_ID.get(language_id) or Language(name=language_id)


def language_of(path: str | PathLike[str]) -> str:
    """The protocol's language id of a file, judged by its name; "plaintext" if it tells nothing."""
    name = PurePath(path).name.lower()
    return _BY_FILE.get(name) or _BY_FILE.get(PurePath(name).suffix, PLAIN)
