"""One server that a role is given to: asks it, and asks again where that is safe.

It is safe while nothing of an answer has come: what is asked for changes nothing on the server. It is of use for a
chat, and once, quickly, for a completion, which is worthless when it is late.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from tabby_lsp.config import HttpSettings
from tabby_lsp.engine.http import client, faults, keys, reply
from tabby_lsp.engine.http.address import check, is_near, proxy_for
from tabby_lsp.engine.http.answers import Chunk
from tabby_lsp.engine.http.kinds import Ask, Kind
from tabby_lsp.engine.http.limits import RateLimit
from tabby_lsp.engine.http.reply import Again
from tabby_lsp.errors import ConfigError, ProviderDown, TabbyError

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a role waits.

    Attributes:
        retries: attempts after the first.
        pause: seconds before the second; twice that before the third. Up to as much again is added by chance, so that
            many editors do not come back at once.
        longest: seconds, at most, that a server may ask for between attempts.
        queues: whether a request over our own limit waits for its turn, or fails.
    """

    retries: int
    pause: float
    longest: float
    queues: bool


PATIENCE: Mapping[str, Patience] = {
    "completion": Patience(retries=1, pause=0.1, longest=0.5, queues=False),
    "chat": Patience(retries=2, pause=0.5, longest=20.0, queues=True),
}
"""Role → how long it waits."""


class Server:
    """A server, as one role's settings describe it.

    Args:
        http: of the role.
        kind: what it speaks.
        role: who asks.
        offline: whether other machines are out of bounds.

    Raises:
        ConfigError: the address, the model's name or the certificates are missing or cannot be used.
        Offline: the address or the proxy is another machine's, and the network is off.
        ProviderRefused: the key cannot be had.
    """

    def __init__(
        self, http: HttpSettings, kind: Kind, role: Literal["completion", "chat"], *, offline: bool = False
    ) -> None:
        base = check(http.api_endpoint or kind.address, f"model.{role}.http.api_endpoint", offline=offline)
        self.http, self.kind, self.role = http, kind, role
        self.near = is_near(base.hostname or "")
        """Whether it is this machine."""
        self.place = faults.Place(role, base.netloc)
        proxy = proxy_for(base, http.proxy, f"model.{role}.http.proxy", offline=offline)
        self._check_settings()
        key = keys.resolve(http)
        self.place = replace(self.place, key=key)
        self._key = key
        if key and base.scheme == "http" and not self.near:
            logger.warning("The key for the %s server %s is sent without encryption.", role, base.netloc)
        self._url = _with_query(kind.route.below(base).replace("{model}", quote(http.model_name, safe="")), kind)
        self._limit = RateLimit(http.rate_limit.request_per_minute)
        self._way = client.Way(proxy, http.certificates, self.near)
        self._client: client.Client | None = client.borrow()

    def _check_settings(self) -> None:
        http, setting = self.http, self.place.setting
        if not http.model_name and (self.kind.named == "always" or (self.kind.named == "elsewhere" and not self.near)):
            raise ConfigError(
                f"The {self.role} server {self.place.host} has to be told which model to use.",
                f"Set {setting('model_name')}.",
            )
        for name, used in (("chat_template", False), ("prompt_template", self.kind.prompt == "template")):
            if getattr(http, name) and not used:
                logger.warning("%s is not used by servers of this kind.", setting(name))
        if http.certificates:
            try:
                client.trusted(http.certificates)
            except OSError as error:
                raise ConfigError(
                    f"{http.certificates} holds no certificates that can be read: {error.strerror or error}.",
                    f"Correct {setting('certificates')}.",
                ) from None

    def __repr__(self) -> str:
        return f"<{self.role} server {self.place.host}>"

    @property
    def name(self) -> str:
        """The model's name, for people; where it has none, the server's."""
        return self.http.model_name or self.place.host

    @property
    def client(self) -> client.Client:
        """The thread on which it is talked to.

        Raises:
            ProviderDown: it has been given back.
        """
        if self._client is None:
            raise ProviderDown(f"The {self.role} server is closed.")
        return self._client

    def close(self) -> None:
        """Give the thread back; what is under way there ends with it, where nobody else has a use for it."""
        mine, self._client = self._client, None
        if mine is not None:
            client.give_back()

    # ---- on the thread ------------------------------------------------------------------------------------------

    async def answer(self, ask: Ask, deadline: float | None) -> AsyncGenerator[Chunk]:
        """Ask, and give the pieces of the answer as they come. Closing the generator closes the connection.

        Each candidate ends with a piece that has a `finish`.

        Args:
            ask: what is asked.
            deadline: `time.monotonic()` seconds after which no further attempt is made; None: no limit.

        Raises:
            ProviderError: the server did not answer, or not to the end.
            PromptTooLong: its model cannot read as much.
        """
        ask = replace(ask, stop=ask.stop[: self.kind.stops])
        body, patience = json.dumps(self.kind.body(ask)).encode(), PATIENCE[self.role]
        attempt, renewed = 0, False
        while True:
            await self._take_turn(patience, deadline)
            try:
                async with aclosing(self._attempt(body, ask.candidates)) as chunks:
                    async for chunk in chunks:
                        yield chunk
            except Again as failed:
                if failed.asked < 0 and not renewed and await self._renew_key():
                    renewed = True
                    continue
                pause = max(failed.asked, patience.pause * 2**attempt * (1 + random.random()))  # noqa: S311 - no secret
                late = deadline is not None and time.monotonic() + pause > deadline
                if failed.asked < 0 or attempt >= patience.retries or failed.asked > patience.longest or late:
                    raise failed.error from None
                attempt += 1
                logger.debug("%r is asked again in %.1f s: %s", self, pause, failed.error.message)
                await asyncio.sleep(pause)
            else:
                return

    async def _take_turn(self, patience: Patience, deadline: float | None) -> None:
        while wait := self._limit.wait(now := time.monotonic()):
            if not patience.queues or (deadline is not None and now + wait > deadline):
                raise faults.limited(self.place, self._limit.per_minute, wait)
            await asyncio.sleep(wait)
        self._limit.take(now)

    async def _renew_key(self) -> bool:
        """Whether the command now prints another key: tokens of a single sign-on live for an hour."""
        if not self.http.api_key_command or self.http.api_key:
            return False
        try:
            key = await asyncio.to_thread(keys.resolve, self.http)
        except TabbyError as error:
            logger.debug("no newer key: %s", error.message)
            return False
        newer, self._key = key != self._key, key
        self.place = replace(self.place, key=key)
        return newer

    async def _attempt(self, body: bytes, candidates: int) -> AsyncGenerator[Chunk]:
        """One request.

        Raises:
            Again: it failed before anything came.
            TabbyError: it failed.
        """
        import httpx

        begun = False
        headers = {"Content-Type": "application/json", "Accept": "text/event-stream, application/json"}
        if self._key:
            bearer = self.kind.key_header == "Authorization"
            headers[self.kind.key_header] = f"Bearer {self._key}" if bearer else self._key
        timeout = httpx.Timeout(self.http.timeout_s, connect=client.CONNECT_S)
        try:
            pool = self.client.pool(self._way)
        except (ImportError, ValueError, OSError) as error:  # a proxy of the environment, or the system's certificates
            raise ConfigError(
                f"The {self.role} server {self.place.host} cannot be reached as set: {type(error).__name__}.",
                f"Check {self.place.setting('proxy')}, {self.place.setting('certificates')} and HTTPS_PROXY.",
            ) from None
        try:
            async with pool.stream("POST", self._url, content=body, headers=headers, timeout=timeout) as response:
                if not response.is_success:
                    raise await reply.failed(response, self.place)
                answer = reply.chunks_of(response, self.kind, self.place, candidates, self.http.timeout_s)
                async with aclosing(answer) as chunks:
                    async for chunk in chunks:
                        begun = True
                        yield chunk
        except httpx.HTTPError as error:
            raise reply.lost(error, self.place, self.http.timeout_s, begun=begun) from None


def _with_query(url: str, kind: Kind) -> str:
    parts = urlsplit(url)
    given = dict(parse_qsl(parts.query))
    wanted = {} if kind.plain in parts.path else dict(kind.query)
    return urlunsplit(parts._replace(query=urlencode(wanted | given)))
