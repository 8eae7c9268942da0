"""Files of the same kind beside a file: by the table of names, and by what both define."""

from __future__ import annotations

import pytest

from tabby_lsp.index.lookup.memory_table import MemoryTable
from tabby_lsp.index.lookup.siblings import siblings
from tabby_lsp.index.types import Why
from tabby_lsp.syntax.symbols.types import Definition, Facts, Kind


def table(paths: list[str], names: dict[str, list[str]] | None = None) -> MemoryTable:
    facts = {}
    for path in paths:
        defined = (names or {}).get(path, [path])
        facts[path] = Facts(
            tuple(Definition(name, Kind.FUNCTION, at, at + 1, f"def {name}():") for at, name in enumerate(defined))
        )
    return MemoryTable(facts)


def found(path: str, *others: str) -> list[str]:
    return [snippet.path for snippet in siblings(table([path, *others]), path, 8)]


@pytest.mark.parametrize(
    ("path", "sibling"),
    [
        ("tests/unit/test_client.py", "app/client.py"),
        ("app/client.py", "tests/unit/test_client.py"),
        ("app/client_test.py", "app/_client.py"),
        ("net/dial.go", "net/dial_test.go"),
        ("net/dial_test.go", "net/dial.go"),
        ("src/cart.ts", "src/__tests__/cart.test.ts"),
        ("src/Cart.spec.tsx", "src/Cart.tsx"),
        ("src/cart.js", "src/index.js"),
        ("src/main/java/a/Cart.java", "src/test/java/a/CartTest.java"),
        ("src/test/java/a/CartTest.java", "src/main/java/a/Cart.java"),
        ("src/a/CartImpl.java", "src/a/Cart.java"),
        ("lib/cart.rb", "spec/cart_spec.rb"),
        ("src/net/tcp.rs", "src/net/mod.rs"),
        ("src/cart.cpp", "include/cart.h"),
        ("include/cart.hpp", "src/cart.cc"),
        ("stubs/cart.pyi", "stubs/cart.py"),
        ("app/cart.py", "app/__init__.py"),
    ],
)
def test_names_that_belong_together(path: str, sibling: str) -> None:
    assert found(path, sibling, "elsewhere/other.py", "elsewhere/Other.java", "x/unrelated.go") == [sibling]


@pytest.mark.parametrize(
    ("path", "other"),
    [
        ("app/cart.py", "lib/__init__.py"),
        ("app/cart.py", "app/basket.py"),
        ("app/__init__.py", "lib/__init__.py"),
        ("src/cart.ts", "other/index.ts"),
        ("README", "LICENSE"),
        ("Makefile", "app/cart.py"),
    ],
)
def test_names_that_do_not(path: str, other: str) -> None:
    assert found(path, other) == []


def test_the_subject_in_the_nearer_folder_comes_first() -> None:
    assert found("shop/tests/test_cart.py", "bank/cart.py", "shop/cart.py") == ["shop/cart.py", "bank/cart.py"]


def test_files_of_one_folder_that_define_the_same_names_are_alike() -> None:
    paths = ["app/json_codec.py", "app/xml_codec.py", "app/main.py", "lib/yaml_codec.py"]
    names = {path: ["encode", "decode", "media_type"] for path in paths if "codec" in path}
    hits = siblings(table(paths, names), "app/json_codec.py", 8)
    assert [hit.path for hit in hits] == ["app/xml_codec.py"]
    assert hits[0].why is Why.SIBLING
    assert hits[0].symbols == ("encode", "decode", "media_type")
    assert "def encode()" in hits[0].text


def test_the_limit_holds_and_a_file_without_definitions_says_nothing() -> None:
    paths = ["a/test_cart.py", *(f"p{number}/cart.py" for number in range(6))]
    assert len(siblings(table(paths), paths[0], 3)) == 3
    assert siblings(table(paths, {path: [] for path in paths[1:]}), paths[0], 3) == ()
