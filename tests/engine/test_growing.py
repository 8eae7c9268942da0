"""Texts that grow have the tokens that they have when they are tokenised as they stand."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rig import Rig

from tabby_lsp.engine.llama.growing import FAR, TRIES, Growing

LINES = [
    "def add(self, a, b):\n",
    "    return a + b\n",
    "\n",
    "    \n",
    "        x = len(the.data)  # é日😀\n",
    "\tclass name:\r\n",
    "\r\n",
    "}\n",
    "  if x:",
    '"""text\n',
]
WORDS = ["r", "return", ")", "é", "😀", "'t", "1", "23", "\ud800"]
SPACES = [" ", "    ", "\t", "\n", "\n\n", "\n    ", "\r\n"]
KEYS = [*WORDS, *SPACES, *LINES, "\b", "\b\b\b"]


class Counted:
    """A tokenizer that says what it was given."""

    def __init__(self, rig: Rig) -> None:
        self.texts: list[str] = []
        self._encode = rig.vocabulary._encode

    def __call__(self, text: str) -> Sequence[int]:
        self.texts.append(text)
        return self._encode(text)


@settings(
    max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    lines=st.lists(st.sampled_from(LINES), min_size=3, max_size=30),
    keys=st.lists(st.sampled_from(KEYS), max_size=30),
)
def test_the_tokens_are_those_of_the_whole(rig: Rig, lines: list[str], keys: list[str]) -> None:
    growing, text = Growing(rig.vocabulary._encode), "".join(lines)
    for key in ["", *keys]:
        text = text[: -len(key)] if key.startswith("\b") else text + key
        assert growing.encode(text) == tuple(rig.vocabulary._encode(text))


def test_a_key_has_the_last_lines_tokenised(rig: Rig) -> None:
    counted = Counted(rig)
    growing, before = Growing(counted), LINES[0] + LINES[1] * 20
    growing.encode(before + "    ret")
    counted.texts.clear()
    growing.encode(before + "    retu")
    growing.encode(before + "    r")
    assert counted.texts == [LINES[1] + "    retu", LINES[1] + "    r"]


def test_a_text_that_has_grown_far_is_cut_anew(rig: Rig) -> None:
    counted = Counted(rig)
    growing, text = Growing(counted), LINES[1] * 20
    growing.encode(text)
    for _ in range(FAR // len(LINES[1])):
        text += LINES[1]
        growing.encode(text)
    assert counted.texts[-2:] == [text, LINES[1]]
    growing.encode(text + "x")
    assert counted.texts[-1] == LINES[1] + "x"


def test_a_tokenizer_whose_texts_cannot_be_cut_is_left_alone() -> None:
    asked: list[str] = []

    def with_space(text: str) -> list[int]:
        asked.append(text)
        return [0, *map(ord, text)]

    growing, text = Growing(with_space), LINES[1] * 20
    for _ in range(2 * TRIES):
        text += "x"
        assert growing.encode(text) == (0, *map(ord, text))
    assert len(asked) == 3 * TRIES
