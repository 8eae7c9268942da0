"""What import statements say, and which files of a folder they mean."""

from __future__ import annotations

from textwrap import dedent

import pytest
from unit.symbol_sources import facts_in

from tabby_lsp.syntax.symbols import imports, statements
from tabby_lsp.syntax.symbols.imports import candidates, matches
from tabby_lsp.syntax.symbols.types import Import

ALL = (("*", "*"),)


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("python", "import a", [Import("a", alias="a")]),
        ("python", "import a.b, c as d", [Import("a.b"), Import("c", alias="d")]),
        ("python", "from a import (\n  b as c,  # why\n  d,\n)", [Import("a", (("b", "c"), ("d", "d")))]),
        ("python", "from .. import a", [Import("..", (("a", "a"),))]),
        ("python", "from .a.b import *", [Import(".a.b", ALL)]),
        ("python", "from a import b, \\\n  c", [Import("a", (("b", "b"), ("c", "c")))]),
        ("python", "def f():\n  import a\n", [Import("a", alias="a")]),
        ("typescript", "import a from 'b'", [Import("b", (("default", "a"),))]),
        ("typescript", "import a, { b as c, type d } from './e'", [
            Import("./e", (("default", "a"), ("b", "c"), ("d", "d"))),
        ]),
        ("typescript", "import type { a } from 'b'", [Import("b", (("a", "a"),))]),
        ("typescript", "import * as a from 'b'", [Import("b", alias="a")]),
        ("typescript", "import 'b'", [Import("b")]),
        ("typescript", "export * from './b'", [Import("./b", ALL)]),
        ("typescript", "export * as a from './b'", [Import("./b", alias="a")]),
        ("typescript", "export { a as b } from './c'", [Import("./c", (("a", "b"),))]),
        ("typescript", "import a = require('b')", [Import("b", alias="a")]),
        ("javascript", "const a = require('b')", [Import("b", alias="a")]),
        ("javascript", "const { a, b: c, d = 1 } = require('./e')", [
            Import("./e", (("a", "a"), ("b", "c"), ("d", "d"))),
        ]),
        ("javascript", "const a = require('b').c", [Import("b", (("c", "a"),))]),
        ("javascript", "const a = require(b)", []),
        ("go", 'import "a.b/c/d"', [Import("a.b/c/d", alias="d")]),
        ("go", 'import (\n\t"fmt" // why\n\tx "a/b"\n\t. "c"\n\t_ "d/e"\n)', [
            Import("fmt", alias="fmt"), Import("a/b", alias="x"), Import("c", ALL), Import("d/e"),
        ]),
        ("go", 'import "a.b/c/v2"', [Import("a.b/c/v2", alias="c")]),
        ("rust", "use a::b;", [Import("a", (("b", "b"),))]),
        ("rust", "use a::{self, b::{c as d, *}, e};", [
            Import("a", alias="a"), Import("a::b", (("c", "d"), ("*", "*"))), Import("a", (("e", "e"),)),
        ]),
        ("rust", "pub(crate) use super::a::B as C;", [Import("super::a", (("B", "C"),))]),
        ("rust", "mod a;\nmod b {}\n", [Import("self::a", alias="a")]),
        ("java", "import a.b.C;", [Import("a.b.C", alias="C")]),
        ("java", "import a.b.*;", [Import("a.b", ALL)]),
        ("java", "import static a.B.c;", [Import("a.B", (("c", "c"),))]),
        ("c", '#include "a/b.h"\n#include <c.h>\n', [Import("a/b.h", ALL), Import("<c.h>", ALL)]),
        ("csharp", "using A.B;\nusing C = D.E;\n", [Import("A.B", ALL), Import("D.E", alias="C")]),
        ("php", "<?php\nuse A\\B as C;\nuse D\\{E, F as G};\nrequire 'a/b.php';\n", [
            Import("A\\B", alias="C"), Import("D\\E", alias="E"), Import("D\\F", alias="G"), Import("a/b.php", ALL),
        ]),
        ("ruby", "require 'a/b'\nrequire_relative 'c'\n", [Import("a/b", ALL), Import("./c", ALL)]),
        ("lua", 'local a = require("b.c")\nlocal d = require "e"\n', [
            Import("b.c", alias="a"), Import("e", alias="d"),
        ]),
        ("shellscript", 'source ./a.sh\n. "$HOME/b.sh"\n', [Import("./a.sh", ALL), Import("./b.sh", ALL)]),
    ],
)  # fmt: skip
def test_statements(language: str, text: str, expected: list[Import]) -> None:
    assert list(facts_in(language, dedent(text)).imports) == expected


FILES = (
    "pkg/__init__.py",
    "pkg/a.py",
    "pkg/sub/__init__.py",
    "pkg/sub/b.py",
    "src/lib_in_src/core.py",
    "libs/x/python/deep/mod.py",
    "web/src/api/index.ts",
    "web/src/api/client.ts",
    "web/src/view.tsx",
    "web/src/legacy.js",
    "packages/shared/src/index.ts",
    "packages/shared/src/dates.ts",
    "go/internal/units/units.go",
    "go/internal/units/more.go",
    "go/units/other.go",
    "crate/src/lib.rs",
    "crate/src/net.rs",
    "crate/src/net/error.rs",
    "crate/src/store/mod.rs",
    "other-crate/src/lib.rs",
    "java/src/main/java/org/example/Client.java",
    "java/src/main/java/org/example/net/Retry.java",
    "java/src/main/java/org/example/net/Wire.java",
    "c/src/net/wire.h",
    "c/include/units.h",
    "c/src/main.c",
    "php/src/Net/Retry.php",
    "ruby/lib/weather/client.rb",
    "ruby/lib/weather/net.rb",
    "lua/weather/net/init.lua",
    "scripts/lib/log.sh",
)


def meant(imported: Import, path: str, language: str) -> list[str]:
    """The files that an import means, best first."""
    found = (file for one in candidates(imported, path, language) for file in FILES if matches(one, file))
    return list(dict.fromkeys(found))


@pytest.mark.parametrize(
    ("language", "path", "imported", "expected"),
    [
        ("python", "pkg/a.py", Import(".sub.b", (("f", "f"),)), ["pkg/sub/b.py"]),
        ("python", "pkg/sub/b.py", Import("..a", (("f", "f"),)), ["pkg/a.py"]),
        ("python", "pkg/sub/b.py", Import("..", (("a", "a"),)), ["pkg/a.py", "pkg/__init__.py"]),
        ("python", "pkg/a.py", Import("....x", (("f", "f"),)), []),
        ("python", "tests/t.py", Import("pkg.sub", (("b", "b"),)), ["pkg/sub/b.py", "pkg/sub/__init__.py"]),
        ("python", "tests/t.py", Import("lib_in_src.core"), ["src/lib_in_src/core.py"]),
        ("python", "tests/t.py", Import("deep.mod"), ["libs/x/python/deep/mod.py"]),
        ("python", "tests/t.py", Import("os.path"), []),
        ("typescript", "web/src/view.tsx", Import("./api"), ["web/src/api/index.ts"]),
        ("typescriptreact", "web/src/view.tsx", Import("./api/client.js"), ["web/src/api/client.ts"]),
        ("typescript", "web/src/api/client.ts", Import("../view"), ["web/src/view.tsx"]),
        ("typescript", "web/src/api/client.ts", Import("."), ["web/src/api/index.ts"]),
        ("javascript", "web/src/api/client.ts", Import("../legacy"), ["web/src/legacy.js"]),
        ("typescript", "web/src/view.tsx", Import("@/api/client"), ["web/src/api/client.ts"]),
        ("typescript", "web/src/view.tsx", Import("@acme/shared"), ["packages/shared/src/index.ts"]),
        ("typescript", "web/src/view.tsx", Import("@acme/shared/dates"), ["packages/shared/src/dates.ts"]),
        ("typescript", "web/src/view.tsx", Import("node:fs"), []),
        (
            "go",
            "go/main.go",
            Import("example.com/w/internal/units"),
            ["go/internal/units/units.go", "go/internal/units/more.go"],
        ),
        ("go", "go/main.go", Import("fmt"), []),
        ("rust", "crate/src/lib.rs", Import("crate::net", (("Wire", "Wire"),)), ["crate/src/net.rs"]),
        (
            "rust",
            "crate/src/lib.rs",
            Import("crate::net", (("error", "error"),)),
            ["crate/src/net/error.rs", "crate/src/net.rs"],
        ),
        ("rust", "crate/src/net.rs", Import("self::error", alias="error"), ["crate/src/net/error.rs"]),
        ("rust", "crate/src/net/error.rs", Import("super", (("Wire", "Wire"),)), ["crate/src/net.rs"]),
        ("rust", "crate/src/net.rs", Import("crate::store", (("*", "*"),)), ["crate/src/store/mod.rs"]),
        ("rust", "crate/src/lib.rs", Import("self::net", alias="net"), ["crate/src/net.rs"]),
        ("rust", "crate/src/lib.rs", Import("other_crate", (("Thing", "Thing"),)), ["other-crate/src/lib.rs"]),
        (
            "java",
            "A.java",
            Import("org.example.Client", alias="Client"),
            ["java/src/main/java/org/example/Client.java"],
        ),
        (
            "java",
            "A.java",
            Import("org.example.net", ALL),
            ["java/src/main/java/org/example/net/Retry.java", "java/src/main/java/org/example/net/Wire.java"],
        ),
        ("c", "c/src/main.c", Import("net/wire.h", ALL), ["c/src/net/wire.h"]),
        ("c", "c/src/main.c", Import("../include/units.h", ALL), ["c/include/units.h"]),
        ("cpp", "c/src/main.cpp", Import("<units.h>", ALL), ["c/include/units.h"]),
        ("php", "php/a.php", Import("Weather\\Net\\Retry", alias="Retry"), ["php/src/Net/Retry.php"]),
        ("ruby", "ruby/lib/weather/client.rb", Import("./net", ALL), ["ruby/lib/weather/net.rb"]),
        ("ruby", "ruby/test.rb", Import("weather/net", ALL), ["ruby/lib/weather/net.rb"]),
        ("lua", "lua/a.lua", Import("weather.net", alias="net"), ["lua/weather/net/init.lua"]),
        ("shellscript", "scripts/run.sh", Import("./lib/log.sh", ALL), ["scripts/lib/log.sh"]),
        ("plaintext", "a.txt", Import("pkg.a"), []),
    ],
)
def test_files(language: str, path: str, imported: Import, expected: list[str]) -> None:
    assert meant(imported, path, language) == expected


@pytest.mark.parametrize(
    ("candidate", "path", "expected"),
    [
        ("a/b.py", "a/b.py", True),
        ("a/b.py", "x/a/b.py", False),
        ("**/a/b.py", "a/b.py", True),
        ("**/a/b.py", "x/y/a/b.py", True),
        ("**/a/b.py", "xa/b.py", False),
        ("**/a/*.go", "x/a/b.go", True),
        ("**/a/*.go", "x/a/b/c.go", False),
        ("**/a+b/[c].ts", "a+b/[c].ts", True),
    ],
)
def test_matches(candidate: str, path: str, expected: bool) -> None:
    assert matches(candidate, path) is expected


def test_candidates_stay_inside_the_folder() -> None:
    assert candidates(Import("../../../x"), "a/b.ts", "typescript") == ()
    assert candidates(Import("../../x.h", ALL), "a.c", "c") == ()


def test_whoever_reads_a_languages_imports_knows_what_files_they_name() -> None:
    assert imports._RULES.keys() == statements._READERS.keys()
