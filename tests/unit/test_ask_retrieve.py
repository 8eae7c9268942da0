"""What a question finds in a real index of a few files, by words and vectors of words; no model."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from trees import write
from word_embedder import WordEmbedder

from tabby_lsp.actions.ask.asking import found_for
from tabby_lsp.actions.ask.relevance import RELEVANT, points_back, root
from tabby_lsp.actions.ask.retrieve import is_test, names_in, own_lines, retrieve
from tabby_lsp.actions.ask.thread import Thread, Turn
from tabby_lsp.config import IndexSettings
from tabby_lsp.index.folder import FolderIndex
from tabby_lsp.index.types import Snippet, Why

FILES = {
    "shop/basket.py": (
        'class Basket:\n    """Articles that a customer wants."""\n\n'
        "    def add_article(self, article):\n        self.articles.append(article)\n\n"
        "    def total(self):\n        return sum(article.price for article in self.articles)\n"
    ),
    "shop/pay.py": "def charge_card(basket, card):\n    return card.charge(basket.total())\n",
    "shop/refunds.py": "def refund(card, amount):\n    card.charge(-amount)\n",
    "tests/test_pay.py": (
        "from shop.pay import charge_card\n\n\n"
        "def test_charge_card():\n    assert charge_card(Basket(), card) == card.charged\n"
    ),
    "README.md": "# A shop\n\nA customer puts articles into a basket and pays by card.\n",
}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FolderIndex]:
    """An index of these files."""
    folder = tmp_path_factory.mktemp("shop")
    write(folder, FILES)
    index = FolderIndex(folder, tmp_path_factory.mktemp("index"), IndexSettings(), WordEmbedder)
    index.sync()
    yield index
    index.close()


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("What charges the card with the total of the basket?", "shop/pay.py"),
        ("Where are articles added to a basket?", "shop/basket.py"),
        ("What does `refund` do?", "shop/refunds.py"),
        ("What calls Basket.total?", "shop/basket.py"),
    ],
)
def test_what_is_asked_about_is_found(index: FolderIndex, question: str, first: str) -> None:
    found = retrieve(index.search, question)
    assert found.relevant
    assert found.sources[0].path == first
    assert [source.number for source in found.sources] == list(range(1, len(found.sources) + 1))
    lines = FILES[first].split("\n")
    source = found.sources[0]
    assert source.text.rstrip("\n").split("\n") == lines[source.start : source.end]


@pytest.mark.parametrize("question", ["Who painted the Mona Lisa?", "How are TLS certificates renewed?", "Why?", "??"])
def test_what_is_not_there_is_not_relevant(index: FolderIndex, question: str) -> None:
    found = retrieve(index.search, question)
    assert not found.relevant
    assert found.relevance < RELEVANT


def test_a_name_that_is_not_there_makes_nothing_relevant(index: FolderIndex) -> None:
    assert not retrieve(index.search, "What does `bake_bread` do?").relevant


def test_tests_come_after_their_subjects(index: FolderIndex) -> None:
    paths = [source.path for source in retrieve(index.search, "How is charge_card tested, with which card?").sources]
    assert paths.index("shop/pay.py") < paths.index("tests/test_pay.py")


def test_no_more_than_the_limit(index: FolderIndex) -> None:
    assert len(retrieve(index.search, "card basket article", limit=2).sources) == 2


LAST = "`charge_card` takes the basket's total [1]."


def test_a_follow_up_is_about_the_last_answer(index: FolderIndex) -> None:
    first = retrieve(index.search, "How is a card charged?")
    thread = Thread().followed(Turn("How is a card charged?", LAST, first.sources[:1]))
    assert not found_for(index.search, "Why is that?", Thread()).relevant
    found = found_for(index.search, "Why is that?", thread)
    assert found.relevant
    assert found.sources[0] == first.sources[0]
    assert len({(source.path, source.start) for source in found.sources}) == len(found.sources)


def test_a_question_of_its_own_is_no_follow_up(index: FolderIndex) -> None:
    thread = Thread().followed(Turn("How?", LAST, retrieve(index.search, "charge card").sources))
    assert not found_for(index.search, "Who painted the Mona Lisa?", thread).relevant


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("What does `words_of` do?", ["words_of"]),
        ("Is parse() like HttpClient, Client.fetch and std::map?", ["parse", "HttpClient", "Client.fetch", "std::map"]),
        ("The README, e.g. its API_KEY, and the i.e. of it", ["API_KEY"]),
        ("`a long piece of code()`", ["a"]),
        ("How is a card charged?", []),
    ],
)
def test_names(text: str, names: list[str]) -> None:
    assert names_in(text) == names


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("tests/a.py", True),
        ("src/a_test.go", True),
        ("web/a.spec.ts", True),
        ("test_a.py", True),
        ("src/testing.py", False),
        ("latest/a.py", False),
        ("contest_a.py", False),
    ],
)
def test_which_files_are_tests(path: str, expected: bool) -> None:
    assert is_test(path) is expected


@pytest.mark.parametrize("words", [("parse", "parses", "parsed", "parser", "parsing"), ("stop", "stopped", "stops")])
def test_words_without_endings(words: tuple[str, ...]) -> None:
    assert len({root(word) for word in words}) == 1


@pytest.mark.parametrize(
    ("question", "expected"),
    [("Why?", True), ("And where is it called?", True), ("Where is the card charged?", False)],
)
def test_what_points_back(question: str, expected: bool) -> None:
    assert points_back(question) is expected


def test_pieces_of_a_page_are_joined_by_their_own_lines() -> None:
    """Each has the page's headings in front, which stand elsewhere."""

    def piece(start: int, end: int, *lines: str) -> Snippet:
        return Snippet("a.md", "markdown", start, end, "\n".join(("# Page", *lines)) + "\n", Why.SEARCH)

    hits = [piece(10, 12, "ten", "eleven"), piece(11, 13, "eleven", "twelve")]
    (source,) = retrieve(lambda query: hits, "What of eleven?").sources
    assert (source.start, source.end, source.text) == (10, 13, "ten\neleven\ntwelve")
    assert own_lines("# Page\nten\neleven\n", 10, 12) == ["ten", "eleven"]
    assert own_lines("ten\n\n", 10, 12) == ["ten", ""]
