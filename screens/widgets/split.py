"""How panes share the screen: the first column and the first row get a part, the others the rest. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

STEP, LEAST = 5, 20  # percent


@dataclass(frozen=True)
class Split:
    """Parts of the first column and of the first row, in percent."""

    column: int = 50
    row: int = 50

    def resized_columns(self, *, grow: bool, first: bool) -> Split:
        """One step, for a pane in the first column or in the other."""
        return replace(self, column=_step(self.column, grow=grow is first))

    def resized_rows(self, *, grow: bool, first: bool) -> Split:
        return replace(self, row=_step(self.row, grow=grow is first))


def _step(part: int, *, grow: bool) -> int:
    return max(LEAST, min(100 - LEAST, part + (STEP if grow else -STEP)))
