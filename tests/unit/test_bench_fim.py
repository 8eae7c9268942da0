"""Reading sets, and the figures."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tabby_lsp.bench import fim
from tabby_lsp.completion.families import Family
from tabby_lsp.completion.prompt import show
from tabby_lsp.errors import TabbyError

ROW = {"task_id": "t", "prompt": "a = ", "suffix": "\nb", "canonical_solution": "1"}


@pytest.mark.parametrize("zipped", [True, False])
def test_sets_are_read(tmp_path: Path, *, zipped: bool) -> None:
    path = tmp_path / ("set.jsonl.gz" if zipped else "set.jsonl")
    with gzip.open(path, "wt") if zipped else path.open("w") as file:
        file.write(json.dumps(ROW) + "\n" + json.dumps({"prefix": "x", "right_context": "", "groundtruth": "y"}) + "\n")
    first, second = fim.holes(path)
    assert first == fim.Hole("t", "a = ", "\nb", "1", "python")
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
        list(fim.holes(path))


@pytest.mark.parametrize(("text", "line"), [("a\nb", "a"), ("\n\n  b  \nc", "  b"), ("", ""), ("   \n", "")])
def test_first_line(text: str, line: str) -> None:
    assert fim.first_line(text) == line


def test_interval_holds_the_mean() -> None:
    mean, low, high = fim.interval([1.0] * 30 + [0.0] * 70)
    assert mean == pytest.approx(0.3)
    assert 0.2 < low < mean < high < 0.4
    assert fim.interval([]) == (0.0, 0.0, 0.0)


def test_plain_prompts() -> None:
    hole = fim.Hole("t", "before", "after", "", "python")
    assert show(fim.plain_prompt(Family("f", "<P>", "<S>", "<M>"), hole)) == "<P>before<S>after<M>"
    assert show(fim.plain_prompt(Family("f", "<P>", "<S>", order="suffix-prefix"), hole)) == "<S>after<P>before"
    assert show(fim.plain_prompt(Family("f"), hole)) == "before"
