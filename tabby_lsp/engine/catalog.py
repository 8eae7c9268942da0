"""The catalogue: which models there are, as data.

The entries that come along are in `catalog.toml`; a user's own are in `models.toml` beside the settings. What a user
wrote wrongly is reported with its place, and the rest is used. Nothing here reads model files or opens the network.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from tabby_lsp.engine.sources import KINDS, Source
from tabby_lsp.errors import ModelMissing

if TYPE_CHECKING:
    from cattrs import Converter

Role = Literal["completion", "chat"]


@dataclass(frozen=True, slots=True)
class Model:
    """One entry.

    Args:
        name: what people call it on the command line and in the settings.
        family: which prompt template it was trained with.
        parameters: in billions.
        roles: what it serves for.
        file: its file name in the models folder.
        license: an SPDX identifier in lower case, or the licence's own name.
        memory_mb: MiB that it takes while it serves.
        training: whether instruction tuning followed the pre-training.
        fim: whether it can fill in the middle.
        sources: where its bytes are, in the order in which they are tried.
        size: bytes; None where that was not verified.
        sha256: of the file, lower-case hexadecimal; "" where that was not verified.
        default: whether it is the one for a machine of which nothing is known.
        note: what a person should know before choosing it.
    """

    name: str
    family: str
    parameters: float
    roles: tuple[Role, ...]
    file: str
    license: str
    memory_mb: int
    training: Literal["base", "instruct"]
    fim: bool
    sources: tuple[Source, ...]
    size: int | None = None
    sha256: str = ""
    default: bool = False
    note: str = ""

    @property
    def rank(self) -> tuple[bool, bool, float, bool]:
        """Sort key: what completes better is greater."""
        return "completion" in self.roles, self.fim, self.parameters, self.training == "base"


CHECKS: tuple[tuple[str, Callable[[Model], bool], str], ...] = (
    (
        "name",
        lambda m: bool(re.fullmatch(r"[a-z0-9][a-z0-9._-]*", m.name)),
        "must be lower-case letters, digits, . _ -",
    ),
    (
        "file",
        lambda m: bool(re.fullmatch(r"[\w+-][\w.+-]*\.gguf", m.file)),
        "must be a plain file name ending in .gguf",
    ),
    ("parameters", lambda m: m.parameters > 0, "must be greater than 0 (billions)"),
    ("memory_mb", lambda m: m.memory_mb > 0, "must be greater than 0 (MiB)"),
    ("size", lambda m: m.size is None or m.size > 0, "must be greater than 0 (bytes)"),
    ("sha256", lambda m: bool(re.fullmatch(r"([0-9a-f]{64})?", m.sha256)), "must be 64 lower-case hexadecimal digits"),
    ("roles", lambda m: bool(m.roles), "must name at least one role"),
    ("sources", lambda m: bool(m.sources), "must name at least one source"),
)
"""What the types do not say about an entry: field, test, and the message where it fails."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """All entries.

    Args:
        models: ours first, then the user's; a user's entry takes the place of ours of the same name.
        faults: what could not be used of the user's file, each with its place.
    """

    models: tuple[Model, ...]
    faults: tuple[str, ...] = ()

    def find(self, name: str) -> Model:
        """Find an entry.

        Args:
            name: its name.

        Raises:
            ModelMissing: there is none of that name; near ones are suggested.
        """
        for model in self.models:
            if model.name == name:
                return model
        near = get_close_matches(name, [model.name for model in self.models], n=2)
        hint = f"Did you mean {' or '.join(near)}? " if near else ""
        raise ModelMissing(f"There is no model named {name!r}.", f"{hint}`tabby-lsp models list` shows all names.")

    def holder(self, file: str) -> Model | None:
        """Find the entry of a file in the models folder, by its name."""
        return next((model for model in self.models if model.file == file), None)

    @property
    def default(self) -> Model:
        """The model for a machine of which nothing is known."""
        return next((model for model in self.models if model.default), self.models[0])


def user_catalog_path() -> Path:
    """Give the place of the user's own entries: `models.toml` beside the settings."""
    from tabby_lsp.options import config_file

    return config_file().with_name("models.toml")


def load(user_file: Path | None = None) -> Catalog:
    """Read our entries and the user's.

    Args:
        user_file: the user's entries; None: `user_catalog_path()`. It need not exist.

    Returns:
        The catalogue; what is wrong in the user's file is in its `faults`.
    """
    own, faults = _read(Path(__file__).with_name("catalog.toml"))  # a test holds that it has no faults
    path = user_catalog_path() if user_file is None else user_file
    theirs, wrong = _read(path)
    faults += wrong
    models = {model.name: model for model in own}
    files = {model.file: model.name for model in own}
    for model in theirs:
        holder = files.setdefault(model.file, model.name)
        if holder != model.name:
            faults.append(f"{path}: model {model.name!r}: file {model.file} is {holder}'s already")
        else:
            models[model.name] = model
    return Catalog(tuple(models.values()), tuple(faults))


def _read(path: Path) -> tuple[list[Model], list[str]]:
    """Read one file, which need not exist; return its usable entries and what is wrong with the others."""
    try:
        table: dict[str, object] = tomllib.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return [], []
    except OSError as error:
        return [], [f"{path}: cannot be read ({error.strerror})"]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        return [], [f"{path}: not valid TOML: {error}"]
    faults = [f"{path}: unknown key {key!r}; entries are [[model]] tables" for key in table if key != "model"]
    entries = table.get("model", [])
    if not isinstance(entries, list):
        return [], [*faults, f"{path}: model must be a list of tables; write [[model]] with two brackets"]
    converter = _converter()
    models: dict[str, Model] = {}
    for number, entry in enumerate(cast("list[object]", entries), start=1):
        name = cast("dict[str, object]", entry).get("name") if isinstance(entry, dict) else None
        place = f"{path}: model {number}" + (f" ({name})" if isinstance(name, str) else "")
        model, wrong = _structure(entry, converter)
        if model is not None and model.name in models:
            model, wrong = None, ["name: is taken by an earlier entry of this file"]
        if model is not None:
            models[model.name] = model
        faults += [f"{place}: {fault}" for fault in wrong]
    return list(models.values()), faults


def _structure(entry: object, converter: Converter) -> tuple[Model | None, list[str]]:
    from cattrs import transform_error

    try:
        model = converter.structure(entry, Model)
    except Exception as error:  # noqa: BLE001  cattrs raises groups and bare errors of several classes
        return None, [_reword(fault) for fault in transform_error(error, "$", _word)]
    wrong = [f"{field}: {message}" for field, holds, message in CHECKS if not holds(model)]
    return (None if wrong else model), wrong


def _word(error: BaseException, wanted: type | None) -> str:
    from cattrs import errors
    from cattrs.v import format_exception

    if isinstance(error, errors.ForbiddenExtraKeysError):
        return f"unknown keys: {', '.join(sorted(error.extra_fields))}"
    if isinstance(error, KeyError):
        return "is missing"
    if isinstance(error, ValueError | TypeError) and error.args:
        return str(error)
    return format_exception(error, wanted)


def _reword(fault: str) -> str:
    message, _, place = fault.rpartition(" @ ")
    place = place.removeprefix("$").lstrip(".")
    return f"{place}: {message}" if place else message


def _converter() -> Converter:
    from cattrs import Converter

    converter = Converter(forbid_extra_keys=True, detailed_validation=True)
    for kind, words in ((str, "text"), (int, "a whole number"), (bool, "true or false")):
        converter.register_structure_hook(kind, _exactly(kind, words))
    converter.register_structure_hook(float, _number)

    def structure_source(value: object, _: object) -> Source:
        if not isinstance(value, dict):
            raise TypeError("must be a table")
        fields = dict(cast("dict[str, object]", value))
        kind = fields.pop("kind", None)
        if not isinstance(kind, str) or kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}")
        return converter.structure(fields, KINDS[kind])

    # by identity: from Python 3.12 on, dispatch by class takes each source for a subclass of the protocol
    converter.register_structure_hook_func(lambda wanted: wanted is Source, structure_source)
    return converter


def _exactly(kind: type, words: str) -> Callable[[object, object], object]:
    def structure(value: object, _: object) -> object:
        if type(value) is not kind:  # true is an int to isinstance
            raise TypeError(f"must be {words}, not {value!r}")
        return value

    return structure


def _number(value: object, _: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"must be a number, not {value!r}")
    return float(value)
