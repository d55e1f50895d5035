"""Segments that arrived, changed or vanished on the DTN after their run was launched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flowspec.states import ENDED, RunState


@dataclass(frozen=True)
class LateSegments:
    """Segment numbers in ascending order. A change that leaves the size as it was is found only when a retry
    checks all outputs."""

    arrived: tuple[int, ...]
    changed: tuple[int, ...]
    vanished: tuple[int, ...]

    def __bool__(self) -> bool:
        return bool(self.arrived or self.changed or self.vanished)

    def how(self, segment: int) -> str:
        """What became of a segment; '' for nothing."""
        counted = ((self.arrived, "arrived"), (self.changed, "changed"), (self.vanished, "vanished from the DTN"))
        return next((how for found, how in counted if segment in found), "")

    def sentence(self, state: RunState) -> str:
        """`r adds what came after the launch: 2 segments arrived`; '' when nothing did."""
        counted = ((self.arrived, "arrived"), (self.changed, "changed"), (self.vanished, "vanished from the DTN"))
        parts = ", ".join(f"{len(found)} segment{'s' * (len(found) > 1)} {how}" for found, how in counted if found)
        if not (self.arrived or self.changed):
            return f"{parts} after the launch" if parts else ""
        if state in ENDED:
            return f"r adds what came after the launch: {parts}"
        return f"{parts} after the launch: r adds them when this attempt has ended"


def late_segments(launched: Mapping[int, int], now: Mapping[int, int]) -> LateSegments:
    """What is different on the DTN now from what was launched; both are bytes by segment. Nothing before a launch.

    A segment without a byte has not arrived: the logger leaves an empty last one behind, which no launch takes.
    """
    if not launched:
        return LateSegments((), (), ())
    return LateSegments(
        tuple(sorted(s for s in now.keys() - launched.keys() if now[s])),
        tuple(sorted(s for s in now.keys() & launched.keys() if now[s] != launched[s])),
        tuple(sorted(launched.keys() - now.keys())),
    )
