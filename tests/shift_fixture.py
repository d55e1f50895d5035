"""A shift with one run: requests go in, the rounds of the driver pass, and a Globus in memory says what a test scripts.

Tests see what operators and services see: answers, the rows of the ledger, and what was asked of Globus. Into which
functions the driver is divided does not matter to them: `one_round` is the only place that knows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path

from console.actions import cancel
from console.actions.deployed import wanted
from console.context import Context
from console.driver import round as driver_round
from console.evidence import poll
from console.ledger import attempts, runs
from console.ledger.attempts import Attempt
from console.ledger.runs import Run
from console.ledger.store import Ledger, Request
from console.settings.model import Policy
from flowspec import definition, names
from flowspec.stages import Stage
from remote.globus.compute import EndpointStatus, TaskStatus
from remote.globus.errors import RemoteError
from remote.globus.flows import FlowRun, LogEntry
from remote.globus.transfer import RemoteFile, TransferTask
from tests import cancel_fixture
from tests.cancel_fixture import ID
from tests.fake_globus import PLACES, Clock, judge
from tests.rootfiles import root_file

RUN = 7
SIZE = 1000  # bytes of a segment
POLL_INTERVAL = 5.0  # s
CLOCK_BEHIND = 1800.0  # s: that of Globus, in the times of start
FIT_ENDPOINT = "frib-fit-mpi"
UNREACHABLE = RemoteError("later", "compute", "batch_status", "the service cannot be reached", "wait")


@dataclass
class Globus(cancel_fixture.Globus):
    """One flow run by the clock of the test, and the files at the site."""

    clock: Callable[[], float] = field(default_factory=Clock)
    files: dict[str, RemoteFile] = field(default_factory=dict)
    spare: int = 16  # requests that Compute takes now
    idle_workers: int = 0
    asked_tasks: list[str] = field(default_factory=list)
    listed: list[str] = field(default_factory=list)  # paths

    def entry(self, code: str, stage: str = "", action: str = "") -> LogEntry:
        entry = super().entry(code, stage, action)
        at = self.clock() + 1e-3 * (len(self.log) + len(self.late))  # entries follow each other
        return LogEntry(iso(at), entry.code, entry.description, entry.details)

    def remote(self):
        remote = super().remote()
        remote.flows.runs = lambda flows, since: [run for run in [self.flow_run] if run and run.started >= since]
        remote.flows.get_flow = lambda flow: wanted(definition.analysis(), (), ())
        remote.transfer.ls = self._list
        remote.transfer.stat = lambda collection, path: self.files.get(path)
        batch_status = remote.compute.batch_status
        remote.compute.batch_status = lambda ids: self.asked_tasks.extend(ids) or batch_status(ids)
        remote.compute.spare = lambda: self.spare
        remote.compute.endpoint_status = lambda endpoint: EndpointStatus(
            endpoint, True, "online", {"total_workers": 2, "idle_workers": self.idle_workers}
        )
        remote.compute.endpoint_name_and_version = lambda endpoint: (FIT_ENDPOINT, "4.4.0")
        return remote

    def _start(self, *arguments: object) -> FlowRun:
        started = super()._start(*arguments)
        self.flow_run = replace(started, started=iso(self.clock() - CLOCK_BEHIND))
        return self.flow_run

    def _list(self, collection: str, path: str) -> dict[str, RemoteFile]:
        self.listed.append(path)
        return {name.rpartition("/")[2]: file for name, file in self.files.items() if name.startswith(path + "/")}

    def lies_there(self, stage: Stage, segment: int | None = None) -> None:
        """The output of a place appears at the site."""
        path = {
            Stage.TRANSFER: lambda: f"{PLACES.rawdata(RUN)}/{names.segment_file(RUN, segment)}",
            Stage.FIT: lambda: f"{PLACES.fitted(RUN)}/{names.fitted_file(RUN, segment)}",
            Stage.CONVERT: lambda: f"{PLACES.converted(RUN)}/{names.converted_file(RUN, segment)}",
            Stage.ANALYZE: lambda: f"{PLACES.analyzed()}/{names.sorted_file(RUN)}",
        }[stage]()
        self.files[path] = RemoteFile("file", SIZE if stage is Stage.TRANSFER else 2 * SIZE, iso(self.clock()))

    def begins(self, stage: Stage, tasks: int) -> None:
        """Flows has submitted the tasks of a stage; they run."""
        ids = _ids(stage, tasks)
        self.tells("ActionStarted", stage.value)
        self.tells("ActionPolled", stage.value, f"tg_{stage.value}")
        self.groups[stage.value] = ids
        self.tasks |= {id: TaskStatus(id, "running") for id in ids}

    def task_succeeds(self, stage: Stage, place: int, reply: dict[str, object]) -> None:
        id = _ids(stage, place + 1)[place]
        self.tasks[id] = TaskStatus(id, "success", reply)

    def replies(self, stage: Stage, *replies: dict[str, object]) -> None:
        """The tasks of a stage have ended with these replies, which Flows notices."""
        ids = _ids(stage, len(replies))
        self.tasks |= {id: TaskStatus(id, "success", reply) for id, reply in zip(ids, replies, strict=True)}
        self.tells("ActionCompleted", stage.value)

    def has_copied(self, stage: Stage) -> None:
        """Transfer says that it has copied what a stage is to copy."""
        task = TransferTask(stage.value, "SUCCEEDED", "", 1, 1, 0, 0, 0.0, 0, "OK", "", None, "", None, None)
        self.transfers[task.id] = task
        self.tells("ActionStarted", stage.value)
        self.tells("ActionPolled", stage.value, task.id)
        self.tells("ActionCompleted", stage.value)


def _ids(stage: Stage, tasks: int) -> list[str]:
    return [f"{stage.value}-{place}" for place in range(tasks)]


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat()


def one_round(ctx: Context) -> list[str]:
    """What the driver does again and again, once; the causes after which it pauses."""
    causes = []
    for work in (
        driver_round.launch_what_is_due,
        poll.poll_endpoints,
        driver_round.follow_attempts,
        cancel.continue_cancels,
    ):
        try:
            work(ctx)
        except RemoteError as error:
            causes.append(error.cause)
    return causes


class Shift:
    def __init__(self, directory: Path, segments: int = 3) -> None:
        self.clock = Clock()
        self.globus = Globus(clock=self.clock)
        self.results = directory / "results"
        self.results.mkdir()
        self.ledger = Ledger(directory / "ledger.db", now=self.clock)
        policy = Policy(poll_interval=POLL_INTERVAL, auto_retries=0, auto_launch=True)
        self.ctx = Context(
            self.ledger, self.globus.remote(), PLACES, "e21062", self.results, ID, {Stage.FIT: ID}, policy
        )
        judge(self.ctx, RUN, segments=tuple(range(segments)))
        self.rounds(1)

    def rounds(self, seconds: float) -> None:
        """The driver works for so long; what Globus refuses is tried again in the next round."""
        until = self.clock.time + seconds
        while self.clock.time < until:
            self.clock.time += 1
            one_round(self.ctx)

    def ask(self, verb: str, **args: object) -> Request:
        """A request, answered within a round."""
        number = self.ledger.ask(verb, RUN, actor="anna@daq1", **args)
        self.rounds(1)
        request = self.ledger.request(number)
        assert request is not None
        return request

    @property
    def run(self) -> Run:
        found = runs.run(self.ledger, RUN)
        assert found is not None
        return found

    @property
    def attempt(self) -> Attempt:
        found = attempts.newest_attempt(self.ledger, RUN)
        assert found is not None
        return found

    def result_comes(self) -> None:
        (self.results / names.sorted_file(RUN)).write_bytes(root_file(2000))
