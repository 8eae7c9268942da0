"""Every action, in four languages, over stdio with the default model: one edit, that parses, in its place?

    python tests/evals/actions.py [--client NAME] [--json FILE]

Prints a row an action and language: `edit`, `shown`, or the message with which nothing was done. The exit code is 1
where something was wrong: more than one edit or message, a new syntax error, a change outside of the function.
What the edits are worth is `fixes.py`'s question.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from e2e.actions.desk import CLIENTS, Desk
from e2e.actions.sources import SOURCES, Source, diagnostic, head
from e2e.actions.test_edits import around
from e2e.wire import Editor

from tabby_lsp.actions.checks import error_count, parse

ACTIONS = ("Fix:", "Explain", "Document", "Write tests", "Complete here", "Simplify", "Add types", "Handle", "Rename")
"""How the titles begin."""
INSTRUCTION = "Give the variable `result` a better name."
CLIENT = "visual_studio_code_v1.139.1"
PATIENCE_S = 300.0
PROJECTS = {
    "python": {"pyproject.toml": "[tool.pytest.ini_options]\n", "tests/__init__.py": ""},
    "typescript": {"package.json": '{"devDependencies": {"vitest": "^1.0.0"}}\n'},
    "go": {"go.mod": "module shop\n\ngo 1.19\n"},
    "rust": {"Cargo.toml": '[package]\nname = "shop"\nversion = "0.1.0"\nedition = "2021"\n'},
}


@dataclass
class Row:
    """What became of one action."""

    language: str
    action: str
    outcome: str
    fault: str = ""


def main() -> int:
    """Run them all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--client", choices=CLIENTS, default=CLIENT, help="whose recorded capabilities")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = asyncio.run(_all(args.client, Path(folder)))
    if args.json:
        args.json.write_text(json.dumps([row.__dict__ for row in rows], indent=1) + "\n")
    faults = [row for row in rows if row.fault]
    edits = sum(row.outcome == "edit" for row in rows)
    print(f"\n{len(rows)} runs, {edits} edits, {len(faults)} faults", *(f"\n  {row}" for row in faults))
    return bool(faults)


async def _all(client: str, folder: Path) -> list[Row]:
    rows = []
    for language, source in SOURCES.items():
        root = folder / language
        for name, text in {**PROJECTS[language], source.name: source.text}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        environment = {**os.environ, "TABBY_LSP_CONFIG": os.devnull}
        editor = await Editor.start(environment, folder / f"{language}.log")
        try:
            desk = await Desk.sit_down(editor, client, {"actions": {"max_tokens": 512}}, [root])
            await editor.status_is("ready", within=PATIENCE_S)
            for action in (*ACTIONS, "rewrite"):
                row = await _one(desk, root, language, source, action)
                if row is not None:
                    rows.append(row)
                    print(f"{row.language:12}{row.action:16}{row.outcome}  {row.fault}", flush=True)
        finally:
            await editor.stop()
    return rows


async def _one(desk: Desk, root: Path, language: str, source: Source, action: str) -> Row | None:
    uri, _ = desk.open_source(language, root.as_uri())
    before = dict(desk.texts)
    edits, messages = len(desk.edits), len(desk.messages())
    shown = [method for method, _ in desk.editor.asked].count("window/showDocument")
    cursor = head(source, desk.encoding)
    if action == "rewrite":
        where = {"uri": uri, "range": cursor, "instruction": INSTRUCTION}
        await desk.command("tabby-lsp.rewrite", where)
        title = "Rewrite"
    else:
        problem = diagnostic(source, desk.encoding)
        problems = [problem] if action == "Fix:" else []
        offered = await desk.actions(uri, problem["range"] if problems else cursor, *problems)
        titles = [one["title"] for one in offered if one["title"].startswith(action)]
        if not titles:
            return None
        title = titles[0]
        await desk.choose(offered, title)
    token = await desk.began(title[:20])
    await desk.editor.until(lambda: desk.ended(token), "end of progress", within=PATIENCE_S)
    await asyncio.sleep(0.5)  # what is said comes after it
    said, made = desk.messages()[messages:], desk.edits[edits:]
    opened = [method for method, _ in desk.editor.asked].count("window/showDocument") - shown
    outcome = "edit" if made else "shown" if opened else "nothing: " + " ".join(said)[:90]
    row = Row(language, action, outcome, _fault(desk, action, uri, before, len(made), len(said)))
    for new in [other for other in desk.texts if other not in before]:
        del desk.texts[new]
    return row


def _fault(desk: Desk, action: str, uri: str, before: dict[str, str], edits: int, messages: int) -> str:
    if edits > 1 or messages > 1:
        return f"{edits} edits and {messages} messages"
    source = SOURCES[uri.rpartition("/")[0].rpartition("/")[2]]
    for changed, text in desk.texts.items():
        if text == before.get(changed):
            continue
        old, new = parse(source.language, before.get(changed, "")), parse(source.language, text)
        if old and new and error_count(new) > error_count(old):
            return f"{changed.rpartition('/')[2]} has new syntax errors"
    above, below = around(source, source.broken if action == "Fix:" else source.plain)
    if action == "Write tests":  # Rust's stand in the file itself, below
        above, below = source.text, ""
    after = desk.texts[uri]
    return "" if after.startswith(above) and after.endswith(below) else "something outside was changed"


if __name__ == "__main__":
    sys.exit(main())
