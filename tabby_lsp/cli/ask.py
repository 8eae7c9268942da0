"""`tabby-lsp ask "QUESTION"`: an answer from the code, with the places that it rests on."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tabby_lsp.errors import RepositoryIndexError, TabbyError

if TYPE_CHECKING:
    from tabby_lsp.actions.ask.citations import Answer
    from tabby_lsp.actions.ask.conversation import Put
    from tabby_lsp.actions.ask.retrieve import Search
    from tabby_lsp.actions.ask.thread import Thread
    from tabby_lsp.config import Settings
    from tabby_lsp.engine.chat.types import ChatModel
    from tabby_lsp.engine.types import Candidate

KEY = "ask"
POLL_S = 0.2
"""How often a Ctrl-C is looked for while the model answers."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `ask`."""
    parser.add_argument("question", nargs="*", metavar="QUESTION", help="what you want to know (default: a dialogue)")
    parser.add_argument("--folder", metavar="FOLDER", help="what to ask about (default: the project you are in)")
    parser.add_argument("--thread", metavar="FILE", help="go on with the questions in this file, and keep them there")
    parser.add_argument("--limit", type=int, default=8, metavar="N", help="most places that are read (default: 8)")
    parser.add_argument("--no-refresh", action="store_true", help="ask what is indexed, without looking for changes")
    parser.add_argument("--json", action="store_true", help="the answer and its sources as JSON")


def run(args: argparse.Namespace) -> int:
    """Answer a question, or several in turn.

    Returns:
        The exit code: 0 it was answered, 1 the index holds nothing about it.
    """
    from tabby_lsp import log, options
    from tabby_lsp.actions.ask import thread
    from tabby_lsp.config import LogSettings
    from tabby_lsp.index.opening import nearest

    log.configure(LogSettings(level="warning"))
    settings = options.resolve().settings
    root = Path(args.folder).absolute() if args.folder else nearest(Path.cwd(), settings.index)
    if not root.is_dir():
        raise RepositoryIndexError(f"{root} is no folder.")
    file = Path(args.thread) if args.thread else None
    dialogue = not args.question and sys.stdin.isatty()
    question = " ".join(args.question) or ("" if dialogue else sys.stdin.read().strip())
    if not question and not dialogue:
        raise TabbyError("There is no question.", 'Ask one: tabby-lsp ask "How are ...?"')
    show = _print_json if args.json else _print
    with _asking(root, settings, max(1, args.limit), refresh=not args.no_refresh) as asking:
        asking.thread = thread.load(file) if file else asking.thread
        code = 0
        for one in _questions() if dialogue else (question,):
            answer = asking.ask(one, live=not args.json)
            show(root, one, answer)
            code = 0 if answer.relevant or dialogue else 1
            if file:
                thread.save(asking.thread, file)
    return code


def _questions() -> Iterator[str]:
    """What the user asks, until an empty line or the end of the input."""
    from rich.console import Console

    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  what was typed before comes back with the arrow keys
    console = Console()
    while True:
        try:
            question = console.input("[bold cyan]?[/] ").strip()
        except EOFError:
            return
        if not question:
            return
        yield question


@dataclass
class _Asking:
    """A folder that is asked about.

    Attributes:
        thread: what was said so far.
    """

    root: Path
    search: Search
    limit: int
    settings: Settings
    model: Callable[[], ChatModel]
    thread: Thread

    def ask(self, question: str, *, live: bool) -> Answer:
        """Answer one question; the model is opened at the first one that needs it."""
        from tabby_lsp.actions.ask import citations
        from tabby_lsp.actions.ask.asking import found_for
        from tabby_lsp.actions.ask.conversation import put
        from tabby_lsp.actions.ask.thread import Turn

        found = found_for(self.search, question, self.thread, self.limit)
        if not found.relevant:
            self.thread = self.thread.followed(Turn(question, ""))
            return citations.NOTHING
        model = self.model()
        most = self.settings.actions.max_tokens
        asked = put(question, found.sources, self.thread, model.count, model.room, most)
        said = self._said(model, asked, live=live)
        answer = citations.answered(said.text, said.finish, asked.sources, self.root)
        sources = tuple(cited.source for cited in answer.sources)
        self.thread = self.thread.followed(Turn(question, answer.text, sources))
        return answer

    def _said(self, model: ChatModel, asked: Put, *, live: bool) -> Candidate:
        """What the model says; in a terminal it is shown while it is being said."""
        from concurrent.futures import wait

        from tabby_lsp.engine.chat.types import Conversation

        conversation = Conversation(
            key=KEY,
            messages=asked.messages,
            max_tokens=asked.max_tokens,
            temperature=self.settings.actions.temperature,
        )
        with _shown(len(asked.sources)) if live and sys.stdout.isatty() else contextlib.nullcontext(_unheard) as heard:
            ticket = model.ask(conversation, heard)
            try:
                while not wait([ticket.future], POLL_S).done:
                    pass
            except BaseException:
                ticket.cancel()
                raise
        return ticket.future.result().candidates[0]


def _unheard(_: str) -> None:
    """Nobody looks while it is being said."""


@contextlib.contextmanager
def _asking(root: Path, settings: Settings, limit: int, *, refresh: bool) -> Iterator[_Asking]:
    from tabby_lsp.actions.ask.thread import Thread
    from tabby_lsp.cli.index import progress
    from tabby_lsp.engine.chat.opening import open_chat
    from tabby_lsp.index.opening import open_index
    from tabby_lsp.index.places import Places

    is_there = Places.of(settings.index).path(root).is_dir()
    opened: list[ChatModel] = []
    with contextlib.ExitStack() as held:
        index = held.enter_context(open_index(root, settings, _say, seeded=refresh))
        if refresh or not is_there:
            if not is_there:
                _say(f"tabby-lsp: {root} has no index yet; it is made now.")
            if index.try_write():  # else an editor keeps it up to date
                with progress(root) as report:
                    index.sync(report)

        def model() -> ChatModel:
            if not opened:
                opened.append(held.enter_context(contextlib.closing(open_chat(settings, None, ""))))
            return opened[0]

        yield _Asking(root, index.search, limit, settings, model, Thread())


def _say(text: str) -> None:
    print(text, file=sys.stderr)


# ---- what is shown -----------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _shown(sources: int) -> Iterator[Callable[[str], None]]:
    """Show the end of what has been said so far; it makes place for the answer, whose citations are put right."""
    from rich.console import Console, RenderableType
    from rich.live import Live
    from rich.markdown import Markdown
    from rich.spinner import Spinner

    said: list[str] = []
    waiting = Spinner("dots", f"reading {sources} places …")
    console = Console()

    def now() -> RenderableType:
        lines = "".join(said).split("\n")
        return Markdown("\n".join(lines[-console.height :])) if said else waiting

    with Live(get_renderable=now, console=console, transient=True, refresh_per_second=8):
        yield said.append


def _print(root: Path, _: str, answer: Answer) -> None:
    """The answer as Markdown: laid out in a terminal, as it is in a pipe."""
    from rich.console import Console
    from rich.markdown import Markdown
    from rich.style import Style
    from rich.text import Text

    from tabby_lsp.actions.ask import citations

    if not answer.relevant:
        _say(f"tabby-lsp: {answer.text}")
        return
    if not sys.stdout.isatty():
        print(answer.text, citations.listed(answer.sources), sep="\n\n" if answer.sources else "\n")
        return
    console = Console(highlight=False)
    console.print(Markdown(answer.text))
    console.print()
    for cited in answer.sources:
        link = Style(color="cyan", link=(root / cited.source.path).absolute().as_uri())
        console.print(Text.assemble(f"[{cited.source.number}] ", (citations.where(cited), link), citations.told(cited)))


def _print_json(root: Path, question: str, answer: Answer) -> None:
    sources = [
        {name: value for name, value in asdict(cited.source).items() if name != "text"} | {"place": str(cited.place)}
        for cited in answer.sources
    ]
    head = {"folder": str(root), "question": question, "relevant": answer.relevant}
    print(json.dumps(head | {"answer": answer.text, "sources": sources}, indent=2, ensure_ascii=False))
