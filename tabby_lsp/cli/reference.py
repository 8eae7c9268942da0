"""What is written about the settings: a commented file and the reference, both from `config.py` and its tables.

The text about a setting is the docstring under its field, so that file, reference, editor and program cannot say
different things. Nothing is decided here.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from functools import cache
from operator import attrgetter
from types import MappingProxyType

from tabby_lsp import config, rules, schema

_WIDTH = 100


@cache
def meanings() -> Mapping[str, str]:
    """Return what `config.py` says about each section and setting, by dotted key, each in one line."""
    tree = ast.parse(inspect.getsource(config))
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}

    def said(kind: type) -> dict[str, str]:
        """What stands under the fields of a class and of its base."""
        found = said(base) if is_dataclass(base := kind.__base__) else {}
        node = classes[kind.__name__]
        for field, after in zip(node.body, node.body[1:], strict=False):
            match field, after:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    found[name] = " ".join(text.split())
                case _:
                    pass
        return found

    found: dict[str, str] = {}
    for section in ("", *schema.SECTIONS):
        kind = type(attrgetter(section)(config.Settings()) if section else config.Settings())
        found[section] = " ".join((ast.get_docstring(classes[kind.__name__]) or "").split())
        about = said(kind)
        prefix = f"{section}." if section else ""
        found |= {prefix + name: about[name] for name in schema.WITHIN[prefix] if prefix + name in schema.SETTINGS}
    return MappingProxyType(found)


def render_toml() -> str:
    """Return a settings file in which every setting stands with its default, commented out (`#key = value`)."""
    lines = [
        "# Settings of tabby-lsp. Remove the # before a setting to change it; what is shown is the default.",
        "# A project's .tabby-lsp.toml, environment variables and the editor's own settings win over this file.",
    ]
    for section, settings in _by_section():
        lines += ["", *_comment(meanings()[section])] if section else []
        lines += [f"[{section}]"] if section and settings else []
        for setting in settings:
            text = f"{meanings().get(setting.key, '')} Allowed: {setting.expected}."
            name = setting.key.rpartition(".")[2]
            lines += ["", *_comment(text), f"#{name} = {schema.show(setting.default, schema.WHOLE)}"]
    return "\n".join(lines) + "\n"


def render_markdown() -> str:
    """Return the reference of all settings, the text of `docs/settings.md`."""
    lines = ["# Settings", "", *_INTRODUCTION.strip().splitlines()]
    for section, settings in _by_section():
        lines += ["", f"## `[{section}]`" if section else "## At the top", ""]
        lines += [meanings()[section]] if section else []
        lines += [""] if section and settings else []
        lines += _HEAD if settings else []
        for setting in settings:
            allowed = rules.PROJECT_MAY_SET.get(setting.key, ())
            project = "yes" if allowed is None else ", ".join(f"only `{schema.show(one)}`" for one in allowed) or "no"
            cells = (
                f"`{setting.key}`",
                f"`{schema.show(setting.default, schema.WHOLE)}`",
                setting.expected,
                meanings().get(setting.key, ""),
                project,
            )
            lines.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


_HEAD = ("| key | default | allowed | meaning | in a project |", "|---|---|---|---|---|")
_INTRODUCTION = f"""
<!-- Written by `tabby-lsp config reference > docs/settings.md` from `tabby_lsp/config.py`; do not edit. -->

Each layer wins over the ones above it:

1. the defaults below;
2. the user's file: `tabby-lsp config path` prints where it is, `tabby-lsp config init` creates it, the environment
   variable `TABBY_LSP_CONFIG` names another one (the null device: none);
3. `{schema.PROJECT_FILE}` in each project folder that the editor opens, for the keys marked below alone: a cloned
   repository may say how much is suggested, but not what is run, loaded, written or contacted;
4. environment variables: `TABBY_LSP_OFFLINE`, and for a key in a section `TABBY_LSP_COMPLETION_MAX_TOKENS`; lists are
   separated by commas, truth is `true`/`false`, `yes`/`no`, `on`/`off` or `1`/`0`;
5. the client's `initializationOptions` and `workspace/didChangeConfiguration`, bare or under `"tabby-lsp"`, with
   `max_tokens` or `maxTokens` spelt either way; `null` means "not set".

A wrong value or an unknown key never stops the server: it is reported with its place, and what stood before is used.
Where the last word about who gets code (`kind`, `api_endpoint`, `index.embedder`, `index.url`) is wrong, nobody does:
the model in this process serves. `tabby-lsp config check` lists all faults, `tabby-lsp config show` each value with the
layer it came from, keys left out. A leading `~` in a path is the home folder.

Completion, chat and embedding are three roles: `[model.completion]`, `[model.chat]` and `[model.embedding]`, each with
a model in this process (`.local`) or, where `.http.kind` is set, on a server (`.http`). In the environment
`model.chat.http.api_endpoint` is `TABBY_LSP_MODEL_CHAT_HTTP_API_ENDPOINT`, in JSON `model.chat.http.apiEndpoint`.
`tabby-lsp config import` takes over the settings of Tabby.
"""


def _by_section() -> Iterator[tuple[str, list[schema.Setting]]]:
    for section in ("", *schema.SECTIONS):
        above = f"{section}." if section else ""
        keys = [above + name for name in schema.WITHIN[above]]
        yield section, [schema.SETTINGS[key] for key in keys if key in schema.SETTINGS]


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)
