"""Names near a cursor become the signatures that define them."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from tabby_lsp.document import Position, Snapshot
from tabby_lsp.index.lookup import definitions as lookup
from tabby_lsp.index.lookup import ranking
from tabby_lsp.index.lookup.definitions import MemoryTable
from tabby_lsp.index.types import Snippet, Wanted, Why
from tabby_lsp.syntax.languages import language_of
from tabby_lsp.syntax.symbols.extract import facts_of
from tabby_lsp.syntax.symbols.hints import dotted_at, given_near
from tabby_lsp.syntax.symbols.nearby import class_at, imports_of, uses_near
from tabby_lsp.syntax.symbols.types import Definition
from tabby_lsp.syntax.trees import Trees

PACKAGE = Path(__file__).parents[2] / "tabby_lsp"

PYTHON = {
    "net/__init__.py": "from .client import Client\nfrom .errors import *\n",
    "net/client.py": """
        from .base import Base

        class Client(Base):
            \"\"\"Asks servers.\"\"\"

            timeout: float = 5.0

            def __init__(self, url: str, retries: int = 3) -> None:
                self.url = url

            def fetch(self, path: str) -> "Reply":
                return Reply(path)

            def _sign(self) -> None:
                pass

        class Reply:
            status: int

            def json(self) -> dict:
                return {}
        """,
    "net/base.py": """
        class Base:
            def close(self) -> None:
                pass
        """,
    "net/errors.py": "class NetError(Exception):\n    code: int\n",
    "old/client.py": "class Client:\n    def get(self): ...\n",
    "old/names.py": "def helper(): ...\ndef shared(): ...\n",
    "other/names.py": "def shared(): ...\n",
    "third/names.py": "def shared(): ...\n",
}


class Counting(MemoryTable):
    """Counts the questions that it is asked."""

    questions = 0

    def named(self, names: Collection[str]) -> list[tuple[str, str, Definition]]:
        self.questions += 1
        return super().named(names)

    def in_files(self, paths: Collection[str]) -> list[tuple[str, str, Definition]]:
        self.questions += 1
        return super().in_files(paths)


def table(files: Mapping[str, str]) -> Counting:
    trees, texts = Trees(), {path: dedent(text) for path, text in files.items()}
    snapshots = {path: Snapshot.of(path, language_of(path), 0, text) for path, text in texts.items()}
    facts = {
        path: facts_of(trees.tree(snapshot), snapshot.text.encode(), snapshot.language)
        for path, snapshot in snapshots.items()
    }
    return Counting(facts, texts)


def wanted(path: str, text: str, limit: int = 64) -> Wanted:
    """What a document asks for, with its cursor at █."""
    before, _, after = dedent(text).partition("█")
    position = Position(before.count("\n"), len(before) - before.rfind("\n") - 1)
    snapshot = Snapshot.of(path, language_of(path), 0, before + after)
    tree = Trees().tree(snapshot)
    dotted = dotted_at(snapshot, position)
    uses = (*((dotted,) if dotted else ()), *uses_near(tree, snapshot, position))
    bases, given = class_at(tree, snapshot, position)[1], given_near(snapshot, position)
    return Wanted(path, snapshot.language, uses, imports_of(tree, snapshot), bases, given, limit)


def found(files: Mapping[str, str], path: str, text: str) -> tuple[Snippet, ...]:
    return lookup.definitions(table({**files, path: text.replace("█", "")}), wanted(path, text))


def where(snippets: Collection[Snippet], symbol: str) -> tuple[int, Snippet]:
    return next((place, one) for place, one in enumerate(snippets) if symbol in one.symbols)


def test_what_an_import_names_comes_through_the_package_that_exports_it() -> None:
    snippets = found(PYTHON, "app.py", "from net import Client\n\ndef main():\n    client = Client('x')\n    █\n")
    symbols = {(one.path, symbol) for one in snippets for symbol in one.symbols}
    assert ("net/client.py", "Client") in symbols
    assert not any(path == "old/client.py" for path, _ in symbols)
    assert where(snippets, "Client")[1].why in {Why.USED, Why.MEMBER}


def test_how_a_class_is_made_is_told_with_it() -> None:
    snippets = found(PYTHON, "app.py", "from net import Client\n\ndef main():\n    █\n")
    snippet = where(snippets, "Client.__init__")[1]
    assert "def __init__(self, url: str, retries: int = 3) -> None: ..." in snippet.text
    assert snippet.text.startswith("class Client")


@pytest.mark.parametrize(
    "text",
    [
        "from net import Client\n\ndef main(it: Client):\n    it.█\n",
        "from net import Client\n\ndef main():\n    it = Client('x')\n    it.█\n",
        "import net\n\ndef main():\n    it: net.Client = make()\n    it.█\n",
        "from net import Client\n\ndef main():\n    with Client('x') as it:\n        it.█\n",
        """
        from net import Client

        class App:
            def __init__(self, it: Client):
                self.it = it

            def run(self):
                self.it.█
        """,
        "from net import Client\n\ndef main(client):\n    client.█\n",
    ],
)
def test_behind_a_dot_the_members_of_what_stands_before_it_are_first(text: str) -> None:
    snippets = found(PYTHON, "app.py", text)
    place, snippet = where(snippets, "Client.fetch")
    assert place <= 1  # beside what it inherits
    assert snippet.why is Why.MEMBER
    assert all("dotted" in one.parts for one in snippets[: place + 1])


def test_what_a_call_gives_is_followed() -> None:
    text = "from net import Client\n\ndef main(client: Client):\n    reply = client.fetch('a')\n    reply.█\n"
    assert any("Reply.json" in one.symbols for one in found(PYTHON, "app.py", text)[:2])


def test_a_class_has_what_it_extends() -> None:
    text = "from net import Client\n\nclass Mine(Client):\n    def run(self):\n        self.█\n"
    snippets = found(PYTHON, "app.py", text)
    assert where(snippets, "Client.fetch")[0] <= where(snippets, "Base.close")[0]
    assert "extended" in where(snippets, "Base.close")[1].parts


def test_names_of_a_module_that_stands_before_the_dot() -> None:
    snippets = found(PYTHON, "app.py", "from old import names\n\ndef main():\n    names.█\n")
    assert {"helper", "shared"} <= set(snippets[0].symbols)
    used = found(PYTHON, "app.py", "import old.names as n\n\ndef main():\n    n.helper()\n    █\n")
    assert where(used, "helper")[1].why is Why.USED


def test_everything_that_is_imported_counts() -> None:
    snippets = found(PYTHON, "app.py", "from net import *\n\ndef main():\n    raise NetError\n    █\n")
    assert where(snippets, "NetError")[1].path == "net/errors.py"


def test_a_name_that_nothing_explains_is_taken_where_it_is_rare_or_near() -> None:
    far = found(PYTHON, "app/main.py", "def main():\n    helper()\n    shared()\n    █\n")
    assert [one.why for one in far] == [Why.NAMED]
    assert far[0].symbols == ("helper",)
    near = found(PYTHON, "old/main.py", "def main():\n    shared()\n    █\n")
    assert [(one.path, one.symbols) for one in near] == [("old/names.py", ("shared",))]


def test_what_the_document_defines_itself_is_left_out() -> None:
    text = "from net import Client\n\nclass Reply: ...\n\ndef main(client: Client):\n    Reply()\n    █\n"
    assert all(one.path != "app.py" for one in found(PYTHON, "app.py", text))


def test_languages_keep_to_themselves() -> None:
    assert not found({**PYTHON, "a.go": "package a\n\nfunc helper2() {}\n"}, "b.py", "def f():\n    helper2()\n    █\n")


SCRIPT = {
    "src/model/index.ts": 'export * from "./track.js";\n',
    "src/model/track.ts": """
        export interface Track { title: string; play(loud: boolean): Session }
        export class Session { stop(): void {} }
        """,
    "src/http-agent.js": "module.exports = class HttpAgent { dispatch (url) { return 1 } }\n",
    "src/store.ts": """
        export default function makeStore(size: number): Store { return 1 }
        export interface Store { rows: string[] }
        """,
}


def test_imports_of_scripts() -> None:
    text = """
        import { Track } from "./model";
        import create from "./store";

        export function start(track: Track) {
          const store = create(3);
          track.█
        }
        """
    snippets = found(SCRIPT, "src/app.ts", text)
    assert "Track.play" in snippets[0].symbols
    assert "play(loud: boolean): Session" in snippets[0].text
    assert snippets[0].text.startswith(("interface Track", "export interface Track"))
    assert "makeStore" in where(snippets, "makeStore")[1].text


def test_what_is_required() -> None:
    text = "const Agent = require('./http-agent')\n\nfunction go () {\n  const agent = new Agent()\n  agent.█\n}\n"
    assert any("dispatch" in one.text for one in found(SCRIPT, "src/app.js", text))


def test_files_of_one_go_package_see_each_other() -> None:
    files = {
        "srv/run.go": "package srv\n\nfunc Run(n int) error { return nil }\n",
        "srv/x/run.go": "package x\n\nfunc Run() {}\n",
    }
    snippets = found(files, "srv/main.go", "package srv\n\nfunc main() {\n\tRun(1)\n\t█\n}\n")
    assert (snippets[0].path, snippets[0].why) == ("srv/run.go", Why.USED)
    assert "func Run(n int) error" in snippets[0].text


def test_the_table_is_asked_a_few_times_however_much_is_named() -> None:
    names = [f"name{n}" for n in range(200)]
    files = {
        **PYTHON,
        "many.py": "".join(
            f"class Name{n}:\n    def go(self): ...\ndef {name}(): ...\n" for n, name in enumerate(names)
        ),
    }
    imports = f"from net import Client\nfrom many import {', '.join(names)}\n"
    text = f"{imports}\ndef main():\n    name1(name2(Client()))\n    █\n"
    counting = table({**files, "app.py": text.replace("█", "")})
    assert lookup.definitions(counting, wanted("app.py", text))
    assert counting.questions <= 8


def test_no_more_than_what_is_asked_for() -> None:
    text = "from net import Client\n\ndef main(client: Client):\n    client.fetch('a')\n    █\n"
    assert len(lookup.definitions(table(PYTHON), wanted("app.py", text, limit=1))) == 1


def test_snippets_look_like_python() -> None:
    """Over our own sources: what is shown of a file can be parsed, and names what it says it does."""
    files = {
        path.relative_to(PACKAGE.parent).as_posix(): path.read_text("utf-8")
        for folder in ("index", "syntax", "completion", "engine")
        for path in sorted((PACKAGE / folder).rglob("*.py"))
    }
    known = table(files)
    seen = 0
    for path in (
        "tabby_lsp/index/lookup/definitions.py",
        "tabby_lsp/completion/pipeline.py",
        "tabby_lsp/syntax/trees.py",
    ):
        lines = files[path].splitlines(keepends=True)
        for line in range(30, len(lines), 20):
            text = "".join(lines[:line]) + "█\n" + "".join(lines[line:])
            for snippet in lookup.definitions(known, wanted(path, text)):
                seen += 1
                ast.parse(snippet.text)
                assert all(symbol.rpartition(".")[2] in snippet.text for symbol in snippet.symbols)
                assert snippet.start < snippet.end
    assert seen > 100


@pytest.mark.parametrize(
    ("line", "receiver"),
    [
        ("x.", "x"),
        ("self.client.fe", "client"),
        ("a.b(c).d", "b"),
        ("p->q", "p"),
        ("x?.y", "x"),
        ("T::n", "T"),
        ("1 + x", None),
    ],
)
def test_what_stands_before_the_dot(line: str, receiver: str | None) -> None:
    use = dotted_at(Snapshot.of("a", "python", 0, line), Position(0, len(line)))
    assert (use.receiver if use else None) == receiver


@pytest.mark.parametrize(
    ("line", "pair"),
    [
        ("client = net.Client(url)", ("client", "net.Client")),
        ("const it = new Map<string, number>()", ("it", "Map")),
        ("it := srv.New(1)", ("it", "srv.New")),
        ("def f(a: 'Client') -> None:", ("a", "Client")),
        ("with open(path) as file:", ("file", "open")),
        ("except net.Error as error:", ("error", "net.Error")),
        ("if isinstance(node, Leaf):", ("node", "Leaf")),
        ("Client it = other;", ("it", "Client")),
    ],
)
def test_what_names_were_given(line: str, pair: tuple[str, str]) -> None:
    assert pair in given_near(Snapshot.of("a", "python", 0, line + "\n"), Position(1, 0))


def test_the_last_gift_is_first() -> None:
    snapshot = Snapshot.of("a", "python", 0, "it = One()\nit = Two()\n")
    assert [kind for name, kind in given_near(snapshot, Position(2, 0)) if name == "it"] == ["Two", "One"]


@pytest.mark.parametrize(
    ("receiver", "owner", "same"),
    [
        ("console", "Console", True),
        ("http_client", "HTTPClient", True),
        ("client", "HTTPClient", True),
        ("id", "Grid", False),
        ("self", "Client", False),
    ],
)
def test_what_is_named_after_a_class(receiver: str, owner: str, same: bool) -> None:
    assert ranking.alike(receiver, owner) is same


def test_a_file_is_replaced() -> None:
    small = table({"a.py": "def one(): ...\n"})
    after = table({"a.py": "def two(): ...\n"}).in_files(["a.py"])
    before = small.replace(
        "a.py",
        facts_of(Trees().tree(Snapshot.of("a.py", "python", 0, "def two(): ...\n")), b"def two(): ...\n", "python"),
    )
    assert before is not None
    assert [d.name for d in before.definitions] == ["one"]
    assert small.named(["two"]) == after
    assert not small.named(["one"])
