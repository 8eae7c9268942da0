"""Which snippets a prompt shows, and what stays where it is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tabby_lsp.completion.context.choose import continued, fitting, wanted
from tabby_lsp.completion.context.forms import as_comment
from tabby_lsp.index.types import Snippet, Why


def snippet(name: str, text: str = "", why: Why = Why.USED, path: str = "other.py", start: int = 0) -> Snippet:
    return Snippet(path, "python", start, start + 3, text or f"def {name}(first, second):", why, (name,))


def lines(snippet: Snippet) -> int:
    return len(snippet.text.splitlines()) + 1


def test_what_the_window_shows_is_left_out() -> None:
    shown = snippet("load", "def load(path):\n    return read(path)\n    # from disk")
    other = snippet("save", "def save(path):\n    write(path)")
    window = "x = 1\ndef load(path):\n    return read(path)\n"
    assert wanted((shown, other), window, 100, lines) == (other,)


def test_half_of_it_in_the_window_is_not_yet_too_much() -> None:
    half = snippet("load", "def load(path):\n    return read(path)")
    assert wanted((half,), "def load(path):\n    pass\n", 100, lines) == (half,)


def test_near_duplicates_are_shown_once_and_the_better_one_stays() -> None:
    first = snippet("load", path="a.py")
    again = snippet("load", path="b.py", why=Why.SEARCH)
    assert wanted((first, again), "", 100, lines) == (first,)


def test_a_snippet_of_nothing_but_brackets_says_nothing() -> None:
    assert wanted((snippet("x", "}\n)\n"),), "", 100, lines) == ()


def test_the_budget_is_kept_and_a_smaller_one_may_still_fit() -> None:
    large = snippet("large", "\n".join(f"line_{n} = {n}" for n in range(20)))
    small = snippet("small")
    assert wanted((large, small), "", 5, lines) == (small,)


def test_recent_edits_leave_room_for_the_rest() -> None:
    recent = [snippet(f"edit{n}", f"a{n} = {n}\nb{n} = {n}", Why.RECENT, start=n * 10) for n in range(5)]
    found = wanted((*recent, snippet("searched", why=Why.SEARCH)), "", 16, lines)
    assert [s.why for s in found] == [Why.RECENT, Why.RECENT, Why.SEARCH]


def test_what_is_shown_stays_where_it_is_and_the_new_comes_behind_it() -> None:
    a, b, c = snippet("a"), snippet("b"), snippet("c")
    assert continued((a, b), (c, b), 100, lines) == (a, b, c)


def test_the_best_stands_last() -> None:
    a, b, c = snippet("a"), snippet("b"), snippet("c")
    assert continued((), (a, b, c), 100, lines) == (c, b, a)


def test_what_is_of_one_file_stands_together() -> None:
    best, other, more = snippet("best", path="a.py"), snippet("other", path="b.py"), snippet("more", path="a.py")
    assert continued((), (best, other, more), 100, lines) == (other, more, best)


def test_members_of_one_class_stand_together_so_that_it_is_named_once() -> None:
    def member(name: str, owner: str = "Store") -> Snippet:
        return snippet(name, f"class {owner}:\n    {name}: int", Why.MEMBER)

    best, other, more = member("best"), member("other", owner="Cache"), member("more")
    shown = continued((), (best, other, more), 100, lines)
    assert shown == (other, more, best)
    assert as_comment(best, "python", above=more) == "#     best: int\n"


def test_nothing_new_is_nothing_to_evaluate() -> None:
    last = (snippet("a"), snippet("b"))
    assert continued(last, (snippet("b"),), 100, lines) == last


def test_a_search_alone_does_not_change_a_prompt() -> None:
    last = (snippet("a"),)
    found = snippet("found", why=Why.SEARCH)
    assert continued(last, (found,), 100, lines) == last
    assert continued(last, (snippet("b"), found), 100, lines) == (*last, found, snippet("b"))
    assert continued((), (found,), 100, lines) == (found,)


def test_a_definition_that_was_edited_is_shown_as_it_is_now() -> None:
    old, new = snippet("a", "def a(x):"), snippet("a", "def a(x, y):", start=7)
    assert continued((old, snippet("b")), (new,), 100, lines) == (new, snippet("b"))


def test_a_full_block_is_emptied_of_what_is_no_longer_wanted_at_once() -> None:
    old = tuple(snippet(f"old{n}") for n in range(8))
    new = (snippet("new"), old[6], old[7])
    assert continued(old, new, 16, lines) == (old[6], old[7], snippet("new"))


def test_signatures_that_stand_there_already_are_not_repeated() -> None:
    """Lookups group signatures by their worth, and the groups change from one look to the next."""
    whole = Snippet(
        "a.py", "python", 0, 9, "class A:\n    x: int\n    def one(self): ...", Why.MEMBER, ("A.x", "A.one")
    )
    more = Snippet("a.py", "python", 0, 9, "class A:\n    x: int\n    def two(self): ...", Why.USED, ("A.x", "A.two"))
    (_, new) = continued((whole,), (more,), 100, lines)
    assert new.text == "class A:\n    def two(self): ..."
    again = Snippet("a.py", "python", 0, 9, "class A:\n    def one(self): ...", Why.USED, ("A.one",))
    assert continued((whole,), (again,), 100, lines) == (whole,)
    assert [s.text for s in wanted((whole, more), "", 100, lines)] == [whole.text, new.text]


def test_the_head_of_a_class_gives_way_to_the_class_with_its_members() -> None:
    head = Snippet("a.py", "python", 0, 9, "class A:", Why.USED, ("A",))
    members = Snippet("a.py", "python", 0, 9, "class A:\n    def one(self): ...", Why.MEMBER, ("A.one",))
    assert wanted((head, snippet("b"), members), "", 100, lines) == (members, snippet("b"))
    assert wanted((head, snippet("b"), members), "", 4, lines) == (head, snippet("b")), "unless there is no room"


def test_what_is_worth_little_waits_for_better() -> None:
    last = tuple(snippet(f"n{n}") for n in range(4))
    assert continued(last, (*last, snippet("fifth")), 100, lines) == last
    assert continued(last, (snippet("first"), *last), 100, lines) == (*last, snippet("first"))


def edit(text: str, stretch: int, start: int, score: float = 0.0) -> Snippet:
    return Snippet("b.py", "python", start, start + 1, text, Why.RECENT, score=score, stretch=stretch)


def test_edited_lines_that_move_are_the_same_and_change_nothing() -> None:
    last = (edit("total = 1", 7, start=10), snippet("a"))
    assert continued(last, (edit("total = 1", 7, start=30, score=-1), snippet("a")), 100, lines) == last


def test_edited_lines_are_shown_once_as_they_are_now() -> None:
    last, now = (edit("total = width", 7, start=10), snippet("a")), edit("return depth", 7, start=12)
    assert continued(last, (now,), 100, lines) == (now, snippet("a"))


def test_what_is_stale_goes_at_once_unless_it_was_found_again() -> None:
    last = (snippet("gone"), snippet("there"), snippet("found"))
    block = continued(last, (snippet("found"),), 100, lines, lambda s: s.symbols != ("there",))
    assert block == (snippet("there"), snippet("found"))


def test_a_block_that_does_not_fit_any_more_is_emptied_though_nothing_is_new() -> None:
    last = tuple(snippet(f"n{n}") for n in range(6))
    assert continued(last, last[2:4], 8, lines) == last[2:4]
    assert continued(last, (), 8, lines) == ()


def test_of_what_does_not_fit_the_first_stay() -> None:
    block = tuple(snippet(f"n{n}") for n in range(6))
    assert fitting(block, 7, lines) == block[:3]
    assert fitting(block, 0, lines) == ()
    assert fitting(block, 12, lines) == block


names = st.sampled_from([f"name{n}" for n in range(12)])
snippets = st.lists(names, unique=True, max_size=10).map(lambda found: tuple(snippet(name) for name in found))


@given(snippets, snippets, st.integers(2, 24))
def test_a_block_never_exceeds_its_budget_and_repeats_nothing(
    last: tuple[Snippet, ...], now: tuple[Snippet, ...], budget: int
) -> None:
    last = wanted(last, "", budget, lines)
    now = wanted(now, "", budget, lines)
    block = continued(last, now, budget, lines)
    assert sum(map(lines, block)) <= budget
    assert len({s.symbols for s in block}) == len(block)
    assert all(s in (*last, *now) for s in block)
    assert not now or now[0] in block
    assert continued(block, now, budget, lines) == block or sum(map(lines, (*block, *now))) > budget, "it settles"
