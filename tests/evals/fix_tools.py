"""Compilers, checkers and interpreters that judge a function: a row a language, and a reason where one is not here.

What is run was written by a model. It runs in an empty folder with the fence of `tabby-lsp bench fim --execute`: no
network and no privileges where the machine can do that, limits on time and files everywhere. Compilers run without it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import tomllib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from definition_sites import LIST, Package, unpack
from fix_cases import Fault, word_at

from tabby_lsp.actions.types import Problem, Span
from tabby_lsp.bench.edited.releases import Release
from tabby_lsp.bench.fim.execution import NOBODY, fence
from tabby_lsp.document import Position
from tabby_lsp.errors import TabbyError

TOOL_S = 300
"""Seconds for a compiler or checker; the first run of one fills its caches."""
RUN_S = 20
"""Seconds for one check."""
LIMITS = ("--cpu=10", f"--fsize={1 << 20}", "--core=0")
PLACE = r"^(?:vet: )?(?:\./)?(?P<key>\w+)/(?P<file>[\w.]+)"
GO_LINE = re.compile(PLACE + r":(?P<line>\d+):(?P<column>\d+): (?P<code>)(?P<message>.*)$")
TSC_LINE = re.compile(PLACE + r"\((?P<line>\d+),(?P<column>\d+)\): error (?P<code>TS\d+): (?P<message>.*)$")
TS_CONFIG = {
    "strict": True, "noUncheckedIndexedAccess": True, "target": "es2022", "module": "es2022",
    "moduleResolution": "bundler", "types": [],
}  # fmt: skip
PY_CONFIG = {"pythonVersion": "3.11", "typeCheckingMode": "standard", "enableTypeIgnoreComments": False}
GO_ALONE = {"GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOTOOLCHAIN": "local", "GOWORK": "off"}
"""No module is fetched, and no other Go than the one that is here."""
SEVERITIES = {"error": 1, "warning": 2, "information": 3}


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a check: whether it passed, and what it complained of, in one line."""

    passed: bool
    complaint: str


Said = dict[str, tuple[Problem, ...]]
Texts = Mapping[str, tuple[str, str]]
"""A file's name and text, by a word that becomes the name of its folder."""


@dataclass(frozen=True, slots=True)
class Tools:
    """One language.

    Attributes:
        program: which must be on the path.
        diagnose: what the tool says about texts, all in one go.
        build: makes a folder with the text and its check ready, and gives the command that runs it.
        version: what the program is asked to see whether it runs at all.
    """

    program: str
    diagnose: Callable[[Path, Texts], Said]
    build: Callable[[Path, Fault], Sequence[str]]
    version: str = "--version"


def missing(language: str, *, offline: bool = False) -> str:
    """Why a language cannot be judged here; empty where it can.

    Args:
        language: a row of `TOOLS`.
        offline: whether TypeScript must not be fetched.
    """
    program = TOOLS[language].program
    if not shutil.which(program):
        return f"{program} is not installed"
    if subprocess.run([program, TOOLS[language].version], capture_output=True, check=False).returncode:
        return f"{program} is there and does not run"  # a manager's stand-in for one that was not chosen
    if language == "typescript":
        try:
            typescript(offline=offline)
        except TabbyError as error:
            return str(error)
    return ""


def diagnose(language: str, texts: Texts) -> Said:
    """What the language's tool says about some texts, each for itself.

    Raises:
        subprocess.SubprocessError: the tool itself failed.
    """
    with tempfile.TemporaryDirectory(prefix="tabby-lsp-") as name:
        folder = Path(name)
        for key, (file, text) in texts.items():
            (folder / key).mkdir()
            (folder / key / file).write_text(text, "utf-8")
        said = TOOLS[language].diagnose(folder, texts)
    return {key: tuple(sorted(said.get(key, ()), key=lambda one: one.span.start)) for key in texts}


def check(fault: Fault, text: str) -> Run:
    """Build a text with its file's check, and run it."""
    tools = TOOLS[fault.language]
    with tempfile.TemporaryDirectory(prefix="tabby-lsp-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / fault.source.name).write_text(text, "utf-8")
        shutil.copy(fault.check, folder)
        try:
            command = tools.build(folder, fault)
        except subprocess.CalledProcessError as error:
            return Run(False, _first(f"{error.stdout}{error.stderr}") or "it does not build")
        return _confined(folder, command, COMPLAINTS[fault.language])


def typescript(*, offline: bool = False) -> Path:
    """The compiler, in the version of the evaluation of definitions; fetched into the user's cache.

    Raises:
        TabbyError: it cannot be had.
    """
    row = tomllib.loads(LIST.read_text("utf-8"))["typescript"]
    release = Release("typescript", "npm", row["version"], row["sha256"])
    return unpack(Package("typescript", "", "lib/", "", release), offline=offline) / "lib" / "tsc.js"


def _confined(folder: Path, command: Sequence[str], complaint: re.Pattern[str]) -> Run:
    """Run a command behind the fence."""
    within = fence()
    limits = (found, *LIMITS) if (found := shutil.which("prlimit")) else ()
    if os.geteuid() == 0 and within.launcher:
        os.chown(folder, NOBODY, NOBODY)
    with (folder / "said").open("w+b") as said:
        child = subprocess.Popen(
            (*within.launcher, *limits, *command),
            cwd=folder,
            env={"PATH": os.defpath, "HOME": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
        try:
            code = child.wait(RUN_S)
        except subprocess.TimeoutExpired:
            return Run(False, "it does not end")
        finally:
            with suppress(ProcessLookupError):  # its whole group: what has other rights than its parent survives that
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        said.seek(0)
        text = said.read().decode(errors="replace")
    found = complaint.search(text)
    return Run(code == 0, "" if code == 0 else found[1].strip() if found else _first(text))


def _tool(
    command: Sequence[str], folder: Path, variables: Mapping[str, str] | None = None, *, strict: bool = False
) -> str:
    """What a compiler or checker prints; its exit code only counts where it is strict."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **(variables or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=TOOL_S,
        check=strict,
        text=True,
    )
    return done.stdout if command[0] == "pyright" else done.stdout + done.stderr


def _first(text: str) -> str:
    lines = (line.strip() for line in text.splitlines() if not line.startswith("#"))  # Go heads its own with one
    return next(filter(None, lines), "")[:200]


def _pyright(folder: Path, texts: Texts) -> Said:
    (folder / "pyrightconfig.json").write_text(json.dumps(PY_CONFIG))
    said: defaultdict[str, tuple[Problem, ...]] = defaultdict(tuple)
    for one in json.loads(_tool(("pyright", "--outputjson"), folder))["generalDiagnostics"]:
        start, end = (
            Position(one["range"][side]["line"], one["range"][side]["character"]) for side in ("start", "end")
        )
        problem = Problem(
            Span(start, end), _plain(one["message"]), one.get("rule", ""), "Pyright", SEVERITIES[one["severity"]]
        )
        said[Path(one["file"]).parent.name] += (problem,)
    return said


def _plain(message: str) -> str:
    return message.replace("\xa0", " ")  # pyright indents with them


def _tsc(folder: Path, texts: Texts) -> Said:
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": {**TS_CONFIG, "noEmit": True}}))
    return _lines(_tool(("node", str(typescript()), "-p", ".", "--pretty", "false"), folder), TSC_LINE, "ts", texts)


def _go(folder: Path, texts: Texts) -> Said:
    (folder / "go.mod").write_text("module fixes\n\ngo 1.18\n")
    built = _lines(_tool(("go", "build", "./..."), folder, GO_ALONE), GO_LINE, "compiler", texts)
    vetted = _lines(_tool(("go", "vet", "./..."), folder, GO_ALONE), GO_LINE, "vet", texts)
    return {**vetted, **built}  # what does not build is not vetted


def _lines(output: str, shape: re.Pattern[str], source: str, texts: Texts) -> Said:
    """Read diagnostics that are lines; lines below one that are indented belong to it."""
    said: defaultdict[str, list[Problem]] = defaultdict(list)
    key = ""
    for line in output.splitlines():
        if found := shape.match(line):
            key = found["key"]
            place = word_at(texts[key][1], int(found["line"]) - 1, int(found["column"]) - 1)
            said[key].append(Problem(place, found["message"], found["code"], source))
        elif key and line[:1].isspace():
            last = said[key].pop()
            said[key].append(Problem(last.span, f"{last.message}\n{line.rstrip()}", last.code, source))
    return {key: tuple(problems) for key, problems in said.items()}


def _rustc(folder: Path, texts: Texts) -> Said:
    return {key: tuple(_rust_said(folder / key / file, text)) for key, (file, text) in texts.items()}


def _rust_said(path: Path, text: str) -> list[Problem]:
    options = ("--edition=2021", "--crate-type=lib", "--emit=metadata", "--error-format=json")
    found: list[Problem] = []
    for line in _tool(("rustc", *options, path.name), path.parent).splitlines():
        one = json.loads(line)
        for span in one.get("spans", ()):
            if span["is_primary"]:
                start, end = ((span[f"line_{side}"] - 1, span[f"column_{side}"] - 1) for side in ("start", "end"))
                message = "\n".join(filter(None, (one["message"], span["label"])))
                code = (one["code"] or {}).get("code", "")
                found.append(
                    Problem(Span(Position(*start), Position(*end)), message, code, "rustc", SEVERITIES[one["level"]])
                )
                break
    return found


def _build_python(folder: Path, fault: Fault) -> Sequence[str]:
    return (sys.executable, "-B", "-E", "-s", fault.check.name)


def _build_typescript(folder: Path, fault: Fault) -> Sequence[str]:
    (folder / "package.json").write_text('{"type": "module"}')
    options = {**TS_CONFIG, "noCheck": True, "noLib": True}  # only the types go: they were checked before
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": options, "files": [fault.source.name]}))
    _tool(("node", str(typescript()), "-p", "."), folder)
    return (str(shutil.which("node")), fault.check.name)


def _build_go(folder: Path, fault: Fault) -> Sequence[str]:
    (folder / "go.mod").write_text("module fixes\n\ngo 1.18\n")
    (folder / fault.check.name).rename(folder / f"{fault.source.stem}_test.go")
    _tool(("go", "test", "-c", "-vet=off", "-o", "checks"), folder, GO_ALONE, strict=True)
    return (str(folder / "checks"),)


def _build_rust(folder: Path, fault: Fault) -> Sequence[str]:
    _tool(
        ("rustc", "--edition=2021", "--test", "--cap-lints=allow", "-o", "checks", fault.check.name),
        folder,
        strict=True,
    )
    return (str(folder / "checks"),)


COMPLAINTS = {
    language: re.compile(pattern, re.MULTILINE)
    for language, pattern in {
        "python": r"^(\w*(?:Error|Overdrawn)\b.*)$",
        "typescript": r"^\w*Error(?: \[\w+\])?: (.*)$",
        "go": r"^\s+\w+_test\.go:\d+: (.*)$",
        "rust": r"^(assertion .*(?:\n  \w+: .*)*)$",
    }.items()
}
"""The line of a failed check's output that says what is wrong."""

TOOLS: dict[str, Tools] = {
    "python": Tools("pyright", _pyright, _build_python),
    "typescript": Tools("node", _tsc, _build_typescript),
    "go": Tools("go", _go, _build_go, "version"),
    "rust": Tools("rustc", _rustc, _build_rust),
}
