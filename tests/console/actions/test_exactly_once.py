"""Whatever an operator asks, whatever Globus loses, wherever the driver dies: hypothesis looks for a way to double.

The driver dies at a durable step: a commit that is not made, or the moment after one. What it had in memory is gone.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from console.actions import cancel, conclude, reconcile
from console.driver import round as driver_round
from console.ledger import attempts as attempt_rows
from console.ledger import pause, runs
from console.ledger.attempts import Attempt
from console.ledger.store import Ledger
from console.settings.model import Policy
from flowspec.conditions import Reason
from flowspec.readiness import Verdict
from flowspec.states import ENDED_BADLY, ENDED_WELL, FAILED, OPEN, RETURNED, AttemptState
from remote.globus.errors import RemoteError
from tests.fake_globus import Clock, Remote, judge, make_context

RUNS = st.integers(1, 4)
LIMIT = 2


class Killed(BaseException):
    """The process is gone."""


class MortalLedger(Ledger):
    """Ends its process at the `fuse`-th durable step from now on; 0: it does not."""

    fuse = 0

    @contextmanager
    def change(self) -> Iterator[Any]:
        outermost = not self._db.in_transaction
        with super().change() as db:
            yield db
            if outermost:
                self._burn()
        if outermost:
            self._burn()

    def _burn(self) -> None:
        self.fuse -= 1
        if self.fuse == 0:
            raise Killed


class ExactlyOnce(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.clock, self.remote = Clock(), Remote()
        self.asked: dict[int, str] = {}
        self.restart()

    def teardown(self) -> None:
        self.ledger.close()
        shutil.rmtree(self.directory)

    def restart(self) -> None:
        self.ledger = MortalLedger(self.directory / "ledger.db", now=self.clock)
        self.ctx = make_context(self.ledger, self.remote, Policy(max_in_flight=LIMIT))
        self.settled = False

    @initialize(auto=st.booleans())
    def begin(self, auto: bool) -> None:
        self.ledger.put("auto", "on" if auto else "off")

    # ---- what may happen

    @rule(run=RUNS, verdict=st.sampled_from([Verdict.READY, Verdict.READY, Verdict.ARRIVING, Verdict.ABNORMAL]))
    def disk(self, run: int, verdict: Verdict) -> None:
        judge(self.ctx, run, verdict)

    @rule(run=RUNS)
    def run_arrives(self, run: int) -> None:
        self.disk(run, Verdict.READY)
        self.ask(run, "launch")
        self.round()

    @rule(run=RUNS, verb=st.sampled_from(["launch", "cancel", "launch"]))
    def ask(self, run: int, verb: str) -> None:
        self.ledger.ask(verb, run, actor="me@here", force=True)

    @rule(fault=st.sampled_from(["before", "after", "refused", ""]))
    def globus_loses(self, fault: str) -> None:
        self.remote.flows.faults.append(fault)

    @rule(seconds=st.sampled_from([0.5, 6.0, 100.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.time += seconds

    @rule()
    def round(self) -> None:
        self.round_that_may_end(fuse=0)

    @rule(verb=st.sampled_from(["pause", "resume", "resume"]))
    def somebody_pauses_or_resumes(self, verb: str) -> None:
        self.ledger.ask(verb, None, actor="me@here", reason="noise")

    @rule(fuse=st.integers(1, 24))
    def round_that_may_end(self, fuse: int) -> None:
        """The driver does one round, or dies in it."""
        held = pause.read(self.ledger) is not None and not any(r.verb == "resume" for r in self.ledger.asked())
        before = len(self.remote.flows.there)
        self.ledger.fuse = fuse
        try:
            with suppress(RemoteError):
                if not self.settled:
                    self.settled = reconcile.settle(self.ctx)
                driver_round.launch_what_is_due(self.ctx)
            with suppress(RemoteError):
                cancel.continue_cancels(self.ctx)
        except Killed:
            self.ledger.close()
            self.restart()
        self.ledger.fuse = 0
        assert not held or len(self.remote.flows.there) == before, "started in a pause"

    @precondition(lambda self: self.under_way())
    @rule(good=st.booleans(), data=st.data())
    def flow_run_ends(self, good: bool, data: st.DataObject) -> None:
        going = self.under_way()
        attempt = data.draw(st.sampled_from(going))
        why = Reason("words", {"words": "it ended"})
        if good:
            conclude.end_attempt(self.ctx, attempt, ENDED_WELL, RETURNED, why, result="/results/it")
        else:
            conclude.end_attempt(self.ctx, attempt, ENDED_BADLY, FAILED, why, again_at=None)

    def under_way(self) -> list[Attempt]:
        """The attempts whose end the pollers judge: a cancel is seen through otherwise."""
        going = attempt_rows.open_attempts(self.ledger)
        return [a for a in going if a.state is AttemptState.STARTED and a.cancel_at is None]

    # ---- what must hold

    def attempts(self) -> list[Attempt]:
        return [attempt for run in runs.runs(self.ledger) for attempt in attempt_rows.attempts(self.ledger, run.run)]

    @invariant()
    def no_attempt_has_two_flow_runs(self) -> None:
        tags = [run.tags[0] for run in self.remote.flows.there]
        assert len(tags) == len(set(tags))

    @invariant()
    def every_flow_run_has_its_intent(self) -> None:
        assert {run.tags[0] for run in self.remote.flows.there} <= {attempt.tag for attempt in self.attempts()}

    @invariant()
    def a_run_has_one_open_attempt_at_most_and_no_more_than_allowed_are_in_flight(self) -> None:
        going = [attempt.run for attempt in self.attempts() if attempt.state in OPEN]
        assert len(going) == len(set(going))
        assert len(going) <= LIMIT

    @invariant()
    def what_is_done_is_not_done_again(self) -> None:
        done = [attempt.run for attempt in self.attempts() if attempt.state is AttemptState.SUCCEEDED]
        assert len(done) == len(set(done))

    @invariant()
    def every_answer_stands(self) -> None:
        for row in self.ledger.rows("SELECT request, state, answer FROM requests WHERE state != 'asked'"):
            assert self.asked.setdefault(row["request"], row["answer"]) == row["answer"]


ExactlyOnce.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
TestExactlyOnce = ExactlyOnce.TestCase
