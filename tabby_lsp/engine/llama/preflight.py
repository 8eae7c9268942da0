"""One token in a child process, before this process trusts a model file and a llama.cpp build.

A bad file or a miscompiled build ends a process without a word. So the first load and the first tokens happen in a
child; its verdict is kept for as long as file, build, CPU and settings stay the same. Repacked weight buffers are
off where the CPU has AMX (docs/decisions/0003), and a crash is tried once more with them off before it is believed.

Run as `python -m tabby_lsp.engine.llama.preflight` the module is the child: a JSON order on stdin, a JSON verdict
on stdout.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tabby_lsp.config import EngineSettings
from tabby_lsp.errors import ModelMissing, ModelUnusable, TabbyError

logger = logging.getLogger(__name__)

TIMEOUT_S = 300
"""A child that takes longer is ended: a 32B model from a cold disk needs about a minute."""
SAMPLE = 1 << 20
"""Bytes at both ends of a file that stand for all of it: hashing 30 GB at each start would take half a minute."""
PROBE = "def add(a, b):\n    return a + b\n\n\ndef sub(a, b):\n    return a - b\n\n\n"
SPEED_TOKENS = 128, 16
"""Tokens of prefill and of decoding for the speed that `doctor` reports."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the child found.

    Attributes:
        ok: whether a token was decoded.
        extra_buffers: whether repacked weight buffers were on when it was.
        message: what is wrong, for a person.
        remedy: what to do about it.
        build: the library that judged.
        features: the CPU features that the library uses.
        memory: bytes that weights and KV cache need.
        prefill: prompt tokens a second, 0 where it was not measured.
        decode: generated tokens a second, 0 where it was not measured.
    """

    ok: bool
    extra_buffers: bool = True
    message: str = ""
    remedy: str = ""
    build: str = ""
    features: str = ""
    memory: int = 0
    prefill: float = 0.0
    decode: float = 0.0

    def require(self) -> Verdict:
        """The verdict itself, where it is good.

        Raises:
            ModelUnusable: with the verdict's message and remedy.
        """
        if not self.ok:
            raise ModelUnusable(self.message, self.remedy)
        return self


def fingerprint(path: Path) -> str:
    """What tells one model file from another: its size and the hash of both its ends.

    Raises:
        ModelMissing: the file cannot be read.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            digest = hashlib.sha256(file.read(SAMPLE))
            file.seek(max(0, size - SAMPLE))
            digest.update(file.read(SAMPLE))
    except OSError as error:
        raise ModelMissing(
            f"{path} cannot be read: {error.strerror or error}.", "`tabby-lsp models list` shows what there is."
        ) from error
    return f"{size}-{digest.hexdigest()[:32]}"


def preflight(
    path: Path, settings: EngineSettings, *, cache: Path | None, fresh: bool = False, measure: bool = False
) -> Verdict:
    """Whether this machine can run this file; from the cache where nothing has changed.

    Args:
        path: a GGUF file.
        settings: how llama.cpp would run.
        cache: a folder for verdicts; None, or one that cannot be written, asks the child each time.
        fresh: ask the child even where a verdict is cached.
        measure: have the child measure tokens a second.

    Raises:
        ModelMissing: the file cannot be read.
    """
    order = {"path": str(path), "settings": asdict(settings), "measure": measure}
    relevant = {k: v for k, v in order["settings"].items() if k != "idle_unload_s"}
    key = hashlib.sha256(
        json.dumps([fingerprint(path), _build_stamp(), _cpu(), relevant], sort_keys=True).encode()
    ).hexdigest()[:24]
    kept = cache / f"{key}.json" if cache else None
    if kept and not fresh and not measure and (verdict := _read(kept)) is not None:
        return verdict
    verdict = _ask(order, settings)
    if kept and verdict.ok:  # a fault may have been a moment's: full memory, a file that is still being copied
        _keep(kept, verdict)
    return verdict


def _ask(order: dict[str, Any], settings: EngineSettings) -> Verdict:
    first = {"auto": None, "on": True, "off": False}[settings.extra_buffers]
    verdict, code = _child({**order, "extra_buffers": first})
    crashed = verdict is None
    if crashed and first is not False:
        logger.warning("preflight ended with code %s; trying without repacked weight buffers", code)
        verdict, code = _child({**order, "extra_buffers": False})
    if verdict is not None:
        return verdict
    how = f"signal {-code}" if code < 0 else f"code {code}"
    return Verdict(
        ok=False,
        message=f"llama.cpp ended with {how} while it tried {Path(order['path']).name}.",
        remedy="Rebuild llama-cpp-python (see docs/install.md), or choose another model.",
    )


def _child(order: dict[str, Any]) -> tuple[Verdict | None, int]:
    # -P: an editor starts us in the user's project, and a `json.py` in there is not the one we mean
    command = [sys.executable, "-P", "-m", "tabby_lsp.engine.llama.preflight"]
    paths = [os.environ.get("PYTHONPATH", ""), str(Path(__file__).parents[3])]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "GGML_NO_BACKTRACE": "1",  # a child that aborts would start a debugger first
    }
    try:
        done = subprocess.run(
            command,
            input=json.dumps(order).encode(),
            capture_output=True,
            timeout=TIMEOUT_S,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        message = f"Loading {Path(order['path']).name} took more than {TIMEOUT_S} s."
        return Verdict(ok=False, message=message, remedy="Choose a smaller model."), 0
    try:
        return Verdict(**json.loads(done.stdout)), done.returncode
    except (ValueError, TypeError):
        logger.info("preflight said: %s", done.stderr.decode("utf-8", "replace")[-2000:])
        return None, done.returncode


def _build_stamp() -> str:
    """The library's identity without loading it into this process."""
    import importlib.metadata
    import importlib.util

    try:
        version = importlib.metadata.version("llama-cpp-python")
        spec = importlib.util.find_spec("llama_cpp")
        folder = Path(spec.origin).parent / "lib" if spec and spec.origin else Path()
        stamps = sorted((p.name, p.stat().st_size, p.stat().st_mtime_ns) for p in folder.glob("lib*"))
    except (importlib.metadata.PackageNotFoundError, OSError) as error:
        return f"unknown: {error}"
    return f"{version} {stamps}"


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return "\n".join(sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))}))
    except OSError:
        import platform

        return f"{platform.machine()} {platform.processor()}"


def _read(path: Path) -> Verdict | None:
    try:
        return Verdict(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _keep(path: Path, verdict: Verdict) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps(asdict(verdict)))
        part.replace(path)
    except OSError as error:
        logger.info("the preflight verdict cannot be kept: %s", error)


# ---- the child ------------------------------------------------------------------------------------------------


def judge(order: dict[str, Any]) -> Verdict:
    """Load the file and decode a token; runs in the child.

    Args:
        order: `path`, `settings`, `measure`, and `extra_buffers` (None: off where the CPU has AMX).
    """
    settings = EngineSettings(**order["settings"])
    from tabby_lsp.engine.llama import library
    from tabby_lsp.engine.llama.evaluate import Evaluator
    from tabby_lsp.engine.llama.model import LoadedModel

    library.prepare_threads(settings.openmp_wait)
    extra = order["extra_buffers"]
    extra = not library.has_amx() if extra is None else extra
    known = Verdict(ok=False, extra_buffers=extra, build=library.build_name(), features=library.system_info().strip())
    try:
        model = LoadedModel(Path(order["path"]), settings, extra_buffers=extra)
        evaluator = Evaluator(model, model.batch)
        prefill, decode = _run(evaluator, *(SPEED_TOKENS if order["measure"] else (4, 1)))
        needed = model.footprint.total
    except TabbyError as error:
        return dataclasses.replace(known, message=error.message, remedy=error.remedy)
    speed = {"prefill": prefill, "decode": decode} if order["measure"] else {}
    return dataclasses.replace(known, ok=True, memory=needed, **speed)


def _run(evaluator: Any, prompt: int, generated: int) -> tuple[float, float]:
    """Prefill and decode a little; tokens a second of each."""
    from tabby_lsp.engine.llama.evaluate import Row

    prompt = min(prompt, evaluator.capacity)
    vocabulary = evaluator.model.vocabulary
    text = vocabulary.encode(PROBE) or [0]
    tokens = [text[i % len(text)] for i in range(prompt)]
    started = time.perf_counter()
    evaluator.run([Row(token, i, 0, i == prompt - 1) for i, token in enumerate(tokens)])
    filled = time.perf_counter()
    row = prompt - 1
    for i in range(generated):
        token = int(evaluator.logits(row).argmax())
        evaluator.run([Row(token, prompt + i, 0, True)])
        row = 0
    ended = time.perf_counter()
    return prompt / (filled - started), generated / (ended - filled)


def main() -> None:
    """The child: an order on stdin, a verdict on stdout."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO)
    order = json.load(sys.stdin)
    verdict = judge(order)
    sys.stdout.write(json.dumps(asdict(verdict)))
    sys.stdout.flush()
    os._exit(0)  # freeing is of no use to anybody, and a driver's exit handlers may hang


if __name__ == "__main__":
    main()
