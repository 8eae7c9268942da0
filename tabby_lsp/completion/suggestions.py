"""From what the model wrote to suggestions for a cursor, and to the document as it would be with one accepted."""

from __future__ import annotations

from tabby_lsp.completion import postprocess, prompt
from tabby_lsp.completion.case import Case
from tabby_lsp.completion.types import Odds, Suggestion
from tabby_lsp.document import Change, Position, PositionEncoding, Snapshot
from tabby_lsp.engine.types import Candidate, mean_logprob


def suggestions_from(candidates: tuple[Candidate, ...], case: Case) -> tuple[tuple[Suggestion, ...], str]:
    """What is left of the candidates, without doubles; where nothing is, the first one's reason."""
    shown: dict[str, Suggestion] = {}
    reasons: list[str] = []
    for candidate in candidates:
        try:
            written = postprocess.whole_lines(candidate.text, candidate.finish)
            text = postprocess.postprocess(case.lead + written, case)
        except postprocess.Rejected as rejected:
            reasons.append(str(rejected))
            continue
        logprob, odds = mean_logprob(candidate.logprobs), _odds(candidate, case, text)
        shown.setdefault(text, Suggestion(text, case.position, case.position, logprob, odds))
    return tuple(shown.values()), "shown" if shown else reasons[0]


def _odds(candidate: Candidate, case: Case, text: str) -> Odds:
    """The odds of a suggestion, where it is what was written, from its start on."""
    if not (case.lead + candidate.text).startswith(prompt.unix(text)) or "\r" in text:
        return Odds()
    count = min(len(candidate.ends), len(candidate.logprobs))
    ends = tuple(min(end + len(case.lead), len(text)) for end in candidate.ends[:count])
    return Odds(ends, candidate.logprobs[:count])


def accepted(snapshot: Snapshot, suggestion: Suggestion) -> tuple[Snapshot, Position]:
    """The document and the cursor as they would be with a suggestion accepted."""
    start, end = suggestion.start, suggestion.end
    change = Change(suggestion.text, (start.line, start.column), (end.line, end.column))
    applied = snapshot.apply([change], snapshot.version, PositionEncoding.UTF32)
    return applied, applied.position(snapshot.offset(start) + len(suggestion.text))
