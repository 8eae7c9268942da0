"""Settings for one measurement: `--set KEY=VALUE`, over the user's own, as a client's initializationOptions are."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from tabby_lsp.errors import TabbyError

if TYPE_CHECKING:
    from tabby_lsp.config import Settings


def add_argument(parser: argparse.ArgumentParser) -> None:
    """Offer `--set`."""
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="a setting for this measurement, such as completion.prefix_tokens=256; may be repeated",
    )


def initialization_options(pairs: Sequence[str], model: str | None = None) -> dict[str, object]:
    """What a client would send to set the same.

    Args:
        pairs: `KEY=VALUE` with dotted keys; a list's items with commas between them.
        model: a model's name, or a GGUF file.

    Raises:
        TabbyError: a pair has no `=`.
    """
    from tabby_lsp.schema import PARSE, SETTINGS

    nested: dict[str, object] = {}
    if model:
        nested["model"] = {"path" if model.endswith(".gguf") else "name": model}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals:
            raise TabbyError(f"--set {pair} has no value.", "Write it as KEY=VALUE.")
        value: object = text
        if key in SETTINGS:
            with suppress(KeyError, ValueError):  # else the text stays, and is refused with the setting's name
                value = PARSE[SETTINGS[key].type](text)
        *sections, name = key.split(".")
        table = nested
        for section in sections:
            table = cast("dict[str, object]", table.setdefault(section, {}))
        table[name] = value
    return nested


def resolve(options: Mapping[str, object]) -> Settings:
    """The user's settings with these over them.

    Raises:
        TabbyError: one of them cannot be used; a figure for other settings than the named ones would mislead.
    """
    from tabby_lsp.options import resolve as resolve_options

    resolved = resolve_options(initialization_options=options)
    if wrong := [str(fault) for fault in resolved.faults if fault.place.startswith("client")]:
        raise TabbyError("; ".join(wrong).replace("client: ", "--set "), "`tabby-lsp config` shows all settings.")
    return resolved.settings
