"""Sampling places where code uses what another file of its package defines.

Who defines a name is told by other people's tools, jedi for Python and TypeScript's language service for the rest, so
that what is measured does not judge itself.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import tarfile
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import tree_sitter

from tabby_lsp.bench.edited.releases import Release, bring, folder
from tabby_lsp.syntax.grammars import grammar
from tabby_lsp.syntax.languages import language_of

LIST = Path(__file__).with_name("definitions.toml")
PROJECTS = Path(__file__).with_name("projects")
FUNCTIONS = {
    "function_definition", "function_declaration", "function_expression", "arrow_function", "method_definition",
    "generator_function_declaration", "generator_function",
}  # fmt: skip
NAMES = {"identifier", "property_identifier", "type_identifier", "shorthand_property_identifier"}
IMPORTS = {"import_statement", "import_from_statement"}
NODE_S = 300
"""Seconds for TypeScript to read a package and find its definitions."""


@dataclass(frozen=True, slots=True)
class Package:
    """One entry of `definitions.toml`, where its fields are explained."""

    name: str
    group: str
    root: str
    exclude: str
    release: Release | None

    @property
    def version(self) -> str:
        """Of the release; empty for a project of our own."""
        return self.release.version if self.release else ""


@dataclass(frozen=True, slots=True)
class Site:
    """A name in a function, that another file of the package defines; the first such name of its line.

    Attributes:
        path: of the file that uses it.
        line: 0-based.
        column: of the name, in code points.
        symbol: the name, with its class where it belongs to one.
        defined_in: the file that defines it.
    """

    path: str
    line: int
    column: int
    symbol: str
    defined_in: str


def packages() -> list[Package]:
    """Read the list; the projects of our own come first."""
    listed = tomllib.loads(LIST.read_text("utf-8"))
    own = [Package(name, "own", "", "", None) for name in listed["projects"]]
    return own + [
        Package(
            row["name"],
            row["group"],
            row["root"],
            row.get("exclude", ""),
            Release(row["name"], row["ecosystem"], row["version"], row["sha256"]),
        )
        for row in listed["package"]
    ]


def unpack(package: Package, *, offline: bool = False) -> Path:
    """A folder with the sources of a package: in the user's cache, or beside this file where they are our own.

    Raises:
        TabbyError: they cannot be had.
    """
    if package.release is None:
        return PROJECTS / package.name
    target = folder() / "sources" / package.release.file.rpartition(".")[0]
    if not target.is_dir():
        archive = bring(package.release, print, offline=offline)
        part = target.with_name(target.name + ".part")
        for name, data in _members(archive):
            if name.startswith(package.root):
                (part / name).parent.mkdir(parents=True, exist_ok=True)
                (part / name).write_bytes(data)
        part.replace(target)
    return target


def sources(package: Package, root: Path) -> dict[str, str]:
    """The files that count, by relative path."""
    import re

    found: dict[str, str] = {}
    for file in sorted(root.rglob("*")):
        path = file.relative_to(root).as_posix()
        if (
            file.is_file()
            and language_of(path) in RESOLVERS
            and not (package.exclude and re.search(package.exclude, path))
        ):
            found[path] = file.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n")
    return found


def sample(package: Package, root: Path, most: int, seed: int) -> list[Site]:
    """Draw sites: lines of function bodies in an order that chance has made, each with its first foreign name."""
    known = sources(package, root)
    lines = [line for path, text in known.items() for line in _lines(path, text)]
    random.Random(seed).shuffle(lines)
    drawn = RESOLVERS[language_of(lines[0].path)](root, lines, most)
    return [site for site in drawn if site.defined_in in known]


@dataclass(frozen=True, slots=True)
class _Line:
    path: str
    line: int
    columns: tuple[int, ...]  # code points
    offsets: tuple[int, ...]  # UTF-16 units from the file's start


def _lines(path: str, text: str) -> Iterator[_Line]:
    data = text.encode()
    parser = tree_sitter.Parser(grammar(language_of(path)))
    found = sorted(set(_names(parser.parse(data).root_node)))
    for number, group in groupby(found, key=lambda place: place[0]):
        places = [(byte, column) for _, byte, column in group]
        starts = [len(data[byte - column : byte].decode("utf-8", "replace")) for byte, column in places]
        offsets = [len(data[:byte].decode().encode("utf-16-le")) // 2 for byte, _ in places]
        yield _Line(path, number, tuple(starts), tuple(offsets))


def _names(root: tree_sitter.Node) -> Iterator[tuple[int, int, int]]:
    """Row, byte and byte column of names in function bodies."""
    todo = [(root, False)]
    while todo:
        node, inside = todo.pop()
        if node.type in IMPORTS:
            continue
        if inside and node.type in NAMES:
            yield node.start_point.row, node.start_byte, node.start_point.column
        body = node.child_by_field_name("body") if node.type in FUNCTIONS else None
        todo += [(child, inside or child == body) for child in node.children]


def _by_jedi(root: Path, lines: list[_Line], most: int) -> list[Site]:
    import jedi

    # only the package and the standard library: what is installed here may be another version of it
    project = jedi.Project(root, sys_path=[str(root), str(Path(os.__file__).parent)], smart_sys_path=False)
    found: list[Site] = []
    for line in lines:
        script = jedi.Script(path=root / line.path, project=project)
        site = next((s for column in line.columns if (s := _asked(script, root, line, column))), None)
        if site:
            found.append(site)
        if len(found) == most:
            break
    return found


def _asked(script: object, root: Path, line: _Line, column: int) -> Site | None:
    try:
        names = script.goto(line.line + 1, column, follow_imports=True)  # type: ignore[attr-defined]
    except Exception as error:  # what a tool cannot tell is no site
        print(f"jedi at {line.path}:{line.line + 1}: {error!r}")
        return None
    for name in names:
        path = name.module_path
        if (
            not path
            or not Path(path).is_relative_to(root)
            or name.type not in {"function", "class", "property", "statement"}
        ):
            continue
        other = Path(path).relative_to(root).as_posix()
        if other != line.path:
            return Site(line.path, line.line, column, _qualified(name), other)
    return None


def _qualified(name: object) -> str:
    parent = name.parent()  # type: ignore[attr-defined]
    while parent is not None and parent.type == "function":
        parent = parent.parent()
    own: str = name.name  # type: ignore[attr-defined]
    return f"{parent.name}.{own}" if parent is not None and parent.type == "class" else own


def _by_typescript(root: Path, lines: list[_Line], most: int) -> list[Site]:
    question = {
        "typescript": str(_typescript()),
        "root": str(root),
        "most": most,
        "lines": [{"path": line.path, "offsets": line.offsets} for line in lines],
    }
    script = Path(__file__).with_name("typescript_definitions.js")
    done = subprocess.run(
        ["node", str(script)], input=json.dumps(question), capture_output=True, check=True, timeout=NODE_S, text=True
    )
    found: list[Site] = []
    for answer in json.loads(done.stdout):
        line = lines[answer["line"]]
        column = line.columns[line.offsets.index(answer["offset"])]
        container = answer["container"] if answer["container"].isidentifier() else ""
        symbol = f"{container}.{answer['name']}" if container else answer["name"]
        found.append(Site(line.path, line.line, column, symbol, answer["path"]))
    return found


def _typescript() -> Path:
    row = tomllib.loads(LIST.read_text("utf-8"))["typescript"]
    package = Package("typescript", "", "lib/", "", Release("typescript", "npm", row["version"], row["sha256"]))
    return unpack(package) / "lib" / "typescript.js"


def _members(archive: Path) -> Iterator[tuple[str, bytes]]:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            yield from ((name, wheel.read(name)) for name in wheel.namelist() if not name.endswith("/"))
        return
    with tarfile.open(archive, "r:gz") as tarball:
        for member in tarball:
            stream = tarball.extractfile(member)
            if member.isfile() and stream and ".." not in member.name.split("/"):
                yield member.name.partition("/")[2], stream.read()


RESOLVERS: dict[str, Callable[[Path, list[_Line], int], list[Site]]] = {
    "python": _by_jedi,
    "javascript": _by_typescript,
    "typescript": _by_typescript,
    "typescriptreact": _by_typescript,
}
"""Who tells where names are defined, by language."""
