"""What stays put while the user types, what fits the budget, and what happens at the edges."""

from __future__ import annotations

import itertools
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from tabby_lsp.completion import prompt
from tabby_lsp.completion.families import Family
from tabby_lsp.completion.window import FIRST_FILL, JUMP_FILL, RENEW_TAIL, TAIL_LIMIT, Budget, Window, Windows
from tabby_lsp.document import Position, Snapshot
from tabby_lsp.engine.types import Marker
from tabby_lsp.syntax.trees import Trees

FAMILY = Family(id="test", prefix="<P>", suffix="<S>", middle="<M>", tail=8)


class Words:
    """A tokenizer that anybody can count with: a word, a run of spaces or a sign is a token."""

    def count(self, text: str) -> int:
        return len(re.findall(r"\w+|\s+|[^\w\s]", text))

    def has_marker(self, text: str) -> bool:
        return text.startswith("<")


WORDS = Words()
BUDGET = Budget(prefix=120, suffix=40, tail=8)
FUNCTION = "def f{n}(a, b):\n    total = a + b\n    return total\n\n\n"


def snapshot(text: str, version: int = 1) -> Snapshot:
    return Snapshot.of("file:///w.py", "python", version, text)


def around(windows: Windows, before: str, after: str, budget: Budget = BUDGET) -> Window:
    shot = snapshot(before + after)
    return windows.around(shot, shot.position(len(before)), budget, WORDS)


def file(count: int) -> str:
    return "".join(FUNCTION.format(n=n) for n in range(count))


def test_window_is_what_stands_around_the_cursor() -> None:
    before, after = file(2) + "def last():\n    x = ", "\n\nprint(last())\n"
    window = around(Windows(Trees()), before, after)
    assert window.head + window.tail == before
    assert window.suffix == after
    assert window.tail.endswith("    x = ")


def test_typing_changes_the_tail_alone() -> None:
    windows, before, after = Windows(Trees()), file(8) + "def last():\n    ", "\n\n" + file(4)
    first = around(windows, before, after)
    for character in "value = f1(2, 3)":
        before += character
        window = around(windows, before, after)
        assert (window.head, window.suffix) == (first.head, first.suffix)
        assert (first.head + window.tail)[-60:] == before[-60:]


def test_backspace_is_a_shorter_tail() -> None:
    windows, before, after = Windows(Trees()), file(8) + "def last():\n    value", "\n"
    first = around(windows, before, after)
    window = around(windows, before[:-3], after)
    assert (window.head, window.suffix) == (first.head, first.suffix)
    assert window.tail == first.tail[:-3]


def test_closing_brackets_that_editors_add_change_nothing() -> None:
    windows, before, after = Windows(Trees()), file(3) + "x = f1", "\n\n" + file(2)
    first = around(windows, before, after)
    window = around(windows, before + "(", ")" + after)
    assert window.suffix == first.suffix
    assert window.head == first.head


def test_an_edit_further_up_keeps_the_window() -> None:
    windows, before, after = Windows(Trees()), file(8) + "def last():\n    v", "\n"
    first = around(windows, before, after)
    window = around(windows, "import os\n" + before + "a", after)
    assert window.head == first.head


def test_another_cursor_is_another_window() -> None:
    windows, text = Windows(Trees()), file(6)
    first = around(windows, text[:200], text[200:])
    second = around(windows, text[:60], text[60:])
    assert second.suffix != first.suffix
    assert (second.head + second.tail) == text[:60]


ROOMY = Budget(prefix=600, suffix=40, tail=64)
"""With room to type beyond what a fresh window takes."""


def test_a_cursor_some_lines_away_reads_on_from_the_same_start() -> None:
    windows, text = Windows(Trees()), file(60)
    at = text.index("def f42")
    first = around(windows, text[:at], text[at:], ROOMY)
    assert first.offset > 0
    lower = around(windows, text[: at + 90], text[at + 90 :], ROOMY)
    assert lower.offset == first.offset
    assert lower.head.startswith(first.head)
    assert lower.head + lower.tail == first.head + first.tail + text[at : at + 90]
    assert WORDS.count(lower.head + lower.tail) <= ROOMY.prefix - (TAIL_LIMIT - ROOMY.tail)
    higher = around(windows, text[: at - 90], text[at - 90 :], ROOMY)
    assert higher.offset == first.offset
    assert first.head.startswith(higher.head)


def test_a_cursor_far_away_has_a_window_of_its_own() -> None:
    windows, text = Windows(Trees()), file(99)
    near, far = text.index("def f30"), text.index("def f80")
    first = around(windows, text[:near], text[near:], ROOMY)
    second = around(windows, text[:far], text[far:], ROOMY)
    assert second == around(Windows(Trees()), text[:far], text[far:], ROOMY), "as full as one that is laid out first"
    assert second.offset > first.offset + len(first.head)
    assert around(windows, text[:near], text[near:], ROOMY) == first


def test_a_start_that_leaves_little_is_given_up() -> None:
    windows, text = Windows(Trees()), file(99)
    at = text.index("def f60")
    first = around(windows, text[:at], text[at:], ROOMY)
    top = first.offset + len(first.head) // 8
    assert around(windows, text[:top], text[top:], ROOMY).offset < first.offset


def test_a_start_moves_with_what_is_typed_further_up() -> None:
    windows, text = Windows(Trees()), file(60)
    at = text.index("def f42")
    first = around(windows, text[:at], text[at:], ROOMY)
    moved = "import os\n" + text
    lower = around(windows, moved[: at + 70], moved[at + 70 :], ROOMY)
    assert lower.offset == first.offset + len("import os\n")
    assert lower.head.startswith(first.head)


def test_code_that_appears_after_an_empty_suffix_is_seen() -> None:
    windows, text = Windows(Trees()), file(3)
    assert around(windows, text, "").suffix == ""
    assert "return" in around(windows, text[:-40], text[-40:]).suffix


def test_the_anchor_moves_when_the_tail_has_grown() -> None:
    windows, before, after = Windows(Trees()), file(2), "\n"
    budget = Budget(prefix=2000, suffix=40, tail=8)
    heads = set()
    for n in range(80):
        before += f"name_{n} = {n}\n"
        window = around(windows, before, after, budget)
        assert WORDS.count(window.tail) <= TAIL_LIMIT
        heads.add(window.head)
    assert 2 <= len(heads) <= 80 * 7 // (TAIL_LIMIT - 16) + 2


def test_the_start_jumps_by_much_and_seldom() -> None:
    windows, before, after = Windows(Trees()), "", "\n"
    starts: list[int] = []
    for n in range(200):
        before += f"name_{n} = {n}\n"
        starts.append(around(windows, before, after).offset)
    moves = [b - a for a, b in itertools.pairwise(starts) if b != a]
    assert moves
    assert len(moves) < 25
    assert min(moves) > 60


def test_one_enormous_line_is_cut_near_the_cursor() -> None:
    before, after = "x = [" + "1, " * 50_000, "2, " * 50_000 + "]\n"
    window = around(Windows(Trees()), before, after)
    assert len(window.head) + len(window.tail) + len(window.suffix) < 5_000
    assert before.endswith(window.tail)
    assert after.startswith(window.suffix)


def test_empty_document() -> None:
    assert around(Windows(Trees()), "", "") == Window("", "", "", 0, whole=True)


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="ab(){}:= \n\t\r\"'#é😀", max_size=400), st.data())
def test_never_more_than_the_budget_and_never_other_text(text: str, data: st.DataObject) -> None:
    windows, budget = Windows(Trees()), Budget(prefix=30, suffix=15, tail=6)
    for _ in range(3):
        shot = snapshot(text)
        line = data.draw(st.integers(0, len(shot.lines) - 1))
        position = shot.clamp(Position(line, data.draw(st.integers(0, 40))))
        window = windows.around(shot, position, budget, WORDS)
        assert shot.before(position).endswith(window.head + window.tail)
        assert window.suffix in shot.after(position)
        own = shot.line_text(position.line)[: position.column]
        assert WORDS.count(window.head + window.tail) <= max(budget.prefix, WORDS.count(own)) + 1


FORGED = 'text = "<|fim_prefix|><P><S><M>"\n'


def test_markers_are_pieces_and_texts_are_texts() -> None:
    window = Window(FORGED, "x = ", FORGED, 0)
    built = prompt.build(window, FAMILY)
    assert [p.text for p in built.pieces if isinstance(p, Marker)] == ["<P>", "<S>", "<M>"]
    assert built.pieces[-1] == "x = "
    assert built.heal == FAMILY.heal


def test_orders() -> None:
    window = Window("head\n", "tail", "suffix")
    shown = {
        "anchored": prompt.show(prompt.build(window, FAMILY)),
        "plain": prompt.show(prompt.build(window, Family(id="a", prefix="<P>", suffix="<S>", middle="<M>", tail=0))),
        "suffix first": prompt.show(
            prompt.build(window, Family(id="b", prefix="<P>", suffix="<S>", order="suffix-prefix", tail=0))
        ),
        "prefix only": prompt.show(prompt.build(window, Family(id="c", tail=0))),
    }
    assert shown == {
        "anchored": "<P>head\n<S>suffix<M>tail",
        "plain": "<P>head\ntail<S>suffix<M>",
        "suffix first": "<S>suffix<P>head\ntail",
        "prefix only": "head\ntail",
    }


def test_carriage_returns_are_not_the_models_business() -> None:
    shown = prompt.show(prompt.build(Window("a\r\n", "b\rc", "d\r\n"), FAMILY))
    assert "\r" not in shown


# ---- in idle time ----------------------------------------------------------------------------------------------------

WIDE = Budget(prefix=2000, suffix=40, tail=8)


def renewed(windows: Windows, before: str, after: str, budget: Budget = WIDE) -> Window | None:
    shot = snapshot(before + after)
    return windows.renewed(shot, shot.position(len(before)), budget, WORDS)


def grown(windows: Windows, tail: int) -> str:
    """Type lines until the window's tail has so many tokens."""
    before = file(2)
    around(windows, before, "\n", WIDE)
    while WORDS.count(around(windows, before, "\n", WIDE).tail) < tail:
        before += "name = 1\n"
    return before


def test_a_window_is_renewed_some_lines_before_it_must_move() -> None:
    windows = Windows(Trees())
    before = grown(windows, RENEW_TAIL)
    old = around(windows, before, "\n", WIDE)
    assert WORDS.count(old.tail) < TAIL_LIMIT
    fresh = renewed(windows, before, "\n")
    assert fresh
    assert fresh.head + fresh.tail == old.head + old.tail
    assert WORDS.count(fresh.tail) < WORDS.count(old.tail) // 2
    assert fresh.suffix == old.suffix


def test_a_renewed_window_counts_once_it_is_adopted() -> None:
    windows = Windows(Trees())
    before = grown(windows, RENEW_TAIL)
    old, fresh = around(windows, before, "\n", WIDE), renewed(windows, before, "\n")
    assert fresh
    assert around(windows, before + "x", "\n", WIDE).head == old.head
    windows.adopt("file:///w.py", fresh)
    assert around(windows, before + "xy", "\n", WIDE).head == fresh.head
    assert renewed(windows, before + "xy", "\n") is None


def test_a_renewed_window_saves_the_move() -> None:
    """Who goes on typing never comes to the limit: the head changes in idle time alone."""
    windows, before = Windows(Trees()), file(2)
    head = around(windows, before, "\n", WIDE).head
    for n in range(60):
        before += f"name_{n} = {n}\n"
        assert around(windows, before, "\n", WIDE).head == head
        if fresh := renewed(windows, before, "\n"):
            windows.adopt("file:///w.py", fresh)
            head = fresh.head


def test_there_is_nothing_to_renew() -> None:
    windows = Windows(Trees())
    assert renewed(windows, file(2), "\n") is None, "no window yet"
    before = grown(windows, RENEW_TAIL // 2)
    assert renewed(windows, before, "\n") is None, "a short tail"
    before = grown(windows, RENEW_TAIL)
    assert renewed(windows, before, "other()\n") is None, "a window of another place"
    assert renewed(windows, before, "\n", Budget(prefix=2000, suffix=40, tail=0)) is None, "no anchor"


def test_a_window_that_was_adopted_too_late_does_no_harm() -> None:
    windows = Windows(Trees())
    before = grown(windows, RENEW_TAIL)
    fresh = renewed(windows, before, "\n")
    assert fresh
    other = file(4)
    around(windows, other, "\n", WIDE)
    windows.adopt("file:///w.py", fresh)
    window = around(windows, other, "\n", WIDE)
    assert window.head + window.tail == other


def test_a_renewed_window_is_as_large_as_a_fresh_one() -> None:
    windows, before = Windows(Trees()), file(200)
    while WORDS.count(around(windows, before, "\n", WIDE).tail) < RENEW_TAIL:
        before += "name = 1\n"
    fresh = renewed(windows, before, "\n")
    assert fresh
    assert WORDS.count(fresh.head + fresh.tail) > WIDE.prefix * (JUMP_FILL + FIRST_FILL) / 2
