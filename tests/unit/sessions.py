"""Sessions made by hand, for what is drawn from them."""

from __future__ import annotations

from tabby_lsp.bench.types import Key, Session, Usage


def key(at: float, typed: str, **more: object) -> Key:
    plain: dict[str, object] = {"hunk": 0, "phase": "warm", "accepted": False, "remaining": "remaining"}
    return Key(at=at, typed=typed, **(plain | more))  # type: ignore[arg-type]


def session(who: str = "ours", text: str = "rest", script: str = "a.py") -> Session:
    keys = [
        key(0.0, "a", shown=text, waited_ms=100.0, until_seen_ms=100.0),
        key(1.0, "b", shown="maining", waited_ms=400.0, until_seen_ms=400.0, right=True),
        key(2.0, "c", shown="remaining", waited_ms=10.0, until_seen_ms=10.0, right=True),
        key(3.0, "remaining", accepted=True, remaining=""),
    ]
    return Session(who, script, "commit", "python", keys, [1.0], Usage(1.0, 100.0))
