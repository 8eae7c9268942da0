"""What a model's answer comes to: small edits that are checked, a text, or a word for what was wrong.

No model, no files, no protocol; no text makes it raise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from tabby_lsp.actions import checks
from tabby_lsp.actions.edits import apply, lines_of
from tabby_lsp.actions.reading import imports
from tabby_lsp.actions.reading.additions import read_new
from tabby_lsp.actions.reading.code import read_code
from tabby_lsp.actions.reading.docstrings import read_docstring
from tabby_lsp.actions.reading.plain import read_line, read_prose
from tabby_lsp.actions.reading.regions import Region, Unusable
from tabby_lsp.actions.types import Form, Outcome
from tabby_lsp.syntax.trees import encoded

if TYPE_CHECKING:
    from tabby_lsp.actions.types import Brief, Edit
    from tabby_lsp.engine.types import Finish

MESSAGES: Mapping[str, str] = {
    "empty": "The model answered nothing.",
    "no-code": "The model answered without the code that was asked for.",
    "unchanged": "The model changed nothing.",
    "cut-off": "The answer was cut off before its end.",
    "other-language": "The model answered in another language.",
    "breaks-syntax": "The answer would break the file's syntax.",
    "changes-code": "The answer changes code where only documentation was asked for.",
    "outside": "The answer changes lines outside of what it was asked about.",
    "loses-code": "The answer would lose code that is needed.",
    "echo": "The model repeated the question.",
}
"""What a person reads for each reason."""

Reader = Callable[[Region, str, "Finish"], Outcome]


def read(brief: Brief, answer: str, finish: Finish) -> Outcome:
    """Make edits or a text of a model's answer.

    Args:
        brief: what was asked.
        answer: all that the model wrote.
        finish: why it ended.

    Returns:
        Edits that touch allowed lines alone and bring no new syntax error, or a text, or a reason.
    """
    try:
        return READERS[brief.form](Region(brief), answer, finish)
    except Unusable as error:
        return Outcome(reason=error.reason, message=error.message or MESSAGES[error.reason])


def check(region: Region, edits: tuple[Edit, ...]) -> None:
    """Hold edits against what a brief allows.

    Raises:
        Unusable: they change nothing, lines outside, or break the document's syntax.
    """
    if not edits or apply(region.snapshot, edits) == region.snapshot.text:
        raise Unusable("unchanged")
    if not all(_is_within(region, edit, lines_of(region.brief.region)) or _imports(region, edit) for edit in edits):
        raise Unusable("outside")
    _check_syntax(region, apply(region.snapshot, edits))


def check_documentation(region: Region, edits: tuple[Edit, ...]) -> None:
    """As `check`, and the code is the same as before.

    Raises:
        Unusable: see there.
    """
    check(region, edits)
    language_id = region.snapshot.language
    after = checks.parse(language_id, apply(region.snapshot, edits))
    if not checks.same_code(region.tree, after, language_id):
        raise Unusable("changes-code")


def _is_within(region: Region, edit: Edit, lines: tuple[int, int]) -> bool:
    """Whether an edit touches some lines alone; the end of the last one may be the start of the next."""
    first, last = lines
    end = edit.span.end
    return edit.span.start.line >= first and (
        end.line < last or (end.line, end.column) <= (max(last, first), 0) or end == region.brief.region.end
    )


def _imports(region: Region, edit: Edit) -> bool:
    """Whether an edit inserts imports where the document has them; the lines there may be the only others to change."""
    start = edit.span.start
    return edit.span.empty and start == imports.place(region)[0] and _is_within(region, edit, region.allowed)


def _check_syntax(region: Region, text: str) -> None:
    after = checks.parse(region.snapshot.language, text)
    where = checks.replaced(encoded(region.snapshot.text), encoded(text))
    if checks.new_errors(region.tree, after, where):
        raise Unusable("breaks-syntax")


READERS: Mapping[Form, Reader] = {
    Form.CODE: lambda region, answer, finish: read_code(region, answer, finish, check),
    Form.NEW: lambda region, answer, finish: read_new(region, answer, finish, check),
    Form.DOCSTRING: lambda region, answer, finish: read_docstring(region, answer, finish, check_documentation),
    Form.PROSE: read_prose,
    Form.LINE: read_line,
}
"""How each form is read."""
