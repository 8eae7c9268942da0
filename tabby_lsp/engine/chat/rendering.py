"""A model file's own chat template, rendered over placeholder turns, in a child process.

A template is a program that came with a download. The sandbox keeps it from the process; that it ends, and how much
memory it takes, is what a child with limits is for. No user's text is ever in here.
"""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

logger = logging.getLogger(__name__)

LONGEST = 65_536
"""Characters of a template, and of what it renders: the longest in llama.cpp's collection of real ones has 24,000."""
LONGEST_LOOP = 1_000
"""Numbers that `range` gives at most."""
PROCESSOR_S, MEMORY_BYTES = 5, 1 << 30
"""What the child may use of the machine, where the system can hold it to that."""
TIMEOUT_S = 15.0
"""Seconds for the child to end: it takes 0.2 on a quiet machine."""
GENERATION = re.compile(r"(\{%-?\s*)(generation|endgeneration)(\s*-?%\})")
IF = {"generation": "if true", "endgeneration": "endif"}
"""A tag that transformers has added to Jinja, around what a model is to learn; here it means nothing."""
Turns = list[dict[str, str]]
"""Messages as templates know them: `role` and `content`."""


def render_apart(template: str, probes: list[Turns], *, bos: str = "", eos: str = "") -> list[str | None] | None:
    """Render some conversations in a child process.

    Args:
        template: Jinja, as in `tokenizer.chat_template`.
        probes: the conversations.
        bos: text of the token with which a prompt begins.
        eos: text of the token that ends a text.

    Returns:
        What each becomes, with the beginning of the answer after it; None for one that the template refuses. None
        instead of the list where the child did not end in time, or died.
    """
    if len(template) > LONGEST:
        return None
    # -P: an editor starts us in the user's project, and a `json.py` in there is not the one we mean
    command = [sys.executable, "-P", "-m", "tabby_lsp.engine.chat.rendering"]
    paths = [os.environ.get("PYTHONPATH", ""), str(Path(__file__).parents[3])]
    order = {"template": template, "probes": probes, "bos": bos, "eos": eos}
    try:
        done = subprocess.run(
            command,
            input=json.dumps(order).encode(),
            capture_output=True,
            timeout=TIMEOUT_S,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)},
            check=False,
        )
        said = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, OSError, ValueError) as error:
        logger.info("the model's chat template cannot be used: %s", error)
        return None
    return [text if isinstance(text, str) else None for text in said]


# ---- the child -------------------------------------------------------------------------------------------------------


def render(template: str, probes: list[Turns], *, bos: str = "", eos: str = "") -> list[str | None]:
    """The same in this process, for templates that are trusted to end."""
    from jinja2 import TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    # as the models were trained with them: transformers renders with these two options and this extension
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = _tojson
    environment.globals["range"] = _few
    environment.globals["raise_exception"] = _refuse
    environment.globals["strftime_now"] = datetime.now().astimezone().strftime
    given: dict[str, Any] = {"bos_token": bos, "eos_token": eos, "add_generation_prompt": True, "tools": None}
    quiet = {"enable_thinking": False, "thinking": False}  # an edit is wanted within seconds
    template = GENERATION.sub(lambda tag: f"{tag[1]}{IF[tag[2]]}{tag[3]}", template)

    def attempt(messages: Turns) -> str | None:
        try:
            text = environment.from_string(template).render(messages=messages, **given, **quiet)
        except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError, RecursionError):
            return None
        return text if 0 < len(text) <= LONGEST else None

    return [attempt(messages) for messages in probes]


def _tojson(value: object, indent: int | None = None, **_: object) -> str:
    """Jinja's own escapes for HTML, which no model was trained with."""
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _few(*bounds: int) -> range:
    numbers = range(*bounds)
    if len(numbers) > LONGEST_LOOP:
        raise ValueError("a longer loop than any template needs")
    return numbers


def _refuse(message: str = "") -> NoReturn:
    raise ValueError(message)


def _limit() -> None:
    try:
        import resource
    except ImportError:  # Windows: there the parent's patience is the limit
        return
    for what, most in ((resource.RLIMIT_CPU, PROCESSOR_S), (resource.RLIMIT_AS, MEMORY_BYTES)):
        try:
            resource.setrlimit(what, (most, most))
        except (OSError, ValueError):  # macOS does not know of RLIMIT_AS
            continue


def main() -> None:
    """The child: an order on stdin, the texts on stdout."""
    _limit()
    order = json.load(sys.stdin)
    sys.stdout.write(json.dumps(render(**order)))


if __name__ == "__main__":
    main()
