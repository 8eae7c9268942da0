"""Each row of the tables: what an answer comes to."""

from __future__ import annotations

import pytest
from outcome_tables import Case, assert_sound, cases

from tabby_lsp.actions.edits import apply
from tabby_lsp.actions.outcome import read

CASES = cases()


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_what_an_answer_comes_to(case: Case) -> None:
    outcome = read(case.brief, case.answer, case.finish)
    assert outcome.reason == case.reason
    if case.document is not None:
        assert apply(case.brief.snapshot, outcome.edits) == case.document
    assert outcome.text == case.text
    assert case.message in outcome.message
    assert_sound(case.brief, outcome)
