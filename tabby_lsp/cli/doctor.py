"""`tabby-lsp doctor`: what is on this machine, what works, and the remedy for each thing that does not."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from tabby_lsp import __version__
from tabby_lsp.config import Settings
from tabby_lsp.errors import TabbyError

SLOW_DECODE = 10.0
"""Generated tokens a second below which a suggestion of one line (12 tokens) takes more than a second."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: its name.
        ok: whether it is as it should be.
        value: what was found.
        remedy: what to do where it is not ok.
    """

    what: str
    ok: bool
    value: str
    remedy: str = ""


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `doctor`."""
    parser.add_argument("--json", action="store_true", help="the findings as JSON")


def run(args: argparse.Namespace) -> int:
    """Print the findings; 1 where one of them is a fault."""
    from tabby_lsp import log, options
    from tabby_lsp.config import LogSettings

    log.configure(LogSettings(level="error"))
    resolved = options.resolve(Path.cwd())
    findings: list[Finding] = []
    for look in (_versions, _machine, _paths, _settings_faults(resolved.faults), _languages, _index, _model):
        findings += look(resolved.settings)
    if args.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        _show(findings)
    return 0 if all(finding.ok for finding in findings) else 1


def _versions(_: Settings) -> list[Finding]:
    import importlib.metadata

    names = ("llama-cpp-python", "pygls", "lsprotocol", "tree-sitter")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    return [
        Finding("tabby-lsp", ok=True, value=f"{__version__} ({versions})"),
        Finding("python", ok=True, value=f"{platform.python_version()} at {sys.executable}"),
    ]


def _machine(settings: Settings) -> list[Finding]:
    from tabby_lsp.engine import hardware
    from tabby_lsp.engine.llama import library
    from tabby_lsp.engine.llama.model import threads_for

    library.prepare_threads(settings.engine.openmp_wait)
    try:
        features = library.system_info()
    except (ImportError, OSError, RuntimeError) as error:
        remedy = "Install it again: `pip install --force-reinstall --no-binary llama-cpp-python llama-cpp-python`."
        return [Finding("llama.cpp", ok=False, value=f"cannot be loaded: {error}", remedy=remedy)]
    on = ", ".join(part.split(" = ")[0].strip() for part in features.split("|") if " = 1" in part)
    gpu = hardware.gpu_bytes()
    offload = library.can_offload()
    wasted = bool(gpu) and not offload
    return [
        Finding("cpu", ok=True, value=f"{threads_for(settings.engine)} threads; {on}"),
        Finding("memory", ok=True, value=f"{hardware.memory_bytes() >> 20} MiB"),
        Finding(
            "gpu",
            ok=not wasted,
            value=f"{gpu >> 20} MiB, the build {'can' if offload else 'cannot'} offload" if gpu else "none found",
            remedy="Build llama-cpp-python for it: docs/install.md." if wasted else "",
        ),
    ]


def _paths(settings: Settings) -> list[Finding]:
    from tabby_lsp import options
    from tabby_lsp.engine.opening import verdict_cache
    from tabby_lsp.engine.store import ModelStore

    models = ModelStore.of(settings).directory
    found = [Finding("config file", ok=True, value=_existing(options.config_file()))]
    for what, folder in (("models folder", models), ("verdict cache", verdict_cache())):
        writable = _writable(folder)
        remedy = "" if writable else f"Make {folder} writable, or name another folder (model.directory)."
        found.append(Finding(what, ok=writable, value=_existing(folder), remedy=remedy))
    return found


def _existing(path: Path) -> str:
    return str(path) if path.exists() else f"{path} (not there yet)"


def _writable(folder: Path) -> bool:
    nearest = next((parent for parent in (folder, *folder.parents) if parent.exists()), Path("/"))
    return nearest.is_dir() and os.access(nearest, os.W_OK)


def _settings_faults(faults: tuple[object, ...]) -> Callable[[Settings], list[Finding]]:
    def look(_: Settings) -> list[Finding]:
        if not faults:
            return [Finding("settings", ok=True, value="no faults")]
        remedy = "Correct it; the default is used until then."
        return [Finding("settings", ok=False, value=str(fault), remedy=remedy) for fault in faults]

    return look


def _languages(_: Settings) -> list[Finding]:
    from tabby_lsp.syntax.grammars import grammar
    from tabby_lsp.syntax.languages import LANGUAGES

    rows = [(row.name, row.ids[0] if row.ids else row.name) for row in LANGUAGES if row.module]
    missing = [name for name, identifier in rows if grammar(identifier) is None]
    value = f"{len(rows) - len(missing)} of {len(rows)} grammars"
    remedy = f"Install the wheels for {', '.join(missing)}; these languages are cut by lines until then."
    return [Finding("syntax", ok=not missing, value=value, remedy=remedy if missing else "")]


def _index(settings: Settings) -> list[Finding]:
    from tabby_lsp.engine.disk import format_size
    from tabby_lsp.index.places import Places

    if not settings.index.enabled:
        return [Finding("index", ok=True, value="switched off (index.enabled)")]
    places = Places.of(settings.index)
    if not _writable(places.directory):
        remedy = f"Make {places.directory} writable, or name another folder (index.directory)."
        return [Finding("index", ok=False, value=_existing(places.directory), remedy=remedy)]
    found = places.all()
    size = format_size(sum(place.size for place in found))
    return [Finding("index", ok=True, value=f"{len(found)} folders, {size}, in {_existing(places.directory)}")]


def _model(settings: Settings) -> list[Finding]:
    from tabby_lsp.engine.llama.preflight import preflight
    from tabby_lsp.engine.opening import find_model, verdict_cache

    try:
        model = find_model(settings)
    except TabbyError as error:
        return [Finding("model", ok=False, value=error.message, remedy=error.remedy)]
    found = [Finding("model", ok=not model.note, value=f"{model.name} at {model.path}", remedy=model.note)]
    try:
        verdict = preflight(model.path, settings.engine, cache=verdict_cache(), measure=True).require()
    except TabbyError as error:
        return [*found, Finding("preflight", ok=False, value=error.message, remedy=error.remedy)]
    buffers = "on" if verdict.extra_buffers else "off"
    speed = f"prefill {verdict.prefill:.0f}, decode {verdict.decode:.0f} tokens a second"
    slow = verdict.decode < SLOW_DECODE
    remedy = "Choose a smaller model, close what else runs, or use a GPU (docs/install.md)."
    return [
        *found,
        Finding("preflight", ok=True, value=f"{verdict.build}; repacked buffers {buffers}; {verdict.memory >> 20} MiB"),
        Finding("speed", ok=not slow, value=speed, remedy=remedy if slow else ""),
    ]


def _show(findings: list[Finding]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    for finding in findings:
        mark = Text("✓", "green") if finding.ok else Text("✗", "bold red")
        table.add_row(mark, Text(finding.what, "bold"), Text(finding.value))
        if finding.remedy:
            table.add_row("", "", Text(f"→ {finding.remedy}", "yellow"))
    Console(highlight=False).print(table)
