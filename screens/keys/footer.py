"""The footer: the keys of a screen. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from console.reading.snapshot import RunRow
from flowspec import text
from screens.keys.action import Action, why_not
from screens.keys.actions import ACTIONS
from screens.widgets.piece import Piece


def footer(run: RunRow | None, read_only: bool, shown: Sequence[Action], width: int) -> list[Piece]:
    """The keys of this screen; dim when they cannot be used now (pressed all the same, they say why).

    Where there is no room for all, those before the way to the help and the way out are left out.
    """
    keys: list[list[Piece]] = []
    for action in ACTIONS:
        if not action.label or action not in shown or (action.changes and read_only):
            continue
        usable = why_not(action, run, read_only) is None
        label = f" {action.label}  "
        keys.append([(action.shown, "title" if usable else "dim"), (label, "plain" if usable else "dim")])
    while len(keys) > 2 and sum(text.cells(words) for key in keys for words, _ in key) > width:
        del keys[-3]
    return [(" ", "plain"), *(piece for key in keys for piece in key)]
