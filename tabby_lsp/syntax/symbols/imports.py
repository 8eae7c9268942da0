"""How an import names files: paths inside the folder that it may mean, by the rules of each language.

A candidate is a relative path with slashes, or a glob: `**/` stands for any folders or none, `*` for part of a name.
Nothing is looked up on disk; `matches` tells whether a path of the index is meant.
"""

from __future__ import annotations

import re
from functools import lru_cache
from posixpath import dirname, normpath, splitext
from typing import TYPE_CHECKING

from tabby_lsp.syntax.languages import language

if TYPE_CHECKING:
    from collections.abc import Callable

    from tabby_lsp.syntax.symbols.types import Import

_SOURCE_ROOTS = ("", "src/", "lib/", "python/")
_JS_ENDINGS = (".ts", ".tsx", ".d.ts", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".vue", ".svelte")
_GO_SHORT = 3
"""Parts of a Go path, such as `example.com/module/package`, whose last one alone may name a folder anywhere."""
_JS_INDEX_ENDINGS = (".ts", ".tsx", ".js")
_JS_AS_WRITTEN = {".js": (".ts", ".tsx", ".d.ts", ".js", ".jsx"), ".mjs": (".mts", ".mjs"), ".cjs": (".cts", ".cjs")}
_JS_AS_WRITTEN[".jsx"] = (".tsx", ".jsx")


def candidates(imported: Import, path: str, language_id: str) -> tuple[str, ...]:
    """The files that an import may mean, best first.

    Args:
        imported: the import.
        path: the file that it stands in, relative to the folder, with slashes.
        language_id: its language; one without rules has no candidates.
    """
    rule = _RULES.get(language(language_id).name)
    found = rule(imported, path) if rule else []
    return tuple(dict.fromkeys(one for one in found if one and not one.startswith("..")))


def matches(candidate: str, path: str) -> bool:
    """Whether a candidate means a path."""
    return path == candidate if "*" not in candidate else _pattern(candidate).fullmatch(path) is not None


@lru_cache(maxsize=4096)
def _pattern(candidate: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*/|\*)", candidate)
    kinds = {"**/": "(?:.*/)?", "*": "[^/]*"}
    return re.compile("".join(kinds.get(part) or re.escape(part) for part in parts))


def _python(imported: Import, path: str) -> list[str]:
    dots = len(imported.module) - len(imported.module.lstrip("."))
    tail = imported.module[dots:].replace(".", "/")
    submodules = [f"{tail}/{name}" if tail else name for name, _ in imported.names if name != "*"]
    if dots:
        folder = dirname(path)
        for _ in range(dots - 1):
            if not folder:
                return []
            folder = dirname(folder)
        prefixes = [f"{folder}/" if folder else ""]
    else:
        prefixes = [*_SOURCE_ROOTS, "**/"]
    found: list[str] = []
    for prefix in prefixes:
        for name in submodules:
            found += [f"{prefix}{name}.py", f"{prefix}{name}/__init__.py", f"{prefix}{name}.pyi"]
        if tail:
            found += [f"{prefix}{tail}.py", f"{prefix}{tail}/__init__.py", f"{prefix}{tail}.pyi"]
            found.append(f"{prefix}{tail}/__init__.pyi")
        else:
            found.append(f"{prefix}__init__.py")
    return found


def _ecmascript(imported: Import, path: str) -> list[str]:
    module = imported.module.split("?")[0]
    if module.startswith("."):
        target = normpath(f"{dirname(path)}/{module}".lstrip("/"))
        return _js_files("" if target == "." else target)
    if module.startswith(("@/", "~/")):  # what most templates call the folder of the sources
        return [*_js_files(f"src/{module[2:]}"), *_js_files(module[2:]), *_js_files(f"**/src/{module[2:]}")]
    if module.startswith(("node:", "#", "http:", "https:", "/")):
        return _js_files(f"**/{module.lstrip('#/')}") if module.startswith(("#", "/")) else []
    parts = module.split("/")
    named = 2 if module.startswith("@") else 1
    package, inside = parts[named - 1 : named], "/".join(parts[named:])
    if inside:
        near = [*_js_files(module), *_js_files(f"src/{module}")]
        return [
            file
            for name in package
            for file in [*near, *_js_files(f"**/{name}/src/{inside}"), *_js_files(f"**/{module}")]
        ]
    return [
        f"**/{name}/{place}index{end}"
        for name in package
        for place in ("src/", "", "lib/")
        for end in _JS_INDEX_ENDINGS
    ]


def _js_files(target: str) -> list[str]:
    """A module without its ending, with each that it may have; `x.js` is what the compiler makes of `x.ts`."""
    if not target:
        return [f"index{end}" for end in _JS_ENDINGS]
    stem, ending = splitext(target)
    if ending in _JS_AS_WRITTEN:
        return [f"{stem}{end}" for end in _JS_AS_WRITTEN[ending]]
    written = [target] if ending in _JS_ENDINGS or ending in (".json", ".css", ".scss") else []
    return [*written, *(f"{target}{end}" for end in _JS_ENDINGS), *(f"{target}/index{end}" for end in _JS_ENDINGS)]


def _go(imported: Import, _: str) -> list[str]:
    """A package is a folder; its path ends as the folder's does, and begins with the name of the module."""
    parts = imported.module.split("/")
    if "." not in parts[0] and len(parts) == 1:
        return []  # the standard library
    inside = [f"{'/'.join(parts[first:])}/*.go" for first in range(1, len(parts))]
    deeper = [f"**/{'/'.join(parts[-length:])}/*.go" for length in (3, 2) if len(parts) > length]
    return [*inside, *deeper, *([f"**/{parts[-1]}/*.go"] if len(parts) <= _GO_SHORT else [])]


def _rust(imported: Import, path: str) -> list[str]:
    head, *rest = imported.module.split("::")
    folder, _, name = path.rpartition("/")
    own = folder if name in ("mod.rs", "lib.rs", "main.rs") else splitext(path)[0]
    if head == "super":
        own = dirname(own)
        while rest[:1] == ["super"]:
            own, rest = dirname(own), rest[1:]
        roots = [own]
    elif head == "self":
        roots = [own]
    elif head == "crate":
        source = re.match(r"(?:.*/)?src(?=/)", path)
        roots = [source.group()] if source else [folder, "src", ""]
    else:
        return [*_rust_files(f"**/{head.replace('_', '-')}/src", rest), *_rust_files(f"**/{head}/src", rest)]
    leaves = [[*rest, name] for name, _ in imported.names if name[:1].islower()]
    return [file for root in roots for parts in (*leaves, rest) for file in _rust_files(root, parts)]


def _rust_files(root: str, parts: list[str]) -> list[str]:
    prefix = f"{root}/" if root else ""
    if not parts:
        return [f"{prefix}lib.rs", f"{prefix}main.rs", f"{prefix}mod.rs", *([f"{root}.rs"] if root else [])]
    target = prefix + "/".join(parts)
    above = [f"{prefix}{'/'.join(parts[:-1])}.rs"] if parts[:-1] else []  # a module that stands in its parent's file
    return [f"{target}.rs", f"{target}/mod.rs", *above]


def _java(imported: Import, _: str) -> list[str]:
    target = imported.module.replace(".", "/")
    endings = (".java", ".kt", ".scala")
    if ("*", "*") in imported.names:
        return [f"**/{target}/*{endings[0]}", f"**/{target}.java"]
    return [f"**/{target}{end}" for end in endings]


def _c(imported: Import, path: str) -> list[str]:
    module = imported.module.strip("<>")
    beside = normpath(f"{dirname(path)}/{module}".lstrip("/"))
    plain = normpath(module)
    tail = [f"include/{plain}", f"src/{plain}", plain, f"**/{plain}"] if not plain.startswith("..") else []
    return tail if imported.module.startswith("<") else [beside, *tail]


def _csharp(imported: Import, _: str) -> list[str]:
    """A namespace is no file, but most projects keep one in the folder of its last names."""
    parts = imported.module.split(".")
    return [f"**/{'/'.join(parts[first:])}/*.cs" for first in range(len(parts))][: len(parts) - 1] or []


def _php(imported: Import, path: str) -> list[str]:
    if imported.module.endswith(".php"):
        return _c(imported, path)
    parts = imported.module.split("\\")
    return [f"**/{'/'.join(parts[first:])}.php" for first in range(len(parts))]


def _ruby(imported: Import, path: str) -> list[str]:
    module = imported.module.removesuffix(".rb")
    if module.startswith("."):
        return [f"{normpath(f'{dirname(path)}/{module}'.lstrip('/'))}.rb"]
    return [f"lib/{module}.rb", f"{module}.rb", f"**/{module}.rb"]


def _lua(imported: Import, _: str) -> list[str]:
    target = imported.module.replace(".", "/")
    return [f"{root}{target}{end}" for root in ("", "lua/", "src/", "**/") for end in (".lua", "/init.lua")]


def _bash(imported: Import, path: str) -> list[str]:
    target = normpath(imported.module.lstrip("/"))
    return [normpath(f"{dirname(path)}/{target}".lstrip("/")), target, f"**/{target.lstrip('./')}"]


_RULES: dict[str, Callable[[Import, str], list[str]]] = {
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
