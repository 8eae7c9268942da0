"""One engine at a time, and one message a trouble: what the server's model does after things went wrong."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from scripted_engine import ScriptedEngine, until

from tabby_lsp.config import CompletionHttpSettings, CompletionRole, ModelSettings, Settings
from tabby_lsp.engine.choice import ModelFile
from tabby_lsp.engine.opening import Opened
from tabby_lsp.errors import (
    EngineError,
    EngineFault,
    ModelUnusable,
    Offline,
    PromptTooLong,
    ProviderBusy,
    ProviderDown,
    ProviderRefused,
    TabbyError,
)
from tabby_lsp.lsp import model
from tabby_lsp.lsp.server import TabbyServer
from tabby_lsp.lsp.status import State

pytestmark = pytest.mark.asyncio

DOWN = ProviderDown("Nobody answers.", "Start it.")
THERE = CompletionHttpSettings(kind="llama.cpp/completion", api_endpoint="http://127.0.0.1:9")


class Desk:
    """A server whose engines a test writes, and all that its user was told."""

    def __init__(self, http: CompletionHttpSettings | None = None) -> None:
        self.server = TabbyServer()
        if http is not None:
            self.server.settings = Settings(model=ModelSettings(completion=CompletionRole(http=http)))
        self.host = self.server.model
        self.engines: list[ScriptedEngine] = []
        self.closed: list[ScriptedEngine] = []
        self.closing: Callable[[], object] = lambda: None
        self.error: TabbyError | None = None
        self.opened = 0
        self.said: list[str] = []
        self.told: list[str] = []
        server: Any = self.server
        server.protocol.client_capabilities = types.ClientCapabilities()
        server.protocol.notify = lambda _, params: self.told.append(params.state)
        server.window_show_message = lambda params: self.said.append(params.message)

    def open_engine(self, *_: Any) -> Opened:
        self.opened += 1
        if self.error is not None:
            raise self.error
        engine = ScriptedEngine()

        def close() -> None:
            self.closing()
            self.closed.append(engine)

        engine.close = close
        self.engines.append(engine)
        return Opened(engine, ModelFile(Path(), "m", None))

    async def up(self) -> None:
        self.host.start()
        await self.settled()

    async def settled(self) -> None:
        while self.host._task is not None and not self.host._task.done():
            await asyncio.wait([self.host._task])

    async def look(self) -> None:
        """A question that nobody could answer, a minute later."""
        self.host._looked -= 61
        self.host.look_again()
        await self.settled()


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Desk]:
    def made(http: CompletionHttpSettings | None = None) -> Desk:
        desk = Desk(http)
        monkeypatch.setattr(model, "_open_engine", desk.open_engine)
        return desk

    return made


@pytest.mark.parametrize("error", [DOWN, EngineFault("The answer could not be used.")])
async def test_a_failing_server_is_no_reason_for_a_second_engine(make: Callable[..., Desk], error: TabbyError) -> None:
    desk = make(THERE)
    await desk.up()
    desk.host.failed(error)
    assert desk.server.status.state is State.ERROR
    await desk.look()
    assert (await desk.host.serving()).engine is desk.engines[0]
    assert len(desk.engines) == 1


@pytest.mark.parametrize("error", [EngineFault("It crashed."), ModelUnusable("The file is gone.")])
async def test_a_broken_engine_in_this_process_is_closed_before_another_comes(
    make: Callable[..., Desk], error: TabbyError
) -> None:
    desk = make()
    await desk.up()
    pipeline = desk.host.pipeline
    desk.closing = lambda: desk.told.append(f"closing the first of {len(desk.engines)}")
    desk.host.failed(error)
    await desk.look()
    assert desk.closed == desk.engines[:1]
    assert "closing the first of 1" in desk.told
    assert len(desk.engines) == 2
    assert (await desk.host.serving()).engine is desk.engines[1]
    assert desk.host.pipeline is not pipeline
    assert desk.server.status.state is State.READY


async def test_a_prompt_that_is_too_long_is_no_reason_either(make: Callable[..., Desk]) -> None:
    desk = make()
    await desk.up()
    desk.host.failed(PromptTooLong("It is too long."))
    await desk.look()
    assert len(desk.engines) == 1


def too_long(number: int) -> TabbyError:
    return PromptTooLong(f"The prompt has {2100 + number} tokens.", "Lower it.")


def busy(number: int) -> TabbyError:
    return ProviderBusy(f"Try again in {30 - number} s.", "Wait.")


@pytest.mark.parametrize(("error", "messages"), [(too_long, 0), (busy, 1), (lambda _: DOWN, 1)])
async def test_what_is_said_at_each_key_is_said_once(
    make: Callable[..., Desk],
    error: Callable[[int], TabbyError],
    messages: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk = make()
    await desk.up()
    caplog.set_level(logging.INFO, "tabby_lsp")
    desk.told.clear()
    for number in range(30):
        desk.host.failed(error(number))
    assert len(desk.said) == messages
    assert desk.told == ["error"]
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    desk.host.served()
    assert desk.server.status.state is State.READY
    desk.host.failed(error(99))
    assert desk.told == ["error", "ready", "error"]
    assert len(desk.said) == messages


async def test_what_was_said_is_remembered_within_bounds_and_until_another_model_is_configured(
    make: Callable[..., Desk],
) -> None:
    desk = make()
    await desk.up()
    for number in range(3 * model.SAID):
        desk.host.failed(EngineError("It failed.", f"Do {number}."))
    assert len(desk.host._said) == model.SAID
    desk.said.clear()
    desk.host.failed(DOWN)
    await desk.up()
    desk.host.failed(DOWN)
    assert len(desk.said) == 2


@pytest.mark.parametrize(
    "error", [ProviderRefused("The program failed.", "Mend it."), Offline("It is not allowed.", "Allow it.")]
)
async def test_what_only_a_person_can_mend_is_not_tried_again(make: Callable[..., Desk], error: TabbyError) -> None:
    desk = make(THERE)
    desk.error = error
    await desk.up()
    for _ in range(4):
        await desk.look()
    assert desk.opened == 1
    desk.error = None
    await desk.up()
    assert desk.server.status.state is State.READY


async def test_a_model_that_may_have_been_mended_is_tried_again(make: Callable[..., Desk]) -> None:
    desk = make()
    desk.error = ModelUnusable("It crashed.")
    await desk.up()
    desk.error = None
    await desk.look()
    assert desk.server.status.state is State.READY


async def test_a_stand_in_that_cannot_be_opened_makes_an_error_of_the_status(make: Callable[..., Desk]) -> None:
    desk = make(replace(THERE, fallback="local"))
    await desk.up()
    desk.host._server_changed(DOWN)
    desk.host.failed(DOWN)
    assert (desk.server.status.state, len(desk.said)) == (State.READY, 1)
    desk.host._server_changed(EngineError("The model cannot stand in.", "Pull one."))
    desk.host.failed(DOWN)  # what each key brings
    assert desk.server.status.state is State.ERROR
    assert "cannot stand in" in desk.server.status.params.message
    desk.host._server_changed(None)
    assert desk.server.status.state is State.READY


async def test_closing_does_not_hold_up_the_requests_and_the_next_engine_waits_for_it(
    make: Callable[..., Desk],
) -> None:
    desk = make()
    await desk.up()
    over: Future[None] = Future()
    desk.closing = over.result
    desk.host.start()  # returns, although the engine's thread has not ended
    await asyncio.sleep(0.02)
    assert (desk.opened, desk.closed) == (1, [])
    over.set_result(None)
    await desk.settled()
    assert desk.closed == desk.engines[:1]
    assert desk.opened == 2
    desk.host.stop()
    await until(lambda: desk.closed == desk.engines, "end")
