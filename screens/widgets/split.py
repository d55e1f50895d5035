"""How panes share the screen: the first column and the first row get a part, the others the rest. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from screens.keys.actions import HIGHER, NARROWER, SIZING, WIDER, Action

STEP, LEAST = 5, 20  # percent


@dataclass(frozen=True)
class Split:
    """Parts of the first column and of the first row, in percent."""

    column: int = 50
    row: int = 50

    def resized(self, action: Action, *, first_column: bool, first_row: bool) -> Split:
        """One step of `action`, one of SIZING, for a pane in the first column or row, or not."""
        assert action in SIZING
        if action in (WIDER, NARROWER):
            return replace(self, column=_step(self.column, grow=(action is WIDER) is first_column))
        return replace(self, row=_step(self.row, grow=(action is HIGHER) is first_row))


def _step(part: int, *, grow: bool) -> int:
    return max(LEAST, min(100 - LEAST, part + (STEP if grow else -STEP)))
