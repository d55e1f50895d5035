"""Random requests, ends and faults: no change of state that the table does not have, and none that nobody has moved."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from console.actions import conclude
from console.ledger import attempts, conditions, evidence, runs
from flowspec import standing, states
from flowspec.conditions import Reason, Topic
from flowspec.progress import Evidence, Says, Witness
from flowspec.readiness import Verdict
from flowspec.states import AttemptState, RunState
from remote.globus.flows import FlowRun
from tests.console.actions.test_exactly_once import RUNS, ExactlyOnce

ALLOWED = {
    (source, target)
    for how in (*states.RUN_MOVES, *states.ATTEMPT_MOVES)
    for source in how.sources
    for target in how.targets
}
VERBS = [
    "launch",
    "retry",
    "cancel",
    "hold",
    "release",
    "waive",
    "reprocess",
    "retry",
    "cancel",
    "pause",
    "resume",
    "resume",
]
ENDS = ["ACTIVE", "INACTIVE", "SUCCEEDED", "FAILED", "cancelled"]
WISHES: list[dict[str, object]] = [{}, {"from": "fit"}, {"segments": [0]}, {"everything": True}]


class States(ExactlyOnce):
    def restart(self) -> None:
        super().restart()
        self.seen: set[tuple[RunState | AttemptState, RunState | AttemptState]] = set()
        db = self.ledger._db
        db.create_function("moved", 3, self._moved)
        for table in ("runs", "attempts"):
            db.execute(
                f"CREATE TEMP TRIGGER moves_of_{table} AFTER UPDATE OF state ON {table} "
                f"BEGIN SELECT moved('{table}', old.state, new.state); END"
            )

    def _moved(self, table: str, before: str, after: str) -> None:
        kind = RunState if table == "runs" else AttemptState
        self.seen.add((kind(before), kind(after)))

    @initialize()
    def some_runs_are_there(self) -> None:
        for run in (1, 2, 3):
            self.disk(run, Verdict.READY)

    # ---- what may happen

    @rule(verb=st.sampled_from(["launch", "retry", "cancel"]), back=st.booleans(), old=st.booleans())
    def ask_about_all(self, verb: str, back: bool, old: bool) -> None:
        """With what each is now, or with what it may have been; and take what that has queued back at once, or not."""
        each = {str(run.run): "queued" if old else run.state.value for run in runs.runs(self.ledger)}
        number = self.ledger.ask(verb, None, actor="me@here", each=each)
        if back:
            self.ledger.ask("take-back", None, actor="me@here", request=number)
        self.round()

    @rule(run=RUNS, verb=st.sampled_from(VERBS), wish=st.sampled_from(WISHES), undo=st.booleans(), dry=st.booleans())
    def ask_for_anything(self, run: int, verb: str, wish: dict[str, object], undo: bool, dry: bool) -> None:
        arguments = {"wish": wish, "force": True, "dry": dry and verb in ("retry", "reprocess")}
        self.ledger.ask(
            verb, run, actor="me@here", **arguments, segment=0, undo=undo, reason="noise", runs=str(run)
        )  # fmt: skip
        self.round()

    @precondition(lambda self: runs.runs(self.ledger, *states.ENDED, RunState.QUEUED))
    @rule(verb=st.sampled_from(["retry", "reprocess", "cancel"]), data=st.data())
    def ask_of_what_has_ended(self, verb: str, data: st.DataObject) -> None:
        chosen = data.draw(st.sampled_from(runs.runs(self.ledger, *states.ENDED, RunState.QUEUED)))
        self.ask_for_anything(chosen.run, verb, data.draw(st.sampled_from(WISHES)), False, False)

    @rule(run=RUNS, verdict=st.sampled_from(Verdict))
    def directory_changes(self, run: int, verdict: Verdict) -> None:
        self.disk(run, verdict)

    @rule(run=RUNS)
    def directory_vanishes(self, run: int) -> None:
        runs.record_gone(self.ledger, run)

    @precondition(lambda self: self.under_way())
    @rule(data=st.data(), status=st.sampled_from(ENDS), whole=st.booleans())
    def flow_run_is_seen(self, data: st.DataObject, status: str, whole: bool) -> None:
        """The poll has found out how a flow run is, and perhaps that all of its outputs are there."""
        attempt = data.draw(st.sampled_from(self.under_way()))
        if whole:
            found = [Evidence(stage, s, Witness.FILE, Says.DONE, size=1000) for stage, s in attempt.plan.places()]
            evidence.record_evidence(self.ledger, attempt.run, found)
        details = {"code": "FlowCanceled"} if status == "cancelled" else {"cause": "TIMEOUT: connection reset"}
        flow_run = FlowRun(
            str(attempt.flow_run), "flow", "FAILED" if status == "cancelled" else status, "", (), "",
            "2020-01-01T00:00:00+00:00", details,
        )  # fmt: skip
        conclude.update_attempt(self.ctx, attempts.newest_attempt(self.ledger, attempt.run), flow_run)

    @precondition(lambda self: self.under_way())
    @rule(data=st.data())
    def task_seems_to_hang(self, data: st.DataObject) -> None:
        attempt = data.draw(st.sampled_from(self.under_way()))
        hangs = Reason(standing.SUSPECT, {"words": "it may hang"})
        conditions.put(self.ledger, attempt.run, Topic.PROGRESS, [hangs])

    # ---- what must hold

    @invariant()
    def every_change_of_state_is_in_the_table(self) -> None:
        assert self.seen <= ALLOWED

    @invariant()
    def every_run_says_why_it_stands_there(self) -> None:
        for run in runs.runs(self.ledger):
            assert run.why, f"{run.state.value}, {run.conditions}"

    @invariant()
    def only_the_queue_holds_and_only_what_has_failed_is_repeated(self) -> None:
        for run in runs.runs(self.ledger):
            assert run.held_by is None or run.state is RunState.QUEUED
            assert run.again_at is None or run.state in (RunState.FAILED, RunState.CANCELLED, RunState.CANCELLING)

    def what_is_done_is_not_done_again(self) -> None:
        """Here it is: campaigns are asked for."""

    @invariant()
    def a_run_has_one_open_attempt_at_most_and_no_more_than_allowed_are_in_flight(self) -> None:
        """Of all runs there may be more than the queue would start: a retry does not wait for its turn."""
        going = [attempt.run for attempt in self.attempts() if attempt.state in states.OPEN]
        assert len(going) == len(set(going))


States.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
TestStates = States.TestCase
