"""What looks like a secret: names of files that hold them, shapes of tokens, and random text that is given such a name.

A file that holds one is left out as a whole: it must not reach an index, a prompt, or a shared bucket. The shapes are
those that the services document. They are looked for among the words that are long enough, and names that are given
something only where such a word has digits: 0.14 ms for 9 KB, where all patterns over all bytes take 0.5.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

NAMES = re.compile(
    r"""
      \.env(?:rc)? | \.env\..* | .*\.env
    | \.(?:npmrc|yarnrc|pypirc|netrc|pgpass|my\.cnf|htpasswd|git-credentials|dockercfg|s3cfg|boto|vault-token
        |databrickscfg)
    | _netrc | kubeconfig | \.?credentials(?:\.\w+)? | \.?secrets?\.(?:ya?ml|json|toml|env|txt|ini) | master\.key
    | client_secret.*\.json | (?:.*-)?service[-_]account.*\.json | application_default_credentials\.json
    | local\.settings\.json | .*\.auto\.tfvars | .*\.tfvars(?:\.json)? | .*\.tfstate(?:\.backup)?
    | id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?(?:\.\w+)?
    | .*\.(?:pem|key|ppk|p8|p12|pfx|jks|keystore|kdbx?|ovpn|gpg|pgp|asc|agekey)
    """,
    re.VERBOSE,
)
"""Whole names, in lower case, of files that exist to hold secrets."""

CODE = re.compile(r".*\.(?:py|rs|go|js|ts|java|kt|rb|php|cs|c|cpp|h)")
"""`credentials.py` is a program."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What the tokens of a service look like.

    Attributes:
        begins: bytes of which one is in every token.
        pattern: the token; its group "random", or all of it, is what must look random.
    """

    begins: tuple[bytes, ...]
    pattern: re.Pattern[bytes]


def _shape(begins: bytes, pattern: bytes) -> Shape:
    return Shape(tuple(begins.split()), re.compile(pattern))


SHAPES: dict[str, Shape] = {
    "private key": _shape(
        b"PRIVATE",
        rb"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:[^-]|-(?!----)){0,400}?"
        rb"(?P<random>[A-Za-z0-9+/]{48,})",
    ),
    "aws": _shape(b"AKIA ASIA ABIA ACCA", rb"\bA(?:KIA|SIA|BIA|CCA)(?P<random>[A-Z2-7]{16})\b"),
    "github": _shape(b"ghp_ gho_ ghu_ ghs_ ghr_", rb"\bgh[pousr]_(?P<random>[A-Za-z0-9]{36,255})\b"),
    "github, fine-grained": _shape(b"github_pat_", rb"\bgithub_pat_(?P<random>[A-Za-z0-9]{22}_[A-Za-z0-9]{59})\b"),
    "gitlab": _shape(b"glpat-", rb"\bglpat-(?P<random>[\w-]{20,})"),
    "slack": _shape(b"xox xapp-", rb"\bx(?:ox[a-z]|app)-(?:[0-9]-)?(?P<random>[0-9A-Za-z-]{20,250})"),
    "slack hook": _shape(b"hooks.slack.com", rb"hooks\.slack\.com/services/(?P<random>T\w{6,}/B\w{6,}/\w{20,})"),
    "stripe": _shape(b"k_live_ k_test_ whsec_", rb"\b(?:[srp]k_(?:live|test)|whsec)_(?P<random>[A-Za-z0-9]{20,})"),
    "google": _shape(b"AIza", rb"\bAIza(?P<random>[\w-]{35})(?![\w-])"),
    "google oauth": _shape(b"GOCSPX- ya29.", rb"\b(?:GOCSPX-|ya29\.)(?P<random>[\w-]{28,})"),
    "openai": _shape(b"T3BlbkFJ", rb"\bsk-(?P<random>[\w-]{10,200}T3BlbkFJ[\w-]{10,200})"),
    "anthropic": _shape(b"sk-ant-", rb"\bsk-ant-(?P<random>[\w-]{32,})"),
    "hugging face": _shape(b"hf_", rb"\bhf_(?P<random>[A-Za-z]{34})\b"),
    "npm": _shape(b"npm_", rb"\bnpm_(?P<random>[A-Za-z0-9]{36})\b"),
    "pypi": _shape(b"pypi-Ag", rb"\bpypi-Ag(?P<random>[\w-]{50,})"),
    "sendgrid": _shape(b"SG.", rb"\bSG\.(?P<random>[\w-]{22}\.[\w-]{43})"),
    "shopify": _shape(b"shpat_ shpss_ shpca_", rb"\bshp(?:at|ss|ca)_(?P<random>[0-9a-fA-F]{32})"),
    "digitalocean": _shape(b"dop_v1_ doo_v1_", rb"\bdo[op]_v1_(?P<random>[0-9a-f]{64})"),
    "azure storage": _shape(b"AccountKey=", rb"AccountKey=(?P<random>[A-Za-z0-9+/]{64,}={0,2})"),
    "json web token": _shape(b"eyJ", rb"\beyJ[\w-]{10,400}\.eyJ[\w-]{10,2000}\.(?P<random>[\w-]{20,})"),
    "age": _shape(b"AGE-SECRET-KEY-1", rb"AGE-SECRET-KEY-1(?P<random>[0-9A-Z]{58})"),
}
"""Tokens that are known by their form alone."""

ASSIGNED = re.compile(
    rb"(?:passw(?:or)?d|secret|token|api[_-]?key|access[_-]?key|private[_-]?key)[\w-]{0,24}[\"']?\s{0,4}(?::=|=>|[:=])\s{0,4}"
    rb"[bru]?([\"'`])(?P<random>[^\s\"'`]{20,160})\1",
    re.IGNORECASE,
)
"""A quoted text that is given to such a name."""

ASSIGNED_BEGINS = (
    b"passw", b"secret", b"token", b"api_key", b"apikey", b"api-key", b"access_key", b"accesskey", b"access-key",
    b"private_key", b"privatekey", b"private-key",
)  # fmt: skip
"""What such a name has in it, in lower case."""

IN_ADDRESS = re.compile(rb"://[\w.%-]{1,64}:(?P<random>[^\s:/@\"'<>{}$]{12,80})@[\w.-]{3,}")
"""A password between a user's name and a host."""

LONG_WORD = 20
"""Letters that a token has at least; where no word is longer, only addresses are looked at."""

PLACEHOLDER = re.compile(
    rb"(?i)example|sample|dummy|fake|test|placeholder|change.?me|your|insert|redacted|xxxx|\*\*\*|\.\.\."
    rb"|0000|12345|abcd|[<>{}$%()\[\] ]"
)
"""What people write where a secret would be, and what templates put in its place."""

HEX = re.compile(rb"[0-9a-fA-F-]+")
RANDOM_ALPHABET = re.compile(rb"[\w+/=.~!@#^&*-]+")
CHANGES = re.compile(rb"(?<=[a-z])[A-Z]|(?<=[A-Za-z])[0-9]|(?<=[0-9])[A-Za-z]")
_APART = bytes(byte if (chr(byte).isalnum() and byte < 128) or byte in b"_+/-!@#^&*.~=" else 32 for byte in range(256))

CHANGED = 0.3
"""Share of places where letters begin or end to be digits, or begin to be capitals: .45 ± .10 in 24 random letters and
digits, .40 ± .12 without capitals, .2 in names of parameters and methods."""

HEX_BITS = 3.0
TEXT_BITS = 3.5
"""Bits of entropy a letter: 4.0 ± .15 in 20 random letters and digits, 3.6 ± .13 in 32 hexadecimal ones."""


LARGEST = 1_000_000
"""Characters of a document beyond which nobody looks for secrets in it, so that it counts as holding some; no file of
that length is indexed."""


def name_tells(name: str) -> bool:
    """Whether a file is one that exists to hold secrets.

    Args:
        name: the last part of its path.
    """
    low = name.lower()
    return NAMES.fullmatch(low) is not None and CODE.fullmatch(low) is None


def tells(path: str, text: str) -> bool:
    """Whether a document looks like one that holds secrets, by its name or its text, or is too long to be looked at.

    Args:
        path: of the document, with slashes.
        text: all of it: what holds a secret somewhere is kept to itself everywhere.
    """
    return (
        name_tells(path.rpartition("/")[2])
        or len(text) > LARGEST
        or bool(content_tells(text.encode("utf-8", "surrogatepass")))
    )


def entropy(text: bytes) -> float:
    """Shannon's entropy of a text's bytes, in bits a byte."""
    counts, length = Counter(text).values(), len(text)
    return -sum(count / length * math.log2(count / length) for count in counts)


def _varied(text: bytes) -> bool:
    """Whether a text that has the form of a token could be one: `ghp_xxxxxxxx` and `AKIAIOSFODNN7EXAMPLE` could not."""
    return b"EXAMPLE" not in text and entropy(text) >= HEX_BITS


def _random(text: bytes) -> bool:
    """Whether a text looks drawn by chance, and not written, said or looked up."""
    if PLACEHOLDER.search(text) or not RANDOM_ALPHABET.fullmatch(text):
        return False
    if not any(48 <= byte < 58 for byte in text) or text.isdigit():
        return False
    if HEX.fullmatch(text):
        return len(text) >= 32 and entropy(text) >= HEX_BITS
    return len(CHANGES.findall(text)) >= CHANGED * (len(text) - 1) and entropy(text) >= TEXT_BITS


def content_tells(data: bytes) -> str:
    """What kind of secret a file's bytes hold; "" where none is seen."""
    if b"://" in data and b"@" in data and any(_random(text) for text in _texts(data, data, b"://", IN_ADDRESS)):
        return "password in an address"
    long = [word for word in data.translate(_APART).split() if len(word) >= LONG_WORD or word == b"PRIVATE"]
    joined = b" ".join(long)
    for kind, shape in SHAPES.items():
        if any(begin in joined for begin in shape.begins) and any(
            _varied(found["random"]) for found in shape.pattern.finditer(data)
        ):
            return kind
    if len(joined.translate(None, b"0123456789")) == len(joined):
        return ""
    low = data.lower()
    found = any(_random(text) for begin in ASSIGNED_BEGINS for text in _texts(data, low, begin, ASSIGNED))
    return "assigned" if found else ""


def _texts(data: bytes, low: bytes, begin: bytes, pattern: re.Pattern[bytes]) -> Iterator[bytes]:
    """What a pattern finds where its beginning stands: ten times as fast as looking everywhere."""
    at = low.find(begin)
    while at >= 0:
        found = pattern.match(data, at)
        if found:
            yield found["random"]
        at = low.find(begin, at + len(begin))
