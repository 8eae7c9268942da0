"""Which models are measured, that one's failure is not the others', and which one is chosen."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import tiny

from tabby_lsp.bench import models
from tabby_lsp.bench.models import Candidate, choose
from tabby_lsp.bench.replay import turns
from tabby_lsp.bench.replay.clock import Clock
from tabby_lsp.bench.results import report
from tabby_lsp.bench.results.report import Estimate
from tabby_lsp.bench.types import Change, Hunk, Script, Session, Show, Shown, State, Usage
from tabby_lsp.cli import main
from tabby_lsp.cli.bench import overrides
from tabby_lsp.engine import catalog
from tabby_lsp.engine.store import ModelStore
from tabby_lsp.errors import ModelMissing, TabbyError

CATALOG = catalog.load(Path(os.devnull))
PLAN = turns.Plan(Clock("patient", patience_s=2))


# ---- the rule -------------------------------------------------------------------------------------------------------


def figures(saved: float, ms: float | None, spread: float = 0.01) -> dict[str, Estimate]:
    return {
        "saved": Estimate(saved, saved - spread, saved + spread, 9),
        "waited_all_p50": Estimate(ms, ms, ms, 9 if ms else 0),
    }


@pytest.mark.parametrize(
    ("found", "name", "said"),
    [
        ({"a": figures(0.3, 100), "b": figures(0.2, 20)}, "a", ["30.0%", "29.0% to 31.0%", "the 2 (of 2)", "100 ms"]),
        ({"a": figures(0.3, 300.0), "b": figures(0.2, 20)}, "a", ["300 ms"]),
        ({"a": figures(0.3, 300.1), "b": figures(0.2, 20)}, "b", ["the only one", "20.0%", "20 ms"]),
        ({"a": figures(0.3, 900), "b": figures(0.2, 400)}, "b", ["no model", "fastest with 400 ms", "20.0%"]),
        ({"a": figures(0.2, 90), "b": figures(0.2, 50)}, "b", ["do not tell it from a"]),
        ({"a": figures(0.25, 90, 0.1), "b": figures(0.2, 50, 0.1)}, "a", ["do not tell it from b"]),
        ({"a": figures(0.3, None), "b": figures(0.1, 50)}, "b", ["the only one"]),
        ({"a": figures(0.3, 50)}, "a", ["the only model", "30.0%", "50 ms"]),
        ({"a": figures(0.0, None)}, "", ["No model suggested anything"]),
        ({}, "", ["No model suggested anything"]),
    ],
)
def test_the_choice_and_its_reason(found: dict[str, dict[str, Estimate]], name: str, said: list[str]) -> None:
    chosen, sentence = choose(found)
    assert chosen == name
    assert all(part in sentence for part in said), sentence
    assert sentence.endswith(".")
    assert sentence.count(". ") == 0


def test_a_clear_difference_is_not_doubted() -> None:
    assert "do not tell" not in choose({"a": figures(0.3, 90), "b": figures(0.2, 50)})[1]


# ---- which models ---------------------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "mine.gguf").write_bytes(b"x")
    (folder / "empty.gguf").touch()
    (folder / CATALOG.default.file).write_bytes(b"of the wrong size")
    return ModelStore(folder)


def test_all_that_is_installed_and_whole(store: ModelStore) -> None:
    assert models.candidates(store, CATALOG) == [Candidate("mine", store.directory / "mine.gguf")]


def test_models_for_chat_alone_are_left_out(store: ModelStore) -> None:
    chat = [model for model in CATALOG.models if "completion" not in model.roles]
    for model in chat:
        with store.path(model).open("wb") as file:
            file.truncate(model.size or 1)
    assert [one.name for one in models.candidates(store, CATALOG)] == ["mine"]
    assert all(models.candidates(store, CATALOG, [model.name]) for model in chat)


def test_named_ones(store: ModelStore, tmp_path: Path) -> None:
    other = tmp_path / "other.gguf"
    other.write_bytes(b"x")
    named = models.candidates(store, CATALOG, ["mine", str(other), "mine"])
    assert named == [Candidate("mine", store.directory / "mine.gguf"), Candidate("other", other)]


@pytest.mark.parametrize("name", ["missing", "empty", "/no/where.gguf", CATALOG.default.name])
def test_what_is_not_there_is_said(store: ModelStore, name: str) -> None:
    with pytest.raises(ModelMissing, match="is not there"):
        models.candidates(store, CATALOG, [name])


def test_an_empty_folder_and_two_of_one_name_are_said(store: ModelStore, tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="no model"):
        models.candidates(ModelStore(tmp_path / "nothing"), CATALOG)
    (tmp_path / "mine.gguf").write_bytes(b"y")
    with pytest.raises(TabbyError, match="one name"):
        models.candidates(store, CATALOG, ["mine", str(tmp_path / "mine.gguf")])


# ---- the run --------------------------------------------------------------------------------------------------------


class Fake:
    """A contestant that shows the same to every key, or does not start."""

    alive = 0

    def __init__(self, name: str, text: str = "", *, broken: bool = False) -> None:
        self.name, self.text, self.broken = name, text, broken
        self.most_alive = 0

    async def start(self, show: Show) -> None:
        if self.broken:
            raise TabbyError("cut short", "pull it again")
        self.show = show
        Fake.alive += 1

    async def open(self, state: State) -> None:
        self.most_alive = max(self.most_alive, Fake.alive)

    def moved(self, state: State) -> None: ...

    def pressed(self, state: State, change: Change, *, ask: bool) -> None:
        if ask:
            self.show(Shown(state.version, self.text))

    async def idle(self) -> float:
        return 0.0

    async def close(self, uri: str) -> None: ...

    def saved(self, state: State) -> None: ...

    async def usage(self) -> Usage:
        return Usage(0.0, 1.0)

    async def stop(self) -> None:
        if not self.broken:
            Fake.alive -= 1


HUNKS = (Hunk(6, 0, "value = 2\n"),)
SCRIPTS = [Script(f"{n}.py", "commit", "python", "a = 1\n", HUNKS, "a = 1\nvalue = 2\n") for n in range(2)]


async def test_one_failure_costs_no_others_figures_and_one_model_is_alive_at_a_time() -> None:
    good, silent = Fake("good", "alue = 2"), Fake("silent")
    sessions: list[Session] = []
    said: list[str] = []
    failed = await models.measure([Fake("bad", broken=True), good, silent], SCRIPTS, PLAN, said.append, sessions)
    assert {name: error.remedy for name, error in failed.items()} == {"bad": "pull it again"}
    assert [s.contestant for s in sessions] == ["good", "good", "silent", "silent"]
    assert (good.most_alive, silent.most_alive, Fake.alive) == (1, 1, 0)
    run = models.run_of(sessions, PLAN, "here", ["bench"])
    assert list(run.figures) == ["good", "silent"]
    assert list(run.comparisons) == ["silent"]
    assert (run.figures["good"]["saved"].value or 0) > 0.5
    assert run.figures["silent"]["saved"].value == 0
    assert choose(run.figures)[0] == "good"


def test_no_sessions_give_an_empty_run() -> None:
    run = models.run_of([], PLAN, "here", [])
    assert (dict(run.figures), dict(run.comparisons)) == ({}, {})


# ---- settings for one measurement -----------------------------------------------------------------------------------


def test_pairs_become_what_a_client_sends() -> None:
    pairs = ["completion.max_tokens=48", "offline=true", "completion.disabled_languages=a,b", "model.name=x"]
    assert overrides.initialization_options(pairs) == {
        "completion": {"max_tokens": 48, "disabled_languages": ("a", "b")},
        "offline": True,
        "model": {"name": "x"},
    }
    assert overrides.initialization_options([], "q.gguf") == {"model": {"path": "q.gguf"}}
    assert overrides.initialization_options([], "q") == {"model": {"name": "q"}}


@pytest.mark.parametrize("pair", ["nothing", "completion.max_tokens=many", "completion.maximum=3", "max_tokens=3"])
def test_what_cannot_be_set_is_not_measured(pair: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABBY_LSP_CONFIG", os.devnull)
    with pytest.raises(TabbyError, match=r"--set .*"):
        overrides.resolve(overrides.initialization_options([pair]))


def test_what_is_set_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABBY_LSP_CONFIG", os.devnull)
    settings = overrides.resolve(overrides.initialization_options(["completion.sampler=infill", "engine.threads=1"]))
    assert (settings.completion.sampler, settings.engine.threads) == ("infill", 1)


# ---- the whole command ----------------------------------------------------------------------------------------------


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    who = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")

    def git(*words: str) -> None:
        subprocess.run(("git", *who, "-C", str(folder), *words), check=True, capture_output=True)

    git("init")
    for text in ("def f(x):\n    return x\n", "def f(x):\n    y = x + 1\n    return y\n"):
        (folder / "a.py").write_text(text)
        git("add", ".")
        git("commit", "-m", "x")
    return folder


def test_the_command_measures_real_servers(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    tiny.truncate(tiny.write_model(folder / "good.gguf"), folder / "broken.gguf")
    monkeypatch.setenv("TABBY_LSP_MODELS", str(folder))
    monkeypatch.setenv("TABBY_LSP_CONFIG", os.devnull)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    words = ["bench", "models", "--repo", str(repository), "--limit", "1", "--json", "run.json"]
    assert main([*words, "--set", "completion.max_tokens=8"]) == 0
    out, err = capsys.readouterr()
    assert "good is the only model that was measured: it saves" in out
    assert "broken could not be measured" in err
    run = report.load(tmp_path / "run.json")
    assert list(run.figures) == ["good"]
    assert json.loads((tmp_path / "run.json").read_text())["corpus"] == "history of repository"
    assert "history of repository" in (tmp_path / "tabby-lsp-bench.html").read_text("utf-8")
