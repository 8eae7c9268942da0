"""The typist against a contestant that does what a table says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from scripted_contestant import PATIENT, Scripted, script_of

from tabby_lsp.bench.edited import edits
from tabby_lsp.bench.replay import typist
from tabby_lsp.bench.replay.clock import Clock
from tabby_lsp.bench.replay.typist import Screen, Typist, is_right, line_is_exact, right_words
from tabby_lsp.bench.types import Script, Session, Shown, Usage


async def replayed(contestant: Scripted, script: Script, clock: Clock = PATIENT, most_keys: int = 999) -> Session:
    screen = Screen(contestant)
    await screen.start()
    return await Typist(screen, script, clock, "file:///f.py", most_keys).run()


def rest_of(whole: str) -> Callable[[str], str]:
    """A contestant that knows the text."""
    return lambda before: whole[len(before) :] if whole.startswith(before) else ""


async def test_what_is_right_is_taken_with_one_key() -> None:
    new = "def f():\n    return total\n"
    contestant = Scripted(lambda before: "turn total" if before.endswith("re") else "")
    session = await replayed(contestant, script_of("def f():\n", new))
    assert contestant.text == new
    assert [key.typed for key in session.keys] == ["\n    ", "r", "e", "turn total"]
    assert [key.accepted for key in session.keys] == [False, False, False, True]
    assert [key.right for key in session.keys] == [False, False, True, False]
    assert session.keys[2].remaining == "turn total"
    assert session.keys[2].line_exact
    assert session.keys[0].phase == "cold"
    assert {key.phase for key in session.keys[1:]} == {"warm"}
    assert session.usage == Usage(0.4, 50.0, None, 28)


async def test_several_lines_are_taken_at_once() -> None:
    new = "a\nif x:\n    one\n    two\n"
    contestant = Scripted(lambda before: "x:\n    one\n  " if before.endswith("if ") else "")
    session = await replayed(contestant, script_of("a\n", new))
    assert contestant.text == new
    assert [key.typed for key in session.keys][4:] == ["x:\n    one\n  ", "  ", "t", "w", "o"]


async def test_three_characters_and_wrong_ones_are_not_taken() -> None:
    contestant = Scripted({"a\nb": "ack", "a\nba": "ckwards"}.get)
    session = await replayed(contestant, script_of("a\n", "a\nback\n"))
    assert not any(key.accepted for key in session.keys)
    assert contestant.text == "a\nback\n"


async def test_hunks_that_nobody_types_are_applied_without_a_question() -> None:
    contestant = Scripted(lambda _: "")
    script = script_of("a\nkeep\nold here\nend\n", "x\nkeep\nnew here\nend\nlast line\n")
    session = await replayed(contestant, script)
    assert contestant.text == "x\nkeep\nnew here\nend\nlast line\n"
    assert contestant.asked[:2] == [False, False]  # `x` and `new` are shorter than any suggestion
    assert {key.hunk for key in session.keys} == {2}


async def test_the_second_hunk_is_elsewhere() -> None:
    contestant = Scripted(lambda _: "")
    script = script_of("a\nb\nc = gone\n", "a\nfirst\nb\nc = second\n")
    session = await replayed(contestant, script)
    assert contestant.text == "a\nfirst\nb\nc = second\n"
    assert [key.phase for key in session.keys if key.phase != "warm"] == ["cold", "elsewhere"]
    assert contestant.asked.count(False) == 1  # the deletion of what stood there
    assert session.cancel_to_idle_ms == [250.0]


async def test_only_so_many_keys() -> None:
    session = await replayed(Scripted(lambda _: ""), script_of("a\n", "a\nlong line here\n"), most_keys=5)
    assert "".join(key.typed for key in session.keys) == "\nlong"
    assert session.keys[-1].remaining == " line here"


async def test_an_answer_that_never_comes_is_not_waited_for_long() -> None:
    session = await replayed(Scripted(lambda _: None), script_of("a\n", "a\nback\n"))
    assert all(key.cancelled and key.answer is None and key.waited_ms is None for key in session.keys)


async def test_an_answer_for_an_older_version_is_late_and_not_shown() -> None:
    def says(before: str) -> tuple[float, str] | None:
        return (0.12, "ck to it") if before == "a\nb" else None

    session = await replayed(Scripted(says), script_of("a\n", "a\nback to it\n"))
    assert [key.late for key in session.keys].count(True) == 1
    assert session.keys[1].late
    assert session.keys[1].cancelled
    assert session.keys[1].answer == Shown(session_version(session, 1), "ck to it")
    assert all(key.shown == "" for key in session.keys)


def session_version(session: Session, index: int) -> int:
    answer = session.keys[index].answer
    assert answer is not None
    return answer.version


async def test_an_answer_that_crosses_a_change_is_not_late() -> None:
    session = await replayed(Scripted(lambda _: (0.06, "zzzz")), script_of("a\n", "a\nback\n"))
    assert not any(key.late for key in session.keys)


async def test_more_of_a_suggestion_counts_from_the_first_of_it() -> None:
    contestant = Scripted(lambda _: "zz")
    screen = Screen(contestant)
    await screen.start()
    typist = Typist(screen, script_of("a\n", "a\nback\n"), Clock("typing"), "file:///f.py", 1)

    def more() -> None:
        contestant.show(Shown(contestant.versions[-1], "zz and more", "again", 1, 0, 2))

    contestant.says = lambda _: asyncio.get_running_loop().call_later(0.03, more) and "zz"
    (key,) = (await typist.run()).keys
    assert key.shown == "zz and more"
    assert (key.waited_ms or 99) < 20
    assert key.answer == Shown(contestant.versions[-1], "zz and more", "said", 4, 4, 7)


@pytest.mark.parametrize(("final", "shown"), [(True, "zz"), (False, "zz and more")])
async def test_patience_is_for_more_where_more_may_come(final: bool, shown: str) -> None:
    contestant = Scripted(lambda _: None)
    screen = Screen(contestant)
    await screen.start()

    def says(before: str) -> None:
        version = contestant.versions[-1]
        contestant.show(Shown(version, "zz", final=final))
        asyncio.get_running_loop().call_later(0.03, contestant.show, Shown(version, "zz and more", final=False))

    contestant.says = says
    clock = Clock("patient", patience_s=0.05, more_s=0.1)
    (key,) = (await Typist(screen, script_of("a\n", "a\nback\n"), clock, "file:///f.py", 1).run()).keys
    assert key.shown == shown
    assert not key.cancelled


async def test_typing_on_does_not_hide_slowness() -> None:
    """What is seen at last is what all keys before it were waiting for."""
    answers: dict[str, tuple[float, str]] = {"a\nba": (0.0, "zzzz")}
    session = await replayed(Scripted(answers.get), script_of("a\n", "a\nback\n"))
    first, second, third, *rest = session.keys
    assert first.waited_ms is second.waited_ms is None
    assert third.waited_ms is not None
    assert first.until_seen_ms is not None
    assert second.until_seen_ms is not None
    assert first.until_seen_ms > second.until_seen_ms > 40 > (third.until_seen_ms or 0)
    assert all(key.until_seen_ms is None for key in rest)


async def test_versions_go_on_from_one_document_to_the_next() -> None:
    contestant = Scripted(lambda _: "")
    screen = Screen(contestant)
    await screen.start()
    for _ in range(2):
        await Typist(screen, script_of("a\n", "a\nback\n"), PATIENT, "file:///f.py", 99).run()
    assert contestant.versions == sorted(set(contestant.versions))


@pytest.mark.parametrize(
    ("shown", "remaining", "right", "words", "exact"),
    [
        ("return x", "return x\n", True, 8, True),
        ("return y", "return x\n", False, 6, False),
        ("ret", "return", False, 3, False),
        ("return x + 1", "return x", False, 8, False),
        ("\n    done", "\n    done\nmore", True, 9, True),
        ("\n    done", "\n    gone", False, 0, False),
        ("foo_bar(1)", "foo_baz(1)", False, 0, False),
        ("a.b(c)", "a.b(d)", False, 4, False),
        ("", "x", False, 0, None),
        ("anything", "", False, 0, False),
    ],
)
def test_what_counts_as_right(shown: str, remaining: str, right: bool, words: int, exact: bool | None) -> None:
    assert is_right(shown, remaining) is right
    assert right_words(shown, remaining) == words
    assert line_is_exact(shown, remaining) is exact


def test_the_same_threshold_everywhere() -> None:
    assert typist.FEWEST_CHARACTERS == edits.FEWEST_CHARACTERS
