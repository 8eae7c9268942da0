"""What the code around a cursor uses, and which class it stands in: with whole trees, broken ones, and none."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.cursor import at_cursor
from unit.symbol_sources import FILES, FOLDER

from tabby_lsp.document import Position, Snapshot
from tabby_lsp.syntax.languages import language_of
from tabby_lsp.syntax.symbols.enclosing import LINES_AFTER, LINES_BEFORE
from tabby_lsp.syntax.symbols.hints import dotted_at
from tabby_lsp.syntax.symbols.nearby import class_at, imports_of, uses_near
from tabby_lsp.syntax.symbols.types import Import, Use
from tabby_lsp.syntax.trees import Trees


def asked(language: str, source: str) -> tuple[list[str], tuple[str, tuple[str, ...]]]:
    """The uses as `receiver.name`, nearest first, and the class."""
    snapshot, position = at_cursor(language, source)
    tree = Trees().tree(snapshot)
    return dotted(uses_near(tree, snapshot, position)), class_at(tree, snapshot, position)


def dotted(uses: tuple[Use, ...]) -> list[str]:
    return [f"{use.receiver}.{use.name}" if use.receiver else use.name for use in uses]


@pytest.mark.parametrize(
    ("language", "source", "expected"),
    [
        ("python", "def f(a: Aa):\n    x = gg(a)\n    █\n    hh(x)\n", "gg Aa hh"),
        ("python", "def f():\n    first()\n    second()\n    third().fourth.fi█\n", "fourth third second first"),
        ("python", "def f(aa, *bb, cc=dd, **ee):\n    aa(bb, cc, ee)\n    █\n", "dd"),
        ("python", "def f():\n    for aa, bb in cc:\n        with dd() as ee:\n            █\n", "dd cc"),
        ("python", "def f():\n    gg(hh=ii.jj)\n    █\n", "ii.jj ii gg"),
        ("python", "def f():\n    print(len(x), 'gg', f'{hh}')  # ii\n    █\n", "hh"),
        ("python", "def f(self) -> Cc:\n    self.aa.bb(█)\n", "aa.bb self.aa Cc"),
        ("python", "def other():\n    zz()\n\n\ndef f():\n    █\n", ""),
        ("python", "xx = yy()\n█\n\n\ndef f():\n    zz()\n", "yy zz"),
        ("typescript", "function f(a: Aa): Bb {\n  const x = gg<Cc>(a, { key: a });\n  █\n}\n", "Cc gg Bb Aa"),
        ("typescript", "class A {\n  f() {\n    this.aa?.bb();\n    █\n  }\n}\n", "aa.bb this.aa"),
        ("javascript", "const f = ({ aa, bb: cc }) => {\n  aa(cc, dd);\n  █\n};\n", "dd"),
        ("go", "package a\n\nfunc (c *Cc) f(x Xx) {\n\ty := c.dd.Ee(x)\n\t█\n}\n", "dd.Ee c.dd Xx Cc"),
        (
            "rust",
            "impl Aa {\n    fn f(&self) -> Vec<Bb> {\n        Cc::new(self.dd)\n        █\n    }\n}\n",
            "self.dd Cc.new Cc Bb",
        ),
        ("java", "class A {\n  Bb f(Cc c) {\n    Dd d = this.ee.go(c);\n    █\n  }\n}\n", "ee.go this.ee Dd Cc Bb"),
        ("c", "int f(struct aa *a) {\n  a->bb = cc(a);\n  █\n}\n", "cc a.bb aa"),
        ("cpp", "int f(aa::Bb &b) {\n  auto c = b.dd();\n  █\n}\n", "b.dd aa.Bb aa"),
        ("csharp", "class A {\n  Bb F(Cc c) {\n    var d = c.Ee(x);\n    █\n  }\n}\n", "c.Ee Cc Bb"),
        ("ruby", "class A\n  def f(a)\n    @bb.cc(a)\n    █\n  end\nend\n", "bb.cc bb"),
        ("php", "<?php\nfunction f(Aa $a) {\n  $b = $a->cc(Dd::EE);\n  █\n}\n", "Dd.EE Dd a.cc Aa"),
        ("lua", "function f(a)\n  local b = a:cc(dd.ee)\n  █\nend\n", "dd.ee dd a.cc"),
        ("shellscript", 'f() {\n  local aa\n  aa=$(bb "$CC")\n  █\n}\n', "CC bb"),
    ],
)
def test_uses(language: str, source: str, expected: str) -> None:
    assert [name for name in asked(language, source)[0] if len(name) > 1] == expected.split()


@pytest.mark.parametrize(
    ("language", "source", "expected"),
    [
        ("python", "class A(b.C, D[E], metaclass=F):\n    def f(self):\n        █\n", ("A", ("C", "D"))),
        (
            "python",
            "class A(B):\n    def f(self):\n        x = 1\n\n        █\n\n\nclass C:\n    pass\n",
            ("A", ("B",)),
        ),
        ("python", "class A(B):\n    def f(self):\n        pass\n\n█\n", ("", ())),
        ("python", "class A(B):\n    def f(self):\n        pass\n\n    █\n", ("A", ("B",))),
        ("python", "class A:\n    pass\n\n\ndef f():\n    █\n", ("", ())),
        ("python", "class A(B):\n    def f(self):\n        return (self.█\n\n    def g(self:\n", ("A", ("B",))),
        ("python", "class A(B):\n    class C(D):\n        x = █\n", ("C", ("D",))),
        ("typescript", "export class A<T> extends B<T> implements C, D {\n  f() { █ }\n}\n", ("A", ("B", "C", "D"))),
        ("typescript", "class A {}\nfunction f() { █ }\n", ("", ())),
        ("typescript", "class A extends B {\n  f() {\n    if (this.█\n  }\n", ("A", ("B",))),
        ("javascript", "A.prototype.f = function () {\n  █\n};\n", ("A", ())),
        ("go", "package a\n\nfunc (c *Client[T]) f() {\n\t█\n}\n", ("Client", ())),
        ("rust", "impl<T> B for A<T> {\n    fn f(&self) { █ }\n}\n", ("A", ("B",))),
        ("java", "class A extends B implements C {\n  void f() { █ }\n}\n", ("A", ("B", "C"))),
        ("cpp", "class A : public B, private c::D {\n  void f() { █ }\n};\n", ("A", ("B", "D"))),
        ("cpp", "void A::f() {\n  █\n}\n", ("A", ())),
        ("csharp", "namespace N {\n  class A<T> : B where T : C {\n    void F() { █ }\n  }\n}\n", ("A", ("B",))),
        ("ruby", "class A < B::C\n  def f\n    █\n  end\nend\n", ("A", ("C",))),
        ("php", "<?php\nclass A extends B implements \\C\\D {\n  function f() { █ }\n}\n", ("A", ("B", "D"))),
        ("plaintext", "class A: B\n  █\n", ("A", ("B",))),
    ],
)
def test_class(language: str, source: str, expected: tuple[str, tuple[str, ...]]) -> None:
    assert asked(language, source)[1] == expected


def test_what_stands_before_weighs_more() -> None:
    names = asked("python", "def f():\n    aa()\n    bb()\n    █\n    cc()\n    dd()\n")[0]
    assert names == ["bb", "aa", "cc", "dd"]


def test_the_word_that_is_being_typed_is_no_use() -> None:
    assert asked("python", "def f():\n    self.clie█\n")[0] == []
    assert asked("python", "def f():\n    clie█nt()\n")[0] == ["client"]


@pytest.mark.parametrize("lines", [40, 400])
def test_types_of_parameters_stay_near_in_a_long_function(lines: int) -> None:
    body = "".join(f"    name_{number}(aa)\n" for number in range(lines))
    names = asked("python", f"def f(aa: Client) -> None:\n{body}    █\n")[0]
    assert names.index("Client") < 10
    assert "aa" not in names


def test_a_long_file_is_read_around_the_cursor_only() -> None:
    lines = [f"name_{number}()" for number in range(2000)]
    snapshot = Snapshot.of("file:///a.py", "python", 1, "\n".join(lines))
    tree = Trees().tree(snapshot)
    found = {int(use.name.removeprefix("name_")) for use in uses_near(tree, snapshot, Position(1000, 0), limit=10_000)}
    assert found == set(range(1000 - LINES_BEFORE, 1000 + LINES_AFTER))


def test_the_limit() -> None:
    text = "".join(f"name_{number}()\n" for number in range(50))
    snapshot = Snapshot.of("file:///a.py", "python", 1, text)
    found = uses_near(Trees().tree(snapshot), snapshot, Position(50, 0), limit=3)
    assert dotted(found) == ["name_49", "name_48", "name_47"]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_endings(ending: str) -> None:
    source = "import é\n\n\nclass A(Bé):\n    def f(self):\n        gé(hh)\n        \n".replace("\n", ending)
    snapshot = Snapshot.of("file:///a.py", "python", 1, source)
    tree = Trees().tree(snapshot)
    assert dotted(uses_near(tree, snapshot, Position(6, 8))) == ["hh", "gé"]
    assert class_at(tree, snapshot, Position(6, 8)) == ("A", ("Bé",))
    assert imports_of(tree, snapshot) == (Import("é", alias="é"),)


def test_without_a_tree_strings_comments_and_what_is_assigned_are_left_out() -> None:
    snapshot, position = at_cursor("python", "aa = bb('cc')  # dd\nee.ff(aa)\n█\n")
    assert dotted(uses_near(None, snapshot, position)) == ["ee.ff", "ee", "bb"]
    assert imports_of(None, snapshot) == ()


@pytest.mark.parametrize("file", FILES)
@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_nothing_ever_raises(file: str, data: st.DataObject) -> None:
    text = (FOLDER / file).read_text("utf-8")
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(start + 200, len(text))))
    snapshot = Snapshot.of(
        "file:///a", language_of(file), 1, text[:start] + data.draw(st.text(max_size=6)) + text[end:]
    )
    position = Position(data.draw(st.integers(-1, 90)), data.draw(st.integers(-1, 60)))
    for tree in (Trees().tree(snapshot), None):
        for use in uses_near(tree, snapshot, position):
            assert use.name
            assert use.name in snapshot.text
        class_at(tree, snapshot, position)
        imports_of(tree, snapshot)


def test_a_line_of_data_is_not_read_to_its_beginning() -> None:
    """The time of the pattern grows with the square of what it reads: 20,000 characters took 3.7 s."""
    text = "x = '" + "0123456789abcdef" * 20_000 + "' + client."
    snapshot = Snapshot.of("file:///a.py", "python", 1, text)
    assert dotted_at(snapshot, Position(0, len(text))) == Use("", "client")
    assert dotted_at(snapshot, Position(0, len(text) // 2)) is None
