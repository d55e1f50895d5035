"""What somebody decided about a segment of a run, and what a result is made of in consequence. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from flowspec.cells import LOSSY
from flowspec.plan import Plan
from flowspec.progress import Matrix
from flowspec.stages import Stage


@dataclass(frozen=True)
class Decision:
    """`at` in seconds since the epoch."""

    segment: int
    reason: str
    actor: str
    at: float

    HOW: ClassVar[str]

    def __str__(self) -> str:
        return f"{self.segment:02d} {self.HOW} {self.actor}: {self.reason}"


class Waiver(Decision):
    """The result is made without the segment."""

    HOW = "waived by"


class Acceptance(Decision):
    """The fit of the segment is used although more hits were lost in it than the site tolerates."""

    HOW = "accepted as it is by"


def made_of(
    plan: Plan, matrix: Matrix, waived: Mapping[int, Waiver], accepted: Mapping[int, Acceptance]
) -> dict[str, Any]:
    """What a result lacks, as parameters of outcome.returned; nothing for one that lacks nothing.

    `segments` of `of`, and the decisions `waived` and `accepted`; `lost` of `hits` in the fits of `lossy` segments.
    """
    found: dict[str, Any] = {}
    if plan.waived:
        found |= {"segments": len(plan.expected), "of": len(plan.expected) + len(plan.waived)}
        found["waived"] = [asdict(waived[s]) if s in waived else {"segment": s} for s in plan.waived]
    cells = {s: cell for s in plan.expected if (cell := matrix.get((Stage.FIT, s))) and cell.reason.code == LOSSY}
    if cells:
        lost = [cell.reason.parameters for cell in cells.values()]
        found |= {name: sum(item.get(name, 0) for item in lost) for name in ("lost", "hits")}
        found["lossy"] = list(cells)
        found["accepted"] = [asdict(accepted[s]) for s in cells if s in accepted]
    return found
