"""Faults by name in compute calls; through the console's own clients."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from pathlib import Path

import pytest

from remote.sandbox.compute.workers import BLOCK_SECONDS
from tests.sandbox_records import clear_faults, records, set_fault, struck
from tests.waiting import until
from tests.work_fixture import SPEED, Work, no_faults, work

__all__ = ["no_faults", "work"]


def test_an_endpoint_that_is_offline_begins_nothing_and_goes_on_afterwards(work):
    set_fault(work.dir, "endpoint-offline", endpoint="frib-fit-mpi")
    assert not work.remote.compute.endpoint_status(work.endpoint).online
    run = work.fit(101)
    until(lambda: len(work.calls(101)) == 2)
    assert {status.status for status in work.remote.compute.batch_status(_tasks(work, 101)).values()} == {"pending"}
    assert records(work.dir).functions(101) == {}
    clear_faults(work.dir)
    assert work.remote.compute.endpoint_status(work.endpoint).online
    assert work.ended(run).status == "SUCCEEDED"
    assert records(work.dir).functions(101) == {"fit": 2}


def _tasks(work: Work, run: int) -> list[str]:
    return [call["task"] for call in work.calls(run).values()]


def test_an_endpoint_that_is_slow_begins_late(work):
    set_fault(work.dir, "endpoint-slow", run=102, segment=1, seconds=1)
    assert work.ended(work.fit(102)).status == "SUCCEEDED"
    slow, quick = work.calls(102)[1], work.calls(102)[0]
    assert slow["ended"] - slow["started"] > 1 > quick["ended"] - quick["started"]


def test_a_lost_worker_fails_its_call_only_and_is_replaced(work):
    set_fault(work.dir, "worker-lost", run=103, segment=0)
    assert work.ended(work.fit(103)).status == "FAILED"
    replies = work.remote.compute.batch_status(_tasks(work, 103))
    (lost,) = [reply for reply in replies.values() if reply.status == "failed"]
    assert lost.id == work.calls(103)[0]["task"]
    assert "WorkerLost: Task failure due to loss of worker " in lost.exception
    assert _executions(work, 103) == {0: 3, 1: 1}
    assert struck(work.dir, "worker-lost") == 1, "the three tries of a call are one strike"
    assert work.ended(work.fit(103)).status == "SUCCEEDED"


def _executions(work: Work, run: int) -> dict[int, int]:
    return {segment: call["executions"] for segment, call in work.calls(run).items()}


def test_a_call_whose_block_is_lost_is_executed_again_and_answers(work):
    set_fault(work.dir, "block-lost", run=106, segment=1)
    began = time.monotonic()
    assert work.ended(work.fit(106)).status == "SUCCEEDED"
    assert time.monotonic() - began > BLOCK_SECONDS / SPEED
    assert _executions(work, 106)[1] == 2
    assert work.results(work.ended(work.fit(116)))[1]["rc"] == 0


def test_calls_of_a_user_endpoint_that_is_killed_are_never_answered_and_the_next_one_works(work):
    set_fault(work.dir, "user-endpoint-killed", run=107, segment=1)
    run = work.fit(107)
    # Begun, and lost in the next moment: what is asked before that is lost as well.
    until(lambda: struck(work.dir, "user-endpoint-killed") and _executions(work, 107)[1] == 1)
    assert work.ended(work.fit(108)).status == "SUCCEEDED"
    until(lambda: records(work.dir).working_on(107) == [])
    assert (work.calls(107)[1]["ended"], work.now(run).status) == (None, "ACTIVE")
    assert work.remote.compute.batch_status(_tasks(work, 107))[work.calls(107)[1]["task"]].status == "running"
    work.remote.flows.cancel(run.id)


@pytest.mark.parametrize(("run", "fault"), [(109, "sbatch-refused"), (119, "user-endpoint-fails")])
def test_an_endpoint_without_a_block_is_online_and_answers_nothing_that_it_took_meanwhile(work, run, fault):
    set_fault(work.dir, fault, endpoint="frib-fit-mpi")
    assert work.remote.compute.endpoint_status(work.endpoint).online
    lost = work.fit(run)
    until(lambda: len(work.calls(run)) == 2)
    clear_faults(work.dir)
    assert work.ended(work.fit(run + 1)).status == "SUCCEEDED"
    assert {status.status for status in work.remote.compute.batch_status(_tasks(work, run)).values()} == {"pending"}
    work.remote.flows.cancel(lost.id)


@pytest.mark.parametrize(
    ("run", "fault", "told"),
    [
        (121, "result-too-large", r"MaxResultSizeExceeded\(\d{8}, 10485760\)"),
        (122, "function-not-allowed", r"Function [-0-9a-f]{36} not permitted on endpoint [-0-9a-f]{36}"),
    ],
)
def test_compute_refuses_a_call_in_its_own_words(work, run, fault, told):
    set_fault(work.dir, fault, run=run, segment=1)
    assert work.ended(work.fit(run)).status == "FAILED"
    (failed,) = [r for r in work.remote.compute.batch_status(_tasks(work, run)).values() if r.status == "failed"]
    assert failed.id == work.calls(run)[1]["task"]
    assert re.fullmatch(told, failed.exception)


def test_a_lost_task_is_pending_for_ever(work):
    set_fault(work.dir, "task-lost", run=104, segment=1)
    run = work.fit(104)
    until(lambda: work.calls(104).get(0, {}).get("ended"))
    lost = work.calls(104)[1]
    assert (lost["started"], work.now(run).status) == (None, "ACTIVE")
    assert work.remote.compute.batch_status([lost["task"]])[lost["task"]].status == "pending"
    assert work.ended(work.fit(105)).status == "SUCCEEDED"
    work.remote.flows.cancel(run.id)


@pytest.mark.parametrize(
    ("run", "fault", "args", "reply"),
    [
        (111, "function-crash", {}, {"rc": -6, "said": "", "error": "*** stack smashing detected ***: terminated\n"}),
        (112, "silent-success", {}, {"rc": 0, "said": "", "error": ""}),
        (113, "silent-success", {"who": "function"}, {"rc": 0, "bytes": 123456, "seconds": 1.0}),
        (114, "function-hang", {"seconds": 0.2}, {"rc": 0, "said": "usage", "error": ""}),
    ],
)
def test_a_program_fails_in_the_call_that_is_named_and_in_no_other(work, run, fault, args, reply):
    set_fault(work.dir, fault, run=run, segment=1, stage="fit", **args)
    results = work.results(work.ended(work.fit(run)))
    assert results == {0: {"segment": 0, "rc": 0, "said": "usage", "error": ""}, 1: {"segment": 1, **reply}}
    assert struck(work.dir, fault) == 1


def _program(pid: int) -> bytes:
    """What a process runs, empty when it has ended."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]
    return b""


def test_a_program_that_hangs_is_seen_in_the_records(work):
    set_fault(work.dir, "function-hang", run=115, segment=1)
    run = work.fit(115)

    def hanging() -> dict | None:
        """Where the fit of segment 1 works, once its shell has become the program that hangs."""
        of_segment = [w for w in records(work.dir).working if (w["run"], w["segment"]) == (115, 1)]
        return next((w for w in of_segment if b"sleep" in {_program(pid) for pid in w["processes"]}), None)

    assert until(hanging)["function"] == "fit"
    work.remote.flows.cancel(run.id)


def test_a_root_file_is_spoilt_where_it_is_named_and_the_program_says_0(work):
    set_fault(work.dir, "root-spoilt", run=116, segment=1)
    assert work.ended(work.fit(116)).status == "SUCCEEDED"
    results = work.results(work.ended(work.convert(116)))
    assert results[1] == {"segment": 1, "rc": 0, "bytes": 77_824}
    assert results[0]["rc"] == 0
    assert results[0]["bytes"] < 77_824
