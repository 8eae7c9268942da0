"""Which servers there are to start, and how what they say is understood."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tabby_lsp.bench.contestants.wire import Json
from tabby_lsp.bench.types import State
from tabby_lsp.errors import TabbyError

CAPABILITIES: dict[str, Json] = {
    "general": {"positionEncodings": ["utf-16"]},
    "textDocument": {"synchronization": {}, "inlineCompletion": {}},
    "window": {"workDoneProgress": True, "showMessage": {}},
    "workspace": {
        "configuration": True,
        "workspaceFolders": True,
        "didChangeConfiguration": {},
        "didChangeWatchedFiles": {"dynamicRegistration": True},
    },
}


@dataclass(frozen=True, slots=True)
class Trace:
    """What `$/logTrace` told of an answer; see `Shown`."""

    reason: str = ""
    counters: Mapping[str, int] = field(default_factory=dict[str, int])
    server_ms: float | None = None
    outside_ms: float | None = None
    request: int | None = None
    final: bool = True


def our_trace(params: Json) -> Trace:
    """Read a trace of tabby-lsp: `shown in 12 ms`, and JSON beside it."""
    reason, _, took = str(params.get("message", "")).partition(" in ")
    said = json.loads(params.get("verbose") or "{}")
    counters = {name: said[name] for name in ("evaluated", "reused", "generated") if name in said}
    found = re.match(r"[\d.]+", took)
    server_ms = said.get("total_ms", float(found[0]) if found else None)
    final = said.get("finish") != "early" and reason != "in-flight"
    return Trace(reason, counters, server_ms, said.get("outside_ms"), said.get("id"), final)


def no_trace(params: Json) -> Trace:
    """For servers that tell nothing."""
    del params
    return Trace()


def is_ready(method: str, params: Json) -> bool:
    """Whether a notification of tabby-lsp says that its model is loaded.

    Raises:
        TabbyError: it says that there will be none.
    """
    if method != "tabby/status":
        return False
    if params["state"] in ("no-model", "error"):
        raise TabbyError(
            f"The server has no model: {params.get('message') or params['state']}", "Try `tabby-lsp doctor`."
        )
    return params["state"] == "ready"


def is_indexed(method: str, params: Json) -> bool:
    """Whether one says that the model is loaded and the workspace indexed.

    Raises:
        TabbyError: there will be no model, or no index.
    """
    if method == "tabby/status" and params.get("index") == "failed":
        raise TabbyError("The server has no index.", "Try `tabby-lsp index`.")
    return is_ready(method, params) and params.get("index") in ("ready", "reading")


def more_for(method: str, params: Json) -> int | None:
    """The version of the document for which tabby-lsp says that asking again brings more; None: it says nothing."""
    return params["version"] if method == "tabby/longer" else None


@dataclass(frozen=True, slots=True)
class Program:
    """How a server is started and understood.

    Attributes:
        name: of the contestant.
        command: with its arguments.
        environment: all of its variables.
        options: `initializationOptions`, and the answer to `workspace/configuration`.
        capabilities: of the client.
        ready: tells from a notification's method and params whether it is the one after which the model answers;
            None: there is no such notification.
        trace: reads the params of `$/logTrace`.
        again: tells from a notification's method and params for which version to ask again, as the editor would.
        cursor: the notification with which the editor says where the cursor rests; empty: it says nothing.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    options: Json = None
    capabilities: Mapping[str, Json] = field(default_factory=lambda: CAPABILITIES)
    ready: Callable[[str, Json], bool] | None = None
    trace: Callable[[Json], Trace] = no_trace
    again: Callable[[str, Json], int | None] = lambda method, params: None
    cursor: str = ""


def our_program(name: str, options: Mapping[str, Json], *, indexed: bool = False) -> Program:
    """This very program, with no settings of the user's except where models are.

    Args:
        name: of the contestant.
        options: settings, as a client sends them.
        indexed: whether there are folders, so that it is ready when they are indexed.
    """
    environment = {key: value for key, value in os.environ.items() if not key.startswith("TABBY_LSP_")}
    environment |= {key: os.environ[key] for key in ("TABBY_LSP_MODELS",) if key in os.environ}
    environment["TABBY_LSP_CONFIG"] = os.devnull
    command = (sys.executable, "-m", "tabby_lsp")
    takes_longer = {"experimental": {"tabby": {"longer": True}}}  # as our editors' parts say it
    return Program(
        name,
        command,
        environment,
        dict(options),
        CAPABILITIES | takes_longer,
        ready=is_indexed if indexed else is_ready,
        trace=our_trace,
        again=more_for,
        cursor="tabby/cursor",
    )


def ghost_text(item: Json, state: State, place: Json) -> str:
    """What an editor shows of an item behind the cursor.

    Args:
        item: with `insertText`, and a range that may begin before the cursor or end behind it.
        state: the document.
        place: the cursor, in UTF-16 units.

    Returns:
        The text, without what stands there already; empty where the item replaces something else.
    """
    inserted = item["insertText"]
    text: str = inserted["value"] if isinstance(inserted, dict) else inserted
    over = item.get("range")
    if not over:
        return text
    units = state.text.split("\n")[state.line].encode("utf-16-le")
    at = place["character"]
    first, last = over["start"], over["end"]
    if first["line"] != place["line"] or last["line"] != place["line"]:
        return ""
    before = units[2 * first["character"] : 2 * at].decode("utf-16-le")
    behind = units[2 * at : 2 * last["character"]].decode("utf-16-le")
    if not text.startswith(before) or not text.endswith(behind) or len(text) < len(before) + len(behind):
        return ""
    return text[len(before) : len(text) - len(behind)]
