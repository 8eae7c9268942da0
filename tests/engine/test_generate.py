"""One request at a time: what is written equals what a plain loop without a cache would write."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rig import SETTINGS, Naive, Rig, check_candidates, finish, request, texts, whole_characters

from tabby_lsp.engine.llama.sampling import branches, logprob, spell
from tabby_lsp.engine.types import Candidate, Finish, Marker, Prompt
from tabby_lsp.errors import EngineError, PromptTooLong

CODE = "def add(a, b):\n    return a + b\n\n\nclass name:\n    def sub(self):\n        x = len(the)\n        retu"

WORDS = "return;self; self;def ;x; = ;    ;\n;\n\n;):\n;λ;é;日;😀;retu;<|fim_prefix|>"

prompts = st.lists(st.sampled_from(WORDS.split(";")), min_size=1, max_size=12).map("".join)

property_test = settings(
    max_examples=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def test_greedy_equals_a_plain_loop(rig: Rig, naive: Naive) -> None:
    asked = request(CODE, max_tokens=12)
    expected, lead = naive.write(rig.vocabulary.encode(CODE), 12)
    assert lead > 0.02, "another prompt: here rounding may choose"
    result = rig.run(asked)
    assert rig.taken() == [expected]
    assert result.candidates[0].text == whole_characters(b"".join(naive.pieces[token] for token in expected))
    assert result.candidates[0].finish is Finish.LENGTH
    assert result.counters.generated == 12


@property_test
@given(text=prompts, heal=st.sampled_from([0, 1, 2, 8]), cut=st.integers(0, 40), candidates=st.integers(1, 3))
def test_healing_equals_a_plain_constrained_loop(
    make_rig: Callable[..., Rig], naive: Naive, text: str, heal: int, cut: int, candidates: int
) -> None:
    rig = make_rig()
    asked = request("def " + text[: cut or None], heal=heal, max_tokens=5, candidates=candidates)
    check_candidates(rig, naive, asked, rig.run(asked))
    rig.check()


@pytest.mark.parametrize("heal", [1, 2, 8, 500])
def test_healing_stops_at_a_marker(rig: Rig, naive: Naive, heal: int) -> None:
    asked = replace(request(""), prompt=Prompt((CODE, Marker("<|fim_middle|>"), "re"), heal=heal))
    check_candidates(rig, naive, asked, rig.run(asked))
    slot = rig.kv.slots[0]
    marker = rig.vocabulary.marker("<|fim_middle|>")
    assert marker is not None
    assert slot.tokens[: slot.tokens.index(marker)] == rig.vocabulary.encode(CODE)


def test_nothing_is_healed_after_a_marker(rig: Rig) -> None:
    asked = replace(request(""), prompt=Prompt((CODE, Marker("<|fim_middle|>")), heal=8))
    counters = rig.run(asked).counters
    assert counters.evaluated == counters.prompt
    prefill = rig.spy.runs[: -(asked.max_tokens - 1)]
    assert max(len(run) for run in prefill) <= rig.slice
    assert sum(row.wanted for run in prefill for row in run) == 1


@pytest.mark.parametrize("heal", [1, 2, 3, 8])
def test_healing_inside_a_character_of_several_tokens(rig: Rig, naive: Naive, heal: int) -> None:
    text = "x = 日本😀"
    assert len(naive.pieces[rig.vocabulary.encode(text)[-1]]) < len("😀".encode())
    asked = request(text, heal=heal)
    check_candidates(rig, naive, asked, rig.run(asked))


@pytest.mark.parametrize(
    ("spelling", "text"),
    [
        (["return"], "rn"),
        (["retu", "("], "("),
        (["r", "e", "t", "u", "("], "("),
        (["re", "t", "u", "return"], "return"),
    ],
)
def test_a_healed_word_is_spelled_as_the_model_likes_it(rig: Rig, spelling: list[str], text: str) -> None:
    """What the last token has beyond the forced text is the beginning of the candidate."""
    token = {piece: rig.vocabulary._by_piece[piece.encode()] for piece in spelling}
    assert rig.vocabulary.piece(rig.vocabulary.encode("x = retu")[-1]) == b"retu"
    result = rig.play(request("x = retu", heal=1, max_tokens=1), [token[piece] for piece in spelling])
    assert result.candidates[0].text == text
    assert rig.kv.slots[0].tokens[-len(spelling) + 1 or 99 :] == [token[piece] for piece in spelling[:-1]]
    rig.check()


def test_what_the_model_would_not_write_is_forced(rig: Rig) -> None:
    """It wants a tab; it gets a spelling of the text, and the tab only after it."""
    tab = rig.vocabulary.encode("\t")[0]
    result = rig.play(request("x = retu", heal=1, max_tokens=1), [tab])
    spelled = b"".join(rig.vocabulary.piece(token) for token in [*rig.kv.slots[0].tokens, *rig.taken()[0]])
    assert spelled.startswith(b"x = retu")
    assert spelled.decode() == "x = retu" + result.candidates[0].text


def test_healing_keeps_the_draft_where_the_model_agrees(rig: Rig) -> None:
    """Tokens that the model would write itself cost no evaluation of their own."""
    tokens = rig.vocabulary.encode(CODE)
    result = rig.play(request(CODE, heal=4, max_tokens=1), [*tokens[-4:], rig.vocabulary.encode("x")[0]])
    assert rig.script
    assert result.candidates[0].text == "x"
    assert sum(row.wanted for row in rig.script.runs[-1]) == 5
    assert result.counters.evaluated == result.counters.prompt
    assert rig.kv.slots[0].tokens == tokens


def test_healing_evaluates_again_from_where_the_model_disagrees(rig: Rig) -> None:
    """Of the three tokens taken back the first is spelled in another way; it and the rest are evaluated once more."""
    tokens, byte = rig.vocabulary.encode(" return self = x"), rig.vocabulary._by_piece
    assert [rig.vocabulary.piece(token) for token in tokens] == [b" return", b" self", b" =", b" x"]
    script = [byte[b" "], byte[b"self"], byte[b" ="], byte[b" x"], byte[b"("]]
    result = rig.play(request(" return self = x", heal=3, max_tokens=1), script)
    assert rig.script
    assert result.candidates[0].text == "("
    assert rig.kv.slots[0].tokens == [tokens[0], *script[:4]]
    assert [len(run) for run in rig.script.runs] == [4, 1, 1, 1, 1]
    assert result.counters.evaluated == result.counters.prompt + 4
    rig.check()


@property_test
@given(text=st.binary(min_size=1, max_size=6) | prompts.map(lambda text: text.encode()[:9]))
def test_spell_agrees_with_the_text(rig: Rig, naive: Naive, text: bytes) -> None:
    vocabulary = rig.vocabulary
    assert sorted(vocabulary.spelling(text)) == naive.agreeing(text)
    logits = np.random.default_rng(len(text)).standard_normal(vocabulary.size).astype(np.float32)
    logits[vocabulary.encode("\t")[0]] = 50.0  # what it would like best
    token = spell(logits, vocabulary, text)
    piece = vocabulary.piece(token)
    assert text.startswith(piece) or piece.startswith(text)
    assert logits[token] == max(logits[t] for t in naive.agreeing(text))


# ---- text --------------------------------------------------------------------------------------------------------


def test_a_character_in_several_tokens_arrives_whole(rig: Rig) -> None:
    pieces: list[str] = []
    tokens = rig.vocabulary.encode("é 😀日λx")
    assert len(tokens) > len("é 😀日λx")
    result = rig.play(request("x = ", max_tokens=len(tokens)), tokens, pieces.append)
    assert result.candidates[0].text == "é 😀日λx"
    assert "".join(pieces) == "é 😀日λx"
    assert "😀" in pieces, "never a part of a character"


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_a_character_that_is_cut_off_at_the_end_is_left_out(rig: Rig, missing: int) -> None:
    tokens = rig.vocabulary.encode("x😀")
    assert len(tokens) == 5
    pieces: list[str] = []
    result = rig.play(request("y = ", max_tokens=5 - missing), tokens, pieces.append)
    written = result.candidates[0]
    assert written == Candidate("x", Finish.LENGTH, written.logprobs, (1,) * (5 - missing))
    assert pieces == ["x"]
    assert len(result.candidates[0].logprobs) == result.counters.generated == 5 - missing


def test_bytes_that_are_no_text_are_replaced(rig: Rig) -> None:
    byte = rig.vocabulary._by_piece
    tokens = [byte[b"x"], byte[b"\xff"], byte[b"y"], byte[b"\xf0"], byte[b"z"]]
    assert rig.play(request("y = ", max_tokens=5), tokens).candidates[0].text == "x\ufffdy\ufffdz"


def test_pieces_are_the_text_before_the_stop_rule_cut(rig: Rig) -> None:
    """What was emitted begins with the text; only the last piece may go beyond the cut."""
    pieces: list[str] = []
    tokens = rig.vocabulary.encode("return self")
    assert len(tokens) == 2

    def stop(text: str) -> int | None:
        return 8 if len(text) > 8 else None

    result = rig.play(request("x = ", stop=stop), tokens, pieces.append)
    assert result.candidates[0].text == "return s"
    assert result.candidates[0].finish is Finish.RULE
    assert pieces == ["return", " self"]


@property_test
@given(text=prompts, heal=st.integers(0, 3))
def test_emitted_pieces_make_the_first_candidate(make_rig: Callable[..., Rig], text: str, heal: int) -> None:
    pieces: list[str] = []
    result = make_rig().run(request("x" + text, heal=heal, candidates=2, max_tokens=6), pieces.append)
    assert "".join(pieces) == result.candidates[0].text


# ---- ends --------------------------------------------------------------------------------------------------------


def end_token(rig: Rig, text: str) -> int:
    token = rig.vocabulary.marker(text)
    assert token is not None
    return token


@pytest.mark.parametrize("text", ["<|endoftext|>", "<|im_end|>"])
def test_an_end_token_ends_and_is_no_text(rig: Rig, text: str) -> None:
    x = rig.vocabulary.encode("x")[0]
    result = rig.play(request("y = "), [x, x, end_token(rig, text)])
    assert result.candidates[0].text == "xx"
    assert result.candidates[0].finish is Finish.END
    assert len(result.candidates[0].logprobs) == result.counters.generated == 2


def test_an_end_token_at_once_is_an_empty_text(rig: Rig) -> None:
    result = rig.play(request("y = "), [end_token(rig, "<|endoftext|>")])
    assert result.candidates == (Candidate("", Finish.END),)
    assert result.counters.generated == 0
    rig.check()


def test_a_stop_marker_ends(rig: Rig) -> None:
    x, marker = rig.vocabulary.encode("x")[0], end_token(rig, "<|fim_suffix|>")
    tokens = [x, marker, x]
    stopped = rig.play(request("y = ", stop_markers=("<|fim_suffix|>", "<|no such|>")), tokens).candidates[0]
    assert (stopped.text, stopped.finish) == ("x", Finish.MARKER)
    ignored = rig.play(request("y = ", max_tokens=3), tokens).candidates[0]
    assert (ignored.text, ignored.finish) == ("xx", Finish.LENGTH)


def test_max_tokens_are_not_exceeded(rig: Rig) -> None:
    for most in (1, 2, 7):
        result = rig.run(request(CODE, max_tokens=most, candidates=2))
        assert [len(tokens) for tokens in rig.taken()] == [most, most]
        assert result.counters.generated == 2 * most


def test_a_deadline_that_has_passed_leaves_one_token(rig: Rig) -> None:
    result = rig.play(request("y = ", deadline=time.monotonic() - 1), rig.vocabulary.encode("x"))
    assert (result.candidates[0].text, result.candidates[0].finish) == ("x", Finish.DEADLINE)


def test_a_deadline_in_the_future_changes_nothing(rig: Rig) -> None:
    result = rig.run(request(CODE, deadline=time.monotonic() + 1000))
    assert result.candidates[0].finish is Finish.LENGTH


def test_a_stop_rule_sees_each_candidate_alone(rig: Rig) -> None:
    seen: list[str] = []

    def stop(text: str) -> int | None:
        seen.append(text)
        return 1 if len(text) >= 3 else None

    result = rig.run(request(CODE, candidates=3, stop=stop, max_tokens=20))
    assert [len(text) for text in texts(result.candidates)] == [1, 1, 1]
    assert {text[0] for text in seen} == {text[0] for text in texts(result.candidates)}
    rig.check()


# ---- probabilities, candidates, chance --------------------------------------------------------------------------


def softmax_log(logits: np.ndarray, token: int) -> float:
    values = logits.astype(np.float64)
    return float(values[token] - np.log(np.sum(np.exp(values))))


def test_logprob_is_a_softmax(rig: Rig) -> None:
    logits = np.array([3.0, -1.0, 700.0, 699.0], np.float32)
    assert logprob(logits, 2) == pytest.approx(-math.log(1 + math.exp(-1)))
    assert logprob(logits, 3) == pytest.approx(-1 - math.log(1 + math.exp(-1)))


def test_log_probabilities_are_the_references(rig: Rig, naive: Naive) -> None:
    result = rig.run(request(CODE, candidates=3, heal=1))
    lead = rig.taken()[0]
    slot = rig.kv.slots[0].tokens
    base = slot[: len(slot) - len(lead) + 1]
    for candidate, tokens in zip(result.candidates, rig.taken(), strict=True):
        rows = naive.rows([*base, *tokens[:-1]], len(base) - 1)
        expected = [softmax_log(row, token) for row, token in zip(rows, tokens, strict=True)]
        assert candidate.logprobs == pytest.approx(expected, abs=0.1)


def test_candidates_begin_differently_and_the_first_is_the_greedy_one(
    make_rig: Callable[..., Rig], naive: Naive
) -> None:
    rig, alone = make_rig(), make_rig()
    several = rig.run(request(CODE, candidates=5))
    single = alone.run(request(CODE))
    first = [tokens[0] for tokens in rig.taken()]
    assert len(set(first)) == 5
    assert several.candidates[0].text == single.candidates[0].text
    likeliest = np.argsort(naive.after(rig.vocabulary.encode(CODE)))[::-1].tolist()
    assert first == [token for token in likeliest if not rig.vocabulary.is_end(token)][:5]
    assert several.counters.evaluated == single.counters.evaluated
    assert several.counters.generated == sum(len(tokens) for tokens in rig.taken()) == 40
    assert max(len(run) for run in rig.spy.runs[-7:]) == 5, "one batch a token, for all candidates"
    rig.check()


def test_the_next_best_is_not_skipped_where_the_best_is_the_end(rig: Rig) -> None:
    logits = np.zeros(rig.vocabulary.size, np.float32)
    end, (x, y) = end_token(rig, "<|endoftext|>"), rig.vocabulary.encode("x in")
    logits[[end, x, y]] = 9, 8, 7
    assert [choice.token for choice in branches(logits, rig.vocabulary, b"", 2, besides=[end])] == [x, y]
    result = rig.play(request(CODE, candidates=3, max_tokens=1), [{end: 2.0, x: 1.0, y: 0.0}])
    assert result.candidates[0] == Candidate("", Finish.END)
    assert texts(result.candidates) == ["", "x", " in"]


def test_there_are_no_more_candidates_than_continuations(rig: Rig) -> None:
    """Only one token begins with `impor` and goes beyond it; the same candidate twice is of no use."""
    vocabulary = rig.vocabulary
    logits = np.zeros(vocabulary.size, np.float32)
    longer = [int(t) for t in vocabulary.spelling(b"impor") if len(vocabulary.piece(t)) > 5]
    assert [choice.token for choice in branches(logits, vocabulary, b"impor", 3)] == longer
    assert len(longer) == 1
    assert branches(logits, vocabulary, b"impor", 0) == []
    result = rig.play(request("x = impor", heal=1, candidates=3, max_tokens=2), longer)
    assert [text[:1] for text in texts(result.candidates)] == ["t"]
    rig.check()


def test_more_candidates_than_sequences_are_cut_down(rig: Rig) -> None:
    result = rig.run(request(CODE, candidates=30, max_tokens=2))
    assert len(result.candidates) == 9  # its own sequence and all the copies
    rig.check()


@pytest.mark.parametrize("batch", [1, 11, 32, 40])
def test_a_small_batch_holds_everything(make_rig: Callable[..., Rig], naive: Naive, batch: int) -> None:
    """llama.cpp ends the process where a batch has less room than sequences, or gets more tokens than it holds."""
    rig = make_rig(replace(SETTINGS, batch=batch))
    asked = request(CODE, heal=100, candidates=9, max_tokens=3)
    assert len(rig.vocabulary.encode(CODE)) > 32
    result = rig.run(asked)
    assert rig.capacity == max(32, batch)
    assert max(len(run) for run in rig.spy.runs) <= rig.capacity
    assert len(result.candidates) == 9
    with pytest.raises(ValueError, match="do not fit"):
        rig.spy.run(rig.spy.runs[0][:1] * (rig.capacity + 1))


def test_a_temperature_is_reproducible(make_rig: Callable[..., Rig]) -> None:
    def draw(seed: int, temperature: float = 1.5) -> list[str]:
        return texts(make_rig().run(request(CODE, temperature=temperature, seed=seed, candidates=3)).candidates)

    assert draw(7) == draw(7)
    assert draw(7) != draw(8)
    assert len(set(draw(7))) == 3
    assert draw(7, temperature=0.0)[0] == draw(8, temperature=0.0)[0]


@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_the_infill_sampler_runs(rig: Rig, temperature: float) -> None:
    result = rig.run(request(CODE, sampler="infill", temperature=temperature, candidates=2, heal=2))
    assert len(result.candidates) == 2
    assert all(value <= 0 for candidate in result.candidates for value in candidate.logprobs)
    assert rig.taken()[0][0] != rig.taken()[1][0] or temperature > 0
    rig.check()


def test_the_infill_sampler_ends_where_ending_is_nearly_as_likely(rig: Rig) -> None:
    x, end = rig.vocabulary.encode("x")[0], end_token(rig, "<|endoftext|>")
    script = [{x: 5.0, end: 0.0}, {x: 1.0, end: 0.0}]
    greedy = rig.play(request(CODE, max_tokens=3), script).candidates[0]
    assert (greedy.text, greedy.finish) == ("xxx", Finish.LENGTH)
    infill = rig.play(request(CODE, max_tokens=3, sampler="infill"), script).candidates[0]
    assert (infill.text, infill.finish) == ("x", Finish.END)


# ---- prompts -----------------------------------------------------------------------------------------------------


def test_a_marker_in_text_is_only_text(rig: Rig) -> None:
    special = {end_token(rig, text) for text in ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|endoftext|>")}
    text = "x = '<|fim_prefix|><|endoftext|>'  # <|fim_suffix|> <|fim_middle|>"
    tokens, plain = rig.vocabulary.encode_pieces((text,))
    assert not special & set(tokens)
    assert plain == len(tokens)
    assert b"".join(rig.vocabulary.piece(token) for token in tokens).decode() == text
    pieces = (Marker("<|fim_prefix|>"), text, Marker("<|fim_suffix|>"), "y", Marker("<|fim_middle|>"))
    tokens, plain = rig.vocabulary.encode_pieces(pieces)
    assert [token for token in tokens if token in special] == [
        end_token(rig, name) for name in ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")
    ]
    assert plain == 0


def test_neighbouring_texts_are_one_text(rig: Rig) -> None:
    assert rig.vocabulary.encode_pieces(("ret", "urn", "", " se", "lf")) == (rig.vocabulary.encode("return self"), 2)


def test_a_marker_is_a_special_token_of_exactly_that_text(rig: Rig) -> None:
    assert rig.vocabulary.has_marker("<|fim_prefix|>")
    for text in ("", "x", "return", "<|fim_prefix|", "<|fim_prefix|><|fim_suffix|>", "<|nothing|>", " <|fim_prefix|>"):
        assert not rig.vocabulary.has_marker(text)


def test_an_unknown_marker_is_an_error_that_costs_nothing(rig: Rig) -> None:
    rig.run(request(CODE))
    before = list(rig.kv.slots[0].tokens)
    with pytest.raises(EngineError, match=r"<\|nothing\|>"):
        finish(rig.start(replace(request(""), prompt=Prompt((Marker("<|nothing|>"),)))))
    assert rig.kv.slots[0].tokens == before
    rig.check()


@pytest.mark.parametrize("text", ["", "\ud800", "x\ud83dy"])
def test_odd_prompts_are_served(rig: Rig, text: str) -> None:
    assert rig.run(request(text, heal=2, max_tokens=2)).counters.generated == 2
    rig.check()


def test_more_tokens_than_cells_is_an_error(rig: Rig) -> None:
    with pytest.raises(PromptTooLong, match="512"):
        rig.run(request("x", max_tokens=512))
    with pytest.raises(PromptTooLong):
        rig.run(request("x\n" * 300))
    with pytest.raises(PromptTooLong):
        rig.run(request("x", max_tokens=200, candidates=3))
    rig.check()


def test_a_prompt_and_its_text_may_fill_the_whole_cache(rig: Rig) -> None:
    tokens = 512 - len(rig.vocabulary.encode(CODE))
    assert rig.run(request(CODE, max_tokens=tokens)).counters.generated > 0
    rig.check()


def test_a_healed_prompt_may_be_spelled_in_single_bytes_in_a_full_cache(make_rig: Callable[..., Rig]) -> None:
    """Eight tokens taken back can come again as forty: they have their cells, or the prompt is refused at once."""
    rig = make_rig(replace(SETTINGS, context=256))
    line = "\n        return self"
    for lines in range(30, 60):
        try:
            rig.run(request(line * lines, heal=8, max_tokens=1, key="x"))
        except PromptTooLong:
            break
    else:
        pytest.fail("the cache was never full")
    rig.check()
