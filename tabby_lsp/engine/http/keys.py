"""The key of a server: from the settings, the environment, a command or the system's keyring.

A key is looked up when a server is opened, and again where the server refuses it and a command may print a newer one.
It is handed on as text and written nowhere: no message in here repeats what a setting, a variable or a command holds.
"""

from __future__ import annotations

import importlib
import os
import re
import shlex
import subprocess
from pathlib import Path

from tabby_lsp.config import HttpSettings
from tabby_lsp.errors import ProviderRefused

COMMAND_S = 10.0
"""Seconds that a command may take to print a key: enough to touch a hardware token."""
USER = "tabby-lsp"
"""The user under which the keyring has the key."""
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def resolve(http: HttpSettings) -> str:
    """The key to send; empty where none is set.

    The first of these that is set: `api_key`, in which `${NAME}` stands for a variable of the environment,
    `api_key_command`, `api_key_keyring`. It may block: for the command, or for a keyring that asks to be unlocked.

    Args:
        http: the server's settings.

    Raises:
        ProviderRefused: a key is asked for, and cannot be had or sent; the message holds nothing of it.
    """
    if http.api_key:
        source, key, remedy = "`api_key`", _from_text(http.api_key), "Write the key in it, or `${NAME}`."
    elif http.api_key_command:
        source, key, remedy = "`api_key_command`", _from_command(http.api_key_command), "Try it in a terminal."
    elif http.api_key_keyring:
        source, key, remedy = "`api_key_keyring`", _from_keyring(http.api_key_keyring), "Store the key there again."
    else:
        return ""
    if not key or not key.isascii() or not key.isprintable() or " " in key:  # what no header may hold
        raise ProviderRefused(f"{source} gives no key that can be sent.", remedy)
    return key


def _from_text(text: str) -> str:
    def value(found: re.Match[str]) -> str:
        if not (held := os.environ.get(found[1], "")):
            raise ProviderRefused(
                f"The environment variable {found[1]}, which `api_key` names, is not set.",
                "Set it where the editor is started, or use `api_key_command`.",
            )
        return held

    return _VARIABLE.sub(value, text).strip()


def _from_command(command: str) -> str:
    """The first line that a command prints; it is run without a shell, in the user's home folder."""
    remedy = "Correct `api_key_command`, and try it in a terminal."
    try:
        words = shlex.split(command, posix=os.name == "posix")
    except ValueError as error:
        raise ProviderRefused(f"`api_key_command` cannot be read: {str(error).lower()}.", remedy) from None
    if not words:
        raise ProviderRefused("`api_key_command` is blank.", remedy)
    program, home = Path(words[0]).name, Path(os.path.expanduser("~"))
    try:
        done = subprocess.run(
            (os.path.expanduser(words[0]), *words[1:]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=COMMAND_S,
            cwd=home if home.is_dir() else None,  # the editor's own may be a project with programs of these names
            check=False,
        )
    except subprocess.TimeoutExpired:
        said = f"{program}, the program of `api_key_command`, has printed no key within {COMMAND_S:.0f} s."
        raise ProviderRefused(said, remedy) from None
    except OSError as error:
        said = f"{program}, the program of `api_key_command`, cannot be run: {error.strerror}."
        raise ProviderRefused(said, remedy) from None
    if done.returncode:
        said = f"{program}, the program of `api_key_command`, failed with code {done.returncode}."
        raise ProviderRefused(said, remedy)
    return done.stdout.decode("utf-8", "replace").strip().partition("\n")[0].strip()


def _from_keyring(service: str) -> str:
    try:
        keyring = importlib.import_module("keyring")  # the extra of that name
    except ImportError:
        raise ProviderRefused(
            "`api_key_keyring` is set, and the package that reads the system's keyring is not installed.",
            "pip install 'tabby-lsp[keyring]', or use `api_key` or `api_key_command`.",
        ) from None
    try:
        key: str | None = keyring.get_password(service, USER)
    except Exception as error:  # noqa: BLE001 - each backend has errors of its own
        said = f"The system's keyring cannot be read: {type(error).__name__}."
        raise ProviderRefused(said, "Unlock it, or use `api_key_command`.") from None
    if not key:
        said = f"The system's keyring holds no key of {USER} under {service}."
        raise ProviderRefused(said, f"Store one: keyring set {service} {USER}")
    return key.strip()
