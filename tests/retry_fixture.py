"""A site in memory and a Globus that does what an attempt plans, for tests of what is planned next."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace

from console.actions import conclude
from console.actions.results import ResultWatch
from console.context import Context
from console.driver import round as driver_round
from console.evidence.outputs import check_outputs
from console.ledger import attempts, evidence, runs
from console.ledger.attempts import Attempt
from console.ledger.runs import Run
from console.ledger.store import Ledger
from console.settings.model import Policy
from flowspec import names
from flowspec.causes import classify
from flowspec.conditions import NO_REASON, Reason, reason
from flowspec.progress import Evidence, Says, Witness
from flowspec.readiness import Judgement, Verdict
from flowspec.stages import STAGES, Stage
from flowspec.states import AttemptState, RunState
from remote.globus.flows import FlowRun
from remote.globus.transfer import RemoteFile
from tests.fake_globus import PLACES, Clock, Flows
from tests.rootfiles import root_file

ABORTED = "return code 134: EventEditor aborted"
FIT_7 = {(Stage.FIT, 7): ABORTED}
SIZE = 1000  # bytes of a segment
NOTHING: Mapping[tuple[Stage, int | None], Reason] = {}
COMPUTED = (Stage.FIT, Stage.CONVERT, Stage.ANALYZE)
MAKERS = {Stage.TRANSFER: names.segment_file, Stage.FIT: names.fitted_file, Stage.CONVERT: names.converted_file}


@dataclass
class ResumableFlows(Flows):
    resumed: list[str] = field(default_factory=list)

    def resume(self, run_id, flow_id):
        self.resumed.append(run_id)


def iso(seconds: float) -> str:
    """As listings have it."""
    return datetime.fromtimestamp(int(seconds), timezone.utc).isoformat(" ")


class World:
    """A ledger, a run directory, a site, and what a driver works with."""

    def __init__(self, directory: Path, **policy: object) -> None:
        self.clock = Clock()
        self.files: dict[str, RemoteFile] = {}
        self.flows = ResumableFlows()
        self.runs, self.results = directory / "runs", directory / "results"
        self.results.mkdir()
        self.ledger = Ledger(directory / "ledger.db", now=self.clock)
        remote = SimpleNamespace(flows=self.flows, transfer=self)
        settings = Policy(max_in_flight=100, **policy)
        self.ctx = Context(self.ledger, remote, PLACES, "e21062", self.results, "id", {}, settings)

        self.content = root_file(2 * SIZE)  # of a result
        self.digest = ""  # of a result, as its job reports it
        self.stopped = False
        self.watch = self.new_watch()

    def new_watch(self) -> ResultWatch:
        """As a driver has it that has just begun."""
        return ResultWatch(self.ledger, self.results, lambda: self.stopped, self.clock)

    def result(self, run: int) -> Path:
        return self.results / names.sorted_file(run)

    # ---- as Transfer

    def ls(self, collection: str, path: str) -> dict[str, RemoteFile]:
        return {name.rpartition("/")[2]: file for name, file in self.files.items() if name.startswith(path + "/")}

    def stat(self, collection: str, path: str) -> RemoteFile | None:
        return self.files.get(path)

    # ---- what happens

    def found(
        self,
        run: int,
        segments: range | list[int],
        verdict: Verdict = Verdict.READY,
        took: tuple[int, str] = (1, "t"),
        **sizes: int,
    ) -> Run:
        """The watcher has seen these segments; `s7=2000` gives segment 7 that size. `took`: when it began, title."""
        folder = self.runs / f"run{run}"
        folder.mkdir(parents=True, exist_ok=True)
        told = {segment: sizes.get(f"s{segment}", SIZE) for segment in segments}
        for segment in told:
            if segment not in self._known(run):
                (folder / names.segment_file(run, segment)).touch()
                self.touched(run, segment, self.clock.time)
        why = reason("words", words="is complete")
        with_data = tuple(segment for segment, size in told.items() if size)
        judged = Judgement(run, verdict, why, with_data, sum(told.values()), took[1], took[0], 2, 1.0, str(told))
        runs.record_judgement(self.ledger, str(folder), judged, told)
        return runs.run(self.ledger, run)

    def _known(self, run: int) -> Mapping[int, int]:
        before = runs.run(self.ledger, run)
        return before.sizes if before else {}

    def touched(self, run: int, segment: int, at: float) -> None:
        """The raw segment on the DTN was written at this time."""
        os.utime(self.runs / f"run{run}" / names.segment_file(run, segment), (at, at))

    def round(self) -> None:
        driver_round.launch_what_is_due(self.ctx)

    def ask(self, verb: str, run: int | None, **args: object) -> SimpleNamespace:
        """A request, answered in a round of the driver a second later."""
        number = self.ledger.ask(verb, run, actor="anna@daq1", **args)
        self.clock.time += 1
        self.round()
        request = self.ledger.request(number)
        assert request is not None
        return SimpleNamespace(state=request.state, answer=request.answer)

    def run(self, number: int) -> Run:
        found = runs.run(self.ledger, number)
        assert found is not None
        return found

    def attempt(self, run: int) -> Attempt:
        found = attempts.newest_attempt(self.ledger, run)
        assert found is not None
        return found

    def works(
        self, run: int, fails: Mapping[tuple[Stage, int | None], str | Reason] | None = None, log: str = "",
        told: Mapping[tuple[Stage, int | None], Reason] = NOTHING,
    ) -> Run:  # fmt: skip
        """The newest attempt is carried out and judged; `fails` are causes by place, `log` one of the flow itself,
        `told` what tasks that went well say."""
        self.clock.time += 60
        attempt, causes = self.attempt(run), dict(fails or {})
        assert attempt.state is AttemptState.STARTED
        for stage in STAGES if not log else ():
            self._does(attempt, stage, [s for planned, s in attempt.plan.places() if planned is stage], causes, told)
        return self.ends(run, good=not causes and not log, log=log)

    def ends(self, run: int, *, good: bool = True, log: str = "") -> Run:
        """The flow run of the newest attempt has ended, which is judged."""
        attempt = self.attempt(run)
        details = {} if good else {"cause": log}
        status = "SUCCEEDED" if good or not attempt.plan.joins else "FAILED"
        ended = datetime.fromtimestamp(self.clock.time - 30, timezone.utc).isoformat()
        conclude.update_attempt(self.ctx, attempt, FlowRun("f", "id", status, "", (), "", ended, details))
        return self.run(run)

    def _does(
        self, attempt: Attempt, stage: Stage, segments: list[int | None],
        causes: dict[tuple[Stage, int | None], str | Reason], done: Mapping[tuple[Stage, int | None], Reason],
    ) -> None:  # fmt: skip
        """One stage of an attempt; what comes after a failure fails for want of its input."""
        spoiled = {segment for _, segment in causes if segment is not None}
        for segment in segments:
            if segment in spoiled and stage in COMPUTED:
                causes.setdefault((stage, segment), "input is missing")
            elif segment is None and spoiled:
                causes.setdefault((stage, None), f"{len(spoiled)} segments are not converted")
        good = [segment for segment in segments if (stage, segment) not in causes]
        for segment in good:
            self.writes(attempt.run, stage, segment)
        size = 2 * SIZE if stage in COMPUTED else None
        at = self.clock.time
        said = {**done}
        if stage is Stage.ANALYZE and self.digest:
            said[(stage, None)] = reason("task.done", stage=stage.value, seconds=1, sha256=self.digest)
        told = [Evidence(stage, s, Witness.TASK, Says.DONE, said.get((stage, s), NO_REASON), size, at) for s in good]
        for segment in segments:
            if cause := causes.get((stage, segment)):
                why = classify(cause) if isinstance(cause, str) else cause
                told.append(Evidence(stage, segment, Witness.TASK, Says.FAILED, why, None, at))
        seen = check_outputs(self.ctx, self.run(attempt.run), stage, good, evidence.evidence(self.ledger, attempt.run))
        evidence.record_evidence(self.ledger, attempt.run, [*told, *seen], attempt.attempt)

    def writes(self, run: int, stage: Stage, segment: int | None) -> None:
        """The output of a place appears, or is replaced."""
        at = iso(self.clock.time)
        if stage is Stage.RETURN:
            result = self.result(run)
            result.write_bytes(self.content)
            os.utime(result, (self.clock.time, self.clock.time))
        elif stage is Stage.ANALYZE:
            self.files[f"{PLACES.analyzed()}/{names.sorted_file(run)}"] = RemoteFile("file", 2 * SIZE, at)
        else:
            assert segment is not None
            folder = {
                Stage.TRANSFER: PLACES.rawdata(run),
                Stage.FIT: PLACES.fitted(run),
                Stage.CONVERT: PLACES.converted(run),
            }[stage]
            size = 2 * SIZE
            if stage is Stage.TRANSFER:  # a copy keeps the time of what it was copied from
                raw = self.runs / f"run{run}" / names.segment_file(run, segment)
                size, at = self.run(run).sizes[segment], iso(raw.stat().st_mtime)
            self.files[f"{folder}/{MAKERS[stage](run, segment)}"] = RemoteFile("file", size, at)

    # ---- runs as tests need them

    def done(self, run: int = 5, segments: int = 8, **sizes: int) -> Run:
        """A run of which the result is there; `s7=0` leaves segment 7 empty."""
        self.found(run, range(segments), **sizes)
        self.round()
        while self.works(run).state is RunState.RUNNING:  # its segments do not fit in one attempt
            self.round()
        assert self.run(run).state is RunState.DONE
        self.clock.time += 60
        return self.run(run)

    def failed(self, fails: Mapping[tuple[Stage, int | None], str | Reason], run: int = 5, segments: int = 8) -> Run:
        """A run whose first attempt came to these causes."""
        self.found(run, range(segments))
        self.round()
        return self.works(run, fails)

    def work(self, run: int = 5) -> tuple[int, ...]:
        """How many places of each stage the newest attempt was to do, from transfer to return."""
        stages = [stage for stage, _ in self.attempt(run).plan.places()]
        return tuple(stages.count(stage) for stage in STAGES)
