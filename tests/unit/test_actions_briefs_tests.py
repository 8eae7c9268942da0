"""Where tests go, what they are written with, and what the model is told of it: in small projects on disk."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from unit.action_targets import MARK, words

from tabby_lsp.actions import suites
from tabby_lsp.actions.region import text_of
from tabby_lsp.actions.table import ACTIONS
from tabby_lsp.actions.types import Brief, Form, Span, Target, Workspace
from tabby_lsp.document import Position, Snapshot
from tabby_lsp.errors import ActionError
from tabby_lsp.syntax.languages import language_of
from tabby_lsp.syntax.trees import Trees

PYTHON = "class Shop:\n    def sell(self):\n        return 1█\n"
SCRIPT = "export function sell() {\n  return 1;█\n}\n"
GO = "package shop\n\nfunc Sell() int {\n\treturn 1█\n}\n"
JAVA = "package com.shop;\n\nclass Shop {\n  int sell() {\n    return 1;█\n  }\n}\n"
PYTEST = "import pytest\n\nfrom shop.stock import Stock\n\n\ndef test_stock():\n    assert Stock()\n"


def made(root: Path, path: str, source: str, files: dict[str, str], opened: dict[str, str] | None = None) -> Brief:
    """The brief for the function at the mark, in a folder with some files."""
    text = source.replace(MARK, "")
    for name, content in {**files, path: text}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    snapshot = Snapshot.of((root / path).as_uri(), language_of(path), 1, text)
    place = snapshot.position(source.index(MARK))
    target = Target(snapshot, Span(place, place), Trees().tree(snapshot))
    buffers = {
        root / name: Snapshot.of((root / name).as_uri(), language_of(name), 7, content)
        for name, content in (opened or {}).items()
    }
    where = Workspace(root, path, None, buffers.get, words, 4000)
    return asyncio.run(_brief(target, where))


async def _brief(target: Target, where: Workspace) -> Brief:
    return await ACTIONS["tests"].briefing(target, where)


@pytest.mark.parametrize(
    ("path", "source", "files", "expected", "told"),
    [
        # the subject's own test file
        ("src/shop/till.py", PYTHON, {"tests/test_till.py": PYTEST}, "tests/test_till.py", ["with pytest"]),
        # as another one is named and placed
        (
            "src/shop/till.py",
            PYTHON,
            {"tests/test_stock.py": PYTEST, "src/shop/__init__.py": ""},
            "tests/test_till.py",
            ["pytest", "from shop.till import Shop", "tests/test_stock.py", "def test_stock"],
        ),
        ("shop/till.py", PYTHON, {"shop/stock_test.py": PYTEST}, "shop/till_test.py", ["from shop.till import Shop"]),
        ("shop/net/till.py", PYTHON, {"tests/test_a.py": PYTEST, "tests/net/x": ""}, "tests/net/test_till.py", []),
        # by custom and manifest
        ("till.py", PYTHON, {}, "tests/test_till.py", ["with pytest", "from till import Shop"]),
        ("till.py", PYTHON, {"test/a": ""}, "test/test_till.py", ["from till import Shop"]),
        (
            "till.py",
            PYTHON,
            {"tests/test_a.py": "import unittest\n\nclass TestA(unittest.TestCase):\n    pass\n"},
            "tests/test_till.py",
            ["with unittest", "import unittest\n\nfrom till import Shop"],
        ),
        (
            "src/till.ts",
            SCRIPT,
            {"package.json": '{"devDependencies": {"vitest": "^3"}}'},
            "src/till.test.ts",
            ['import { describe, expect, it } from "vitest";', 'import { sell } from "./till";'],
        ),
        (
            "src/till.ts",
            SCRIPT,
            {"package.json": '{"devDependencies": {"ts-jest": "1"}}', "test/a.spec.ts": "it('a', () => {});\n"},
            "test/till.spec.ts",
            ["with Jest", 'import { sell } from "../src/till";'],
        ),
        (
            "src/till.mjs",
            SCRIPT,
            {"package.json": '{"scripts": {"test": "node --test"}}'},
            "src/till.test.mjs",
            ["node:test", 'import { sell } from "./till.mjs";'],
        ),
        (
            "src/till.ts",
            SCRIPT,
            {"package.json": '{"devDependencies": {"mocha": "1"}}'},
            "test/till.test.ts",
            ["with Mocha", "../src/till"],
        ),
        (
            "src/till.ts",
            SCRIPT,
            {"src/__tests__/a.test.ts": "import { x } from '../a.js';\n"},
            "src/__tests__/till.test.ts",
            ['from "../till.js";'],
        ),
        ("shop/till.go", GO, {}, "shop/till_test.go", ['package shop\n\nimport "testing"']),
        (
            "src/main/java/com/shop/Shop.java",
            JAVA,
            {"pom.xml": "<artifactId>junit-jupiter</artifactId>"},
            "src/test/java/com/shop/ShopTest.java",
            ["JUnit 5", "package com.shop;", "`ShopTest`"],
        ),
        ("lib/shop.rb", "def sell\n  1█\nend\n", {"Gemfile": 'gem "rspec"'}, "spec/shop_spec.rb", ["RSpec"]),
        (
            "src/Shop.php",
            "<?php\nnamespace A\\B;\nclass Shop {\n  function sell() {\n    return 1;█\n  }\n}\n",
            {},
            "tests/ShopTest.php",
            ["use A\\B\\Shop;", "PHPUnit"],
        ),
    ],
)
def test_the_place_and_the_framework(
    tmp_path: Path, path: str, source: str, files: dict[str, str], expected: str, told: list[str]
):
    brief = made(tmp_path, path, source, files)
    assert brief.form is Form.NEW
    assert brief.snapshot.uri == (tmp_path / expected).as_uri()
    assert brief.create == (expected not in files)
    assert brief.region.empty
    assert brief.snapshot.text == files.get(expected, "")
    for text in told:
        assert text in brief.messages[1].text


def test_a_test_file_is_extended_as_the_editor_has_it(tmp_path: Path):
    brief = made(tmp_path, "till.py", PYTHON, {"test_till.py": PYTEST}, {"test_till.py": PYTEST + "\n\n# typed\n"})
    assert brief.snapshot.version == 7
    assert brief.snapshot.text.endswith("# typed\n")
    assert brief.region.start == brief.snapshot.end
    assert "the new tests only" in brief.messages[1].text


def test_python_tests_go_in_front_of_what_runs_the_file(tmp_path: Path):
    text = "import unittest\n\n\nclass A(unittest.TestCase): ...\n\n\nif __name__ == '__main__':\n    unittest.main()\n"
    brief = made(tmp_path, "till.py", PYTHON, {"test_till.py": text})
    assert brief.snapshot.line_text(brief.region.start.line).startswith("if __name__")


def test_rust_tests_stand_in_the_file(tmp_path: Path):
    source = "pub fn sell() -> i32 {\n    1█\n}\n"
    brief = made(tmp_path, "src/till.rs", source, {})
    assert brief.snapshot.uri == (tmp_path / "src/till.rs").as_uri()
    assert not brief.create
    assert brief.region.start == brief.snapshot.end
    assert "#[cfg(test)]\nmod tests {\n    use super::*;" in brief.messages[1].text
    module = source + "\n#[cfg(test)]\nmod tests {\n    use super::*;\n\n    #[test]\n    fn a() {}\n}\n"
    brief = made(tmp_path, "src/till.rs", module, {})
    assert brief.snapshot.line_text(brief.region.start.line) == "}"
    assert "They are added to the module `tests`" in brief.messages[1].text


def test_a_test_file_with_a_secret_is_neither_shown_nor_changed(tmp_path: Path):
    key = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    with pytest.raises(ActionError, match="secret"):
        made(tmp_path, "till.py", PYTHON, {"tests/test_till.py": f"KEY = '{key}'\n"})
    brief = made(tmp_path, "other.py", PYTHON, {"tests/test_till.py": f"KEY = '{key}'\n"})
    assert key not in brief.messages[1].text


def test_what_is_installed_or_built_is_no_test_of_the_project(tmp_path: Path):
    files = {"node_modules/a/till.test.ts": "x", "dist/till.test.ts": "x", ".cache/till.test.ts": "x"}
    brief = made(tmp_path, "src/till.ts", SCRIPT, files)
    assert brief.snapshot.uri == (tmp_path / "src/till.test.ts").as_uri()


def test_a_large_folder_is_looked_through_no_further_than_it_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(suites, "MOST_ENTRIES", 5)
    files = {f"a{number}/b.txt": "" for number in range(9)} | {"z/test_till.py": PYTEST}
    brief = made(tmp_path, "till.py", PYTHON, files)
    assert brief.create


def test_a_document_of_no_folder_has_its_tests_beside(tmp_path: Path):
    snapshot = Snapshot.of((tmp_path / "till.py").as_uri(), "python", 1, PYTHON.replace(MARK, ""))
    place = Position(1, 8)
    target = Target(snapshot, Span(place, place), Trees().tree(snapshot))
    where = Workspace(None, "till.py", None, lambda path: None, words, 4000)
    brief = asyncio.run(_brief(target, where))
    assert brief.snapshot.uri == (tmp_path / "tests/test_till.py").as_uri()
    unsaved = Snapshot.of("untitled:Untitled-1", "python", 1, snapshot.text)
    with pytest.raises(ActionError, match="no file yet"):
        asyncio.run(_brief(Target(unsaved, Span(place, place), Trees().tree(unsaved)), where))


def test_a_test_region_is_a_place_in_the_document(tmp_path: Path):
    brief = made(tmp_path, "shop/till.go", GO, {"shop/till_test.go": 'package shop\n\nimport "testing"\n'})
    assert text_of(brief.snapshot, brief.region) == ""
    assert brief.allowed == (0, len(brief.snapshot.lines))


def test_links_lead_nothing_out_of_the_folder(tmp_path: Path):
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (outside / "test_stock.py").write_text(PYTEST)
    (outside / "pyproject.toml").write_text("unittest = 1\n")
    (root / "test_stock.py").symlink_to(outside / "test_stock.py")
    (root / "setup.cfg").symlink_to(outside / "setup.cfg")
    brief = made(root, "till.py", PYTHON, {})
    assert "test_stock" not in brief.messages[1].text
    assert brief.snapshot.uri == (root / "tests/test_till.py").as_uri()
    assert suites.read(root, root / "test_stock.py") == ""


@pytest.mark.parametrize("there", [True, False])
def test_no_tests_are_written_where_a_link_leads_outside(tmp_path: Path, there: bool):
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    if there:
        (outside / "test_till.py").write_text(PYTEST)
    (root / "tests").symlink_to(outside)
    with pytest.raises(ActionError, match="where a link leads"):
        made(root, "till.py", PYTHON, {})
    (root / "tests").unlink()
    (root / "tests").mkdir()
    (root / "tests/test_till.py").symlink_to(outside / "test_till.py")
    with pytest.raises(ActionError, match="where a link leads"):
        made(root, "till.py", PYTHON, {})


def test_it_is_the_test_file_that_holds_the_secret(tmp_path: Path):
    opened = {"tests/test_till.py": f"KEY = '{'ghp_' + 'a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8'}'\n"}
    with pytest.raises(ActionError, match=r"^test_till\.py looks"):
        made(tmp_path, "till.py", PYTHON, {"tests/test_till.py": ""}, opened)


CART = (
    "from dataclasses import dataclass\n\nLIMIT = 3\n\n\n@dataclass\nclass Line:\n    price: int\n\n"
    "    def twice(self):\n        return 2\n\n\ndef total(lines):\n    return len(lines)█\n"
)
LIST = (
    "export interface Track { name: string }\nconst secret = 1;\n"
    "export function next(all: Track[]) {\n  return all[0];█\n}\nfunction last() {}\n"
    "class Player {}\nexport {\n  Player,\n};\n"
)
ORDERS = "package shop\n\ntype Order struct{ Name string }\n\nfunc (o *Order) Total() int {\n\treturn 1█\n}\n"
STOCK = "pub struct Stock;\n\nimpl Stock {\n    pub fn sold() -> i32 {\n        1█\n    }\n}\n"
VITEST = 'import { describe, expect, it } from "vitest";'


@pytest.mark.parametrize(
    ("path", "source", "files", "expected"),
    [
        (
            "cart.py",
            CART,
            {},
            {
                "LIMIT": "from cart import LIMIT",
                "Line": "from cart import Line",
                "Line.twice": "",
                "total": "from cart import total",
            },
        ),
        (
            "list.ts",
            LIST,
            {"package.json": '{"devDependencies": {"vitest": "^3"}}'},
            {
                **dict.fromkeys(("describe", "expect", "it"), VITEST),
                "Track": 'import { Track } from "./list";',
                "next": 'import { next } from "./list";',
                "Player": 'import { Player } from "./list";',
            },
        ),
        ("orders.go", ORDERS, {}, {"testing": 'import "testing"', "Order": "", "Order.Total": ""}),
        ("orders.go", ORDERS, {"orders_test.go": "package shop\n"}, {"Order": "", "Order.Total": ""}),
        ("orders.go", ORDERS, {"orders_test.go": "package shop_test\n"}, {}),
        ("stock.rs", STOCK, {}, {"Stock": "", "Stock.sold": ""}),
        ("stock.rs", f"{STOCK}\nmod tests {{\n    fn made() {{}}\n}}\n", {}, {"Stock": "", "Stock.sold": ""}),
    ],
)
def test_a_brief_says_what_tests_need_not_define(
    tmp_path: Path, path: str, source: str, files: dict[str, str], expected: dict[str, str]
):
    assert dict(made(tmp_path, path, source, files).elsewhere) == expected
