"""Random kills while runs arrive: the driver, the screens that look after it, the connections to Globus."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from console.ledger import attempts, runs
from console.ledger.store import Ledger
from flowspec.states import AttemptState, RunState
from tests.fire.verdict import Verdict, judge
from tests.fire.world import Screen, World
from tests.sandbox_records import set_fault
from tests.waiting import until

RUN_EVERY = 2.0  # seconds between two runs that arrive, while the fire burns
MOMENT = 0.2  # seconds between two looks
SEGMENTS = 5  # of a run that is recorded
RUNS_AT_ONCE = 2  # with more under way a run that is recorded finds no room for early work
NOT_DONE = set(RunState) - {RunState.DONE}


@dataclass
class Report:
    """`takeovers`: seconds from each kill of the driver until another one drove. `early`: segments that were done while
    their run was recorded."""

    runs: int = 0
    early: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    takeovers: list[float] = field(default_factory=list)
    verdict: Verdict = field(default_factory=lambda: Verdict([], [], []))

    @property
    def median_takeover(self) -> float:
        return statistics.median(self.takeovers) if self.takeovers else 0.0


class Soak:
    """With `streaming` runs are recorded, and worked on meanwhile."""

    def __init__(self, directory: Path, seed: int, say: Callable[[str], None], *, streaming: bool = False) -> None:
        self.random, self.pace = random.Random(seed), random.Random(seed)  # each of one thread
        self.streaming = streaming
        self.calm = 6.0 if streaming else 1.0  # a segment is fitted by real programs before the next kill, sometimes
        self.world = World(directory, streaming=streaming)
        self.world.quick(not streaming)  # as `World.record` asks for
        self.report = Report()
        self.say = say
        self.screens = [Screen(self.world.profile) for _ in range(2)]

    def burn(self, kills: int) -> Report:
        try:
            self._wait_for_driver()
            stop = threading.Event()
            feeder = threading.Thread(target=self._feed, args=(stop,))
            feeder.start()
            try:
                while sum(self.report.kills.values()) < kills:
                    # Sometimes at once, to hit what has just begun; sometimes late, so that something gets done.
                    time.sleep(self.calm * self.random.choice((0.0, 0.1, 0.3, 1.0, 2.0)) * self.random.random())
                    self._strike()
            finally:
                stop.set()
                feeder.join()
            self._wait_for_the_end()
            self.report.runs = len(self.world.runs)
            self.report.early = self._done_early()
            self.report.verdict = judge(self.world)
            return self.report
        finally:
            for screen in self.screens:
                screen.kill()
            self._end_driver()
            self.world.close()

    # ---- kills

    def _strike(self) -> None:
        strikes = {
            self._kill_driver: 11,
            self._stop_driver: 2,
            self._kill_screen: 3,
            self._freeze_screen: 1,
            self._cut_connection: 3,
        }
        strike = self.random.choices(list(strikes), list(strikes.values()))[0]
        strike()
        self.report.kills[strike.__name__.strip("_").replace("_", " ")] += 1
        done = sum(self.report.kills.values())
        if done % 10 == 0:
            self.say(f"{done} kills, {len(self.world.runs)} runs taken")

    def _kill_driver(self) -> None:
        self._hit_driver(signal.SIGKILL)

    def _stop_driver(self) -> None:
        """It does not die, it does not answer: somebody must take over, and it must not act when it wakes up."""
        pid = self._hit_driver(signal.SIGSTOP)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    def _hit_driver(self, number: signal.Signals) -> int:
        pid = self._wait_for_driver()
        began = time.monotonic()
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        self._wait_for_driver(other_than=pid)
        self.report.takeovers.append(time.monotonic() - began)
        return pid

    def _kill_screen(self) -> None:
        place = self.random.randrange(len(self.screens))
        self.screens[place].kill()
        self.screens[place] = Screen(self.world.profile)

    def _freeze_screen(self) -> None:
        """One console stops: the other one has to look after the driver alone."""
        frozen = self.random.choice(self.screens).process
        frozen.send_signal(signal.SIGSTOP)
        self._kill_driver()
        frozen.send_signal(signal.SIGCONT)

    def _cut_connection(self) -> None:
        """The next request to Flows, Transfer or Compute is lost, before or after it had its effect."""
        fault = self.random.choice(("connection-reset", "connection-reset", "http-503"))
        service = self.random.choice(("flows", "flows", "transfer", "compute"))
        moment = self.random.choice(("before", "after"))
        set_fault(self.world.sandbox.directory, fault, service=service, moment=moment)

    # ---- waiting

    def _wait_for_driver(self, other_than: int = 0) -> int:
        def another() -> int:
            found = self.world.driver()
            return found.pid if found is not None and found.pid != other_than else 0

        return until(another, every=0.01)

    def _wait_for_the_end(self) -> None:
        """Of every run; whoever is not done when nothing is done any more is lost, which the verdict will say."""

        def more(done: int) -> bool:
            return len(runs.runs(self.world.ledger, RunState.DONE)) > done

        with contextlib.suppress(AssertionError):
            while not judge(self.world).good:
                done = len(runs.runs(self.world.ledger, RunState.DONE))
                until(lambda done=done: more(done) or judge(self.world).good, every=0.5)  # type: ignore[misc]

    def _done_early(self) -> int:
        made = [a for run in self.world.runs for a in attempts.attempts(self.world.ledger, run) if a.plan.early]
        return sum(len(attempt.plan.expected) for attempt in made if attempt.state is AttemptState.SUCCEEDED)

    def _end_driver(self) -> None:
        found = self.world.driver()
        if found is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(found.pid, signal.SIGKILL)

    def _feed(self, stop: threading.Event) -> None:
        over = False
        while not over:
            if self.streaming:
                over = self._record(stop)
            else:
                self.world.new_run()
                over = stop.wait(RUN_EVERY)

    def _record(self, stop: threading.Event) -> bool:
        """A run that ends some time after early work on it has begun, and in its turn. True: the fire is over."""
        recording = self.world.record(SEGMENTS)
        with contextlib.closing(Ledger(self.world.settings.ledger, read_only=True)) as ledger:
            over = False
            while not (over or attempts.attempts(ledger, recording.whole.run)):
                over = stop.wait(MOMENT)
            over = over or stop.wait(self.pace.uniform(0.0, 2 * RUN_EVERY))
            recording.end()
            while not over and len(runs.runs(ledger, *NOT_DONE)) >= RUNS_AT_ONCE:
                over = stop.wait(MOMENT)
        return over
