"""Raw options, from files, the environment and the client, become one frozen `Settings`.

Which layers there are, and in which order. Wrong options never raise (`layers.py`); what may be set is `schema.py`.
Nothing here opens the network, imports a third-party package at module level, or reads a file other than the
settings' own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from tabby_lsp.layers import PUSHED, Fault, Layers, Resolved
from tabby_lsp.schema import PROJECT_FILE

__all__ = ["Fault", "Resolved", "config_file", "resolve"]


def config_file(environment: Mapping[str, str] | None = None) -> Path:
    """Return the user's settings file, which need not exist.

    Args:
        environment: variables to look at, the process's own where None. `TABBY_LSP_CONFIG` names another file;
            the null device stands for no file at all.
    """
    named = (os.environ if environment is None else environment).get("TABBY_LSP_CONFIG")
    if named:
        return Path(os.path.expanduser(named))
    from platformdirs import user_config_path

    return user_config_path("tabby-lsp", appauthor=False) / "config.toml"


def resolve(
    project: Path | Sequence[Path] | None = None,
    initialization_options: object | None = None,
    environment: Mapping[str, str] | None = None,
    pushed_options: object | None = None,
) -> Resolved:
    """Lay all layers over the built-in defaults: the user's file, the projects', the environment, the client.

    Args:
        project: the root folder or folders, the later ones winning; only what `PROJECT_MAY_SET` lists is read there.
        initialization_options: `initializationOptions`, bare or under the server's name, in snake_case or camelCase;
            null anywhere means "not set".
        environment: variables, the process's own where None.
        pushed_options: the settings of `workspace/didChangeConfiguration`, in the same form. Editors take them from the
            workspace too (`.dir-locals.el`), so only what `PROJECT_MAY_SET` lists is changed by them.

    Returns:
        The settings, every fault, and where each value came from. Wrong options never raise.
    """
    variables = os.environ if environment is None else environment
    layers = Layers()
    user_file = config_file(variables)
    if str(user_file) != os.devnull:
        layers.lay_file(user_file, required=bool(variables.get("TABBY_LSP_CONFIG")))
    for root in (project,) if isinstance(project, Path) else project or ():
        layers.lay_file(root / PROJECT_FILE, project=True)
    layers.lay_environment(variables)
    layers.lay_client(initialization_options)
    layers.lay_client(pushed_options, PUSHED, project=True)
    return layers.close()
