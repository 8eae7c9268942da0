"""When keys are pressed.

`patient` waits for each answer and for nothing else. `typing` draws gaps like a person's: log-normal ones between
keys, longer ones where a line ends and before each edit, the longest where a file was opened. Gaps depend on the place
in the text alone, so that every contestant meets the same ones, even after one has accepted a suggestion and another
has not.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from tabby_lsp.bench.edited import edits

KEY_S = 0.2
"""Median seconds between two keys: 60 words a minute, as an average of many typists."""
LINE_S = 1.0
"""Median seconds at a line's end."""
HUNK_S = 2.0
"""Median seconds before an edit elsewhere: its author goes there and reads."""
FILE_S = 5.0
"""Median seconds before the first edit of a file: its author opens it, goes to the place and reads."""
SIGMA = 0.4
"""Of the logarithm of a gap."""
SHORTEST_S, LONGEST_S = 0.06, 4.0
LONGEST_FILE_S = 15.0
"""Seconds beyond which the first edit of a file is not waited for; of 300 draws one is longer."""

ClockName = Literal["patient", "typing"]


@dataclass(frozen=True, slots=True)
class Clock:
    """Gaps before keys.

    Args:
        name: which clock.
        seed: another one gives other gaps.
        patience_s: most seconds that the patient clock waits for one answer.
        more_s: most seconds that it waits for more of an answer that may not be all: a few words of a slow model.
    """

    name: ClockName
    seed: int = 1
    patience_s: float = 30.0
    more_s: float = 0.5

    @property
    def typing(self) -> bool:
        """Whether keys come in their own time."""
        return self.name == "typing"

    def before_hunk(self, script: str, hunk: int, *, first: bool) -> float:
        """Seconds before the first key of an edit.

        Args:
            script: the script's name.
            hunk: its number.
            first: whether it is the first one that is typed in its file, which was opened for it.
        """
        if first:
            return self._gap(FILE_S, script, hunk, -1, longest=LONGEST_FILE_S)
        return self._gap(HUNK_S, script, hunk, -1)

    def before_key(self, script: str, hunk: int, typed: str, at: int) -> float:
        """Seconds before a key.

        The pause of a line's end falls before or after the line break, by the toss of a coin: some finish a line and
        think, others break it first.

        Args:
            script: the script's name.
            hunk: its number.
            typed: all that is typed in the hunk.
            at: the key's place in it.
        """
        before = typed[:at].rstrip(" \t")
        if at < len(typed) and typed[at] == "\n":
            pause = self._coin(script, hunk, at)
        elif before.endswith("\n"):
            pause = not self._coin(script, hunk, len(before) - 1)
        else:
            pause = False
        return self._gap(LINE_S if pause else KEY_S, script, hunk, at)

    def expected_s(self, script: str, hunk: int, typed: str, *, first: bool) -> float:
        """Seconds for a hunk of which nothing is accepted."""
        starts = accumulate(map(len, edits.keys(typed)), initial=0)
        gaps = (self.before_key(script, hunk, typed, at) for at in starts)
        return self.before_hunk(script, hunk, first=first) + sum(gaps)

    def _gap(self, median: float, *place: str | int, longest: float = LONGEST_S) -> float:
        if not self.typing:
            return 0.0
        drawn = self._draw("gap", *place).lognormvariate(math.log(median), SIGMA)
        return min(max(drawn, SHORTEST_S), longest)

    def _coin(self, *place: str | int) -> bool:
        return self._draw("coin", *place).random() < 0.5

    def _draw(self, *place: str | int) -> random.Random:
        return random.Random(repr((self.seed, *place)))  # noqa: S311 - the same at each run, no secret
