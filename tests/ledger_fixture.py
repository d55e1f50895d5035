"""A ledger with runs in every state, written through the same functions as the driver uses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from console.ledger import attempts, conditions, evidence, runs, sources
from console.ledger.store import Ledger
from flowspec import standing
from flowspec.conditions import Reason, Topic
from flowspec.plan import plan_all
from flowspec.progress import Evidence, Says, Witness
from flowspec.readiness import Judgement, Verdict
from flowspec.stages import RUN_STAGES, SEGMENT_STAGES, Stage
from flowspec.states import AttemptState, RunState
from tests.reasons import words

NOW = 1_782_914_602.0  # 2026-07-01 14:03:22 UTC
SEGMENT_BYTES = 1_907_000_000
DRIVER = "driver"


def stand(
    ledger: Ledger, run: int, state: RunState | str | None = None, why: Reason | str | None = None, **columns: object
) -> None:
    """Have a run stand somewhere, without the moves that would have led there; `why` in words or as a code."""
    with ledger.change():
        if state is not None:
            columns["state"] = RunState(state).value
        runs.set_run(ledger, run, **columns)
        found = runs.run(ledger, run)
        if why is not None and found is not None:
            reason = why if isinstance(why, Reason) else Reason("words", {"words": why})
            topic = [topic for topic in standing.topics(found.state) if topic is not Topic.EARLY][-1]
            conditions.put(ledger, run, topic, [reason])


def end_attempt(ledger: Ledger, attempt: int, state: AttemptState, **columns: object) -> None:
    """The same for an attempt."""
    ledger.update("attempts", "attempt", attempt, state=state.value, **columns)


def known_run(ledger: Ledger, number: int) -> runs.Run:
    found = runs.run(ledger, number)
    assert found is not None
    return found


class DemoLedger:
    """Fills a ledger; its clock is `at`, and every run is told with the time at which it happened."""

    def __init__(self, path: Path, at: float = NOW) -> None:
        self.at = at
        self.ledger = Ledger(path, now=lambda: self.at)

    def found(
        self,
        run: int,
        verdict: Verdict,
        words: str,
        segments: int | Sequence[int],
        *,
        ended: float | None = None,
        title: str = "60Cr beta decay",
        size: int = SEGMENT_BYTES,
    ) -> runs.Run:
        """The watcher has seen a run on disk; `ended` is in seconds before now."""
        numbers = tuple(range(segments)) if isinstance(segments, int) else tuple(segments)
        over = int(self.at - ended) if ended is not None else None
        began = int(self.at - (ended or 0) - 1800)
        why = Reason(f"run.{verdict.value}.words", {"words": words})
        judged = Judgement(
            run, verdict, why, numbers, size * len(numbers), title, began, over, 1800.0, f"fingerprint-{run}"
        )
        runs.record_judgement(self.ledger, f"/data/e21062/stagearea/run{run}", judged, dict.fromkeys(numbers, size))
        return known_run(self.ledger, run)

    def launched(
        self,
        run: int,
        state: RunState,
        why: str,
        stage: Stage,
        *,
        segments: int = 12,
        attempt_state: AttemptState = AttemptState.STARTED,
        since: float = 720.0,
        ended: float | None = None,
        title: str = "60Cr beta decay",
    ) -> int:
        """A run that was launched: an attempt with a flow run. Times are in seconds before now."""
        found = self.found(
            run, Verdict.READY, f"is complete: {segments} segments", segments, ended=since + 60, title=title
        )
        number = len(attempts.attempts(self.ledger, run)) + 1
        plan = plan_all(run, found.segments)
        tag = f"demo-{run}-{number}"
        attempt = attempts.add_intent(self.ledger, plan, number, tag, {"run": run}, f"run {run}", "flow", "shift@daq1")
        end_attempt(
            self.ledger,
            attempt,
            attempt_state,
            flow_run=f"0d3c5f1e-0000-4000-8000-{run:06d}{number:06d}",
            stage=stage.value,
            code="words",
            parameters={"words": why},
            intended_at=self.at - since,
            started_at=self.at - since,
            ended_at=None if ended is None else self.at - ended,
        )
        result = f"/data/e21062/results/run-{run:04d}-sorted.root" if state is RunState.DONE else None
        stand(self.ledger, run, state, why, result=result)
        return attempt

    def files(self, run: int, stage: Stage, segments: Sequence[int | None]) -> None:
        """The outputs of a stage are there, whole."""
        self.says(run, stage, segments, Witness.FILE, Says.DONE, size=SEGMENT_BYTES)

    def says(
        self,
        run: int,
        stage: Stage,
        segments: Sequence[int | None],
        witness: Witness,
        says: Says,
        note: str = "",
        size: int | None = None,
    ) -> None:
        newest = attempts.newest_attempt(self.ledger, run)
        told = [Evidence(stage, s, witness, says, words(note), size, self.at) for s in segments]
        evidence.record_evidence(self.ledger, run, told, newest.attempt if newest else None)
        evidence.refresh_progress(self.ledger, run)

    def endpoint(self, name: str, stage: Stage, online: bool, since: float, detail: str = "{}") -> None:
        with self.ledger.change() as db:
            row = (name, name, stage.value, int(online), self.at - since, detail)
            db.execute("INSERT OR REPLACE INTO endpoints VALUES (?,?,?,?,?,?)", row)


def demo_ledger(path: Path, *, older: int = 6, at: float = NOW) -> DemoLedger:
    """Every state once, and `older` runs that are done."""
    demo = DemoLedger(path, at)
    for run in range(1206 - older, 1206):
        demo.at = at - (1206 - run) * 3600
        _done(demo, run)
    demo.at = at - 7200
    _launched_runs(demo)
    demo.at = at - 600
    _runs_on_disk(demo)
    demo.at = at
    _the_rest(demo)
    return demo


def _done(demo: DemoLedger, run: int, title: str = "60Cr beta decay") -> None:
    why = "result returned and verified"
    demo.launched(run, RunState.DONE, why, Stage.RETURN, attempt_state=AttemptState.SUCCEEDED, ended=60, title=title)
    for stage in SEGMENT_STAGES:
        demo.files(run, stage, range(12))
    for stage in RUN_STAGES:
        demo.files(run, stage, [None])
    demo.ledger.event("good", f"run {run} done: result returned and verified", actor=DRIVER, run=run)


def _launched_runs(demo: DemoLedger) -> None:
    _done(demo, 1215, title="60Cr \x1b[31mbeta\x1b[0m [bold red]decay[/] \u202egnp.exe 日本語 \u200b!")
    why = "fit 38/42: 4 pending, Slurm Priority"
    demo.launched(1217, RunState.RUNNING, why, Stage.FIT, segments=42)
    demo.files(1217, Stage.TRANSFER, range(42))
    demo.files(1217, Stage.FIT, range(38))
    demo.says(1217, Stage.FIT, range(38, 42), Witness.TASK, Says.PENDING, "pending, Slurm Priority")
    demo.says(1217, Stage.CONVERT, range(9), Witness.TASK, Says.RUNNING, "running on nid004012")

    demo.launched(1216, RunState.RUNNING, "convert 7/12", Stage.CONVERT, since=1500)
    demo.files(1216, Stage.TRANSFER, range(12))
    demo.files(1216, Stage.FIT, range(12))
    demo.files(1216, Stage.CONVERT, range(7))

    why = "failed at fit: segment 07, EventEditor aborted (rc 134)"
    demo.launched(
        1214, RunState.FAILED, why, Stage.FIT, segments=42, attempt_state=AttemptState.FAILED, since=9000, ended=400
    )
    demo.files(1214, Stage.TRANSFER, range(42))
    demo.files(1214, Stage.FIT, [s for s in range(42) if s != 7])
    demo.says(1214, Stage.FIT, [7], Witness.TASK, Says.FAILED, "EventEditor aborted (rc 134), no output")
    demo.says(1214, Stage.FIT, [9], Witness.TASK, Says.DONE, size=12)

    why = "cancelled by shift@daq1"
    demo.launched(
        1211, RunState.CANCELLED, why, Stage.TRANSFER, attempt_state=AttemptState.CANCELLED, since=8000, ended=7900
    )
    demo.launched(1208, RunState.CANCELLING, "shift@daq1 asked to cancel; Globus is being told", Stage.FIT)


def _runs_on_disk(demo: DemoLedger) -> None:
    demo.found(1207, Verdict.READY, "is complete: 12 segments", 12, ended=90_000)
    runs.record_gone(demo.ledger, 1207)
    demo.found(1209, Verdict.READY, "is complete: 12 segments", 12, ended=7000)
    stand(demo.ledger, 1209, RunState.QUEUED, "waits: 2 flow runs of 2 are under way")
    demo.found(1210, Verdict.ARRIVING, "segment 04 is still being copied", 5)
    demo.found(1212, Verdict.ABNORMAL, "ended without END_RUN", 3, ended=6500)
    demo.found(1213, Verdict.INCOMPLETE, "segment 03 is missing", [0, 1, 2, 4], ended=6000)
    demo.found(1218, Verdict.READY, "is complete: 12 segments", 12, ended=120)
    demo.found(1219, Verdict.TAKING, "segment 02 is growing", 3)


def _the_rest(demo: DemoLedger) -> None:
    for name, stage, total, idle, pending in (
        ("frib-fit-mpi", Stage.FIT, 40, 2, 4),
        ("frib-convert", Stage.CONVERT, 8, 3, 0),
    ):
        detail = {"total_workers": total, "idle_workers": idle, "pending_tasks": pending}
        demo.endpoint(name, stage, True, 40_000, json.dumps(detail))
    demo.endpoint("frib-analysis", Stage.ANALYZE, False, 320)
    text = "run 1214 FAILED at fit: segment 07, EventEditor aborted (rc 134). r retries segment 07 only."
    demo.ledger.event("bad", text, actor=DRIVER, run=1214, segment=7)
    for source in ("disk", "flows", "transfer", "compute"):
        sources.answered(demo.ledger, source)
