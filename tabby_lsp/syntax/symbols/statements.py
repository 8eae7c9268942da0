"""What an import statement says, read off its text: one function a language, so that half-typed ones serve too."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tabby_lsp.syntax.languages import language
from tabby_lsp.syntax.symbols.types import Import

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EVERYTHING = ("*", "*")
_DEEPEST = 16
"""Braces in braces of one statement."""

_PYTHON_FROM = re.compile(r"from\s+(\.*\s*[\w.]*)\s+import\b([\s\S]*)")
_JS_SOURCE = re.compile(r"""(?:from|import|require\s*\()\s*["'`]([^"'`]+)["'`]""")
_JS_NAMED = re.compile(r"\{([\s\S]*?)\}")
_JS_NAMESPACE = re.compile(r"\*\s*as\s+([\w$]+)")
_JS_MEMBER = re.compile(r"\s*\)\s*\.\s*([\w$]+)")
_JS_DEFAULT = re.compile(r"import\s+(?:type\s+)?([\w$]+)\s*(?:,|from\b|=)")
_GO_IMPORT = re.compile(r'(?:^|[\n;(])\s*([\w.]*)\s*["`]([^"`\n]+)["`]')
_RUST_MODULE = re.compile(r"\bmod\s+(\w+)$")
_RUST_USE = re.compile(r"\buse\s+([\s\S]+)")
_JAVA_IMPORT = re.compile(r"import\s+(static\s+)?([\w.*]+)")
_C_INCLUDE = re.compile(r'include\s*("[^"]+"|<[^>]+>)')
_CSHARP_USING = re.compile(r"using\s+(?:static\s+)?(?:(\w+)\s*=\s*)?([\w.]+)")
_QUOTED = re.compile(r"""["']([^"']+)["']""")


def imports_in(text: str, language_id: str) -> Iterator[Import]:
    """The imports that one statement makes.

    Args:
        text: the statement, or a declaration that calls the language's `require`.
        language_id: the protocol's id; nothing comes of a language that is not in the table.
    """
    read = _READERS.get(language(language_id).name)
    if read is not None:
        yield from read(text)


def _pairs(text: str, separator: str = r"\s+as\s+") -> tuple[tuple[str, str], ...]:
    """`a, b as c` as pairs of a name and what it is called here."""
    pairs: list[tuple[str, str]] = []
    for part in text.split(","):
        names = re.split(separator, part.strip().removeprefix("type "))
        if names[0]:
            pairs.append((names[0].strip(), names[-1].strip()))
    return tuple(pairs)


def _python(text: str) -> Iterator[Import]:
    text = re.sub(r"#[^\n]*|\\\n", " ", text)
    found = _PYTHON_FROM.match(text)
    if found:
        names = _pairs(found.group(2).strip().strip("()"))
        yield Import("".join(found.group(1).split()), names)
        return
    for module, name in _pairs(text.removeprefix("import")):
        yield Import(module, alias="" if name == module and "." in name else name)


def _ecmascript(text: str) -> Iterator[Import]:
    text = re.sub(r"//[^\n]*\n|/\*[\s\S]*?\*/", " ", text)
    source = _JS_SOURCE.search(text)
    if source is None:
        return
    head = text[: source.start()]
    calls = source.group().startswith("require")
    named = _JS_NAMED.search(head)
    names = _pairs(named.group(1), r"\s+as\s+|\s*:\s*") if named else ()
    names = tuple((_before_default(name), _before_default(here)) for name, here in names if not name.startswith("..."))
    space = _JS_NAMESPACE.search(head)
    alias = space.group(1) if space else ""
    if head.lstrip().startswith("export"):
        names = names or (() if space else (EVERYTHING,))
    elif calls:
        here = re.match(r"\s*(?:import\s+)?([\w$]+)\s*=", head)
        alias = here.group(1) if here else ""
        if alias and (member := _JS_MEMBER.match(text, source.end())):
            names, alias = ((member.group(1), alias),), ""
    elif default := _JS_DEFAULT.match(text.lstrip()):
        names = (("default", default.group(1)), *names)
    yield Import(source.group(1), names, alias)


def _before_default(text: str) -> str:
    return text.partition("=")[0].strip()


def _go(text: str) -> Iterator[Import]:
    for here, module in _GO_IMPORT.findall(re.sub(r"(?<![:\w])//[^\n]*", "", text.removeprefix("import"))):
        names = (EVERYTHING,) if here == "." else ()
        tail = re.sub(r"/v\d+$", "", module).rpartition("/")[2]
        yield Import(module, names, alias="" if here in (".", "_") else here or tail)


def _rust(text: str) -> Iterator[Import]:
    text = re.sub(r"//[^\n]*|/\*[\s\S]*?\*/|#\[[^\]]*\]", " ", text).strip().rstrip(";")
    if found := _RUST_MODULE.search(text):
        yield Import(f"self::{found.group(1)}", alias=found.group(1))
    elif found := _RUST_USE.search(text):
        grouped: dict[str, list[tuple[str, str]]] = {}
        for module, name, here in _rust_leaves("", found.group(1), _DEEPEST):
            grouped.setdefault(module, []).append((name, here))
        for module, names in grouped.items():
            yield Import(module, tuple(names)) if module else Import(names[0][0], alias=names[0][1])


def _rust_leaves(prefix: str, text: str, depth: int) -> Iterator[tuple[str, str, str]]:
    """`a::{b, c::d as e}` as (module, name, name here) of each leaf."""
    head, brace, inner = text.partition("{")
    if brace and depth == 0:
        return
    if brace:
        prefix += head.strip().removesuffix("::") + "::"
        for part in _split(inner.rpartition("}")[0] if "}" in inner else inner):
            yield from _rust_leaves(prefix, part, depth - 1)
        return
    path, _, here = text.strip().partition(" as ")
    module, _, name = (prefix + path.strip()).rpartition("::")
    if name == "self":
        module, _, name = module.rpartition("::")
    if name:
        yield module, name, here.strip() or name


def _split(text: str) -> Iterator[str]:
    """Cut at the commas that stand in no braces."""
    depth, start = 0, 0
    for place, character in enumerate(text):
        depth += (character == "{") - (character == "}")
        if character == "," and depth == 0:
            yield text[start:place]
            start = place + 1
    if text[start:].strip():
        yield text[start:]


def _java(text: str) -> Iterator[Import]:
    found = _JAVA_IMPORT.search(text)
    if found is None:
        return
    module, _, name = found.group(2).rpartition(".")
    if found.group(1) or name == "*":
        yield Import(module, ((name, name),))
    else:
        yield Import(found.group(2), alias=name)


def _c(text: str) -> Iterator[Import]:
    if found := _C_INCLUDE.search(text):
        yield Import(found.group(1).strip('"'), (EVERYTHING,))


def _csharp(text: str) -> Iterator[Import]:
    if found := _CSHARP_USING.search(text):
        alias, module = found.groups()
        yield Import(module, () if alias else (EVERYTHING,), alias or "")


def _php(text: str) -> Iterator[Import]:
    if not text.startswith("use"):
        if found := _QUOTED.search(text):
            yield Import(found.group(1).lstrip("/"), (EVERYTHING,))
        return
    text = re.sub(r"^use\s+(?:function\s+|const\s+)?|;\s*$", "", text)
    head, brace, inner = text.partition("{")
    for name, here in _pairs(inner.rpartition("}")[0] if brace else text):
        module = f"{head.strip()}{name}" if brace else name
        yield Import(module.lstrip("\\"), alias=here.rpartition("\\")[2])


def _ruby(text: str) -> Iterator[Import]:
    if found := _QUOTED.search(text):
        yield Import(f"./{found.group(1)}" if "relative" in text else found.group(1), (EVERYTHING,))


def _lua(text: str) -> Iterator[Import]:
    if (found := _QUOTED.search(text)) and (here := re.match(r"(?:local\s+)?(\w+)", text)):
        yield Import(found.group(1), alias=here.group(1))


def _bash(text: str) -> Iterator[Import]:
    module = text.partition(" ")[2].strip().strip("\"'")
    module = re.sub(r"^(?:\$\([^)]*\)+\"?|\$\{?\w+\}?\"?)/", "./", module)
    if module and "$" not in module:
        yield Import(module, (EVERYTHING,))


_READERS: dict[str, Callable[[str], Iterator[Import]]] = {
    "python": _python,
    "javascript": _ecmascript,
    "typescript": _ecmascript,
    "tsx": _ecmascript,
    "go": _go,
    "rust": _rust,
    "java": _java,
    "c": _c,
    "cpp": _c,
    "csharp": _csharp,
    "php": _php,
    "ruby": _ruby,
    "lua": _lua,
    "bash": _bash,
}
