"""What the model tells, as the tables of docs/streaming-model.md."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tests.model.assumptions import FACTS, Assumptions
from tests.model.course import Model, courses, policy

ASSUMED = Assumptions()
SERIES = 4  # runs


@dataclass(frozen=True)
class Case:
    """What is unlike the assumptions, and unlike the defaults of the policy."""

    name: str
    policy: dict[str, Any] = field(default_factory=dict)
    assumed: Assumptions = ASSUMED
    pause: float = 0.0

    def row(self, how: type[Model] = Model) -> tuple[str, ...]:
        """Of one run."""
        found = courses(self.assumed, policy(**self.policy), how=how)
        (run,) = found.runs
        ratio = f"{run.after_end / self.assumed.unavoidable:.2f}"
        return (
            *(self.name, f"{run.after_end:.0f} s", ratio, str(run.flow_runs), str(run.begun)),
            *(str(found.workers), str(found.transfers)),
        )

    def row_of_series(self) -> tuple[str, ...]:
        """Of runs that follow each other."""
        found = courses(self.assumed, policy(**self.policy), SERIES, self.pause)
        each = [f"{run.after_end:.0f}" for run in found.runs]
        return self.name, f"{self.pause:.0f} s", *each, str(found.transfers)


def _streaming(**settings: Any) -> dict[str, Any]:
    return {"streaming": True, "max_in_flight": 12, **settings}


OFF = Case("not streamed")
DEFAULTS = Case("streamed, all else as it is by default", {"streaming": True})
WIDER = Case("streamed, `max_in_flight = 12`", _streaming())
KEPT_UP = Case("... and 58 workers", _streaming(), replace(ASSUMED, fit_workers=58))
CASES = (
    OFF,
    DEFAULTS,
    Case("streamed, `max_in_flight = 6`", _streaming(max_in_flight=6)),
    WIDER,
    Case("... and `streaming_segments = 1`", _streaming(streaming_segments=1)),
    Case("... and `streaming_segments = 8`", _streaming(streaming_segments=8)),
    Case("... and `streaming_segments = 16`, `streaming_seconds = 200`",
         _streaming(streaming_segments=16, streaming_seconds=200.0)),
    KEPT_UP,
    Case("... and 58 workers, `streaming_segments = 1`", _streaming(streaming_segments=1), KEPT_UP.assumed),
    Case("... and blocks that take tasks for an hour", _streaming(), replace(ASSUMED, serves=3600.0)),
    Case("not streamed, hints do nothing", {}, replace(ASSUMED, hints=False)),
    Case("streamed, `max_in_flight = 12`, hints do nothing", _streaming(), replace(ASSUMED, hints=False)),
    Case("not streamed, 300 s for a block", {}, replace(ASSUMED, block_wait=300.0)),
    Case("streamed, `max_in_flight = 12`, 300 s for a block", _streaming(), replace(ASSUMED, block_wait=300.0)),
    Case("not streamed, conversion and analysis take twice as long", {},
         replace(ASSUMED, convert=190.0, analyze=360.0)),
    Case("streamed, `max_in_flight = 12`, the same", _streaming(), replace(ASSUMED, convert=190.0, analyze=360.0)),
)  # fmt: skip
SERIES_CASES = (
    *(Case("not streamed", {}, pause=pause) for pause in (60.0, 300.0)),
    *(Case("streamed, `max_in_flight = 12`", _streaming(), pause=pause) for pause in (60.0, 150.0, 300.0)),
)
HEAD = (
    "",
    "END_RUN to result",
    "over the work",
    "flow runs",
    "fits begun at END_RUN",
    "most workers",
    "most transfers",
)
HEAD_OF_SERIES = ("", "pause", *(f"run {n}" for n in range(1, SERIES + 1)), "most transfers")


def line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def head(cells: Sequence[str]) -> str:
    return f"{line(cells)}\n{line(['---'] * len(cells))}"


def table(cells: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A line as soon as it is known."""
    yield head(cells)
    yield from map(line, rows)


def facts() -> list[str]:
    return list(table(("assumed", "how much", "from where"), FACTS))


def rates() -> list[str]:
    """Data in against work done, while a run is recorded."""
    done = ASSUMED.fit_workers * ASSUMED.segment / ASSUMED.fit
    each = ASSUMED.fit + ASSUMED.block_wait
    rows = (
        ("a segment is written each", f"{ASSUMED.period:.1f} s"),
        ("a run is recorded for", f"{ASSUMED.recording:.0f} s"),
        (f"{ASSUMED.fit_workers} workers end a fit each", f"{ASSUMED.fit / ASSUMED.fit_workers:.1f} s"),
        ("data in", f"{ASSUMED.daq / 1e6:.0f} MB/s"),
        ("data fitted, at the most", f"{done / 1e6:.0f} MB/s, {100 * done / ASSUMED.daq:.0f} % of that"),
        ("workers that keep up", str(math.ceil(ASSUMED.fit / ASSUMED.period))),
        ("the same when each fit waits for a block", str(math.ceil(each / ASSUMED.period))),
        (f"pause between runs with which {ASSUMED.fit_workers} workers keep up", f"{_pause(ASSUMED.fit):.0f} s"),
        ("the same when each fit waits for a block", f"{_pause(each):.0f} s"),
    )
    return list(table(("", ""), rows))


def _pause(fit: float) -> float:
    """In which all that is left of a run can be fitted."""
    return ASSUMED.segments * fit / ASSUMED.fit_workers - ASSUMED.recording
