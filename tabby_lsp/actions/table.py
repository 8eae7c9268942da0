"""The actions, in the order in which a menu shows them. A new one is a file and a row here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tabby_lsp.actions import complete, document, explain, fix, rewrite, tests
from tabby_lsp.actions.types import Action

ACTIONS: Mapping[str, Action] = MappingProxyType(
    {
        "fix": Action(fix.offering, fix.briefing, fix.KIND),
        "fix_all": Action(fix.offering_all, fix.briefing, fix.KIND),
        "explain": Action(explain.offering, explain.briefing, explain.KIND),
        "document": Action(document.offering, document.briefing, document.KIND),
        "complete": Action(complete.offering, complete.briefing, complete.KIND),
        "tests": Action(tests.offering, tests.briefing, tests.KIND),
        "rewrite": Action(rewrite.offering, rewrite.briefing, rewrite.KIND),
    }
)
