"""What can go wrong with a server, told to a person: each error names the setting that may mend it.

A key never comes back in a message: what a server says is shortened, and the key is taken out of it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

from tabby_lsp.errors import (
    PromptTooLong,
    ProviderBroken,
    ProviderBusy,
    ProviderDown,
    ProviderError,
    ProviderRefused,
    TabbyError,
)

LONGEST = 160
"""Characters of what a server says that are shown."""
LONGEST_READ = 64 << 10
"""Characters of it in which a key is looked for; what is shown comes from the first of them."""
_TOO_LONG = re.compile(r"(?i)context.{0,20}(length|size|window)|exceed_context|too long|too many tokens")
_PAGE = re.compile(r"(?i)^\s*<(!doctype|html|\?xml|head|body)")


def without(said: str, key: str) -> str:
    """A text without a key, as it is or escaped, as in JSON or in an address.

    Args:
        said: what somebody says.
        key: what must not be shown; empty: nothing.
    """
    if not key:
        return said
    forms = (rf"(?:\\{{0,4}}{re.escape(char)}|\\{{1,4}}u00{ord(char):02x}|%{ord(char):02x})" for char in key)
    return re.sub("".join(forms), "…", said, flags=re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Place:
    """Whose fault it is, for messages.

    Attributes:
        role: `completion` or `chat`.
        host: of the server, with its port.
        key: what must not be shown.
    """

    role: str
    host: str
    key: str = field(default="", repr=False)

    def setting(self, name: str) -> str:
        """A setting's whole name, as it stands in messages."""
        return f"`model.{self.role}.http.{name}`"

    def quote(self, said: str) -> str:
        """What a server says, in one short line, without the key; empty where it says nothing for people."""
        said = without(said[:LONGEST_READ], self.key)[: 4 * LONGEST]  # cut here, not in the middle of a key
        if _PAGE.match(said):
            return "a web page"
        said = " ".join("".join(char if char.isprintable() else " " for char in said).split())
        return f'"{said[:LONGEST]}{"…" if len(said) > LONGEST else ""}"' if said else ""


def said_in(body: str) -> str:
    """What an answer says of a fault: the message in its JSON, or all of it."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return body
    return message_of(found) or body


def message_of(found: Any) -> str:
    """The message of an error object, in any of the forms that servers give it; empty where there is none."""
    for _ in range(4):  # `{"error": {"message": {"detail": ...}}}` has been seen
        if isinstance(found, list):
            found = found[0] if found else ""
        if not isinstance(found, Mapping):
            break
        found = next((found[name] for name in ("error", "message", "detail", "msg", "type") if found.get(name)), "")
    return found if isinstance(found, str) else ""


@dataclass(frozen=True, slots=True)
class Rule:
    """What an HTTP status means.

    Attributes:
        error: of which sort it is.
        says: what the server does.
        remedy: what a person can do; settings stand in braces.
    """

    error: Callable[[str, str], ProviderError]
    says: str
    remedy: str


_KEY = "Check {api_key}, or what gives the key in its place."
_NAME = "Check {api_endpoint}, {kind} and {model_name}."
RULES: Mapping[int, Rule] = {
    401: Rule(ProviderRefused, "refuses the key", _KEY),
    402: Rule(ProviderRefused, "wants to be paid", "Look into your account there, or change {kind}."),
    403: Rule(ProviderRefused, "refuses the key", _KEY),
    404: Rule(ProviderRefused, "does not know the address or the model", _NAME),
    408: Rule(ProviderDown, "has waited too long", "Try again in a moment."),
    429: Rule(ProviderBusy, "asks for patience", "Wait, or set {rate_limit.request_per_minute} to what it allows."),
    502: Rule(ProviderDown, "cannot be reached behind its gateway", "Start it, or check {api_endpoint}."),
    503: Rule(ProviderDown, "is not ready", "Wait until its model is loaded, or check {api_endpoint}."),
    504: Rule(ProviderDown, "did not answer its gateway in time", "Try again, or check {api_endpoint}."),
}
"""HTTP status → what it means."""
REDIRECTS = Rule(ProviderBroken, "sends elsewhere", "Set {api_endpoint} to the address that answers.")
FAILS = Rule(ProviderBroken, "fails", "Its own log says more; try again later.")
REFUSES = Rule(ProviderBroken, "cannot use what it was sent", _NAME)


def from_status(place: Place, status: int, body: str) -> TabbyError:
    """The error for an answer that is none.

    Args:
        place: whose.
        status: of HTTP.
        body: what it says.
    """
    said = said_in(body)
    if 400 <= status < 500 and status not in RULES and _TOO_LONG.search(said):
        return too_long(place, said)
    other = REDIRECTS if status < 400 else REFUSES if status < 500 else FAILS
    return _made(place, RULES.get(status, other), f"HTTP {status}", said)


def from_event(place: Place, event: Mapping[str, Any]) -> TabbyError:
    """The error for an error object where a piece of an answer was due."""
    said, inner = message_of(event), event.get("error")
    code = inner.get("code") if isinstance(inner, Mapping) else event.get("code")
    if _TOO_LONG.search(said):
        return too_long(place, said)
    return _made(place, RULES.get(code, FAILS) if isinstance(code, int) else FAILS, "", said)


def too_long(place: Place, said: str = "") -> PromptTooLong:
    """The model cannot read as much."""
    quote = place.quote(said)
    more = f": {quote}" if quote else ""
    text = f"The prompt is longer than the {place.role} server {place.host} takes{more}."
    less = "Ask about less" if place.role == "chat" else "Lower `completion.prefix_tokens` and `context.tokens`"
    return PromptTooLong(text, f"{less}, or give the model there a longer context.")


def broken(place: Place, what: str, said: str = "") -> ProviderBroken:
    """It answers with what is no answer.

    Args:
        place: whose.
        what: what it did, such as `answers with what is no answer`.
        said: what came.
    """
    quote = place.quote(said)
    text = f"The {place.role} server {place.host} {what}{f': {quote}' if quote else ''}."
    return ProviderBroken(text, f"Check {place.setting('kind')} and {place.setting('api_endpoint')}.")


def down(place: Place, what: str) -> ProviderDown:
    """It does not answer.

    Args:
        place: whose.
        what: what it did, such as `does not answer`.
    """
    remedy = f"Start it, or check {place.setting('api_endpoint')}."
    return ProviderDown(f"The {place.role} server {place.host} {what}.", remedy)


def limited(place: Place, per_minute: int, wait: float) -> ProviderBusy:
    """Our own limit forbids to ask, for so many seconds."""
    return ProviderBusy(
        f"The {place.role} server {place.host} has been asked {per_minute} times in a minute.",
        f"Wait, or raise {place.setting('rate_limit.request_per_minute')}.",
        wait,
    )


def _made(place: Place, rule: Rule, status: str, said: str) -> ProviderError:
    quote = place.quote(said)
    why = ", ".join(part for part in (status, quote) if part)
    remedy = re.sub(r"\{([\w.]+)\}", lambda found: place.setting(found[1]), rule.remedy)
    return rule.error(f"The {place.role} server {place.host} {rule.says}{f' ({why})' if why else ''}.", remedy)


def seconds_asked(value: str, now: float) -> float | None:
    """The seconds of a `Retry-After`, which is a number or a date; None where it is neither (RFC 9110, 10.2.3).

    Args:
        value: of the header.
        now: seconds since the epoch.
    """
    try:
        seconds = float(value)
        return max(0.0, seconds) if math.isfinite(seconds) else None
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None
