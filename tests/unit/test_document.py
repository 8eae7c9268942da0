"""Lines, positions and edits, against a reference that works on the whole text the slow way."""

from __future__ import annotations

import json
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabby_lsp.document import Change, Documents, Position, PositionEncoding, Snapshot
from tabby_lsp.errors import TabbyError, UnknownDocument

UTF8, UTF16, UTF32 = PositionEncoding

# --- the reference ---------------------------------------------------------------------------------------------


def units(text: str, encoding: PositionEncoding) -> int:
    width = {UTF8: 1, UTF16: 2, UTF32: 4}[encoding]
    codec = {UTF8: "utf-8", UTF16: "utf-16-le", UTF32: "utf-32-le"}[encoding]
    return sum(len(character.encode(codec, "surrogatepass")) for character in text) // width


def merged(text: str) -> str:
    """Halves of a pair that stand next to each other, as the character that they spell."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def reference_lines(text: str) -> list[str]:
    lines, current, index = [], "", 0
    while index < len(text):
        ending = next((mark for mark in ("\r\n", "\n", "\r") if text.startswith(mark, index)), "")
        if ending:
            lines.append(current + ending)
            current = ""
        else:
            current += text[index]
        index += len(ending) or 1
    return [*lines, current]


def reference_offset(text: str, line: int, character: int, encoding: PositionEncoding) -> int:
    lines = reference_lines(text)
    if line < 0:
        return 0
    if line >= len(lines):
        return len(text)
    content = lines[line].replace("\r", "").replace("\n", "")
    column = 0
    while column < len(content) and units(content[: column + 1], encoding) <= character:
        column += 1
    return sum(map(len, lines[:line])) + column


def reference_apply(text: str, changes: list[Change], encoding: PositionEncoding) -> str:
    for change in changes:
        if change.start is None or change.end is None:
            text = change.text
        else:
            ends = (reference_offset(text, *change.start, encoding), reference_offset(text, *change.end, encoding))
            text = text[: min(ends)] + change.text + text[max(ends) :]
        text = merged(text)
    return text


# --- strategies ------------------------------------------------------------------------------------------------

ALPHABET = ["a", "(", " ", "\t", "\n", "\r", "\r\n", "\f", "\v", "\x85", "\u2028", "é", "e\u0301", "漢", "😀", "\0"]
SURROGATES = ["\ud83d", "\ude00"]
texts = st.lists(st.sampled_from(ALPHABET), max_size=30).map("".join)
odd_texts = st.lists(st.sampled_from(ALPHABET + SURROGATES), max_size=30).map("".join).map(merged)
coordinates = st.tuples(st.integers(-1, 12), st.integers(-1, 20))
encodings = st.sampled_from(list(PositionEncoding))
changes = st.one_of(
    st.builds(Change, odd_texts, coordinates, coordinates),
    st.builds(Change, st.sampled_from(["", "\n", "\r", "x", "😀"]), coordinates, coordinates),
    st.builds(Change, texts),
)


def snapshot(text: str) -> Snapshot:
    return Snapshot.of("file:///a.py", "python", 1, text)


# --- lines -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", ("",)),
        ("a", ("a",)),
        ("a\n", ("a\n", "")),
        ("a\r\nb\rc\nd", ("a\r\n", "b\r", "c\n", "d")),
        ("\r\r\n\n\r", ("\r", "\r\n", "\n", "\r", "")),
        ("a\fb\vc\x85d\u2028e\u2029f\x1cg", ("a\fb\vc\x85d\u2028e\u2029f\x1cg",)),
    ],
)
def test_lines_end_only_where_the_protocol_says(text: str, lines: tuple[str, ...]) -> None:
    assert snapshot(text).lines == lines
    assert snapshot(text).text == text


@given(odd_texts)
def test_lines_match_the_reference(text: str) -> None:
    made = snapshot(text)
    assert list(made.lines) == reference_lines(text)
    assert made.text == text


def test_a_long_last_line_is_not_tried_at_each_character() -> None:
    """Two megabytes in one line took hours."""
    text = "0123456789abcdef" * (1 << 17)
    assert snapshot(f"a\r\n{text}").lines == ("a\r\n", text)


@pytest.mark.parametrize(
    ("text", "newline"),
    [("", "\n"), ("a", "\n"), ("a\n", "\n"), ("a\r\nb\r\nc\n", "\r\n"), ("a\rb\rc\r\n", "\r"), ("a\nb\r\n", "\n")],
)
def test_the_dominant_line_ending(text: str, newline: str) -> None:
    assert snapshot(text).newline == newline


def test_line_text_has_no_ending_and_no_error() -> None:
    made = snapshot("ab\r\ncd\f\n")
    assert [made.line_text(line) for line in (-1, 0, 1, 2, 3)] == ["", "ab", "cd\f", "", ""]


# --- positions -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "encoding", "expected"),
    [
        ((0, 3), UTF16, (0, 2)),
        ((0, 3), UTF32, (0, 3)),
        ((0, 5), UTF8, (0, 2)),
        ((0, 4), UTF8, (0, 1)),  # inside of the emoji: its start
        ((0, 2), UTF16, (0, 1)),  # between the halves of the pair: its start
        ((0, 99), UTF16, (0, 3)),  # before the line ending
        ((1, 99), UTF8, (1, 0)),
        ((9, 0), UTF16, (2, 1)),  # after the end of the file
        ((-1, 5), UTF16, (0, 0)),
        ((0, -5), UTF16, (0, 0)),
    ],
)
def test_decode(place: tuple[int, int], encoding: PositionEncoding, expected: tuple[int, int]) -> None:
    assert snapshot("a😀b\r\n\nz").decode(*place, encoding) == Position(*expected)


@given(odd_texts, coordinates, encodings)
def test_decode_matches_the_reference(text: str, place: tuple[int, int], encoding: PositionEncoding) -> None:
    made = snapshot(text)
    position = made.decode(*place, encoding)
    assert made.offset(position) == reference_offset(text, *place, encoding)
    assert made.clamp(position) == position


@given(odd_texts, encodings)
def test_every_position_survives_the_round_trips(text: str, encoding: PositionEncoding) -> None:
    made = snapshot(text)
    for line in range(len(made.lines)):
        for column in range(len(made.line_text(line)) + 1):
            position = Position(line, column)
            offset = made.offset(position)
            assert made.decode(*made.encode(position, encoding), encoding) == position
            assert made.position(offset) == position
            assert made.byte_offset(position) == units(text[:offset], UTF8)
            assert made.byte_position(made.byte_offset(position)) == position
            assert (made.before(position), made.after(position)) == (text[:offset], text[offset:])


@given(odd_texts, st.integers(-5, 99), st.integers(-5, 99))
def test_positions_outside_are_clamped(text: str, line: int, column: int) -> None:
    made = snapshot(text)
    place = made.clamp(Position(line, column))
    assert Position(0, 0) <= place <= made.end
    assert made.offset(Position(line, column)) == made.offset(place)
    assert Position(0, 0) <= made.position(column) <= made.end
    assert Position(0, 0) <= made.byte_position(column) <= made.end


def test_an_offset_inside_of_a_line_ending_is_before_it() -> None:
    made = snapshot("ab\r\nc")
    assert made.position(3) == Position(0, 2)
    assert made.byte_position(3) == Position(0, 2)


# --- edits -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "change", "expected"),
    [
        ("ab\ncd\n", Change("X", (0, 1), (1, 1)), ("aXd\n", "")),
        ("a\rb", Change("\n", (1, 0), (1, 0)), ("a\r\n", "b")),  # the new line feed joins the carriage return above
        ("a\rb\nc", Change("", (1, 0), (1, 1)), ("a\r\n", "c")),  # so does one that a deletion uncovers
        ("a\nc", Change("b\r", (0, 1), (0, 1)), ("ab\r\n", "c")),  # and a new carriage return the line feed behind
        ("a\r\nb", Change("x", (0, 9), (0, 9)), ("ax\r\n", "b")),
        ("ab", Change("X", (0, 2), (0, 0)), ("X",)),  # an inverted range
        ("ab\ncd", Change("new\r\n"), ("new\r\n", "")),
        ("", Change("a\n\n", (0, 0), (0, 0)), ("a\n", "\n", "")),
        ("a", Change("b", (7, 7), (9, 9)), ("ab",)),
    ],
)
def test_an_edit(text: str, change: Change, expected: tuple[str, ...]) -> None:
    assert snapshot(text).apply([change], 2, UTF16).lines == expected


@given(odd_texts, st.lists(changes, max_size=6), encodings)
def test_edit_scripts_match_the_reference(text: str, script: list[Change], encoding: PositionEncoding) -> None:
    made = snapshot(text)
    after = made.apply(script, 7, encoding)
    assert after.text == reference_apply(text, script, encoding)
    assert list(after.lines) == reference_lines(after.text)
    assert (after.version, after.uri, after.language) == (7, made.uri, made.language)
    assert made.text == text


def test_an_edit_shares_the_lines_that_it_does_not_touch() -> None:
    made = snapshot("one\ntwo\nthree\n")
    after = made.apply([Change("!", (1, 3), (1, 3))], 2, UTF16)
    assert after.lines[0] is made.lines[0]
    assert after.lines[2] is made.lines[2]


def test_halves_of_a_pair_that_meet_become_one_character() -> None:
    half = json.loads('"a\\ud83d"')
    after = snapshot(half).apply([Change(json.loads('"\\ude00"'), (0, 2), (0, 2))], 2, UTF16)
    assert after.text == "a😀"
    assert after.encode(after.end, UTF16) == (0, 3)


# --- open documents --------------------------------------------------------------------------------------------


def test_documents() -> None:
    documents = Documents()
    first = documents.open("file:///a", "python", 1, "a\n")
    assert documents.get("file:///a") is first
    changed = documents.change("file:///a", [Change("b", (0, 1), (0, 1))], 2, UTF16)
    assert (changed.text, first.text) == ("ab\n", "a\n")
    documents.open("cell:1", "python", 1, "")
    assert [document.uri for document in documents] == ["file:///a", "cell:1"]
    documents.close("file:///a")
    documents.close("file:///a")
    assert (documents.get("file:///a"), len(documents)) == (None, 1)


def test_a_change_of_an_unknown_document_is_refused() -> None:
    with pytest.raises(UnknownDocument, match="file:///x") as caught:
        Documents().change("file:///x", [Change("")], 1, UTF16)
    assert isinstance(caught.value, TabbyError)
    assert caught.value.remedy


def test_iterating_survives_a_change() -> None:
    documents = Documents()
    starts = accumulate([1, 1, 1])
    for number in starts:
        documents.open(f"cell:{number}", "python", 1, "")
    for document in documents:
        documents.close(document.uri)
    assert len(documents) == 0
