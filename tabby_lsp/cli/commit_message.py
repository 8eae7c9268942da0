"""`tabby-lsp commit-message`: a commit's subject, or a branch's name, from what git says has changed."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tabby_lsp.errors import ActionError

if TYPE_CHECKING:
    from tabby_lsp.config import Settings

SCISSORS = "# ------------------------ >8 ------------------------"
"""Git's own line (`git help commit`), below which nothing is part of a message."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `commit-message`."""
    parser.add_argument("--folder", metavar="FOLDER", default=".", help="a folder in the repository (default: here)")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--branch-name", action="store_true", help="a name for a branch instead")
    what.add_argument(
        "--hook",
        metavar="FILE",
        help="write it into a prepare-commit-msg hook's file, unless a message is there; never stops the commit",
    )


def run(args: argparse.Namespace) -> int:
    """Print the line, or write it into the hook's file.

    Returns:
        The exit code; always 0 in a hook: git gives up a commit whose hook fails.
    """
    from tabby_lsp import log, options
    from tabby_lsp.config import LogSettings

    if not args.hook:
        log.configure(LogSettings(level="warning"))
        print(_line(Path(args.folder), options.resolve().settings, branch=args.branch_name, hook=False))
        return 0
    try:
        log.configure(LogSettings(level="error"))
        _fill(Path(args.hook), options.resolve().settings)
    except Exception as error:  # noqa: BLE001 - whatever it is, the commit goes on
        print(f"tabby-lsp: no message: {error}", file=sys.stderr)
    return 0


def _fill(file: Path, settings: Settings) -> None:
    """Put a subject in front of git's comments, where nothing stands there yet."""
    there = file.read_text("utf-8", "surrogateescape")
    # git's comment character may be another one; then there seems to be a message, and it stays
    message = there.partition(SCISSORS)[0]  # below it `commit.verbose` has the diff
    if any(line.strip() and not line.startswith("#") for line in message.split("\n")):
        return
    subject = _line(Path.cwd(), settings, branch=False, hook=True)
    written = file.with_name(f"{file.name}.tabby-lsp")
    try:
        written.write_text(f"{subject}\n{there}", "utf-8", "surrogateescape", newline="")
        written.replace(file)
    finally:
        with contextlib.suppress(OSError):
            written.unlink()


def _line(folder: Path, settings: Settings, *, branch: bool, hook: bool) -> str:
    from tabby_lsp.actions.committing import wording
    from tabby_lsp.actions.committing.changes import changes
    from tabby_lsp.engine.chat.opening import open_chat
    from tabby_lsp.engine.chat.types import Conversation

    found = changes(folder, hook=hook)
    if hook and not found.staged:  # `--allow-empty`: what has changed is no part of that commit
        raise ActionError("Nothing is staged.")
    if not found.staged:
        print("tabby-lsp: nothing is staged; this is about all that has changed.", file=sys.stderr)
    with contextlib.closing(open_chat(settings, None, "")) as model:
        messages = wording.subject_messages(found, model.count, model.room)
        conversation = Conversation(key=f"commit:{os.getpid()}", messages=messages, max_tokens=wording.ANSWER)
        answer = model.ask(conversation).future.result().candidates[0].text
    subject = wording.subject_of(answer, found)
    return wording.branch_of(subject) if branch else subject
