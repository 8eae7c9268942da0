"""What the server's code actions are made of, where no client is needed to see it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from tabby_lsp.actions.offers import is_kind
from tabby_lsp.actions.table import ACTIONS
from tabby_lsp.lsp import showing
from tabby_lsp.lsp.action_runs import OTHERWISE, asked
from tabby_lsp.lsp.actions import KINDS
from tabby_lsp.lsp.running import LONGEST_TITLE, Run
from tabby_lsp.lsp.server import TabbyServer


def test_the_kinds_are_those_of_the_table() -> None:
    assert set(KINDS) == {action.kind for action in ACTIONS.values()}
    assert not any(is_kind(kind, "source") for kind in KINDS), "VS Code runs those when a file is saved"
    assert set(OTHERWISE) <= set(ACTIONS)


@pytest.mark.parametrize(
    ("argument", "wanted"),
    [
        (None, ("", "", None, "", None, False)),
        ([], ("", "", None, "", None, False)),
        ({"action": 1, "uri": [], "range": "x", "version": "2", "reply": 1}, ("", "", None, "", None, False)),
        ({"action": "fix_all"}, ("fix_all", "", None, "Fix all", None, False)),
        ({"action": "fix", "range": {"start": {}, "end": {}}}, ("fix", "", None, "Fix", None, False)),
        ({"action": "fix", "range": {"start": {"line": 0, "character": 1e999}}}, ("fix", "", None, "Fix", None, False)),
        (
            {"action": "x", "range": {"start": {"line": 1, "character": 2}, "end": {"line": 3, "character": 4}}},
            ("x", "", types.Range(types.Position(1, 2), types.Position(3, 4)), "X", None, False),
        ),
        (
            {"action": "x", "lines": [2, 3]},
            ("x", "", types.Range(types.Position(1, 0), types.Position(3, 0)), "X", None, False),
        ),
        ({"action": "x", "lines": [0, "x"]}, ("x", "", None, "X", None, False)),
        (
            {"action": "fix", "uri": "file:///a", "title": "Fix: it", "version": 3, "reply": True},
            ("fix", "file:///a", None, "Fix: it", 3, True),
        ),
    ],
)  # fmt: skip
def test_whatever_a_client_sends_is_read(argument: Any, wanted: tuple[object, ...]) -> None:
    found = asked(argument)
    assert (found.action, found.uri, found.range, found.title, found.version, found.reply) == wanted


def test_a_rewrite_is_named_after_its_instruction() -> None:
    assert asked({"instruction": "use a set"}, "rewrite").title == "Rewrite: use a set"
    run = Run(TabbyServer(), "file:///a", "Rewrite: " + "very " * 100)
    assert len(run.title) == LONGEST_TITLE
    assert run.title.endswith("…")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with files that texts name."""
    (tmp_path / "src").mkdir()
    for name in ("src/a b.py", "src/main.py", "Makefile.am"):
        (tmp_path / name).write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("see src/main.py:12.", "see [`src/main.py:12`]({uri}#L12)."),
        ("see `src/main.py:12-14` and", "see [`src/main.py:12-14`]({uri}#L12) and"),
        ("(src/main.py:3)", "(src/main.py:3)"),
        ("src/none.py:3", "src/none.py:3"),
        ("[src/main.py:3](x)", "[src/main.py:3](x)"),
        ("http://host/src/main.py:80", "http://host/src/main.py:80"),
        ("../src/main.py:3", "../src/main.py:3"),
        ("```\nsrc/main.py:1\n```\nsrc/main.py:2", "```\nsrc/main.py:1\n```\n[`src/main.py:2`]({uri}#L2)"),
        ("~~~~\n```\nsrc/main.py:1\n~~~~", "~~~~\n```\nsrc/main.py:1\n~~~~"),
        ("nothing at all", "nothing at all"),
    ],
)
def test_references_become_links(text: str, wanted: str, root: Path) -> None:
    uri = (root / "src/main.py").as_uri()
    assert showing.linked(text, root) == wanted.replace("{uri}", uri)


def test_old_answers_are_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = showing.answers_folder()
    written = [showing.write("Explain: total / Grüße", f"number {n}") for n in range(showing.KEPT + 5)]
    assert len(set(written[: showing.KEPT])) == showing.KEPT, "none is written over while an editor shows it"
    left = sorted(folder.iterdir())
    assert len(left) == showing.KEPT
    assert written[-1] in left
    assert written[-1].read_text("utf-8") == f"# Explain: total / Grüße\n\nnumber {showing.KEPT + 4}\n"
    assert folder.stat().st_mode & 0o077 == 0, "it holds code"

    long_ago = time.time() - showing.KEPT_S - 1
    for path in left:
        os.utime(path, (long_ago, long_ago))
    last = showing.write("../../up", "text")
    assert list(folder.iterdir()) == [last]
    assert last.name == "up.md"
