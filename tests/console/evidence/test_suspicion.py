"""Compute tasks that do not end: what is said of them, and when."""

from __future__ import annotations

import json

import pytest

from console.evidence import suspicion
from console.ledger import attempts, evidence
from console.settings.model import Policy
from flowspec.conditions import Reason, reason
from flowspec.progress import Evidence, Says, Witness
from flowspec.stages import Stage
from flowspec.states import AttemptState, RunState
from tests import fake_globus
from tests.ledger_fixture import NOW, DemoLedger

WAITS, RUNNING = reason("task.pending"), reason("task.running")
LOOK = 5.0
FIT = Stage.FIT


class Bench:
    """A run of two segments under way; `say` is what Compute says of both now."""

    def __init__(self, path) -> None:
        self.demo = DemoLedger(path)
        self.ledger = self.demo.ledger
        self.ctx = fake_globus.make_context(self.ledger, fake_globus.Remote(), Policy(poll_interval=LOOK))
        self.demo.launched(7, RunState.RUNNING, "", FIT, segments=2, attempt_state=AttemptState.STARTED)
        self.attempt = attempts.open_attempts(self.ledger)[0]

    def endpoint(self, online: bool, idle: int) -> None:
        self.tells(online, idle_workers=idle)

    def tells(self, online: bool = True, **detail: object) -> None:
        """What the endpoint of fit says of itself."""
        with self.ledger.change() as db:
            db.execute(
                "INSERT OR REPLACE INTO endpoints (endpoint, name, stage, online, since, detail) VALUES (?,?,?,?,?,?)",
                (fake_globus.ID, "frib-fit-mpi", "fit", online, self.demo.at, json.dumps(detail)),
            )

    def say(self, says: Says, why: Reason, after: float = 0.0) -> list[str]:
        self.demo.at += after
        found = [Evidence(FIT, s, Witness.TASK, says, why, None, self.demo.at) for s in (0, 1)]
        told = suspicion.with_reasons(self.ctx, self.attempt, FIT, found)
        evidence.record_evidence(self.ledger, 7, told, self.attempt.attempt)
        return [item.words for item in told]

    def others(self, says: Says, *, launched: float, run: int = 8) -> None:
        """A task of another run says this now; its run was launched so many seconds ago."""
        self.demo.launched(run, RunState.RUNNING, "", FIT, segments=1, since=launched)
        self.demo.says(run, FIT, [0], Witness.TASK, says)


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path / "ledger.db")


def test_a_task_that_waits_beside_idle_workers_may_be_lost(bench):
    attempts.add_tasks(bench.ledger, bench.attempt.attempt, FIT, ["a", "b"])
    bench.tells(total_workers=2, idle_workers=0)
    (first, _) = bench.say(Says.PENDING, WAITS)
    assert first.startswith("waits for a worker since ")
    assert bench.say(Says.PENDING, WAITS, 600) == [first, first], "all workers are busy"
    bench.endpoint(True, 2)
    (lost, _) = bench.say(Says.PENDING, WAITS)
    assert lost == f"{first} although frib-fit-mpi has 2 idle workers: it may be lost; r ends it and does it again"
    bench.say(Says.PENDING, WAITS, LOOK)
    assert suspicion.lost_tasks(bench.ctx, bench.attempt) == {"a", "b"}
    bench.endpoint(False, 0)
    assert " is offline since " in bench.say(Says.PENDING, WAITS)[0]
    assert suspicion.lost_tasks(bench.ctx, bench.attempt) == set()


def test_a_task_that_takes_much_longer_than_usual_may_hang(bench):
    bench.endpoint(True, 0)
    (first, _) = bench.say(Says.RUNNING, RUNNING)
    assert bench.say(Says.RUNNING, RUNNING, 3600) == [first, first], "nobody knows what is usual"
    done = Evidence(FIT, 1, Witness.TASK, Says.DONE, reason("task.done", stage="fit", seconds=1000.5), 10, NOW, 1000.5)
    evidence.record_evidence(bench.ledger, 7, [done], bench.attempt.attempt)
    found = [Evidence(FIT, 0, Witness.TASK, Says.RUNNING, RUNNING, None, bench.demo.at)]
    (hangs,) = suspicion.with_reasons(bench.ctx, bench.attempt, FIT, found)
    assert hangs.words == f"{first}, usually fit takes 16 m: it may hang; r ends it and does it again"
    assert hangs.at == NOW


# ---- an endpoint is a manager, which tells nothing of workers


WAITED = 200 * LOOK  # longer than anybody has to wait


@pytest.mark.parametrize("detail", [{}, {"heartbeat_period": 5.0}, {"idle_workers": "2"}, {"total_workers": 0}])
def test_where_nothing_is_begun_for_long_the_endpoint_is_to_be_looked_at(bench, detail):
    attempts.add_tasks(bench.ledger, bench.attempt.attempt, FIT, ["a", "b"])
    bench.tells(**detail)
    (first, _) = bench.say(Says.PENDING, WAITS)
    assert bench.say(Says.PENDING, WAITS, 100 * LOOK) == [first, first], "it may be Slurm's queue"
    (unserved, _) = bench.say(Says.PENDING, WAITS, 100 * LOOK)
    why = "a long queue at Slurm, or it gets no block: its log at the site says why"
    assert unserved == f"{first}, and frib-fit-mpi has begun nothing since; {why}; r ends it and does it again"
    assert suspicion.lost_tasks(bench.ctx, bench.attempt) == {"a", "b"}


def test_an_endpoint_that_says_why_it_begins_nothing_is_quoted(bench):
    bench.tells(error="no \x1b[31mmodule\x1b[0m parsl")
    bench.say(Says.PENDING, WAITS)
    assert "has begun nothing since; it says: no module parsl; r ends it" in bench.say(Says.PENDING, WAITS, WAITED)[0]


def test_while_another_task_runs_there_it_may_wait_its_turn(bench):
    bench.tells()
    bench.others(Says.RUNNING, launched=1000)
    (first, _) = bench.say(Says.PENDING, WAITS)
    assert bench.say(Says.PENDING, WAITS, WAITED) == [first, first]
    bench.demo.says(8, FIT, [0], Witness.TASK, Says.DONE)
    assert bench.say(Says.PENDING, WAITS, 20 * LOOK) == [first, first], "the next one may be begun at any moment"
    (lost, _) = bench.say(Says.PENDING, WAITS, 20 * LOOK)
    served = "although another one was served at frib-fit-mpi since: it may be lost; r ends it and does it again"
    assert lost == f"{first} {served}"


def test_another_segment_that_is_answered_at_the_first_look_was_served_too(bench):
    bench.tells()
    for after in (0, 30 * LOOK):
        bench.demo.at += after
        done = Evidence(FIT, 0, Witness.TASK, Says.DONE, reason("task.done", stage="fit", seconds=1), 10, bench.demo.at)
        waits = Evidence(FIT, 1, Witness.TASK, Says.PENDING, WAITS, None, bench.demo.at)
        told = suspicion.with_reasons(bench.ctx, bench.attempt, FIT, [*([] if after else [done]), waits])
        evidence.record_evidence(bench.ledger, 7, told, bench.attempt.attempt)
    assert "although another one was served at frib-fit-mpi since" in told[-1].words


@pytest.mark.parametrize("says", [Says.RUNNING, Says.DONE])
def test_a_task_that_was_overtaken_by_one_of_a_later_launch_may_be_lost(bench, says):
    bench.tells()
    bench.say(Says.PENDING, WAITS)
    bench.demo.at += 20 * LOOK
    bench.others(says, launched=5)
    assert "although another one was served" in bench.say(Says.PENDING, WAITS, 10 * LOOK)[0]


def test_a_task_may_be_at_work_as_long_as_is_usual_though_its_beginning_is_not_told(bench):
    bench.tells()
    long = reason("task.done", stage="fit", seconds=WAITED)
    done = Evidence(FIT, 0, Witness.TASK, Says.DONE, long, 10, NOW - 1, WAITED)
    bench.demo.launched(6, RunState.DONE, "", FIT, segments=1, attempt_state=AttemptState.SUCCEEDED)
    evidence.record_evidence(bench.ledger, 6, [done], attempts.newest_attempt(bench.ledger, 6).attempt)
    (first, _) = bench.say(Says.PENDING, WAITS)
    assert bench.say(Says.PENDING, WAITS, 3 * WAITED) == [first, first]
    assert "has begun nothing since" in bench.say(Says.PENDING, WAITS, LOOK)[0]


def test_a_task_whose_job_is_seen_at_work_runs_though_compute_calls_it_pending(bench):
    """Today's engines tell of no task that it was begun."""
    bench.tells()
    bench.say(Says.PENDING, WAITS)
    for _ in range(3):
        bench.demo.at += suspicion.UNSERVED_POLLS * LOOK / 2
        bench.demo.says(7, FIT, [0], Witness.JOB, Says.RUNNING)
        (first, second) = bench.say(Says.PENDING, WAITS)
        assert first.startswith("running since")
        assert second.startswith("waits for a worker since")
    bench.demo.says(7, FIT, [0], Witness.JOB, Says.ABSENT)
    (first, _) = bench.say(Says.PENDING, WAITS)
    assert not first.startswith("running since")


def test_what_others_failed_with_says_nothing_of_workers(bench):
    bench.tells()
    (first, _) = bench.say(Says.PENDING, WAITS)
    bench.demo.at += 20 * LOOK
    bench.others(Says.FAILED, launched=5)
    assert bench.say(Says.PENDING, WAITS, 10 * LOOK) == [first, first]


def test_where_all_workers_are_known_to_be_busy_a_task_waits_its_turn(bench):
    bench.tells(total_workers=2, idle_workers=0)
    (first, _) = bench.say(Says.PENDING, WAITS)
    assert bench.say(Says.PENDING, WAITS, WAITED) == [first, first]
