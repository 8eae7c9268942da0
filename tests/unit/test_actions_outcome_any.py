"""Whatever a model writes: reading it never raises, and what it gives is sound."""

from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from outcome_tables import assert_sound, cases

from tabby_lsp.actions.outcome import read
from tabby_lsp.actions.types import Form
from tabby_lsp.engine.types import Finish

CASES = cases()
ANSWERS = [case.answer for case in CASES]
PIECES = [
    "```", "```python\n", "\n```\n", "~~~", "    ", "\t", "\n", "\r\n", "def f():", "class A {", "}", "{", "(", '"""',
    "'''", "/**", "*/", "// ", "# ", "/// ", "@@ -1 +1 @@", "-", "+", "<|im_end|>", "<think>", "</think>", "import x",
    "...", "<<<<<<< SEARCH\n", "=======\n", ">>>>>>> REPLACE", "1 | a", "\ufeff", "\0", "\ud800", "é", "𝄞",
    "Here is it:", "> ", "`",
]  # fmt: skip


@st.composite
def answers(draw: st.DrawFn) -> str:
    """Pieces of markup in any order, answers of the tables cut and joined, or lines of one shuffled."""
    kind = draw(st.integers(0, 2))
    if kind == 0:
        return "".join(draw(st.lists(st.sampled_from(PIECES), max_size=20)))
    text = draw(st.sampled_from(ANSWERS))
    if kind == 1:
        lines = text.splitlines(keepends=True)
        return "".join(draw(st.permutations(lines)))
    start, end = sorted(draw(st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))))
    return text[start:end] + draw(st.sampled_from(PIECES)) + draw(st.sampled_from(ANSWERS))


NAMES = sorted({name for answer in ANSWERS for name in re.findall(r"[A-Za-z_]\w*", answer)})
ELSEWHERE = st.lists(
    st.tuples(
        st.sampled_from(NAMES), st.sampled_from(["", "from a import b", 'import { b } from "./a";', 'import "b"'])
    ),
    max_size=20,
    unique_by=lambda pair: pair[0],
).map(tuple)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(CASES), answers(), st.sampled_from(Form), st.sampled_from(Finish))
def test_any_answer_is_read(case, answer: str, form: Form, finish: Finish) -> None:
    brief = replace(case.brief, form=form)
    assert_sound(brief, read(brief, answer, finish))


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(CASES), answers(), ELSEWHERE)
def test_any_answer_is_read_without_what_stands_elsewhere(
    case, answer: str, elsewhere: tuple[tuple[str, str], ...]
) -> None:
    brief = replace(case.brief, form=Form.NEW, elsewhere=elsewhere)
    assert_sound(brief, read(brief, answer, Finish.END))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(CASES), st.text(max_size=60), st.sampled_from(Form))
def test_any_text_is_read(case, answer: str, form: Form) -> None:
    brief = replace(case.brief, form=form)
    assert_sound(brief, read(brief, answer, Finish.END))
