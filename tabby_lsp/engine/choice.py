"""Choosing a model: which one suits a machine, and which of the files that are here the engine loads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tabby_lsp.config import Settings
from tabby_lsp.engine.catalog import Catalog, Model
from tabby_lsp.engine.disk import format_size
from tabby_lsp.engine.store import ModelStore
from tabby_lsp.errors import ModelMissing

MIB = 1 << 20

GPU_SHARE = 0.8
"""Of a GPU's memory, what a model may take: the rest is the desktop's."""

MEMORY_SHARE = 0.5
"""Of the main memory, what a model may take: the rest is for the editor, its other servers and the program at hand."""

CPU_BILLIONS = 1.0
"""Largest model that is recommended without a GPU, in billions of parameters. On 2 cores of a Xeon the default model
(0.49) takes 30 ms a token and 7 s for a cold prompt of 1,000 tokens, and both grow in proportion."""

OPEN_LICENSES = frozenset({"apache-2.0", "mit", "bsd-3-clause", "bigcode-openrail-m"})
"""Licences under which a model may be recommended to somebody of whom nothing is known."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """The file that the engine loads.

    Args:
        path: where it is.
        name: the catalogue's name; for other files the file's own, without its ending.
        entry: the catalogue entry; None for a file that it does not know.
        note: why it is not the one that the settings name; "" where it is.
    """

    path: Path
    name: str
    entry: Model | None
    note: str = ""


def recommend(catalog: Catalog, memory_bytes: int, gpu_bytes: int) -> tuple[Model, str]:
    """Choose a model for completion on a machine.

    Args:
        catalog: what there is to choose from.
        memory_bytes: main memory, all of it.
        gpu_bytes: memory that a GPU can use; 0: there is none.

    Returns:
        The model, and why it is this one, in a sentence.
    """
    usable = [m for m in catalog.models if "completion" in m.roles and m.license in OPEN_LICENSES]
    on_gpu = _best(m for m in usable if m.fim and m.memory_mb * MIB <= gpu_bytes * GPU_SHARE)
    small = [m for m in usable if m.parameters <= CPU_BILLIONS and m.memory_mb * MIB <= memory_bytes * MEMORY_SHARE]
    if on_gpu is not None and on_gpu.parameters > catalog.default.parameters:
        return on_gpu, (
            f"of the models that fill in the middle it is the largest whose {on_gpu.memory_mb} MiB fit into "
            f"{GPU_SHARE:.0%} of the {format_size(gpu_bytes)} that the GPU can use."
        )
    if catalog.default in small:
        why = (
            "the GPU's memory is too small for a larger one"
            if gpu_bytes
            else "there is no GPU to run a larger one fast"
        )
        return catalog.default, f"it completes as one types on a CPU, and {why}."
    if (best := _best(small)) is not None:
        return best, (
            f"of {format_size(memory_bytes)} of memory a model should take at most {MEMORY_SHARE:.0%}, "
            f"and it takes {best.memory_mb} MiB."
        )
    smallest = min(usable, key=lambda m: m.memory_mb)
    return smallest, f"it is the smallest; {format_size(memory_bytes)} of memory are little even for its needs."


def _best(models: Iterable[Model]) -> Model | None:
    return max(models, key=lambda m: m.rank, default=None)


def resolve_model(settings: Settings, store: ModelStore, catalog: Catalog) -> ModelFile:
    """Decide which file the engine loads: the settings' path, else their name, else the best that is installed.

    Args:
        settings: the user's.
        store: the models folder.
        catalog: what is known of models.

    Raises:
        ModelMissing: there is none.
    """
    if settings.model.path:
        path = Path(settings.model.path).expanduser()
        if not path.is_file():
            raise ModelMissing(
                f"`model.path` is {path}, and there is no such file.",
                "Correct it, or leave it out to use a model of the catalogue.",
            )
        return ModelFile(path, path.stem, catalog.holder(path.name))
    wanted = settings.model.name
    usable = [item for item in store.installed(catalog) if item.whole]
    for item in usable:
        if wanted in ("", item.name):
            return ModelFile(item.path, item.name, item.entry)
    pull = f"tabby-lsp models pull {wanted}".rstrip()
    if not usable:
        by_hand = f"`offline` is on: bring a model's file here by other means, for `{pull} --from FILE`."
        remedy = by_hand if settings.offline else f"Run `{pull}`."
        raise ModelMissing(f"There is no model in {store.directory}.", remedy)
    best = usable[0]
    note = f"{wanted} is not installed, so {best.name} serves instead; `{pull}` fetches it."
    return ModelFile(best.path, best.name, best.entry, note)
