"""The log: where records go, that configuring again changes and never doubles, and that a bad file is no crash."""

from __future__ import annotations

import logging
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from tabby_lsp import log
from tabby_lsp.config import LogSettings

OWN = logging.getLogger("tabby_lsp.test")


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Put logging back, so that the other tests keep theirs."""
    names = ("", "tabby_lsp", *log.THIRD_PARTY)
    levels = {name: logging.getLogger(name).level for name in names}
    yield
    for handler in [
        handler for handler in logging.getLogger().handlers if (handler.name or "").startswith("tabby-lsp.")
    ]:
        logging.getLogger().removeHandler(handler)
        handler.close()
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def ours() -> list[str | None]:
    return [handler.name for handler in logging.getLogger().handlers if (handler.name or "").startswith("tabby-lsp.")]


def test_records_go_to_stderr_and_never_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(LogSettings())
    OWN.info("hello %s", "there")
    OWN.debug("unseen")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith(" I tabby_lsp.test: hello there\n")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("level", "own", "theirs"),
    [("debug", "DIWE", "WE"), ("info", "IWE", "WE"), ("warning", "WE", "WE"), ("error", "E", "E")],
)
@pytest.mark.parametrize("name", [*log.THIRD_PARTY, "some.library"])
def test_levels(
    capsys: pytest.CaptureFixture[str],
    level: Literal["debug", "info", "warning", "error"],
    own: str,
    theirs: str,
    name: str,
) -> None:
    log.configure(LogSettings(level=level))
    for logger, seen in ((OWN, own), (logging.getLogger(name), theirs)):
        for severity in ("debug", "info", "warning", "error"):
            getattr(logger, severity)("message")
        assert "".join(line.split()[1] for line in capsys.readouterr().err.splitlines()) == seen


def test_configuring_again_replaces(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    stranger = logging.NullHandler()
    logging.getLogger().addHandler(stranger)
    one, two = tmp_path / "one.log", tmp_path / "two.log"
    for file in (one, one, two):
        log.configure(LogSettings(file=str(file)))
        assert ours() == ["tabby-lsp.stderr", "tabby-lsp.file"]
        OWN.info("once")
    log.configure(LogSettings())
    OWN.info("stderr alone")
    assert ours() == ["tabby-lsp.stderr"]
    assert stranger in logging.getLogger().handlers
    logging.getLogger().removeHandler(stranger)
    assert one.read_text(encoding="utf-8").count("once") == 2
    assert two.read_text(encoding="utf-8").count("once") == 1
    assert capsys.readouterr().err.count("once") == 3


def test_the_file_is_made_with_its_folder_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "server.log"
    log.configure(LogSettings(file=str(path)))
    OWN.info("caf\u00e9 \ud800")
    assert path.read_text(encoding="utf-8").endswith(" I tabby_lsp.test: caf\u00e9 \\ud800\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) & 0o077 == 0


def test_a_long_log_is_rotated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "FILE_BYTES", 200)
    path = tmp_path / "server.log"
    log.configure(LogSettings(file=str(path)))
    for number in range(50):
        OWN.info("record %d", number)
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["server.log", "server.log.1", "server.log.2", "server.log.3"]
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)
    assert "record 49" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("file", ["{folder}", "{folder}/file/inside.log", "/dev/null/x.log", "a\0b", "~nobody-here/x"])
def test_a_file_that_cannot_be_written_is_a_warning(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, file: str
) -> None:
    (tmp_path / "file").write_text("no folder")
    log.configure(LogSettings(file=file.format(folder=tmp_path)))
    OWN.info("still here")
    err = capsys.readouterr().err
    assert " W tabby_lsp.log: no log file: " in err
    assert "still here" in err
    assert ours() == ["tabby-lsp.stderr"]
