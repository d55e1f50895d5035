"""The keys by what an operator wants to do. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from screens.keys import actions
from screens.keys.action import Action
from screens.keys.actions import ACTIONS
from screens.widgets.moves import HITS, MOVES, PLOTS, Move

_FIND = (
    actions.FILTER, actions.PROBLEMS, actions.SORT, actions.REVERSE, actions.COMMAND, actions.PALETTE, *HITS, *PLOTS
)  # fmt: skip
_PANES = (
    actions.NEXT, actions.PREVIOUS, actions.ZOOM, actions.WIDER, actions.NARROWER, actions.HIGHER, actions.LOWER, *MOVES
)  # fmt: skip
_APPLICATION = (actions.HELP, actions.BACK, actions.REDRAW, actions.SUSPEND, actions.QUIT)
_MARKS = (actions.MARK, actions.MARK_ALL)


def by_task() -> list[tuple[str, Sequence[Action | Move]]]:
    """Every key once: what only looks, what finds, what acts, then the panes and the application itself."""
    elsewhere = (*_FIND, *_PANES, *_APPLICATION, *_MARKS)
    others = [action for action in ACTIONS if action not in elsewhere]
    return [
        ("look", [action for action in others if not action.changes]),
        ("find", _FIND),
        ("act", [action for action in others if action.changes] + [*_MARKS]),
        ("panes", _PANES),
        ("application", _APPLICATION),
    ]
