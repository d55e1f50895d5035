"""One cell of the segment x stage matrix: a state and its reason."""

from __future__ import annotations

from dataclasses import dataclass

from flowspec import catalogue
from flowspec.conditions import Reason
from flowspec.stages import CellState

LOSSES = "failed.losses"  # more hits were lost in a fit than the site tolerates
LOSSY = "task.lossy"  # hits were lost in a fit that counts all the same
UNSERVED = "task.unserved"  # a task waits where nothing is begun
OVERDUE = ("task.lost", "task.overtaken", UNSERVED)  # a task waits that should have been begun by now
SUSPICIONS = ("task.hang", *OVERDUE)  # a task does not end, and r ends it and does it again


@dataclass(frozen=True)
class Cell:
    """A state with the reason for it; every state has one."""

    state: CellState
    reason: Reason

    @property
    def why(self) -> str:
        """The reason as a sentence."""
        return catalogue.sentence(self.reason)

    @property
    def bad(self) -> bool:
        return self.state in (CellState.FAILED, CellState.DISAGREES)

    @property
    def suspect(self) -> bool:
        """Whether its task seems to hang or to be lost."""
        return self.reason.code in SUSPICIONS
