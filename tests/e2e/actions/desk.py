"""An editor with a recorded client's capabilities, which takes edits and opens documents as the protocol has it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

from e2e.actions.sources import SOURCES, Source, offset
from e2e.wire import NEVER, Editor, Json

RECORDED = Path(__file__).parents[2] / "clients"
CLIENTS = sorted(path.stem for path in RECORDED.glob("*.json"))
UNHURRIED: dict[str, Json] = {
    "actions": {"max_tokens": 320},
    "completion": {"prepare": False},
    "index": {"enabled": False},
}
"""Short answers, so that a test of the way that they take is no test of the machine."""


@dataclass
class Desk:
    """An editor, what it has open, and what it was told to do.

    Attributes:
        editor: the wire.
        encoding: what was negotiated.
        texts: of documents, by URI.
        edits: params of `workspace/applyEdit`, in order.
        pieces: params of `tabby/step` that were applied, in order.
        created: URIs of files that edits made.
        refuses: the reason for which edits are not applied; empty: they are.
        waits: whether a question for an edit is left open.
    """

    editor: Editor
    encoding: str = "utf-16"
    texts: dict[str, str] = field(default_factory=dict[str, str])
    versions: dict[str, int] = field(default_factory=dict[str, int])
    edits: list[Json] = field(default_factory=list[Json])
    pieces: list[Json] = field(default_factory=list[Json])
    created: list[str] = field(default_factory=list[str])
    refuses: str = ""
    waits: bool = False
    _left: str = ""

    @classmethod
    async def sit_down(
        cls,
        editor: Editor,
        client: str | None = None,
        options: Json = None,
        folders: Sequence[Path] = (),
        capabilities: Json = None,
    ) -> Desk:
        """Begin a session.

        Args:
            editor: a started server.
            client: a recorded client; None: `capabilities` says what it can.
            options: `initializationOptions`.
            folders: of the workspace.
            capabilities: instead of the client's own.
        """
        desk = cls(editor)
        if client is not None:
            capabilities = json.loads((RECORDED / f"{client}.json").read_text("utf-8"))["capabilities"]
        editor.answers |= {
            "workspace/applyEdit": desk._edit,
            "tabby/step": desk._step,
            "window/showDocument": lambda _: {"success": True},
            "client/registerCapability": lambda _: None,
            "window/showMessageRequest": lambda _: None,
        }
        reply = await editor.initialize(UNHURRIED | (options or {}), folders, capabilities=capabilities)
        desk.encoding = reply["capabilities"].get("positionEncoding", "utf-16")
        return desk

    # ---- documents ------------------------------------------------------------------------------------------------

    def open(self, uri: str, text: str, language: str) -> None:
        """Open a document."""
        self.texts[uri], self.versions[uri] = text, 1
        self.editor.open(uri, text, language)

    def open_source(self, language: str, folder: str = "file:///e2e/shop") -> tuple[str, Source]:
        """Open the file of a language; return its URI."""
        source = SOURCES[language]
        uri = f"{folder}/{source.name}"
        if uri in self.texts:
            self.close(uri)
        self.open(uri, source.text, source.language)
        return uri, source

    def type(self, uri: str, at: int, text: str) -> None:
        """Insert a text behind so many characters of a document, whole."""
        before = self.texts[uri]
        self._write(uri, before[:at] + text + before[at:])

    def undo(self, uri: str, text: str) -> None:
        """Have a document be again what it was."""
        self._write(uri, text)

    def close(self, uri: str) -> None:
        """Close a document."""
        del self.texts[uri]
        self.editor.notify("textDocument/didClose", {"textDocument": {"uri": uri}})

    def _write(self, uri: str, text: str) -> None:
        self.texts[uri] = text
        self.versions[uri] = self.versions.get(uri, 0) + 1
        params = {"textDocument": {"uri": uri, "version": self.versions[uri]}, "contentChanges": [{"text": text}]}
        self.editor.notify("textDocument/didChange", params)

    # ---- actions --------------------------------------------------------------------------------------------------

    async def actions(self, uri: str, span: Json, *problems: Json, **context: Json) -> list[Json]:
        """What is offered at a place."""
        params = {
            "textDocument": {"uri": uri},
            "range": span,
            "context": {"diagnostics": list(problems)} | context,
        }
        return await self.editor.request("textDocument/codeAction", params)

    async def choose(self, offered: list[Json], title: str) -> Json:
        """Run the action whose title begins like this; return the reply to the command, which comes at once."""
        (chosen,) = [one for one in offered if one["title"].startswith(title)]
        command = chosen["command"] if isinstance(chosen["command"], dict) else chosen
        return await self.command(command["command"], *command["arguments"])

    async def command(self, name: str, *arguments: Json) -> Json:
        """Run a command; return the reply."""
        return await self.editor.request("workspace/executeCommand", {"command": name, "arguments": list(arguments)})

    def messages(self) -> list[str]:
        """What was shown to the user."""
        return [said["message"] for said in self.editor.said("window/showMessage")]

    def progress(self) -> list[Json]:
        """The values of work-done progress, in order, each with its token."""
        return [said["value"] | {"token": said["token"]} for said in self.editor.said("$/progress")]

    def running(self, title: str) -> str | None:
        """The token of a run's progress, if it has begun."""
        found = [one["token"] for one in self.progress() if one.get("title", "").startswith(title)]
        return found[-1] if found else None

    def ended(self, token: str) -> bool:
        """Whether a progress has ended."""
        return any(one["token"] == token and one["kind"] == "end" for one in self.progress())

    async def began(self, title: str) -> str:
        """Wait for the progress of a run; return its token."""
        return await self.editor.until(lambda: self.running(title), f"progress of {title!r}")

    async def message(self, after: int) -> str:
        """Wait for the first message after so many."""
        return (await self.editor.until(lambda: self.messages()[after:], "message"))[0]

    async def outcome(self, edits: int, messages: int) -> str:
        """Wait for one more edit or message than there were; return the message, empty for an edit.

        Args:
            edits: how many there were.
            messages: how many there were.
        """
        await self.editor.until(lambda: len(self.edits) > edits or len(self.messages()) > messages, "outcome")
        return "" if len(self.edits) > edits else self.messages()[messages]

    # ---- edits ----------------------------------------------------------------------------------------------------

    def _edit(self, params: Json) -> Json:
        self.edits.append(params)
        if self.waits:
            return NEVER
        if self.refuses:
            return {"applied": False, "failureReason": self.refuses}
        edit = params["edit"]
        for uri, changes in (edit.get("changes") or {}).items():
            self._change(uri, changes)
        for change in edit.get("documentChanges") or ():
            if change.get("kind") == "create":
                assert change["uri"] not in self.texts
                self.created.append(change["uri"])
                self.texts[change["uri"]] = ""
                continue
            document = change["textDocument"]
            assert document["version"] in {None, self.versions.get(document["uri"])}
            self._change(document["uri"], change["edits"])
        return {"applied": True}

    def _step(self, params: Json) -> Json:
        """A piece of an edit, as our parts of the editors take it: see docs/architecture.md."""
        uri, version = params["textDocument"]["uri"], params["textDocument"]["version"]
        before = self.texts[uri] if params["first"] else self._left
        if self.texts.get(uri) != before or version not in {None, self.versions[uri]}:
            return {"applied": False}
        self.pieces.append(params)
        self._change(uri, params["edits"])
        self._left = self.texts[uri]
        return {"applied": True}

    def _change(self, uri: str, changes: list[Json]) -> None:
        if uri not in self.texts:  # an editor reads it from the disk
            path = Path(unquote(urlsplit(uri).path))
            self.texts[uri] = path.read_text("utf-8") if path.exists() else ""
        text = self.texts[uri]
        places = sorted(
            (
                offset(text, one["range"]["start"], self.encoding),
                offset(text, one["range"]["end"], self.encoding),
                one["newText"],
            )
            for one in changes
        )
        assert all(one[1] <= other[0] for one, other in pairwise(places)), "edits overlap"
        for start, end, new in reversed(places):
            text = text[:start] + new + text[end:]
        if uri in self.versions:
            self._write(uri, text)
        else:
            self.texts[uri] = text
