"""What files of each language define, with their signatures, and that half-typed ones still say what is whole."""

from __future__ import annotations

from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.symbol_sources import FILES, FOLDER, facts, facts_in, parsed

from tabby_lsp.syntax.languages import LANGUAGES, language_of
from tabby_lsp.syntax.symbols.extract import MOST_FIELDS, facts_of
from tabby_lsp.syntax.symbols.references import MOST_REFERENCES
from tabby_lsp.syntax.symbols.types import Definition, Kind

DEFINED = {
    "Client.cs": """
        class Client < Base ISender
        field Client.MaxBatch
        field Client._connection
        field Client.Station
        method Client.Client
        method Client.Add
        method Client.Twice
        class ISender
        method ISender.Send
        class Mode
        field Mode.Fast
        field Mode.Safe
        class Reading
        class Point
        field Point.X
    """,
    "Client.java": """
        class Client < Base Sender AutoCloseable
        field Client.MAX_BATCH
        field Client.connection
        field Client.pending
        field Client.failed
        method Client.Client
        method Client.add
        class Client.Mode
        field Mode.FAST
        field Mode.SAFE
        class Client.Listener
        method Listener.sent
        class Client.Batch
        field Batch.readings
        field Batch.number
        method Batch.size
    """,
    "client.cpp": """
        class Client < Base Sender
        method Client.Client
        method Client.Client
        method Client.add
        method Client.operator==
        field Client.connection_
        field Client.id_
        class Options
        field Options.retries
        class Mode
        field Mode.Fast
        field Mode.Safe
        constant kMaxBatch
        class Batch
        method Client.add
        function helper
    """,
    "client.go": """
        constant MaxBatch
        constant modeFast
        constant modeSafe
        constant ErrClosed
        class Reading < Base
        field Reading.Station
        field Reading.Value
        class Sender
        method Sender.Send
        method Sender.Close
        class Handler
        class Client < Reading
        field Client.sender
        field Client.pending
        function NewClient
        method Client.Add
    """,
    "client.h": """
        constant MAX_BATCH
        function SQUARE
        class reading_t
        class reading
        field reading.value
        field reading.station
        class mode
        field mode.MODE_FAST
        field mode.MODE_SAFE
        class on_sent
        constant client_count
        function client_new
        function client_add
        function client_double
    """,
    "client.js": """
        constant MAX_BATCH
        function Client
        method Client.add
        class Station < Client
        field Station.secret
        field Station.name
        method Station.constructor
        field Station.pending
        method Station.open
        constant api
        method api.get
        method api.post
        function open
        constant VERSION
    """,
    "client.lua": """
        constant MAX_BATCH
        constant Client
        method Client.new
        method Client.add
        method Client.close
        function helper
        function global_helper
    """,
    "client.php": """
        constant MAX_BATCH
        class Sender
        method Sender.send
        class Client < Base Sender Countable
        field Client.MODE
        field Client.connection
        method Client.__construct
        field Client.logger
        field Client.retries
        method Client.add
        method Client.flush
        class Mode
        field Mode.Fast
        class Retrying
        method Retrying.again
        function helper
    """,
    "client.py": """
        constant MAX_BATCH
        constant NAMES
        class Reading < Base
        field Reading.station
        field Reading.value
        field Reading.notes
        class Client < Sender Closing
        field Client.retries
        method Client.__init__
        field Client.connection
        field Client._pending
        method Client.size
        method Client.add
        function helper
    """,
    "client.rb": """
        module Weather
        constant Weather.MAX_BATCH
        class Weather.Client < Base
        field Client.station
        field Client.pending
        field Client.Mode
        method Client.open
        method Client.initialize
        field Client.connection
        method Client.add
        method Client.full?
        function helper
    """,
    "client.rs": """
        constant MAX_BATCH
        constant COUNTER
        class Options
        field Options.retries
        field Options.timeout
        class State
        field State.Idle
        field State.Sending
        class Sender < Send Sync
        class Sender.Error
        method Sender.send
        method Sender.close
        class Batch
        class Client
        field Client.sender
        field Client.pending
        method Client.new
        method Client.add
        method Client.drop
        function free_function
        function reading
    """,
    "client.sh": """
        constant MAX_BATCH
        constant STATION
        function add_reading
        function close_client
    """,
    "client.ts": """
        constant MAX_BATCH
        class Sender < Base Closeable
        field Sender.station
        method Sender.send
        class Batch
        field Batch.readings
        field Batch.number
        class Mode
        field Mode.Fast
        field Mode.Safe
        class Client < Base Sender
        field Client.pending
        method Client.constructor
        field Client.http
        field Client.station
        field Client.retries
        method Client.add
        method Client.size
        function retry
        function retry
        function double
        function useReadings
        function now
        class Other
    """,
}
"""By file: kind, container and name of each definition, and what it extends."""


def told(one: Definition) -> str:
    name = f"{one.container}.{one.name}" if one.container else one.name
    return f"{one.kind} {name}" + (f" < {' '.join(one.bases)}" if one.bases else "")


def signature(language: str, text: str, name: str = "f") -> str:
    return next(one.signature for one in facts_in(language, dedent(text)).definitions if one.name == name)


@pytest.mark.parametrize("file", FILES)
def test_definitions(file: str) -> None:
    assert [told(one) for one in facts(file).definitions] == dedent(DEFINED[file]).strip().split("\n")


@pytest.mark.parametrize("file", FILES)
def test_lines_hold_the_name(file: str) -> None:
    lines = (FOLDER / file).read_text("utf-8").split("\n")
    for one in facts(file).definitions:
        assert one.name in "\n".join(lines[one.start : one.end])
        assert one.name in one.signature


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("python", "def f(a, b=1): pass\n", "def f(a, b=1):"),
        ("python", "@a.b(1)\n@c\nasync def f(a):\n    pass\n", "async def f(a):"),
        ("python", 'def f():\n    r"""Do it.\n\n    More."""\n', 'def f():\n    """Do it."""'),
        ("python", "def f(\n    a,  # first\n    b,\n) -> int:\n    pass\n", "def f(\n    a,\n    b,\n) -> int:"),
        (
            "python",
            "class A:\n    def f(\n        self,\n        a,\n    ):\n        pass\n",
            "def f(\n    self,\n    a,\n):",
        ),
        (
            "python",
            "def f(\n    a,\n    b,\n    c,\n    d,\n    e,\n) -> int:\n    pass\n",
            "def f(a, b, c, d, e) -> int:",
        ),
        ("python", "f = [\n    1,\n]\n", "f = [...]"),
        ("python", "f = 1 + \\\n    2\n", "f = 1 + \\ ..."),
        ("python", "class f(A, metaclass=B):\n    x = 1\n", "class f(A, metaclass=B):"),
        (
            "typescript",
            "/** Do it.\n * @param a x */\nexport function f(a: A): B {\n}\n",
            "// Do it.\nexport function f(a: A): B",
        ),
        ("typescript", "class A {\n  @Log({\n    a: 1,\n  })\n  f(a: A) {\n  }\n}\n", "f(a: A)"),
        ("typescript", "@Component({\n  a: '(',\n})\nexport class f extends B {}\n", "export class f extends B"),
        ("typescript", "export const f = async (a: A) => {\n  return a;\n};\n", "export const f = async (a: A) =>"),
        ("typescript", "type f =\n  | A\n  | B\n", "type f =\n  | A\n  | B"),
        ("typescript", "interface A {\n  f: (\n    a: A,\n  ) => B\n}\n", "f: (\n  a: A,\n) => B"),
        ("typescript", "class A {\n  f = (a: A) => {\n    g();\n  };\n}\n", "f = (a: A) =>"),
        ("typescript", "export const f = (a: A) =>\n  g(a);\n", "export const f = (a: A) => ..."),
        ("javascript", "module.exports = {\n  f: Symbol('f'),\n  g,\n};\n", "f: Symbol('f')"),
        ("c", "int f(\n  int a);\n", "int f(\n  int a);"),
        ("typescript", "export const f = (a: A) => a;\n", "export const f = (a: A) => a;"),
        ("javascript", "// eslint-disable-next-line\nfunction f(a) {}\n", "function f(a)"),
        ("javascript", "exports.f = function (a) {\n};\n", "exports.f = function (a)"),
        ("go", "package a\n\n// f does.\nfunc f(a int) (b error) {\n}\n", "// f does.\nfunc f(a int) (b error)"),
        ("go", "package a\n\ntype f interface {\n\tg()\n}\n", "type f interface"),
        (
            "rust",
            "/// Does.\n#[inline]\npub fn f<T>(a: T) -> T\nwhere\n    T: Copy,\n{\n}\n",
            "// Does.\npub fn f<T>(a: T) -> T\nwhere\n    T: Copy,",
        ),
        ("java", "class A {\n  @Override\n  public int f(int a) { return a; }\n}\n", "public int f(int a)"),
        ("java", "@interface f {\n}\n", "@interface f"),
        ("csharp", 'class A {\n  [Obsolete("a")]\n  public int f(int a) => a;\n}\n', "public int f(int a)"),
        ("cpp", "template <typename T>\nT *f(T a) {\n}\n", "template <typename T>\nT *f(T a)"),
        ("c", "typedef struct {\n  int a;\n} f;\n", "typedef struct {...} f;"),
        ("c", "static int\nf(int a)\n{\n}\n", "static int\nf(int a)"),
        ("ruby", "# Does.\ndef f(a, b: 1)\n  a\nend\n", "# Does.\ndef f(a, b: 1)"),
        ("lua", "--- Does.\nlocal function f(a)\n  return a\nend\n", "-- Does.\nlocal function f(a)"),
    ],
)
def test_signatures(language: str, text: str, expected: str) -> None:
    assert signature(language, text) == expected


def test_a_long_signature_is_cut() -> None:
    text = signature(
        "python", f"def f({', '.join(f'argument_{number}: dict[str, int]' for number in range(90))}): pass\n"
    )
    assert len(text) < 500
    assert text.startswith("def f(argument_0: dict[str, int], argument_1")


def test_a_definition_begins_with_what_stands_above_it() -> None:
    found = facts_in("typescript", "x();\n\n// About f.\n@a(\n  1\n)\nexport class f {\n}\n").definitions
    assert [(one.start, one.end) for one in found] == [(2, 8)]
    found = facts_in("python", "x()\n\n# About f.\n@a(\n  1\n)\ndef f():\n    pass\n").definitions
    assert [(one.start, one.end) for one in found] == [(2, 8)]


def test_what_functions_define_for_themselves_is_left_out() -> None:
    text = """
        def f():
            x = 1
            def g():
                pass
            class A:
                y = 1
                def h(self):
                    pass
    """
    assert [one.name for one in facts_in("python", dedent(text)).definitions] == ["f"]


def test_fields_that_only_a_constructor_gives_are_kept_once() -> None:
    text = """
        class A:
            def __init__(self):
                self.a = 1
                self.a = 2
                self.b, c = 1, 2
            def f(self):
                self.d = 1
    """
    fields = [one.name for one in facts_in("python", dedent(text)).definitions if one.kind is Kind.FIELD]
    assert fields == ["a"]


def test_a_table_of_data_is_not_a_thousand_symbols() -> None:
    text = "class A:\n" + "".join(f"    NAME_{number} = {number}\n" for number in range(1000))
    assert len(facts_in("python", text).definitions) == 1 + MOST_FIELDS


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("python", "def aa():\n    return bb(bb, cc, x)  # dd\n", ("bb", "cc")),
        ("python", 'x = \'e\' + f\ny = """\ng\n""" + hh\n', ("hh",)),
        ("javascript", "/* a */ bb(cc, cc, 'dd', `${ee}`); // ff\n", ("cc", "bb", "ee")),
        ("go", "package main\n\nfunc aa() { bb.Cc(nil) }\n", ("main", "bb", "Cc")),
        ("plaintext", "one two two", ("two", "one")),
    ],
)
def test_references(language: str, text: str, expected: tuple[str, ...]) -> None:
    assert facts_in(language, text).references == expected


def test_references_are_bounded() -> None:
    text = "".join(f"name_{number}()\n" for number in range(5000)).encode()
    assert len(facts_of(parsed("python", text), text, "python").references) == MOST_REFERENCES


@pytest.mark.parametrize("file", FILES)
def test_broken_files_still_say_what_is_whole(file: str) -> None:
    text = (FOLDER / file).read_text("utf-8")
    language = language_of(file)
    whole = {told(one) for one in facts_in(language, text).definitions if one.kind is not Kind.CONSTANT}
    broken = {told(one) for one in facts_in(language, text + "\n\nx = client.add((\n").definitions}
    assert len(broken & whole) >= 0.7 * len(whole)


@pytest.mark.parametrize("file", FILES)
@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_nothing_ever_raises(file: str, data: st.DataObject) -> None:
    text = (FOLDER / file).read_bytes()
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    piece = text[:start] + data.draw(st.binary(max_size=8)).replace(b"\r", b"") + text[end:]
    language = language_of(file)
    lines = piece.count(b"\n") + 1
    for one in facts_of(parsed(language, piece), piece, language).definitions:
        assert one.name
        assert 0 <= one.start < one.end <= lines


def test_every_grammar_of_our_own_has_queries_that_fit(caplog: pytest.LogCaptureFixture) -> None:
    for row in LANGUAGES:
        if row.module:
            facts_in(row.ids[0], "x")
    assert not caplog.records
