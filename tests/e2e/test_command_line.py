"""The commands as a user runs them, with the real model; and what they say when something is wrong."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HOLE = '''def mean(values):
    """The arithmetic mean of a non-empty list."""
    total = 0.0
    for value in values:
{}
    return total / len(values)
'''.format(" " * 8)


@pytest.fixture(scope="module")
def environment(model_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    cache = tmp_path_factory.mktemp("cache")
    return {
        **os.environ,
        "TABBY_LSP_MODELS": str(model_directory),
        "TABBY_LSP_CONFIG": os.devnull,
        "XDG_CACHE_HOME": str(cache),
        "NO_COLOR": "1",
        "COLUMNS": "200",
    }


def run(environment: dict[str, str], *args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tabby_lsp", *args]
    return subprocess.run(
        command, env=environment, input=stdin, capture_output=True, text=True, timeout=240, check=False
    )


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("source") / "mean.py"
    path.write_text(HOLE)
    return path


def test_complete_as_json(environment: dict[str, str], source: Path) -> None:
    done = run(environment, "complete", f"{source}:5:9", "--json", "--show-prompt")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["reason"] == "shown"
    (suggestion,) = said["suggestions"]
    assert suggestion["range"]["start"] == {"line": 5, "column": 9}
    lines = HOLE.split("\n")
    lines[4] += suggestion["text"]
    ast.parse("\n".join(lines))
    assert "return total" not in suggestion["text"]
    assert said["tokens"]["evaluated"] + said["tokens"]["reused"] >= said["tokens"]["prompt"]
    assert said["tokens"]["generated"] > 0
    assert {"window", "model", "postprocess", "prefill", "decode"} <= said["timings_ms"].keys()
    assert said["prompt"].startswith("<|fim_prefix|>")


def test_complete_in_place_from_stdin(environment: dict[str, str]) -> None:
    done = run(environment, "complete", "/dev/stdin:5:9", "--language", "python", stdin=HOLE)
    assert done.returncode == 0, done.stderr
    assert "for value in values:" in done.stdout
    assert "return total / len(values)" in done.stdout
    assert "prompt tokens evaluated" in done.stdout


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("complete", "nowhere.py:1:1"), "cannot be read"),
        (("complete", "mean.py"), "is no place"),
        (("complete", "mean.py:0:1"), "is no place"),
        (("models", "pull", "no-such-model"), "no-such-model"),
        (("models", "path", "no-such-model"), "no-such-model"),
        (("bench", "fim", "nowhere.jsonl"), "nowhere.jsonl"),
    ],
)
def test_wrong_use_is_explained(environment: dict[str, str], args: tuple[str, ...], said: str) -> None:
    done = run(environment, *args)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_position_outside_the_file_is_clamped(environment: dict[str, str], source: Path) -> None:
    done = run(environment, "complete", f"{source}:500:500", "--json")
    assert done.returncode in (0, 1)
    assert json.loads(done.stdout)["reason"]


def test_no_model(environment: dict[str, str], source: Path, tmp_path: Path) -> None:
    done = run({**environment, "TABBY_LSP_MODELS": str(tmp_path)}, "complete", f"{source}:5:9")
    assert done.returncode == 1
    assert "There is no model" in done.stderr
    assert "models pull" in done.stderr


def test_doctor(environment: dict[str, str]) -> None:
    done = run(environment, "doctor", "--json")
    findings = {finding["what"]: finding for finding in json.loads(done.stdout)}
    assert {"python", "cpu", "gpu", "model", "preflight", "speed", "syntax", "config file"} <= findings.keys()
    assert findings["preflight"]["ok"], findings["preflight"]
    assert "tokens a second" in findings["speed"]["value"]
    assert all(finding["remedy"] for finding in findings.values() if not finding["ok"])


def test_doctor_finds_faults(environment: dict[str, str], tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[completion]\nmax_linez = 3\n[model]\npath = "/nowhere/model.gguf"\n')
    done = run({**environment, "TABBY_LSP_CONFIG": str(config)}, "doctor")
    assert done.returncode == 1
    assert "max_linez" in done.stdout
    assert "/nowhere/model.gguf" in done.stdout


def test_fill_in_the_middle_set(environment: dict[str, str], tmp_path: Path) -> None:
    before, after = HOLE.split("        \n")
    row = {"task_id": "one", "prompt": before, "suffix": after, "canonical_solution": "        total += value\n"}
    rows, out = tmp_path / "set.jsonl", tmp_path / "out.json"
    rows.write_text(json.dumps(row) + "\n")
    done = run(environment, "bench", "fim", str(rows), "--json", str(out))
    assert done.returncode == 0, done.stderr
    (scores,) = json.loads(out.read_text()).values()  # of the one model
    assert scores.keys() == {"pipeline", "plain"}
    assert scores["pipeline"][0]["exact"] is True


def test_help_and_version(environment: dict[str, str]) -> None:
    assert run(environment, "--version").stdout.startswith("tabby-lsp ")
    told = run(environment, "--help").stdout
    assert all(command in told for command in ("complete", "models", "doctor", "config", "bench", "serve"))
