"""Reading sets, the figures, and the command with a tiny model."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import tiny

from tabby_lsp.bench.fim import holes
from tabby_lsp.cli import main
from tabby_lsp.completion.families import Family
from tabby_lsp.completion.prompt import show
from tabby_lsp.errors import TabbyError

ROW = {"task_id": "t", "prompt": "a = ", "suffix": "\nb", "canonical_solution": "1"}


@pytest.mark.parametrize("zipped", [True, False])
def test_sets_are_read(tmp_path: Path, *, zipped: bool) -> None:
    path = tmp_path / ("set.jsonl.gz" if zipped else "set.jsonl")
    with gzip.open(path, "wt") if zipped else path.open("w") as file:
        file.write(json.dumps(ROW) + "\n" + json.dumps({"prefix": "x", "right_context": "", "groundtruth": "y"}) + "\n")
    first, second = holes.read(path)
    assert first == holes.Hole("t", "a = ", "\nb", "1", "python")
    assert (second.prefix, second.suffix, second.middle) == ("x", "", "y")


@pytest.mark.parametrize(
    ("content", "said"),
    [('{"prompt": "a", "suffix": "b"}\n', "has no middle"), ("no json\n", "cannot be read"), (None, "cannot be read")],
)
def test_what_cannot_be_read_is_explained(tmp_path: Path, content: str | None, said: str) -> None:
    path = tmp_path / "set.jsonl"
    if content is not None:
        path.write_text(content)
    with pytest.raises(TabbyError, match=said):
        list(holes.read(path))


@pytest.mark.parametrize(("text", "line"), [("a\nb", "a"), ("\n\n  b  \nc", "  b"), ("", ""), ("   \n", "")])
def test_first_line(text: str, line: str) -> None:
    assert holes.first_line(text) == line


def test_interval_holds_the_mean() -> None:
    mean, low, high = holes.interval([1.0] * 30 + [0.0] * 70)
    assert mean == pytest.approx(0.3)
    assert 0.2 < low < mean < high < 0.4
    assert holes.interval([]) == (0.0, 0.0, 0.0)


def test_plain_prompts() -> None:
    hole = holes.Hole("t", "before", "after", "", "python")
    assert show(holes.plain_prompt(Family("f", "<P>", "<S>", "<M>"), hole)) == "<P>before<S>after<M>"
    assert show(holes.plain_prompt(Family("f", "<P>", "<S>", order="suffix-prefix"), hole)) == "<S>after<P>before"
    assert show(holes.plain_prompt(Family("f"), hole)) == "before"


TESTED = {
    "task_id": "SingleLineInfilling/HumanEval/0/L0",
    "entry_point": "double",
    "prompt": "def double(n):\n",
    "canonical_solution": "    return 2 * n\n",
    "suffix": "",
    "test": "def check(candidate):\n    assert candidate(4) == 8\n",
}


def score(text: str) -> holes.Score:
    return holes.Score("t", False, 0.0, "shown", 0, 0, 0.0, text)


def write(path: Path, *rows: Mapping[str, object]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_tests_are_read_where_they_can_be_run(tmp_path: Path) -> None:
    rows = list(holes.read(write(tmp_path / "set.jsonl", TESTED, ROW, TESTED | {"lang": "java"})))
    assert [(hole.test, hole.entry_point) for hole in rows] == [
        (TESTED["test"], "double"),
        ("", ""),
        ("", "double"),
    ]


def test_the_whole_suggestion_is_judged(tmp_path: Path) -> None:
    hole = next(holes.read(write(tmp_path / "set.jsonl", TESTED)))
    texts = (
        TESTED["canonical_solution"],
        "    return 2 * n",
        "    n += n\n    return n",  # its first line alone would not do
        "    return 3 * n",
        "    import sys; sys.exit(0)",
        "",
    )
    judged = holes.judge([score(text) for text in texts], [hole] * len(texts))
    assert [one.verdict for one in judged] == ["passed"] * 3 + ["AssertionError", "SystemExit", "IndentationError"]
    assert [one.text for one in judged] == list(texts)


def test_rows_without_tests_are_not_judged() -> None:
    assert holes.judge([score("1")], [holes.Hole("t", "a = ", "", "1", "python")]) == [score("1")]


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    tiny.write_model(folder / "small.gguf")
    monkeypatch.setenv("TABBY_LSP_MODELS", str(folder))
    monkeypatch.setenv("TABBY_LSP_CONFIG", "/dev/null")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")
    return folder


def test_the_command_measures_models_and_variants(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other, out = tiny.write_model(tmp_path / "other.gguf"), tmp_path / "out.json"
    path = write(tmp_path / "set.jsonl", TESTED, ROW)
    words = ["bench", "fim", str(path), "--model", "small", "--model", str(other), "--json", str(out)]
    assert main([*words, "--execute", "--sampler", "infill", "--set", "completion.max_tokens=2"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("--execute: code that the model wrote is run on this machine")
    assert said.count("1 have tests") == 4
    found = json.loads(out.read_text())
    assert {name: list(modes) for name, modes in found.items()} == {
        "small": ["pipeline", "plain"],
        "other": ["pipeline", "plain"],
    }
    for by_mode in found.values():
        first, second = by_mode["pipeline"]
        assert first["verdict"]
        assert first["generated"] <= 4  # what `--set` says, and what is healed
        assert second["verdict"] == ""


def test_context_is_measured_where_holes_bring_files(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.json"
    context = {"list": [{"filename": "a.py", "retrieved_chunk": "A = 1"}]}
    path = write(tmp_path / "set.jsonl", ROW, ROW | {"task_id": "brings", "crossfile_context": context})
    words = ["--mode", "pipeline", "--context", "none", "--context", "all", "--set", "completion.max_tokens=2"]
    assert main(["bench", "fim", str(path), *words, "--json", str(out)]) == 0
    assert "1 of 2 holes bring no files" in capsys.readouterr().out
    (found,) = json.loads(out.read_text()).values()
    assert {mode: [row["hole"] for row in rows] for mode, rows in found.items()} == {
        "pipeline, none": ["brings"],
        "pipeline, all": ["brings"],
    }
    assert main(["bench", "fim", str(write(path, ROW)), *words]) == 1
    assert "No hole" in capsys.readouterr().err


@pytest.mark.parametrize("cold", [True, False])
def test_a_cold_hole_reuses_nothing(models: Path, tmp_path: Path, *, cold: bool) -> None:
    out = tmp_path / "out.json"
    path = write(tmp_path / "set.jsonl", ROW, ROW | {"task_id": "again"})
    words = ["--mode", "plain", "--set", "completion.max_tokens=2", *(["--cold"] if cold else [])]
    assert main(["bench", "fim", str(path), *words, "--json", str(out)]) == 0
    (found,) = json.loads(out.read_text()).values()
    first, again = found["plain"]
    assert (first["hole"], again["hole"]) == ("t", "again")
    assert (again["evaluated"] == first["evaluated"]) is cold


def test_a_set_without_tests_is_named(models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "set.jsonl", ROW)
    assert main(["bench", "fim", str(path), "--mode", "plain", "--execute"]) == 0
    assert "no tests in this set" in capsys.readouterr().out
    assert main(["bench", "fim", str(path), "--mode", "plain"]) == 0
    out = capsys.readouterr().out
    assert "no tests in this set" not in out
    assert "--execute" not in out


@pytest.mark.parametrize(
    "words", [["--model", "missing"], ["--set", "completion.max=3"], ["--sampler", "dice"], ["--set", "x"]]
)
def test_nothing_else_is_measured_than_what_was_named(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert main(["bench", "fim", str(write(tmp_path / "set.jsonl", ROW)), *words]) == 1
    assert words[1].partition("=")[0] in capsys.readouterr().err
