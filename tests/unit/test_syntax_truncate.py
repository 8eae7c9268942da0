"""Where suggestions stop: `keep|drop` in a completion marks the end that is expected."""

from __future__ import annotations

from textwrap import dedent

import pytest
from unit.cursor import at_cursor

from tabby_lsp.document import Position, Snapshot
from tabby_lsp.syntax.surplus import surplus_closers
from tabby_lsp.syntax.truncate import end_of_scope

CUT = "▏"

IN_FUNCTION = "def f(a):\n    █\n\n\nx = 1\n"
IN_BRACES = "function f(a) {\n  █\n}\n\nconst x = 1;\n"
UNCLOSED = "class A {\n  f(a) {\n    █\n}\n"

CASES = [
    # indentation ends blocks
    ("python", IN_FUNCTION, "return a▏\n\n\ndef g():\n    pass"),
    ("python", IN_FUNCTION, "if a:\n        return 1\n    return 2"),
    ("python", IN_FUNCTION, "a = 1\n\n    return a▏\nprint(a)"),
    ("python", IN_FUNCTION, 'a = """\nnot a dedent\n"""\n    return a▏\nb'),
    ("python", IN_FUNCTION, "a = g(\n1,\n)\n    return a"),
    ("python", IN_FUNCTION, "a = [\n        1,\n    ]\n    return a▏\n]"),
    ("python", IN_FUNCTION, "a = ')'  # )\n    return a"),
    ("python", "def f():█\n", "\n    return 1▏\n\ndef g():\n    pass"),
    ("python", "def f(█", "self,\n    a,\n):\n    return a▏\n\ndef g():\n    pass"),
    ("python", "def f(█):\n    pass\n", "a, b▏):\n    return"),
    ("python", "if a:█\n", "\n    b\nelse:\n    c▏\nd = 1"),
    ("python", "class A:\n    def f(self):█\n\nx = 1\n", "\n        return 1▏\n\n    def g(self):\n        pass"),
    ("python", "def f():\n    x = foo(█)\n", "a, b▏)\n    return x"),
    ("python", "def f():\n    x = foo(█\n", "a, b)\n    return x▏\nprint()"),
    ("python", "foo(\n    a,\n    █\n)\n", "b,▏\n)\nbar()"),
    ("python", "foo(\n    a,\n    █\n", "b,\n)\nbar()"),
    ("python", "x = (\ny = 1\ndef f():\n    █\n", "return 1▏\nz = 2"),  # the stray bracket above hides nothing
    ("python", "def f():\n    x = [\n        1,\n█\n", "        2,\n    ]\n    return x▏\ny = 2"),
    ("python", "█\n", "def f():\n    pass\n\ndef g():\n    pass"),
    ("python", "x = 1█\n", "\ny = 2\n"),
    ("python", "def f():\n█\n", "    return 1▏\nx = 2"),
    ("python", "def f():\r\n    █\r\n", "return 1▏\r\n\r\nx = 2"),
    ("python", "def f():\n\t█\n", "if a:\n\t\treturn 1\n\treturn 2▏\nx"),
    ("python", 'def f():\n    """a\n    █\n    """\n', "b\n    c"),
    ("python", 'x = {"a": █}\n', "[1, 2]▏}"),
    # braces: the suffix has the closer
    ("javascript", IN_BRACES, "return a;▏\n}\n\nfunction g() {\n}"),
    ("javascript", IN_BRACES, "if (a) {\n    return {b: [1]};\n  }\n  return 2;▏\n}"),
    ("javascript", IN_BRACES, 'x = "}"; // }\n  y = /}/;\n  z = `}${a}`;▏\n}'),
    ("javascript", "foo(█);\n", "a, (b) => {\n  c();\n}▏);"),
    ("javascript", "function f() {█}\n", "\n  return 1;\n▏}\n"),
    ("javascript", "const x = [█];\n", "1, 2▏];"),
    ("javascript", "if (█) {\n}\n", "a && b(c)▏) {\n  d();\n}"),
    # braces: the suffix lacks it
    ("javascript", UNCLOSED, "return 1;\n  }▏\n\n  g() {\n  }\n}"),
    ("javascript", "function f() {\n  █\n", "return 1;\n}▏\nfunction g() {\n}"),
    ("javascript", "if (a) {\n  █\n", "b();\n} else {\n  c();\n}▏\nd();"),
    ("javascript", "foo(() => {\n  █\n", "a();\n});▏\nb();"),
    ("javascript", "foo(█\n", "a, b);\nbar();"),
    ("cpp", "namespace a {\nint f() {\n  █\n\n}  // namespace a\n", "return 1;\n}▏\nint g() {"),
    ("javascript", "class A {\n  f() {\n    █\n  }\n", "return 1;▏\n  }\n}"),  # it is the outer one that lacks
    ("javascript", "foo(bar(█)\n", "x)▏);"),
    ("javascript", "foo(bar(█))\n", "x▏));"),
    ("typescript", "interface A {\n  █\n}\n", "a: string;\n  b: { c: number };▏\n}"),
    ("typescriptreact", "const A = () => (\n  <p>█</p>\n);\n", "don't {a}"),
    ("go", "package a\n\nfunc f() int {\n\t█\n}\n", "if a {\n\t\treturn 1\n\t}\n\treturn 2▏\n}\n\nfunc g() {"),
    ("go", "package a\n\nfunc f() int {\n\t█\n", "return 1\n}▏\n\nfunc g() {\n}"),
    ("rust", "fn f<'a>(x: &'a str) {\n    █\n}\n", "let c = '}';\n    g(c);▏\n}\n\nfn h() {}"),
    ("rust", "impl A {\n    fn f() {\n        █\n    }\n}\n", "match x {\n            1 => {}\n        }▏\n    }\n}"),
    ("c", "int f(void) {\n  █\n}\n", "char c = '}'; /* } */\n  puts(\"}\");▏\n}"),
    ("cpp", "struct A {\n  █\n};\n", "int a;▏\n};"),
    ("java", "class A {\n    int f() {\n        █\n    }\n}\n", "return 1;▏\n    }\n\n    int g() {"),
    ("csharp", "class A {\n    int F() {\n        █\n    }\n}\n", 'var x = @"}\\";\n        return 1;▏\n    }\n'),
    ("php", "<?php\nfunction f() {\n    █\n}\n", "return '}'; # }▏\n}\n"),
    ("kotlin", "fun f() {\n    █\n}\n", 'println("}")▏\n}\n'),
    # keywords
    ("ruby", "def f\n  █\nend\n", "if a\n    1\n  end▏\nend\n\ndef g"),
    ("ruby", "def f█\n", "\n  1\nend▏\n\ndef g\nend"),
    ("ruby", "class A\n  def f\n    █\nend\n", "1\n  end▏\n\n  def g\n  end\nend"),
    ("ruby", "xs.each { |x| █ }\n", "puts(x)▏ }"),
    ("lua", "local function f()\n  █\nend\n", "return {1}▏\nend\n\nprint(1)"),
    ("lua", "if a then█\n", "\n  b()\nelse\n  c()\nend▏\nd()"),
    ("shellscript", "if true; then\n  █\nfi\n", 'echo "fi"▏\nfi\necho'),
    ("shellscript", "f() {\n  █\n}\n", "case $1 in\n    a) b ;;\n  esac▏\n}\n"),
    ("shellscript", "for x in y; do█\n", "\n  echo $x\ndone▏\necho"),
    # no code
    ("plaintext", "Hello █\n", "world :) and\nso on)"),
    ("markdown", "█", "a (b) c)\n"),
]


@pytest.mark.parametrize(("language", "source", "completion"), CASES)
def test_end_of_scope(language: str, source: str, completion: str) -> None:
    snapshot, position = at_cursor(language, source)
    kept, _, dropped = completion.partition(CUT)
    keep = end_of_scope(snapshot, position, kept + dropped)
    assert (kept + dropped)[:keep] == kept


def test_an_empty_completion_is_kept_empty() -> None:
    snapshot, position = at_cursor("python", IN_FUNCTION)
    assert end_of_scope(snapshot, position, "") == 0


def test_the_window_of_a_large_file_reads_the_same() -> None:
    filler = dedent("""\
        function g(a) {
          return `${a}}`;
        }

        """)
    source = filler * 200 + IN_BRACES.replace("█", "") + filler * 200
    snapshot = Snapshot.of("file:///a", "javascript", 1, source)
    position = Position(filler.count("\n") * 200 + 1, 2)
    assert end_of_scope(snapshot, position, "return a;\n}\n\nfoo();") == len("return a;")


@pytest.mark.parametrize(
    ("before", "completion", "after", "surplus"),
    [
        ("foo(", "a, b)", ")", 1),
        ("foo(bar(", "x)", ")", 0),
        ("foo(bar(", "x))", ")", 1),
        ("foo(bar(", "x))", "))", 2),
        ("foo(", "g(x)", ")", 0),
        ("foo(", "a);", ");", 2),
        ('print("', 'hello")', '")', 2),
        ('print("', "hello", '")', 0),
        ("x = [", "1, 2]", "  ]", 1),
        ("if (x) {\n  foo(", "a)", ")\n}\n", 1),
        ("x = ", "f(a)", "", 0),
        ("x = ", "f(a)", " + 1", 0),
        ("x = '", "(", "'", 0),
        ("f('", ")')", "')", 2),
        ("a = {", "b: '}'}", "}", 1),
        ("", "", ")", 0),
    ],
)
@pytest.mark.parametrize("language", ["javascript", "python"])
def test_surplus_closers(before: str, completion: str, after: str, surplus: int, language: str) -> None:
    assert surplus_closers(before, completion, after, language) == surplus
