"""Every line of a file is in a chunk, none is too long, and an edit changes what it touches."""

from __future__ import annotations

import pickle
import sysconfig
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.symbol_sources import FILES, FOLDER, parsed

from tabby_lsp.index.files.walk import Found
from tabby_lsp.index.reading.batches import GROWN_BYTES, read_batch
from tabby_lsp.index.reading.chunks import Chunk, chunks_of
from tabby_lsp.index.reading.pieces import MOST_CHARACTERS, MOST_LINES, OVERLAP_LINES, WINDOW_LINES
from tabby_lsp.index.reading.reader import GONE, parse, plain, read_bytes, read_file
from tabby_lsp.syntax.languages import language_of
from tabby_lsp.syntax.symbols.extract import facts_of

SLACK_LINES = 4
"""Lone closing brackets go with what they close."""


def chunks(language: str, text: str | bytes) -> tuple[Chunk, ...]:
    data = text.encode() if isinstance(text, str) else text
    tree = parsed(language, data)
    return chunks_of(tree, data, language, facts_of(tree, data, language))


@lru_cache(maxsize=1)
def real_files() -> tuple[Path, ...]:
    """Files that people wrote: the standard library, and this program's own."""
    library = Path(sysconfig.get_path("stdlib"))
    own = Path(__file__).parents[2]
    return (
        *sorted(path for path in library.glob("*.py") if path.stat().st_size < 150_000),
        *sorted(own.glob("docs/**/*.md")),
        *sorted(own.glob("editors/**/*.lua")),
        *sorted(FOLDER.iterdir()),
    )


def check(language: str, data: bytes) -> tuple[Chunk, ...]:
    """What is true of the chunks of any file."""
    lines = data.decode("utf-8", "replace").split("\n")
    found = chunks(language, data)
    covered: set[int] = set()
    for chunk in found:
        assert 0 <= chunk.start < chunk.end <= len(lines)
        assert lines[chunk.start].strip()
        assert lines[chunk.end - 1].strip()
        assert chunk.end - chunk.start <= MOST_LINES + SLACK_LINES
        assert len(chunk.text) <= MOST_CHARACTERS + 100
        own = "\n".join(lines[chunk.start : chunk.end])
        assert own[:MOST_CHARACTERS] in chunk.text
        covered.update(range(chunk.start, chunk.end))
    assert [number for number, line in enumerate(lines) if line.strip() and number not in covered] == []
    assert [chunk.start for chunk in found] == sorted(chunk.start for chunk in found)
    return found


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_every_line_of_real_files_is_in_a_chunk(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(real_files()))
    check(language_of(path), plain(path.read_bytes()))


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_every_line_of_broken_files_is_in_a_chunk(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(real_files()))
    source = plain(path.read_bytes())[:20_000]
    start = data.draw(st.integers(0, len(source)))
    end = data.draw(st.integers(start, min(start + 500, len(source))))
    language = data.draw(st.sampled_from([language_of(path), "plaintext", "markdown", "python", "c"]))
    check(language, source[:start] + data.draw(st.sampled_from([b"", b"(", b"}", b'"""', b"\n" * 50])) + source[end:])


@pytest.mark.parametrize("file", FILES)
def test_the_same_file_gives_the_same_chunks(file: str) -> None:
    source = plain((FOLDER / file).read_bytes())
    assert chunks(language_of(file), source) == chunks(language_of(file), source)


def function(number: int, lines: int) -> str:
    body = "".join(f"    value_{line} = compute_{number}({line})\n" for line in range(lines))
    return f'def function_{number}():\n    """Number {number}."""\n{body}    return value_0\n\n\n'


def test_small_neighbours_share_a_chunk_and_large_functions_have_their_own() -> None:
    found = check(
        "python", ("import os\n\n\n" + function(1, 2) + function(2, 45) + function(3, 2) + function(4, 2)).encode()
    )
    assert [chunk.symbols for chunk in found] == [
        ("function_1",),
        ("function_2",),
        ("function_3", "function_4"),
    ]
    assert found[0].text.startswith("import os\n")


def test_a_function_that_is_too_long_is_cut_below_its_signature() -> None:
    found = check("python", function(1, 150).encode())
    assert len(found) > 2
    assert found[0].text.startswith("def function_1():\n")
    for chunk in found[1:]:
        assert chunk.text.startswith('def function_1():\n    """Number 1."""\n    ...\n    value_')
        assert chunk.symbols == ("function_1",)
    assert all(one.end <= other.start for one, other in pairwise(found))


def test_a_large_class_is_its_head_with_an_outline_and_its_methods() -> None:
    methods = "".join(f"    def method_{n}(self, a):\n" + "        self.x(a)\n" * 20 + "\n" for n in range(8))
    found = check("python", f'class Large(Base):\n    """Does."""\n\n    limit = 1\n\n{methods}'.encode())
    assert found[0].text.startswith(
        'class Large(Base):\n    """Does."""\n\n    limit = 1\n    def method_0(self, a): ...\n'
    )
    assert found[0].text.endswith("def method_7(self, a): ...")
    assert (found[0].start, found[0].end) == (0, 4)
    assert found[0].symbols == ("Large", "Large.limit")
    assert {name for chunk in found[1:] for name in chunk.symbols} == {f"Large.method_{n}" for n in range(8)}


def test_an_outline_in_a_language_of_braces() -> None:
    methods = "".join(f"  method{n}(a: A): B {{\n" + "    this.x(a);\n" * 20 + "  }\n\n" for n in range(8))
    found = check("typescript", f"export class Large {{\n{methods}}}\n".encode())
    assert "\n    method3(a: A): B { ... }\n" in found[0].text
    assert found[-1].text.endswith("  }\n\n}")


FOUR = [function(n, 30 if n % 5 == 0 else 6) for n in range(40)]


@pytest.mark.parametrize("number", [0, 1, 7, 20, 39])
def test_an_edit_changes_the_chunks_that_hold_it_and_no_others(number: int) -> None:
    before = chunks("python", "".join(FOUR))
    edited = FOUR[number].replace("return value_0", "return value_1")
    after = chunks("python", "".join([*FOUR[:number], edited, *FOUR[number + 1 :]]))
    changed = set(after) - set(before)
    assert [f"function_{number}" in chunk.symbols for chunk in changed] == [True] * len(changed)
    assert len(changed) == 1


@pytest.mark.parametrize("number", range(40))
def test_a_line_more_does_not_move_what_is_far_away(number: int) -> None:
    before = {chunk.text for chunk in chunks("python", "".join(FOUR))}
    edited = FOUR[number].replace("    return", "    more()\n    return")
    after = {chunk.text for chunk in chunks("python", "".join([*FOUR[:number], edited, *FOUR[number + 1 :]]))}
    assert 1 <= len(after - before) <= 6
    assert len(before) > 12


def test_a_language_without_a_grammar_is_cut_into_windows_that_overlap() -> None:
    found = check("plaintext", "\n".join(f"line {n}" for n in range(100)).encode())
    assert all(chunk.end - chunk.start <= WINDOW_LINES for chunk in found)
    assert all(one.end - other.start == OVERLAP_LINES for one, other in pairwise(found))


def test_windows_end_at_blank_lines() -> None:
    text = "\n".join("" if n % 13 == 12 else f"line {n}" for n in range(100))
    assert all((chunk.end + 1) % 13 == 0 or chunk.end == 100 for chunk in check("plaintext", text.encode()))


def test_markdown_is_cut_at_headings() -> None:
    fence = "```sh\n# no heading\n" + "line\n" * 25 + "```\n"
    words = "words\n" * 30
    text = f"# One\n\n{words}\n## Two\n\n{fence}\n## Three\n\n{words}"
    found = check("markdown", text.encode())
    assert [chunk.text.split("\n")[0] for chunk in found] == ["# One", "## Two", "## Three"]


def test_a_long_section_says_its_heading_with_each_part() -> None:
    found = check("markdown", ("# One\n\n" + "some words\n" * 200).encode())
    assert len(found) > 3
    assert all(chunk.text.startswith("# One\n") for chunk in found)


def test_one_long_line_is_one_chunk_that_is_cut_short() -> None:
    found = check("python", b"x = '" + b"a" * 50_000 + b"'\n")
    assert [(chunk.start, chunk.end, len(chunk.text)) for chunk in found] == [(0, 1, MOST_CHARACTERS)]


@pytest.mark.parametrize("text", ["", "\n", "  \n\t\n"])
def test_nothing_gives_nothing(text: str) -> None:
    assert chunks("python", text) == ()
    assert chunks("plaintext", text) == ()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a\r\nb\rc\n", b"a\nb\nc\n"),
        (b"\xef\xbb\xbfa\n", b"a\n"),
        ("é\n".encode("utf-16"), "é\n".encode()),
        ("é\n".encode("latin-1"), "é\n".encode()),
        ("é\n".encode(), "é\n".encode()),
    ],
)
def test_bytes_as_text(data: bytes, expected: bytes) -> None:
    assert plain(data) == expected


def test_reading_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"import b\r\n\r\ndef f():\r\n    return b.c\r\n")
    read = read_file(str(tmp_path), "a.py", "python")
    assert (read.path, read.language, read.reason) == ("a.py", "python", "")
    assert [one.name for one in read.facts.definitions] == ["f"]
    assert [(chunk.start, chunk.end, chunk.text) for chunk in read.chunks] == [
        (0, 4, "import b\n\ndef f():\n    return b.c")
    ]
    assert pickle.loads(pickle.dumps(read)) == read


def test_what_cannot_be_read_has_a_reason(tmp_path: Path) -> None:
    assert read_file(str(tmp_path), "absent.py", "python").reason == GONE
    assert read_bytes("a.py", "python", b"a\0b" * 100).reason
    assert read_bytes("a.py", "python", b"a\0b" * 100).chunks == ()


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("csharp", "".join(f"class A{n} {{\n" for n in range(2000)) + "}\n" * 2000),
        ("javascript", "".join(f"function a{n}() {{\n" for n in range(2000)) + "}\n" * 2000),
        ("python", "class A(" + "(\n" * 20_000 + ")\n" * 20_000 + "):\n    pass\n"),
        ("rust", "use " + "a::{\n" * 2000 + "b" + "}\n" * 2000 + ";\n"),
        ("typescript", "@A(" + "{a:\n" * 2000 + "}\n" * 2000 + ") class B {}\n"),
        ("javascript", "/*\n" * 20_000),
        ("python", "x = 'a\n" * 20_000),
    ],
    ids=["classes", "functions", "parentheses", "braces", "decorator", "comment", "quotes"],
)
def test_what_no_person_writes_is_cut_like_anything_else(language: str, text: str) -> None:
    check(language, text.encode())


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_text_though_half_of_it_is_nul(encoding: str) -> None:
    data = "\ufeffdef salary(name):\r\n    return 1\r\n".encode(encoding)
    read = read_bytes("a.py", "python", data)
    assert read.reason == ""
    assert [definition.name for definition in read.facts.definitions] == ["salary"]
    assert read.chunks[0].text.startswith("def salary")


def test_a_file_that_has_grown_since_it_was_found_is_left_to_the_next_look(tmp_path: Path) -> None:
    (tmp_path / "log.py").write_bytes(b"x = 1\n" * (GROWN_BYTES // 6 + 1))
    (tmp_path / "a.py").write_bytes(b"x = 1\n")
    batch = read_batch(str(tmp_path), [Found("log.py", 6, 1, "python"), Found("a.py", 6, 1, "python")], {})
    assert batch.gone == ("log.py",)
    assert batch.files["path"].to_pylist() == ["a.py"]


def test_a_parse_that_takes_too_long_is_given_up_and_the_next_one_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    source = b"value = call(1, 2)\n" * 2_000
    whole = parse(source, "python")
    with monkeypatch.context() as patched:
        patched.setattr("tabby_lsp.index.reading.reader.PARSE_SECONDS", -1.0)
        assert parse(source, "python") is None
    again = parse(source, "python")
    assert whole is not None
    assert again is not None
    assert str(again.root_node) == str(whole.root_node)
