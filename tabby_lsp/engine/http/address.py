"""Where a server is: what an address may look like, whether it is this machine, and what is asked below it.

Nothing here opens a connection.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit, urlunsplit

from tabby_lsp.errors import ConfigError, Offline


@dataclass(frozen=True, slots=True)
class Route:
    """A path below an address.

    Attributes:
        path: what is asked.
        bare: what stands before it where the address has no path of its own, such as `/v1`.
    """

    path: str
    bare: str = ""

    def below(self, base: SplitResult) -> str:
        """The whole address; what the address ends with already is not repeated.

        Args:
            base: the server's address; its query is kept.
        """
        stem = base.path.rstrip("/")
        whole = self.bare + self.path
        left = _left(stem, whole) if stem else whole
        if left is None:
            left = _left(stem, self.path)
        return urlunsplit((base.scheme, base.netloc, stem + (self.path if left is None else left), base.query, ""))


def _left(stem: str, path: str) -> str | None:
    """What of a path does not stand at the end of the stem already; None where nothing of it does."""
    borders = [at for at in range(len(path), 0, -1) if path[at : at + 1] in ("", "/")]
    return next((path[at:] for at in borders if stem.endswith(path[:at])), None)


def is_near(host: str) -> bool:
    """Whether a host is this machine, by its name or number."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def check(address: str, setting: str, *, offline: bool) -> SplitResult:
    """Read an address.

    Args:
        address: of a server.
        setting: where it stands, for the message: `model.chat.http.api_endpoint`.
        offline: whether other machines are out of bounds.

    Raises:
        ConfigError: it is none, or holds a user's name or password, which would end in logs.
        Offline: it is another machine's, and the network is off.
    """
    if not address:
        raise ConfigError("No server is named.", f"Set `{setting}`, such as http://localhost:8080.")
    try:
        base = urlsplit(address.strip())
        host, _ = base.hostname or "", base.port
    except ValueError:
        base, host = urlsplit(""), ""
    if base.username or base.password:
        raise ConfigError(
            f"`{setting}` holds a user's name or a password, which programs write to logs.",
            "Take it out, and set `api_key` or `api_key_command`.",
        )
    if base.scheme not in {"http", "https"} or not host or any(char.isspace() for char in address.strip()):
        raise ConfigError(f"`{setting}` is no address of a server.", "Write one such as http://localhost:8080.")
    if offline and not is_near(host):
        raise Offline(
            f"The server {host} is on another machine, and `offline = true`.",
            f"Set `{setting}` to a server on this machine, or `offline` to false.",
        )
    return base


def proxy_for(base: SplitResult, proxy: str, setting: str, *, offline: bool) -> str:
    """The proxy to a server; empty where none may be asked: what is for this machine goes through no proxy.

    Args:
        base: the server's address, as `check` gives it.
        proxy: the address that is set; empty: none.
        setting: where it stands, for the message.
        offline: whether other machines are out of bounds.

    Raises:
        ConfigError: it is no address of an HTTP proxy.
        Offline: it is another machine's, and the network is off.
    """
    if not proxy:
        return ""
    try:
        parts = urlsplit(proxy.strip())
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        parts, host = urlsplit(""), ""
    if parts.scheme not in {"http", "https"} or not host:
        raise ConfigError(f"`{setting}` is no address of an HTTP proxy.", "Write one such as http://localhost:3128.")
    if offline and not is_near(host):
        raise Offline(
            f"The proxy {host} is on another machine, and `offline = true`.",
            f"Take `{setting}` out, or set `offline` to false.",
        )
    return "" if is_near(base.hostname or "") else proxy
