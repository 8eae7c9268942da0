"""How many broken functions the action "fix" repairs.

    python tests/evals/fixes.py run [--limit N] [--language NAME] [--save FILE]     with the default model
    python tests/evals/fixes.py run --provider URL --model NAME [--key-variable V]  with a server for chat
    python tests/evals/fixes.py record                                              ask the tools anew what is wrong

A function is repaired where the language's tool has nothing to say about the file any more and the file's check passes.
Model output is run for that: in a folder of its own, behind the fence of `tabby-lsp bench fim --execute`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import statistics
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from fix_cases import DIAGNOSTICS, Fault, faults, record, recorded, reported, silenced
from fix_tools import TOOLS, check, diagnose, missing

from tabby_lsp.actions.edits import apply
from tabby_lsp.actions.enough import enough
from tabby_lsp.actions.offers import offers
from tabby_lsp.actions.outcome import read
from tabby_lsp.actions.table import ACTIONS
from tabby_lsp.actions.types import Brief, Problem, Target, Workspace
from tabby_lsp.config import ActionSettings, ChatHttpSettings, ChatRole, RateLimitSettings, Settings
from tabby_lsp.document import Snapshot
from tabby_lsp.engine.chat.types import ChatModel, Conversation
from tabby_lsp.engine.types import Counters, Finish
from tabby_lsp.errors import TabbyError
from tabby_lsp.syntax.languages import language_of
from tabby_lsp.syntax.trees import Trees

ANSWER_S = 600
"""Seconds for one answer."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of one fault.

    Attributes:
        fault: its key.
        kind: of the fault.
        usable: whether the answer became an edit.
        repaired: whether that is right; None where nothing here can judge it.
        why: what was wrong; empty where it is right.
        prompt: tokens that were read.
        generated: tokens that were written.
        answer: what the model said.
    """

    fault: str
    kind: str
    usable: bool
    repaired: bool | None
    why: str
    prompt: int = 0
    generated: int = 0
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """What the model made of one fault: its answer, the text with the edit (None: there is none), and what it cost."""

    answer: str
    text: str | None
    reason: str
    counters: Counters


def focus(fault: Fault, problems: Sequence[Problem]) -> Problem:
    """The problem of the function that broke, where others are reported too."""
    found = re.search(rf"\b{fault.name}\(", fault.broken())
    line = fault.broken()[: found.start()].count("\n") if found else 0
    return next((one for one in problems if one.span.start.line >= line), problems[0])


def target_of(fault: Fault, problems: Sequence[Problem]) -> tuple[str, Target]:
    """The action that the menu offers with the cursor on the problem, and what it is about: all problems, if it can."""
    snapshot = Snapshot.of(fault.source.as_uri(), language_of(fault.source), 1, fault.broken())
    asked = focus(fault, problems)
    target = Target(snapshot, asked.span, Trees().tree(snapshot), tuple(problems))
    found = [one for one in offers(target, ActionSettings(), ("quickfix",)) if asked in one.problems]
    if not found:
        raise ValueError(f"{fault.key}: no fix is offered")
    offer = max(found, key=lambda one: len(one.problems))
    return offer.action, replace(target, span=offer.span, problems=offer.problems, title=offer.title)


def ask(chat: ChatModel, brief: Brief, key: str) -> tuple[str, Finish, Counters]:
    """The model's answer, the likeliest one."""
    asked = Conversation(key=key, messages=brief.messages, max_tokens=brief.max_tokens, enough=enough(brief))
    result = chat.ask(asked).future.result(ANSWER_S)
    return result.candidates[0].text, result.candidates[0].finish, result.counters


def answer(chat: ChatModel, fault: Fault, problems: Sequence[Problem]) -> Answered:
    """Go the way of a fix, from the menu to the text with the edit."""
    action, target = target_of(fault, problems)
    most = min(Settings().actions.max_tokens, chat.room // 2)
    workspace = Workspace(None, fault.source.name, None, lambda _: None, chat.count, chat.room, most)
    try:
        brief = asyncio.run(_brief(ACTIONS[action].briefing, target, workspace))
        said, finish, counters = ask(chat, brief, fault.key)
    except TabbyError as error:
        return Answered("", None, f"no answer: {error}", Counters())
    outcome = read(brief, said, finish)
    if not outcome.edits:
        return Answered(said, None, outcome.reason or "no edit", counters)
    return Answered(said, apply(brief.snapshot, outcome.edits), "", counters)


async def _brief(briefing: Callable, target: Target, workspace: Workspace) -> Brief:
    return await briefing(target, workspace)


def judge(language: str, texts: Mapping[Fault, str]) -> dict[Fault, str]:
    """What is still wrong with some texts of one language; empty where nothing is."""
    said = diagnose(language, {f"case{i}": (fault.source.name, text) for i, (fault, text) in enumerate(texts.items())})
    verdicts: dict[Fault, str] = {}
    for problems, (fault, text) in zip(said.values(), texts.items(), strict=True):
        if silenced(fault.broken(), text):
            verdicts[fault] = "silenced"
        elif problems:
            known = {one.code or one.message for one in recorded()[fault.key]}
            same = any((one.code or one.message) in known for one in problems)
            verdicts[fault] = "diagnostic stays" if same else "another diagnostic"
        else:
            verdicts[fault] = "" if check(fault, text).passed else "check fails"
    return verdicts


def results(answers: Mapping[Fault, Answered], unjudged: Mapping[str, str]) -> list[Judged]:
    """Judge all answers; languages whose tools are missing are left open."""
    verdicts: dict[Fault, str] = {}
    for language in TOOLS:
        edited = {f: a.text for f, a in answers.items() if f.language == language and a.text is not None}
        if edited and not unjudged[language]:
            verdicts |= judge(language, edited)
    rows: list[Judged] = []
    for fault, one in answers.items():
        open_ = one.text is not None and fault not in verdicts
        why = one.reason or ("not judged" if open_ else verdicts[fault])
        counts = (one.counters.prompt, one.counters.generated)
        rows.append(
            Judged(fault.key, fault.kind, one.text is not None, None if open_ else not why, why, *counts, one.answer)
        )
    return rows


def report(rows: Sequence[Judged]) -> None:
    """Print figures."""
    print(f"{'':12}{'faults':>8}{'edits':>8}{'repaired':>10}{'share':>8}{'prompt':>8}{'answer':>8}   (tokens, medians)")
    for language in (*TOOLS, "all"):
        some = [row for row in rows if language in (row.fault.partition("/")[0], "all")]
        if not some:
            continue
        repaired = sum(row.repaired is True for row in some)
        judged = sum(row.repaired is not None for row in some)
        share = f"{100 * repaired / judged:.0f} %" if judged else "-"
        prompt, generated = (
            statistics.median(values) for values in zip(*((r.prompt, r.generated) for r in some), strict=True)
        )
        print(
            f"{language:12}{len(some):8}{sum(row.usable for row in some):8}{repaired:10}{share:>8}"
            f"{prompt:8.0f}{generated:8.0f}"
        )
    print("no edit:", dict(Counter(row.why for row in rows if not row.usable).most_common()))
    print("edit, not repaired:", dict(Counter(row.why for row in rows if row.usable and row.why).most_common()))


def record_all(chosen: Sequence[Fault]) -> None:
    """Write down what the tools say about every fault."""
    said = dict(recorded()) if DIAGNOSTICS.exists() else {}
    for language in TOOLS:
        some = [fault for fault in chosen if fault.language == language]
        if why := missing(language):
            print(f"{language}: kept as it was recorded before; {why}")
            continue
        found = diagnose(language, {f"case{i}": (f.source.name, f.broken()) for i, f in enumerate(some)})
        for fault, problems in zip(some, found.values(), strict=True):
            run = check(fault, fault.broken())
            said[fault.key] = problems or (reported(fault, fault.broken(), run.complaint),)
    record({fault.key: said[fault.key] for fault in chosen})


def settings_of(given: argparse.Namespace) -> Settings:
    """The defaults, with a server for chat where one is given."""
    settings = Settings()
    if not given.provider:
        return settings
    key = f"${{{given.key_variable}}}" if given.key_variable else ""
    http = ChatHttpSettings(
        kind="openai/chat",
        api_endpoint=given.provider,
        model_name=given.model,
        api_key=key,
        rate_limit=RateLimitSettings(),
        timeout_s=ANSWER_S,
    )
    return replace(settings, model=replace(settings.model, chat=ChatRole(http=http)))


def run(given: argparse.Namespace) -> int:
    """Ask for every fault, judge, and report."""
    from tabby_lsp.engine.chat.opening import open_chat
    from tabby_lsp.engine.opening import open_engine

    problems = recorded()
    chosen = [fault for fault in faults() if given.language in (None, fault.language)][: given.limit]
    unjudged = {language: missing(language) for language in TOOLS}
    for language, why in unjudged.items():
        if why:
            print(f"{language} is not judged: {why}")
    settings = settings_of(given)
    opened = None if given.provider else open_engine(settings)
    chat = open_chat(settings, opened.engine if opened else None, opened.model.name if opened else "")
    try:
        answers: dict[Fault, Answered] = {}
        for fault in chosen:
            answers[fault] = answer(chat, fault, problems[fault.key])
            print(f"  {fault.key}: {answers[fault].reason or 'an edit'}", file=sys.stderr, flush=True)
    finally:
        chat.close()
        if opened:
            opened.engine.close()
    rows = results(answers, unjudged)
    print(f"{chat.name}, {len(rows)} faults")
    report(rows)
    if given.save:
        text = json.dumps({"model": chat.name, "rows": [asdict(row) for row in rows]}, indent=1, ensure_ascii=False)
        given.save.write_text(text + "\n", "utf-8")
    return 0


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("run", "record"))
    parser.add_argument("--limit", type=int, help="only so many faults, from the first")
    parser.add_argument("--language", choices=tuple(TOOLS))
    parser.add_argument("--provider", default="", help="address of a server, such as http://127.0.0.1:8080/v1")
    parser.add_argument("--model", default="", help="the model's name on that server")
    parser.add_argument("--key-variable", default="", help="the environment variable that holds the server's key")
    parser.add_argument("--save", type=Path, help="write every answer and its verdict to a JSON file")
    given = parser.parse_args()
    if given.action == "record":
        record_all(faults())
        return 0
    return run(given)


if __name__ == "__main__":
    sys.exit(main())
