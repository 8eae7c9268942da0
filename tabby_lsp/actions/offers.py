"""What an editor's menu offers at a place: of the tree and the problems alone, so it is there at once."""

from __future__ import annotations

from tabby_lsp.actions import rewrite
from tabby_lsp.actions.table import ACTIONS
from tabby_lsp.actions.types import Offer, Target
from tabby_lsp.config import ActionSettings


def offers(target: Target, settings: ActionSettings, only: tuple[str, ...] = ()) -> tuple[Offer, ...]:
    """The actions for a target, in the order of `ACTIONS`, the user's own presets last.

    Args:
        target: the document, its tree, the cursor or selection, and problems: of the line or of the whole document.
        settings: whether there are any, which not, and the user's presets.
        only: kinds that are asked for; each stands for those that it begins, as `refactor` for `refactor.rewrite`;
            empty: all.
    """
    if not settings.enabled:
        return ()
    wanted = [
        action
        for name, action in ACTIONS.items()
        if name not in settings.disabled and (not only or any(is_kind(action.kind, kind) for kind in only))
    ]
    found = [offer for action in wanted for offer in action.offering(target)]
    if ACTIONS["rewrite"] in wanted:
        found += rewrite.offered(target, rewrite.own_presets(settings.presets))
    return tuple(found)


def is_kind(kind: str, asked: str) -> bool:
    """Whether a kind is the one that is asked for or one of its own: `refactor.rewrite` is a `refactor`."""
    return not asked or kind == asked or kind.startswith(f"{asked}.")
