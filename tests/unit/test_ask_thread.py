"""Threads on the disk, and how a question and what was said before fit into a model's room."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tabby_lsp.actions.ask.conversation import put
from tabby_lsp.actions.ask.thread import KEPT, Thread, Turn, load, save
from tabby_lsp.actions.types import Source
from tabby_lsp.errors import ActionError

SOURCE = Source(1, "shop/pay.py", 0, 40, "".join(f"line {i} = {i}\n" for i in range(40)), ("charge_card",))
SOURCES = tuple(replace(SOURCE, number=number, path=f"shop/pay{number}.py") for number in range(1, 9))
TURN = Turn("How is a card charged?", "`charge_card` asks `Basket.total`; `charge_card` is in `pay` [1].", (SOURCE,))


def count(text: str) -> int:
    return len(text) // 4 + 1


def test_a_thread_is_kept_and_read(tmp_path: Path) -> None:
    file = tmp_path / "thread.json"
    assert load(file) == Thread()
    thread = Thread().followed(TURN).followed(Turn("Größe?", ""))
    save(thread, file)
    assert load(file) == thread
    assert [path.name for path in tmp_path.iterdir()] == ["thread.json"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        '{"form": 2, "turns": []}',
        '{"form": 1, "turns": [{}]}',
        '{"form": 1, "turns": [{"question": "a", "answer": "b", "sources": [{"number": "x"}]}]}',
        "\x00\xff",
    ],
)
def test_a_file_that_is_none_of_ours(tmp_path: Path, text: str) -> None:
    file = tmp_path / "thread.json"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(ActionError, match="holds no thread"):
        load(file)
    assert file.read_bytes() == text.encode("latin-1")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ActionError, match="cannot be kept"):
        save(Thread(), tmp_path / "gone" / "thread.json")


def test_old_turns_go() -> None:
    thread = Thread()
    for number in range(KEPT + 5):
        thread = thread.followed(Turn(str(number), "a"))
    assert [turn.question for turn in thread.turns] == [str(number) for number in range(5, KEPT + 5)]


def test_what_a_thread_is_about() -> None:
    thread = Thread().followed(TURN).followed(Turn("And bread?", ""))
    assert thread.about == ("charge_card", "Basket.total", "pay")
    assert thread.last == TURN
    assert Thread().about == ()


@pytest.mark.parametrize("room", [400, 700, 1500, 4096, 32_000])
def test_a_question_fits_its_room(room: int) -> None:
    thread = Thread(tuple(replace(TURN, question=f"Question {number}?") for number in range(9)))
    asked = put("Where is it called?", SOURCES, thread, count, room)
    cost = sum(count(message.text) for message in asked.messages)
    assert cost + asked.max_tokens <= room
    said = asked.messages[-1].text
    assert said.endswith("Question: Where is it called?")
    assert asked.sources
    shown = {source.path for source in asked.sources}
    assert all((source.path in said) == (source.path in shown) for source in SOURCES)


def test_the_last_turns_are_shown_without_their_sources() -> None:
    thread = Thread(tuple(replace(TURN, question=f"Question {number}?") for number in range(30)))
    asked = put("And then?", SOURCES, thread, count, 2048)
    roles = [message.role for message in asked.messages]
    assert roles == ["system", *["user", "assistant"] * ((len(roles) - 2) // 2), "user"]
    questions = [message.text for message in asked.messages[1:-1] if message.role == "user"]
    assert 1 < len(questions) < 30
    assert questions == [f"Question {number}?" for number in range(30 - len(questions), 30)]
    assert "line 1" not in asked.messages[1].text


def test_what_had_no_answer_is_not_shown() -> None:
    asked = put("And?", SOURCES, Thread((Turn("Bread?", ""),)), count, 4096)
    assert [message.role for message in asked.messages] == ["system", "user"]


def test_long_sources_are_cut_by_lines_and_short_ones_are_whole() -> None:
    short = replace(SOURCE, number=2, path="short.py", text="X = 1\n", end=1)
    long = replace(SOURCE, text=SOURCE.text * 40)
    said = put("What is X?", (long, short), Thread(), count, 1200).messages[-1].text
    assert "[2] short.py\n```python\nX = 1\n```" in said
    assert "line 3 = 3\n" in said
    assert said.count("line 3 = 3") < 40


def test_no_room() -> None:
    with pytest.raises(ActionError, match="no room"):
        put("What? " * 300, SOURCES, Thread(), count, 300)
