# ruff: noqa: INP001 (a script; editors/ is no Python package)
"""Write the server's settings into `package.json`, from the same tables as docs/settings.md.

Run `python editors/vscode/contribute_settings.py` after a change in `tabby_lsp/config.py`; with `--check` nothing is
written, and the exit code says whether the file is up to date. What a project may set to anything may be set by a
workspace too; every other setting has VS Code's scope "machine", because a cloned repository brings its own
`.vscode/settings.json`. VS Code does not synchronise that scope either, so keys stay on the machine.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from tabby_lsp import rules, schema
from tabby_lsp.cli.reference import meanings

PACKAGE = Path(__file__).with_name("package.json")
JSON_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", tuple: "array"}

OF_THE_CLIENT: dict[str, dict[str, object]] = {
    "tabby-lsp.path": {
        "type": "string",
        "default": "tabby-lsp",
        "scope": "machine",
        "markdownDescription": "The server's executable: a name on the PATH, or a path; `~/` is the home folder.",
    },
    "tabby-lsp.arguments": {
        "type": "array",
        "items": {"type": "string"},
        "default": [],
        "scope": "machine",
        "markdownDescription": "Arguments of the executable.",
    },
    "tabby-lsp.trace.server": {
        "type": "string",
        "enum": ["messages", "verbose"],
        "default": "messages",
        "scope": "machine",
        "markdownDescription": "What of the traffic is written to the output channel when its log level is Trace.",
    },
}
"""What the extension uses itself; none of it is sent to the server."""


def contribution(setting: schema.Setting) -> tuple[str, dict[str, object]]:
    """Return one setting's name in VS Code, in camelCase, and its JSON schema."""
    name = re.sub(r"_([a-z])", lambda found: found[1].upper(), setting.key)
    schema: dict[str, object] = {"type": JSON_TYPES[setting.type]}
    if setting.type is tuple:
        schema["items"] = {"type": "string"}
    if setting.choices:
        schema["enum"] = list(setting.choices)
    if setting.limits:
        schema["minimum"], schema["maximum"] = setting.limits
    schema["default"] = setting.default
    schema["scope"] = "window" if rules.PROJECT_MAY_SET.get(setting.key, ()) is None else "machine"
    schema["markdownDescription"] = meanings()[setting.key]
    return f"tabby-lsp.{name}", schema


def main() -> int:
    """Renew or check the file."""
    before = PACKAGE.read_text(encoding="utf-8")
    package = json.loads(before)
    ours = dict(contribution(setting) for setting in schema.SETTINGS.values())
    package["contributes"]["configuration"]["properties"] = OF_THE_CLIENT | ours
    after = json.dumps(package, indent=2, ensure_ascii=False) + "\n"
    if "--check" in sys.argv[1:]:
        return int(before != after)
    PACKAGE.write_text(after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
