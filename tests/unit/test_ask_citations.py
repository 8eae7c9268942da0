"""Citations: which stay, which go, which are added, and what is looked up on the disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from tabby_lsp.actions.ask.citations import Cited, Place, answered, checked, cite, listed
from tabby_lsp.actions.types import Source
from tabby_lsp.engine.types import Finish
from tabby_lsp.errors import ActionError

PAY = "def charge_card(basket, card):\n    return card.charge(basket.total())\n"
BASKET = (
    "class Basket:\n    def add_article(self, article):\n        # articles are kept sorted by price\n"
    "        self.articles.append(article)\n"
)
SOURCES = (
    Source(1, "shop/pay.py", 0, 2, PAY, ("charge_card",)),
    Source(2, "shop/basket.py", 0, 4, BASKET, ("Basket", "Basket.add_article")),
)


@pytest.mark.parametrize(
    ("said", "expected", "numbers"),
    [
        # citations that are there
        ("It charges [1].", "It charges [1].", {1}),
        ("It charges [1, 9].", "It charges [1].", {1}),
        ("It charges [1][2].", "It charges [1] [2].", {1, 2}),
        ("It charges[7].", "It charges.", set()),
        ("It charges [7] a card.", "It charges a card.", set()),
        ("See [^2] and 【1】.", "See [2] and [1].", {1, 2}),
        ("[1] charges.", "[1] charges.", {1}),
        ("It is `charge_card`[1].", "It is `charge_card` [1].", {1}),
        # what is none
        ("`a[1]` is an index, and args[0].", "`a[1]` is an index, and args[0].", set()),
        ("```py\nx = a[9]\n```\nText [9].", "```py\nx = a[9]\n```\nText.", set()),
        ("~~~\nx = a[9]\n", "~~~\nx = a[9]", set()),
        ("[1](http://x) and [2]: y", "[1](http://x) and [2]: y", set()),
        # statements without one
        ("The `charge_card` function does it.", "The `charge_card` function does it [1].", {1}),
        ("- **`add_article`**: adds", "- **`add_article`**: adds [2]", {2}),
        ("A point in `shop.charge_card` ends nothing.", "A point in `shop.charge_card` ends nothing [1].", {1}),
        ("The articles are kept sorted by price.", "The articles are kept sorted by price [2].", {2}),
        ("Articles: sorted, by price!", "Articles: sorted, by price [2]!", {2}),
        (
            "It is `add_article`. It appends to `Basket`. `charge_card` comes then.",
            "It is `add_article` [2]. It appends to `Basket`. `charge_card` comes then [1].",
            {1, 2},
        ),
        ("# About `Basket`\nIt is good.", "# About `Basket`\nIt is good.", set()),
        ("The price of bread is high in the south.", "The price of bread is high in the south.", set()),
        ("`bake_bread` is not here.", "`bake_bread` is not here.", set()),
    ],
)
def test_citations(said: str, expected: str, numbers: set[int]) -> None:
    assert cite(said, SOURCES) == (expected, numbers)
    assert cite(expected, SOURCES) == (expected, numbers), "what is right stays"


def test_who_defines_a_name_is_cited_before_who_uses_it() -> None:
    use = Source(1, "tests/test_basket.py", 0, 1, "Basket().add_article(1)\n", ("test_add",))
    assert cite("`add_article` appends.", (use, SOURCES[1]))[1] == {2}


def test_only_cited_sources_are_listed(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "pay.py").write_text(PAY)
    answer = answered("`charge_card` charges.", Finish.END, SOURCES, tmp_path)
    assert (answer.text, answer.relevant) == ("`charge_card` charges [1].", True)
    assert [(cited.source.number, cited.place) for cited in answer.sources] == [(1, Place.HERE)]
    assert listed(answer.sources) == "- [1] `shop/pay.py:1-2` – charge_card"


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("a/![x](https://host/y).py", "- [1] `a/![x](https://host/y).py:1-2`"),
        ("a`b``c.py", "- [1] ``` a`b``c.py:1-2 ```"),
        ("a\nb\x1b[31m\u202e.py", "- [1] `a\ufffdb\ufffd[31m\ufffd.py:1-2`"),
    ],
)
def test_a_file_may_be_called_anything(path: str, shown: str) -> None:
    assert listed([Cited(Source(1, path, 0, 2, PAY), Place.HERE)]) == shown


def test_a_source_outside_of_the_folder_is_not_looked_at(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "pay.py").write_text(PAY)
    (tmp_path / "root" / "link.py").symlink_to(tmp_path / "pay.py")
    for path in ("../pay.py", "link.py", str(tmp_path / "pay.py")):
        assert checked(Source(1, path, 0, 2, PAY), tmp_path / "root").place is Place.GONE


def test_an_answer_in_a_fence_is_taken_out_of_it(tmp_path: Path) -> None:
    assert answered("```markdown\nIt charges [1].\n```", Finish.END, SOURCES, tmp_path).text == "It charges [1]."


def test_no_answer(tmp_path: Path) -> None:
    with pytest.raises(ActionError, match="answered nothing"):
        answered(" \n", Finish.END, SOURCES, tmp_path)


@pytest.mark.parametrize(
    ("now", "place", "lines"),
    [
        (PAY, Place.HERE, (0, 2)),
        (PAY.replace("\n", "\r\n"), Place.HERE, (0, 2)),
        ("import this\n\n\n" + PAY, Place.MOVED, (3, 5)),
        (f"{BASKET}{PAY}\n\n{PAY}", Place.MOVED, (4, 6)),
        (PAY.replace("charge", "pay"), Place.CHANGED, (0, 2)),
        ("", Place.CHANGED, (0, 2)),
        (None, Place.GONE, (0, 2)),
    ],
)
def test_sources_are_looked_up(tmp_path: Path, now: str | None, place: Place, lines: tuple[int, int]) -> None:
    (tmp_path / "shop").mkdir()
    if now is not None:
        (tmp_path / "shop" / "pay.py").write_bytes(now.encode())
    found = checked(SOURCES[0], tmp_path)
    assert (found.place, (found.source.start, found.source.end)) == (place, lines)
    told = {Place.CHANGED: "these lines have changed", Place.GONE: "the file is gone"}
    assert told.get(place, "pay.py") in listed([found])


def test_a_heading_in_front_of_a_piece_of_a_page_is_none_of_its_lines(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# Title\n\nOne.\n\nTwo.\nThree.\n")
    cited = checked(Source(1, "a.md", 4, 6, "# Title\nTwo.\nThree.\n"), tmp_path)
    assert cited.place is Place.HERE
