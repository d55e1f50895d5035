"""What the ledger says of one run, ready to be shown: the read model of a run's detail and of `console status RUN`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from console.ledger import attempts as attempt_rows
from console.ledger import cancel_lines, decisions, events, job_reports, logins, remarks, results
from console.ledger import evidence as evidence_rows
from console.ledger import runs as run_rows
from console.ledger.attempts import Attempt
from console.ledger.cancel_lines import CancelLine
from console.ledger.events import Event
from console.ledger.job_reports import RequestedReport
from console.ledger.remarks import Remarks
from console.ledger.runs import Run
from console.ledger.store import Ledger
from console.reading import timing
from console.reading.keeping_up import Gauge, gauge
from console.reading.snapshot import EVENTS_SHOWN
from console.reading.timing import Timing
from flowspec.cells import LOSSES, LOSSY, Cell
from flowspec.decisions import Acceptance, Decision, Waiver
from flowspec.late_segments import late_segments
from flowspec.progress import Evidence, Says, Witness, fold
from flowspec.stages import SEGMENT_STAGES, CellState, Place, Stage
from flowspec.states import OPEN

RETURNED = "outcome.returned"


@dataclass(frozen=True)
class SegmentRow:
    """One segment of a run: `bytes` on the DTN (None when it is not there), a cell per stage, and what to say of it."""

    segment: int
    bytes: int | None
    cells: tuple[Cell, ...]  # in the order of SEGMENT_STAGES
    note: str
    late: bool = False  # it arrived or changed after the launch, or is no longer there

    @property
    def bad(self) -> bool:
        return any(cell.bad for cell in self.cells)


@dataclass(frozen=True)
class ResultFile:
    """The result that is back: `bytes` None as long as it was not looked at, `entries` None where the jobs told none.

    It was made of `segments` of the `of` segments of the run; `entries` are those of their converted files together.
    """

    path: str
    bytes: int | None
    at: float | None
    entries: int | None
    segments: int
    of: int


@dataclass(frozen=True)
class RunDetail:
    """Everything known of one run. `attempts` are oldest first, `events` newest first.

    `cancel` is what must be seen gone of the newest attempt, when that is or was cancelled; `offline` are the compute
    endpoints that are offline, by the stage that they serve. `evidence` is what the cells were folded from, `jobs` say
    how far each is that runs, `reports` are those of jobs that were asked for, `timing` by attempt.
    """

    run: Run
    segments: tuple[SegmentRow, ...]
    analyze: Cell
    returned: Cell
    attempts: tuple[Attempt, ...]
    events: tuple[Event, ...]
    cancel: tuple[CancelLine, ...]
    offline: Mapping[str, str]
    waived: tuple[Waiver, ...] = ()
    accepted: tuple[Acceptance, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    jobs: tuple[Evidence, ...] = ()
    reports: tuple[RequestedReport, ...] = ()
    timing: Mapping[int, Timing] = field(default_factory=dict)
    remarks: Remarks = remarks.NONE
    result: ResultFile | None = None
    streams: bool = False  # it is worked on while it is recorded: by its own choice, else as the profile says
    gauge: Gauge | None = None  # whether that keeps up with the data
    web_app: str = ""  # address of a flow run, without its id; '' when there is no such place

    @property
    def active(self) -> bool:
        """Whether something is under way: a place that waits then waits for its turn, else for somebody to start it."""
        return any(attempt.state in OPEN for attempt in self.attempts)

    def address(self, flow_run: str) -> str:
        """Where a person can look at a flow run; only its id, where there is no such place."""
        return f"{self.web_app}{flow_run}" if self.web_app else f"flow run {flow_run}"

    @property
    def lossy(self) -> set[int]:
        """The segments that have failed because too many hits were lost in their fit."""
        fit = SEGMENT_STAGES.index(Stage.FIT)
        return {row.segment for row in self.segments if row.cells[fit].reason.code == LOSSES}

    @property
    def first_to_look_at(self) -> int | None:
        """The first segment that failed or is in doubt, else the first."""
        bad = (row.segment for row in self.segments if row.bad)
        return next(bad, self.segments[0].segment if self.segments else None)


def detail(ledger: Ledger, number: int) -> RunDetail | None:
    """Everything the ledger knows of a run; None when it does not know the run."""
    run = run_rows.run(ledger, number)
    if run is None:
        return None
    evidence = evidence_rows.evidence(ledger, number)
    matrix = fold(run.members, evidence, run.sizes)
    attempts = attempt_rows.attempts(ledger, number)
    reports = job_reports.of_run(ledger, number)
    waived, accepted = decisions.of_run(ledger, number)
    jobs = {
        place: item
        for item in evidence
        for place in ((item.stage, item.segment),)
        if (item.witness, item.says) == (Witness.JOB, Says.RUNNING)
        and place in matrix
        and matrix[place].state is CellState.RUNNING
    }
    streams = run.streamed(run_rows.streamed_by_default(ledger))
    return RunDetail(
        run=run,
        segments=tuple(_segment_row(s, run, matrix, waived.get(s) or accepted.get(s), jobs) for s in run.members),
        analyze=matrix[(Stage.ANALYZE, None)],
        returned=matrix[(Stage.RETURN, None)],
        attempts=tuple(attempts),
        events=tuple(events.of_run(ledger, number, EVENTS_SHOWN)),
        cancel=tuple(cancel_lines.read(ledger, attempts[-1].attempt)) if attempts else (),
        offline=cancel_lines.offline_endpoints(ledger),
        waived=tuple(waived.values()),
        accepted=tuple(accepted.values()),
        evidence=tuple(item for item in evidence if item.witness is not Witness.JOB),
        jobs=tuple(jobs.values()),
        reports=tuple(reports),
        timing=timing.of_run(ledger, number, reports),
        remarks=remarks.of_run(ledger, number),
        result=_result(ledger, run, evidence),
        streams=streams,
        gauge=gauge(run, evidence, streams=streams),
        web_app=ledger.get(logins.WEB_APP),
    )


def _result(ledger: Ledger, run: Run, evidence: Sequence[Evidence]) -> ResultFile | None:
    if run.result is None:
        return None
    judged = results.read(ledger, run.run)
    lacks = next((c.reason.parameters for c in run.conditions if c.code == RETURNED), {})
    # As it was made: who waives a segment afterwards changes nothing in it.
    made_of = {*run.members} - {one["segment"] for one in lacks.get("waived", ())}
    told = {
        item.segment: item.reason.parameters["entries"]
        for item in evidence
        if item.stage is Stage.CONVERT and item.witness is Witness.TASK and "entries" in item.reason.parameters
    }
    entries = sum(told[segment] for segment in made_of) if made_of and made_of <= told.keys() else None
    size = judged.version.size if judged else None
    return ResultFile(run.result, size, run.finished_at, entries, len(made_of), len(run.members))


def _segment_row(
    segment: int, run: Run, matrix: Mapping[Place, Cell], decision: Decision | None, jobs: Mapping[Place, Evidence]
) -> SegmentRow:
    cells = tuple(matrix[(stage, segment)] for stage in SEGMENT_STAGES)
    late = late_segments(run.launched_sizes, run.sizes).how(segment)
    notes = (
        f"{decision.HOW} {decision.actor}: {decision.reason}" if decision else "",
        f"{late} after the launch" if late else "",
        _note(cells),
        *(job.words for stage in SEGMENT_STAGES if (job := jobs.get((stage, segment))) is not None),
    )
    return SegmentRow(segment, run.sizes.get(segment), cells, "; ".join(filter(None, notes)), bool(late))


def _note(cells: tuple[Cell, ...]) -> str:
    """The sentence of the cell that matters most: the first bad one, else the first that is not done, or lost hits."""
    named = [(stage, cell) for stage, cell in zip(SEGMENT_STAGES, cells, strict=True)]
    for stage, cell in named:
        if cell.bad:
            return f"{stage.value}: {cell.why}"
    for stage, cell in named:
        if cell.state is not CellState.DONE:
            return f"{stage.value}: {cell.why}"
    return next((f"{stage.value}: {cell.why}" for stage, cell in named if cell.reason.code == LOSSY), "")
