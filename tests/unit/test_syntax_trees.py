"""Incremental trees are the trees that a fresh parse would give."""

from __future__ import annotations

import pytest
import tree_sitter
from hypothesis import given, settings
from hypothesis import strategies as st

from tabby_lsp.document import Change, PositionEncoding, Snapshot
from tabby_lsp.syntax import trees as room
from tabby_lsp.syntax.grammars import grammar
from tabby_lsp.syntax.trees import Trees, encoded

SOURCES = {
    "python": 'def f(a):\n    """é\n    😀"""\n    if a:\n        return [1, 2]\n\n\nclass A:\n    x = f"{1}"\n',
    "javascript": "function f(a) {\n  // é\n  return `a${a}😀`;\n}\r\nclass A {\r\n  m() { return {a: 1}; }\r}\n",
    "go": 'package a\n\nfunc f() int {\n\tx := "漢"\n\treturn len(x)\n}\n',
}
PIECES = [
    "x",
    " ",
    "\n",
    "\r",
    "\r\n",
    "(",
    ")",
    "{",
    "}",
    '"',
    "'",
    "#",
    "//",
    "é",
    "😀",
    "if a:\n    b\n",
    "    ",
    "\f",
]
edits = st.tuples(st.sampled_from(PIECES), st.tuples(st.integers(0, 9), st.integers(0, 20)), st.integers(0, 3))


def shape(tree: tree_sitter.Tree) -> list[tuple[str, tuple[int, int], tuple[int, int], int, int]]:
    found, queue = [], [tree.root_node]
    while queue:
        node = queue.pop()
        found.append((node.type, node.start_point, node.end_point, node.start_byte, node.end_byte))
        queue.extend(node.children)
    return found


def fresh(snapshot: Snapshot) -> tree_sitter.Tree:
    loaded = grammar(snapshot.language)
    assert loaded is not None
    return tree_sitter.Parser(loaded).parse(encoded(snapshot.text))


@pytest.mark.parametrize("language", SOURCES)
@settings(deadline=None, max_examples=60)
@given(script=st.lists(edits, max_size=6))
def test_an_incremental_tree_equals_a_fresh_one(language: str, script: list[tuple[str, tuple[int, int], int]]) -> None:
    trees = Trees()
    snapshot = Snapshot.of("file:///a", language, 0, SOURCES[language])
    trees.tree(snapshot)
    for version, (text, start, length) in enumerate(script, 1):
        end = (start[0] + length // 2, start[1] + length)
        snapshot = snapshot.apply([Change(text, start, end)], version, PositionEncoding.UTF16)
        tree = trees.tree(snapshot)
        assert tree is not None
        expected = fresh(snapshot)
        assert tree.root_node.end_byte == expected.root_node.end_byte
        if not expected.root_node.has_error:  # how an error is repaired may depend on the way to it
            assert shape(tree) == shape(expected)


@pytest.mark.parametrize("language", SOURCES)
@pytest.mark.parametrize("broken", [False, True])
def test_a_parse_in_slices_comes_to_the_same(language: str, broken: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "CHUNK", 7)  # cuts characters in two
    trees, text = Trees(), SOURCES[language] * 200 + "({[" * broken
    snapshot = Snapshot.of("file:///a", language, 0, text)
    assert slices(trees, snapshot) > 10
    tree = trees.tree(snapshot)
    assert tree is not None
    assert shape(tree) == shape(fresh(snapshot))
    half = text.count("\n") // 2
    edited = snapshot.apply([Change("\n  ", (half, 0), (half, 3))], 1, PositionEncoding.UTF16)
    slices(trees, edited)
    tree, expected = trees.tree(edited), fresh(edited)
    assert tree is not None
    assert tree.root_node.end_byte == expected.root_node.end_byte
    if not expected.root_node.has_error:
        assert shape(tree) == shape(expected)


def slices(trees: Trees, snapshot: Snapshot) -> int:
    """Parse as little as can be at a time; how many times that was."""
    return next(count for count in range(1, 10_000) if trees.advance(snapshot, 0.0))


def test_a_tree_that_takes_too_long_is_gone_on_with_the_next_time() -> None:
    trees, snapshot = Trees(), Snapshot.of("file:///a", "python", 0, SOURCES["python"] * 200 + "({[")
    asked = [trees.soon(snapshot, 0.0)]
    while asked[-1] is None and len(asked) < 10_000:
        asked.append(trees.soon(snapshot, 0.0))
    assert len(asked) > 10
    assert asked[-1] is trees.tree(snapshot)
    assert trees.soon(snapshot, 0.0) is asked[-1], "it is there"


def test_soon_finishes_an_older_parse_and_its_own_where_there_is_time() -> None:
    trees, old = Trees(), Snapshot.of("file:///a", "python", 0, SOURCES["python"] * 200)
    new = old.apply([Change("c = 3\n", (0, 0), (0, 0))], 1, PositionEncoding.UTF16)
    assert trees.soon(old, 0.0) is None
    tree = trees.soon(new, 60.0)
    assert tree is not None
    assert shape(tree) == shape(fresh(new))


def test_what_is_begun_is_finished_for_whoever_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []
    real = room._Parse
    monkeypatch.setattr(room, "_Parse", lambda *given: begun.append(given[1].language) or real(*given))
    trees = Trees()
    old = Snapshot.of("file:///a", "python", 1, SOURCES["python"] * 200)
    new = old.apply([Change("c = 3\n", (0, 0), (0, 0))], 2, PositionEncoding.UTF16)
    other = Snapshot.of("file:///a", "go", 3, SOURCES["go"])
    assert not trees.advance(old, 0.0)
    tree = trees.tree(new)
    assert tree is not None
    assert shape(tree) == shape(fresh(new))
    assert begun == ["python", "python"]
    assert trees.tree(old) is not None
    assert begun == ["python", "python"], "both are kept"
    trees.forget("file:///a")
    assert not trees.advance(old, 0.0)
    tree = trees.tree(other)
    assert tree is not None
    assert shape(tree) == shape(fresh(other))
    assert begun == ["python"] * 3 + ["go"], "what was begun in another language is of no use"


def test_a_tree_that_was_handed_out_does_not_change() -> None:
    trees = Trees()
    old = Snapshot.of("file:///a", "python", 1, "a = 1\nb = 2\n")
    tree = trees.tree(old)
    assert tree is not None
    before = shape(tree)
    new = old.apply([Change("c = 3\n", (0, 0), (0, 0))], 2, PositionEncoding.UTF16)
    assert trees.tree(new) is not tree
    assert shape(tree) == before
    assert trees.tree(new) is trees.tree(new)


def test_an_older_snapshot_still_gets_its_own_tree() -> None:
    trees = Trees()
    old = Snapshot.of("file:///a", "python", 1, "a = 1\n")
    new = old.apply([Change("def f():\n    pass\n")], 2, PositionEncoding.UTF16)
    trees.tree(new)
    again = trees.tree(old)
    assert again is not None
    assert shape(again) == shape(fresh(old))


def test_a_document_may_change_its_language() -> None:
    trees = Trees()
    assert trees.tree(Snapshot.of("file:///a", "python", 1, "a = 1\n")) is not None
    tree = trees.tree(Snapshot.of("file:///a", "go", 1, "package a\n"))
    assert tree is not None
    assert tree.root_node.type == "source_file"


def test_no_tree_without_a_grammar_or_for_a_large_document() -> None:
    trees = Trees(size_limit=10)
    assert trees.tree(Snapshot.of("file:///a", "plaintext", 1, "a")) is None
    assert trees.tree(Snapshot.of("file:///a", "python", 1, "a = 1")) is not None
    assert trees.tree(Snapshot.of("file:///a", "python", 2, "a = 123456789")) is None


def test_only_the_last_documents_are_kept() -> None:
    trees = Trees(kept=2)
    snapshots = [Snapshot.of(f"file:///{number}", "python", 1, "a\n") for number in range(3)]
    first = trees.tree(snapshots[0])
    assert trees.tree(snapshots[0]) is first
    for snapshot in snapshots[1:]:
        trees.tree(snapshot)
    assert trees.tree(snapshots[0]) is not first
    trees.forget("file:///0")
    trees.forget("file:///0")


def test_lone_surrogates_are_no_obstacle() -> None:
    trees = Trees()
    snapshot = Snapshot.of("file:///a", "python", 1, 'a = "\ud83d"\n\ude00\n')
    assert trees.tree(snapshot) is not None
    edited = snapshot.apply([Change("x\udc00", (1, 0), (1, 1))], 2, PositionEncoding.UTF16)
    assert trees.tree(edited) is not None
