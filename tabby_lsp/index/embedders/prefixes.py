"""What embedding models were trained to read before a question and before a text: taken from the authors' model cards.

A model that misses its prefix still answers, only worse; so what is not known here gets none, and `index.query_prefix`
and `index.document_prefix` set both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tabby_lsp.config import IndexSettings


@dataclass(frozen=True, slots=True)
class Prefixes:
    """What stands before a text.

    Attributes:
        query: before a question.
        document: before what is searched.
    """

    query: str = ""
    document: str = ""

    def before(self, text: str, *, query: bool) -> str:
        """The text as the model should read it; an empty one stays empty."""
        prefix = self.query if query else self.document
        return prefix + text if text.strip() else ""


_PASSAGES = "Represent this sentence for searching relevant passages: "
_CODE = "Represent this query for searching relevant code: "
_INSTRUCT = "Instruct: Given a question, retrieve code that answers it\nQuery: "

FAMILIES: tuple[tuple[str, Prefixes], ...] = (
    (r"nomic.?embed.?code|code.?rank.?embed", Prefixes(_CODE)),
    (r"nomic.?embed|nomic.?bert", Prefixes("search_query: ", "search_document: ")),
    (r"embedding.?gemma|gemma.?embedding", Prefixes("task: code retrieval | query: ", "title: none | text: ")),
    (r"qwen3.?emb|gte.?qwen|e5.?mistral|e5.*instruct", Prefixes(_INSTRUCT)),
    (
        r"jina.?code",
        Prefixes("Find the most relevant code snippet given the following query:\n", "Candidate code snippet:\n"),
    ),
    (r"bge.?m3", Prefixes()),
    (r"arctic.?embed.*v2|arctic.?embed2", Prefixes("query: ")),
    (r"bge.*en|mxbai.?embed|arctic.?embed", Prefixes(_PASSAGES)),
    (r"\be5\b", Prefixes("query: ", "passage: ")),
)
"""Pattern in a model's name → its prefixes; the first that fits. Others have none: gte, jina v2, MiniLM, Granite."""


def prefixes_for(name: str, settings: IndexSettings) -> Prefixes:
    """The prefixes of a model; the settings win, each for itself.

    Args:
        name: of the model, or several names in one text.
        settings: of the index.
    """
    known = next((known for pattern, known in FAMILIES if re.search(pattern, name.lower())), Prefixes())
    return Prefixes(settings.query_prefix or known.query, settings.document_prefix or known.document)
