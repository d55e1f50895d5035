"""Whether the work on a run that is being recorded keeps up with its data: facts, and the words for them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from console.ledger.runs import Run
from flowspec import text
from flowspec.progress import Evidence, Says
from flowspec.stages import Stage
from flowspec.states import RECORDED

MORE = 1.5  # so many times longer than at first from closed to converted: the work falls behind
LEAST_SECONDS = 60.0  # less than that longer tells nothing


@dataclass(frozen=True)
class Gauge:
    """Data in against work done. Of the closed segments so many are converted in the version that is there.

    `oldest` is since when the segment is closed that waits longest (seconds since the epoch; None: none waits).
    `at_first` and `of_late` are the longest from closed to converted among the first and the second half of those that
    are, in seconds; None: too few are.
    """

    run: int
    closed: int
    converted: int
    bytes_closed: int
    bytes_converted: int
    oldest: float | None
    at_first: float | None
    of_late: float | None

    @property
    def waiting(self) -> int:
        return self.closed - self.converted

    def behind(self, now: float) -> float | None:
        """How much longer a segment takes now than at first; 0: the work keeps up; None: nothing can be said yet."""
        if self.at_first is None or self.of_late is None:
            return None
        longest = max(self.of_late, now - self.oldest if self.oldest is not None else 0.0)
        longer = longest - self.at_first
        return longer if longest > MORE * self.at_first and longer >= LEAST_SECONDS else 0.0


def gauge(run: Run, evidence: Iterable[Evidence], *, streams: bool) -> Gauge | None:
    """None of a run that is not recorded, or not worked on meanwhile: what is left then is for after its end."""
    if run.state not in RECORDED or not streams:
        return None
    came: dict[int, float] = {}
    for item in evidence:
        if item.stage is Stage.CONVERT and item.says is Says.DONE and item.segment is not None:
            came[item.segment] = min(item.at, came.get(item.segment, item.at))
    done = [s for s, closed in run.closed.items() if s in came and run.early.get(s) == closed.version]
    took = [max(0.0, came[s] - run.closed[s].at) for s in sorted(done, key=lambda s: run.closed[s].at)]
    half = len(took) // 2
    return Gauge(
        run=run.run,
        closed=len(run.closed),
        converted=len(done),
        bytes_closed=sum(run.sizes.get(s, 0) for s in run.closed),
        bytes_converted=sum(run.sizes.get(s, 0) for s in done),
        oldest=min((closed.at for s, closed in run.closed.items() if s not in done), default=None),
        at_first=max(took[:half]) if half else None,
        of_late=max(took[half:]) if half else None,
    )


def verdict(found: Gauge, now: float) -> str:
    """In short."""
    if not found.converted:
        return "nothing converted yet"
    behind = found.behind(now)
    if behind is None:
        return f"{found.converted} of {found.closed} closed converted"
    if not behind:
        return "keeps up"
    return f"behind by {text.counted(found.waiting, 'segment')}, {text.span(behind)}"


def falls_behind(found: Gauge, now: float) -> bool:
    return bool(found.converted and found.behind(now))


def sentence(found: Gauge, now: float) -> str:
    """All of it."""
    if not found.closed:
        return "no segment is closed yet"
    data = f"{text.size(found.bytes_converted)} of {text.size(found.bytes_closed)}"
    count = f"{found.converted} of {found.closed} closed segments converted"
    parts = [
        verdict(found, now) if found.behind(now) is not None else "",
        f"{count} ({data})" if found.converted else f"{verdict(found, now)} of {text.size(found.bytes_closed)} closed",
        f"one waits for {text.span(now - found.oldest)}" if found.oldest is not None else "",
    ]
    return ", ".join(filter(None, parts))
