"""What the menu offers: language by language, for a cursor, a selection, and with problems."""

from __future__ import annotations

import pytest
from unit.action_targets import at

from tabby_lsp.actions.fix import TITLE_CHARACTERS
from tabby_lsp.actions.offers import offers
from tabby_lsp.actions.region import text_of
from tabby_lsp.actions.table import ACTIONS
from tabby_lsp.actions.types import Offer, Target
from tabby_lsp.config import ActionSettings

PYTHON = '''\
import os


class Shop:
    """Sells."""

    limit = 3

    @property
    def stock(self):
        # counted
        return len(self.items)

    def sell(self, name):
        """Sell one."""
        del self.items[name]


def load(path):
    return os.path.joins(path)


print(load("x"))
'''
TYPESCRIPT = """\
import { read } from "./read";

/** A shop. */
export class Shop {
  limit = 3;

  async sell(name: string): Promise<void> {
    await this.items.delete(name);
  }
}

export const load = (path: string) => {
  return read(path);
};
"""
GO = """\
package shop

// Shop sells.
type Shop struct {
	items map[string]int
}

// Sell takes one out.
func (s *Shop) Sell(name string) error {
	delete(s.items, name)
	return nil
}

func load(path string) *Shop {
	return nil
}
"""
RUST = """\
pub struct Shop {
    items: Vec<String>,
}

impl Shop {
    /// Sells one.
    #[must_use]
    pub fn sell(&mut self) -> Option<String> {
        self.items.pop()
    }
}

fn load(path: &str) -> Shop {
    Shop { items: vec![] }
}

#[cfg(test)]
mod tests {
    #[test]
    fn loads() {
        assert!(true);
    }
}
"""
SOURCES = {"python": PYTHON, "typescript": TYPESCRIPT, "go": GO, "rust": RUST}
PRESETS = ("Simplify", "Add types", "Handle errors", "Rename for clarity")
SIMPLE = ActionSettings(disabled=("complete",))


def presets(name: str, *, typed: bool = True) -> list[str]:
    return [f"{title}: {name}" for title in PRESETS if typed or title != "Add types"]


def function(name: str, *, documented: bool = False, head: bool = True, typed: bool = True) -> list[str]:
    """What a function is offered, on its head or in its body."""
    document = [f"Update documentation of {name}" if documented else f"Document {name}"] if head else []
    return [f"Explain {name}", *document, f"Write tests for {name}", *presets(name, typed=typed)]


def at_text(language: str, text: str, *problems: tuple[str, str]) -> Target:
    """A cursor in front of a text."""
    source = SOURCES[language]
    assert source.count(text) == 1
    return at(language, source.replace(text, f"█{text}"), *problems)


def titles(found: tuple[Offer, ...]) -> list[str]:
    return [offer.title for offer in found]


@pytest.mark.parametrize(
    ("language", "cursor", "expected"),
    [
        ("python", "import os", []),
        ("python", "class Shop", ["Explain Shop", "Update documentation of Shop"]),
        ("python", "limit = 3", ["Explain Shop"]),
        ("python", "@property", function("stock")),
        ("python", "def stock", function("stock")),
        ("python", "# counted", function("stock")),
        ("python", "return len", function("stock", head=False)),
        ("python", "def sell", function("sell", documented=True)),
        ("python", "print(load", []),
        ("typescript", "import {", []),
        ("typescript", "/** A shop", ["Explain Shop", "Update documentation of Shop"]),
        ("typescript", "export class", ["Explain Shop", "Update documentation of Shop"]),
        ("typescript", "async sell", function("sell")),
        ("typescript", "await this", function("sell", head=False)),
        ("typescript", "export const", function("load")),
        ("typescript", "return read", function("load", head=False)),
        ("go", "package shop", []),
        ("go", "type Shop", ["Explain Shop", "Update documentation of Shop"]),
        ("go", "// Sell takes", function("Sell", documented=True, typed=False)),
        ("go", "delete(s", function("Sell", head=False, typed=False)),
        ("go", "func load", function("load", typed=False)),
        ("rust", "pub struct", ["Explain Shop", "Document Shop"]),
        ("rust", "#[must_use]", function("sell", documented=True, typed=False)),
        ("rust", "self.items.pop", function("sell", head=False, typed=False)),
        ("rust", "fn load(", function("load", typed=False)),
        ("rust", "assert!", ["Explain loads", *presets("loads", typed=False)]),
    ],
)
def test_a_cursor_is_offered_what_it_stands_in(language: str, cursor: str, expected: list[str]):
    assert titles(offers(at_text(language, cursor), SIMPLE)) == expected


@pytest.mark.parametrize(
    ("language", "cursor"),
    [("python", "return len"), ("typescript", "return read"), ("go", "delete(s"), ("rust", "self.items.pop")],
)
def test_kinds_are_those_of_the_table_and_titles_are_plain(language: str, cursor: str):
    found = offers(at_text(language, cursor, (cursor, "It is wrong.")), ActionSettings())
    assert found
    for offer in found:
        assert offer.kind == ACTIONS[offer.action].kind
        assert offer.title[0].isupper()
        assert not offer.title.endswith(".")
        assert not offer.preferred


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        ((), {"fix", "fix_all", "explain", "document", "tests", "rewrite", "complete"}),
        (("quickfix",), {"fix", "fix_all"}),
        (("refactor",), {"explain", "document", "tests", "rewrite", "complete"}),
        (("refactor.rewrite",), {"document", "rewrite", "complete"}),
        (("refactor.re",), set()),
        (("source",), set()),
        (("source", "quickfix"), {"fix", "fix_all"}),
        (("",), {"fix", "fix_all", "explain", "document", "tests", "rewrite", "complete"}),
    ],
)
def test_only_kinds_that_are_asked_for(only: tuple[str, ...], expected: set[str]):
    target = at_text("python", "def stock", ("def stock", "One."), ("self.items)", "Two."))
    assert {offer.action for offer in offers(target, ActionSettings(), only)} == expected


def test_each_problem_of_the_line_is_offered_worst_first_and_all_of_the_function():
    source = "def f(a):\n    b = aa + cc█\n    return dd\n\n\ndef g():\n    return ee\n"
    target = at("python", source, ("aa", "No aa.\nIt is gone."), ("cc", "No cc."), ("dd", "No dd."), ("ee", "No ee."))
    found = [offer for offer in offers(target, ActionSettings()) if offer.kind == "quickfix"]
    assert titles(tuple(found)) == ["Fix: No aa", "Fix: No cc", "Fix all 3 problems in f"]
    assert [problem.message for problem in found[2].problems] == ["No aa.\nIt is gone.", "No cc.", "No dd."]
    assert [offer.action for offer in found] == ["fix", "fix", "fix_all"]


def test_one_problem_is_not_all_and_the_same_twice_is_one():
    target = at("python", "def f():\n    return dd█\n", ("dd", "No dd."), ("dd", "No dd."))
    assert titles(offers(target, ActionSettings(), ("quickfix",))) == ["Fix: No dd"]


def test_a_problem_outside_of_functions_can_be_fixed_too():
    target = at("python", "import os\n█print(xx)\n", ("xx", '"xx" is not defined'))
    assert titles(offers(target, SIMPLE)) == ['Fix: "xx" is not defined']


def test_a_long_message_is_cut_between_words():
    target = at("python", "█print(xx)\n", ("xx", "Argument of type " + "`Something` " * 20))
    (title,) = titles(offers(target, SIMPLE))
    assert len(title) <= TITLE_CHARACTERS
    assert title.endswith("`Something`…")


@pytest.mark.parametrize(
    ("source", "expected", "region"),
    [
        # part of a function: whole statements of it
        ("def f(a):\n    x = a\n█    y = █x\n    return y\n", "selection", "    y = x"),
        ("def f(a):\n    if a:\n█        g()█\n    return 1\n", "selection", "        g()"),
        ("def f(a):\n█    if a:█\n        g()\n    return 1\n", "selection", "    if a:\n        g()"),
        (
            "def f(a):\n    if a:\n        g()\n█    else:\n        h()█\n",
            "selection",
            "    if a:\n        g()\n    else:\n        h()",
        ),
        ("█x = [\n    1,█\n    2,\n]\n", "selection", "x = [\n    1,\n    2,\n]"),
        # all of a function is that function
        ("█def f(a):\n    return a\n█\n\nx = 1\n", "f", "def f(a):\n    return a"),
        ("█@cache\ndef f(a):\n    return a█\n", "f", "@cache\ndef f(a):\n    return a"),
    ],
)
def test_a_selection_is_widened_to_whole_statements(source: str, expected: str, region: str):
    target = at("python", source)
    (offer,) = [one for one in offers(target, SIMPLE) if one.title.startswith("Simplify")]
    assert offer.title == f"Simplify: {expected}"
    assert text_of(target.snapshot, offer.span) == region


def test_a_selection_in_braces_takes_the_closing_one():
    target = at("go", "package a\n\nfunc f() {\n█\tif b {\n\t\tc()█\n\t}\n\td()\n}\n")
    (offer,) = [one for one in offers(target, SIMPLE) if one.title.startswith("Simplify")]
    assert text_of(target.snapshot, offer.span) == "\tif b {\n\t\tc()\n\t}"


def test_a_selected_function_can_be_documented_and_tested_and_a_part_of_it_explained():
    whole = at("python", "█def f(a):\n    return a█\n")
    assert titles(offers(whole, SIMPLE))[:3] == ["Explain f", "Document f", "Write tests for f"]
    part = at("python", "def f(a):\n    x = 1\n█    return a█\n")
    assert titles(offers(part, SIMPLE))[:2] == ["Explain selection", "Simplify: selection"]


def test_text_without_a_grammar_is_offered_what_makes_sense_on_a_selection():
    settings = ActionSettings(presets=("Shorten: Say it in fewer words.",), disabled=("complete",))
    assert titles(offers(at("plaintext", "one █line\n"), settings)) == []
    selected = at("plaintext", "█one line█\n", ("one", "Spelling."))
    assert titles(offers(selected, settings)) == ["Explain selection", "Shorten: selection"]


def test_presets_of_the_user_come_last_and_need_an_instruction():
    settings = ActionSettings(presets=("Log: Log what it does: all of it.", "Empty:", "No colon", " : x"))
    found = offers(at_text("go", "delete(s"), settings)
    assert titles(found)[-1] == "Log: Sell"
    assert found[-1].instruction == "Log what it does: all of it."
    assert [one for one in titles(found) if one.startswith(("Empty", "No colon", ":"))] == []


def test_what_is_switched_off_is_not_offered():
    target = at_text("python", "return len")
    settings = ActionSettings(presets=("Log: Log it.",), disabled=("rewrite", "explain", "complete"))
    assert titles(offers(target, settings)) == ["Write tests for stock"]
    assert offers(target, ActionSettings(enabled=False)) == ()


def test_tests_are_not_offered_in_tests():
    target = at("python", "def test_f():\n    █assert f()\n", path="tests/test_main.py")
    assert "tests" not in {offer.action for offer in offers(target, ActionSettings())}


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
def test_other_line_endings_are_no_difference(ending: str):
    source = PYTHON.replace("return len", "█return len").replace("\n", ending)
    found = offers(at("python", source), SIMPLE)
    if ending == "\r\n":
        assert titles(found) == ["Explain stock", "Write tests for stock", *presets("stock")]
    # a grammar that takes a lone carriage return for blank space finds less, and nothing wrong
    assert all(offer.span.end.line < len(PYTHON.splitlines()) for offer in found)


@pytest.mark.parametrize(
    "source", ["█", "█\n\n", "def f(█", "class A:\n  def (█\n", "\x00█\x00", "def f():\n    ('\ud800'█)\n"]
)
def test_broken_and_empty_documents_are_no_fault(source: str):
    for language in SOURCES:
        offers(at(language, source), ActionSettings())


def test_a_selection_of_thousands_of_lines_is_not_read(monkeypatch: pytest.MonkeyPatch):
    target = at("python", "█" + "def f():\n    return 1\n\n\n" * 400 + "█")
    read: list[tuple[object, ...]] = []
    monkeypatch.setattr("tabby_lsp.actions.scope.found_in", lambda *asked: read.append(asked) or ([], []))
    monkeypatch.setattr("tabby_lsp.actions.region.captures", lambda *asked: read.append(asked) or {})
    assert titles(offers(target, SIMPLE))[0] == "Explain selection"
    assert read == []
