"""What tests of more than one kind share: the real model, and an environment that nothing of the user's reaches."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer to write snapshots anew."""
    parser.addoption("--update-snapshots", action="store_true", help="write what the server answers into the snapshots")


@pytest.fixture(scope="session")
def model_file() -> Path:
    """The catalogue's default model: in the folder that TABBY_LSP_MODELS names, else in the user's own."""
    import platformdirs

    from tabby_lsp.engine import catalog

    model = catalog.load(Path(os.devnull)).default
    named = os.environ.get("TABBY_LSP_MODELS")
    folders = [Path(named).expanduser().absolute()] if named else []
    folders.append(platformdirs.user_cache_path("tabby-lsp", appauthor=False) / "models")
    for folder in folders:
        path = folder / model.file
        if path.is_file() and path.stat().st_size == model.size:
            return path
    looked = " or ".join(str(folder) for folder in folders)
    pytest.fail(f"{model.file} is not in {looked}: run `tabby-lsp models pull {model.name}` first.", pytrace=False)


@pytest.fixture(scope="session")
def model_directory(tmp_path_factory: pytest.TempPathFactory, model_file: Path) -> Path:
    """A models folder that holds the default model and nothing else, so that no better one of the user's serves."""
    folder = tmp_path_factory.mktemp("models")
    (folder / model_file.name).symlink_to(model_file)
    return folder


@pytest.fixture(scope="session")
def server_environment(tmp_path_factory: pytest.TempPathFactory, model_directory: Path) -> dict[str, str]:
    """Variables for a server: our own model, no settings of the user's, and a cache that lasts for this run."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TABBY_LSP_")}
    return inherited | {
        "TABBY_LSP_CONFIG": os.devnull,
        "TABBY_LSP_MODELS": str(model_directory),
        "XDG_CACHE_HOME": str(tmp_path_factory.mktemp("cache")),
    }
