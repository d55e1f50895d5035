"""Runs one after the other, from BEGIN_RUN to their results, through the driver's rounds."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

from console.context import Context
from console.disk.discovery import Discovery
from console.disk.listener import LedgerListener
from console.driver import round
from console.ledger import attempts, runs
from console.ledger.store import EPOCH, Ledger
from console.settings.model import Policy
from flowspec import names
from flowspec.inputs import Places
from flowspec.stages import Stage
from flowspec.states import RunState
from remote.sandbox.flows.scheduler import Agenda
from remote.sandbox.flows.service import FlowsService
from remote.sandbox.ids import DTN_COLLECTION, ENDPOINTS, SITE_COLLECTION
from tests.discovery_fixture import EVENTS, begin, end
from tests.model.assumptions import Assumptions
from tests.model.clients import Flows, Transfer
from tests.model.following import Following
from tests.model.site import Files, Line, Workers
from tests.model.world import World

FIRST = 1217
STAGES = dict(zip(ENDPOINTS.values(), (Stage.FIT, Stage.CONVERT, Stage.ANALYZE), strict=True))
TOO_LONG = 86_400.0
# Nothing happened since: a launch that was left out would have done nothing, but for what is due after some seconds.
LAUNCH_SECONDS = 10.0


@dataclass(frozen=True)
class Course:
    """Of one run: seconds from its BEGIN_RUN to its END_RUN and to its result, its early flow runs, segments whose fit
    had begun at END_RUN."""

    ended: float
    result: float
    flow_runs: int
    begun: int

    @property
    def after_end(self) -> float:
        return self.result - self.ended


@dataclass(frozen=True)
class Courses:
    """Of runs that follow each other; the most workers that fitted and the most transfers that ran at a time."""

    runs: tuple[Course, ...]
    workers: int
    transfers: int


def policy(**settings: object) -> Policy:
    return Policy(auto_launch=True, **settings)  # type: ignore[arg-type]


def courses(
    assumed: Assumptions, chosen: Policy, many: int = 1, pause: float = 0.0, how: type[Model] | None = None
) -> Courses:
    """What becomes of so many runs, `pause` seconds between the END_RUN of one and the BEGIN_RUN of the next."""
    with TemporaryDirectory(prefix="model-") as directory:
        return (how or Model)(Path(directory), assumed, chosen).take(many, pause)


class Model:
    def __init__(self, base: Path, assumed: Assumptions, chosen: Policy) -> None:
        self.assumed, self.world = assumed, World()
        self._runs, results = base / "runs", base / "results"
        self._runs.mkdir()
        results.mkdir()
        self.files = files = Files(self.world)
        self.line = Line(self.world, assumed, files, self._runs, results)
        self.workers = Workers(self.world, assumed, files, STAGES)
        Ledger(base / "ledger.db").put(EPOCH, "1")
        self._ledger, disk = (Ledger(base / "ledger.db", now=self.world, epoch=1) for _ in range(2))
        for ledger in (self._ledger, disk):
            ledger.row("PRAGMA synchronous=OFF")
        self._service = self._flows_service()
        flows = self.flows(self._service)
        remote = SimpleNamespace(flows=flows, transfer=Transfer(files, self.world, assumed))
        compute = {stage: (endpoint, endpoint) for endpoint, stage in STAGES.items()}
        places = Places(DTN_COLLECTION, "/runs", "/results", SITE_COLLECTION, "/top", "/kit", compute)
        by_stage = {stage: endpoint for endpoint, stage in STAGES.items()}
        self.ctx = Context(self._ledger, remote, places, "e21062", results, flows.deploy(), by_stage, chosen)  # type: ignore[arg-type]
        self._following = Following(self.world, assumed, self.ctx, self._service, flows, self.line, self.workers)
        self.changed = False
        listener = LedgerListener(disk, self._wake)
        self._watch = _Watch(
            self.world, Discovery(self._runs, listener, chosen, clock=self.world, wall_clock=self.world), chosen
        )

    def _flows_service(self) -> FlowsService:
        """The sandbox's, worked off by the clock of the model."""
        agendas: list[Agenda] = []

        def agenda(work: Callable[[str], float | None], now: Callable[[], float]) -> Agenda:
            agendas.append(Agenda(work, now))
            return agendas[0]

        service = FlowsService(
            self.line, self.workers, now=self.world, polling="real", hints=self.assumed.hints, scheduler=agenda  # type: ignore[arg-type]
        )  # fmt: skip
        (self.world.agenda,) = agendas
        return service

    def flows(self, service: FlowsService) -> Flows:
        return Flows(service, self.world, self.assumed)

    def _wake(self) -> None:
        self.changed = True

    def take(self, many: int, pause: float) -> Courses:
        numbers = range(FIRST, FIRST + many)
        daqs = [_Daq(self.world, self.assumed, self._runs, run, self._watch.touched, self._begun) for run in numbers]
        for place, daq in enumerate(daqs):
            self.world.after(place * (self.assumed.recording + pause), daq.begin)
        self._watch.look()
        self.drive(numbers)
        found = tuple(self._course(daq) for daq in daqs)
        return Courses(found, self.workers.endpoints["fit"].peak, self.line.peak)

    def drive(self, numbers: Sequence[int]) -> None:
        """What console.driver.loop does, from one thing that is due to the next."""
        until, launch, poll = self.world() + TOO_LONG, 0.0, 0.0
        while not self.are_done(numbers):
            if self.world() > until:
                raise RuntimeError(f"no result after a day: {runs.runs(self._ledger)}")
            if self.changed or self.world() >= launch:
                self.changed = False
                round.launch_what_is_due(self.ctx)
                launch = self.world() + LAUNCH_SECONDS
            if self.world() >= poll:
                self.changed = self._following.poll() or self.changed
                poll = self.world() + self.ctx.policy.poll_interval
            self.world.go_on(max(0.0, min(launch, poll) - self.world()), lambda: self.changed)

    def are_done(self, numbers: Sequence[int]) -> bool:
        return len(runs.runs(self._ledger, RunState.DONE)) == len(numbers)

    def _begun(self) -> int:
        fits = self.workers.endpoints["fit"]
        return fits.done + fits.busy

    def _course(self, daq: _Daq) -> Course:
        found = runs.run(self._ledger, daq.run)
        assert found is not None
        assert found.finished_at is not None, found.why
        flow_runs = len(attempts.attempts(self._ledger, daq.run))
        return Course(daq.ended - daq.began, found.finished_at - daq.began, flow_runs, daq.begun)


class _Watch:
    """The looks at the disk, as Discovery has them where the file system reports events."""

    def __init__(self, world: World, discovery: Discovery, chosen: Policy) -> None:
        self._world, self._discovery, self._interval = world, discovery, chosen.look_interval
        self._turn = 0

    def look(self) -> None:
        self._discovery.look()
        self._world.after(self._interval, self.look)
        self._look_when_due()

    def touched(self, name: str, new: bool) -> None:
        if new:
            self._discovery.look()
        else:
            self._discovery.look_at([name])
        self._look_when_due()

    def _look_when_due(self) -> None:
        self._turn += 1
        due = self._discovery.next_due - self._world()
        if due < float("inf"):
            self._world.after(max(0.0, due), lambda turn=self._turn: self._look_at_what_is_due(turn))

    def _look_at_what_is_due(self, turn: int) -> None:
        if turn == self._turn:
            self._discovery.look_at(())
            self._look_when_due()


class _Daq:
    """Takes one run into the directory of the runs. `ended` is when its END_RUN was on disk, `begun` how many fits had
    begun by then."""

    def __init__(
        self,
        world: World,
        assumed: Assumptions,
        directory: Path,
        run: int,
        touched: Callable[[str, bool], None],
        begun: Callable[[], int],
    ) -> None:
        self.run, self.began, self.ended, self.begun = run, 0.0, 0.0, 0
        self._world, self._assumed, self._touched, self._count = world, assumed, touched, begun
        self._directory = directory / names.run_directory(run)

    def begin(self) -> None:
        self.began, self.begun = self._world(), -self._count()
        self._directory.mkdir()
        (self._directory / names.STARTED).touch()
        self._write(0, begin(self.run, int(self.began)) + EVENTS)
        self._touched(self._directory.name, True)
        self._world.after(self._assumed.period, lambda: self._complete(0))

    def _complete(self, segment: int) -> None:
        """A segment is full: the next one begins, or the run has ended."""
        if segment + 1 < self._assumed.segments:
            self._write(segment, EVENTS)
            self._write(segment + 1, EVENTS)
            self._world.after(self._assumed.period, lambda: self._complete(segment + 1))
        else:
            self.ended = self._world()
            self.begun += self._count()
            self._write(segment, EVENTS + end(self.run, int(self.ended)))
            (self._directory / names.EXITED).touch()
            for path in self._directory.iterdir():
                path.chmod(0o440)
        self._touched(self._directory.name, False)

    def _write(self, segment: int, content: bytes) -> None:
        path = self._directory / names.segment_file(self.run, segment)
        with path.open("ab") as file:
            file.write(content)
        os.utime(path, (self._world(), self._world()))
