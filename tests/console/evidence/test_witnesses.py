"""What tasks and the flow log say becomes evidence: a code and parameters, and the sentence made of them."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from console.evidence.witnesses import in_trouble, of_compute, of_log, of_transfer
from flowspec.causes import Kind, kind_of
from flowspec.flowlog import Visit
from flowspec.plan import plan_all
from flowspec.progress import Says
from flowspec.stages import Stage
from remote.globus.compute import TaskStatus
from remote.globus.transfer import TransferTask

ATTEMPT = SimpleNamespace(plan=plan_all(7, [0, 1]))
TASK = TransferTask("t", "ACTIVE", "", 4, 1, 1, 10, 2.52e6, 0, "OK", "", None, "", None, None)


@pytest.mark.parametrize(
    ("task", "says", "code", "parameters", "sentence"),
    [
        ({}, Says.RUNNING, "transfer.running", {"done": 2, "total": 4, "rate": 2.5e6}, "2/4 files, 2.5 MB/s"),
        ({"status": "SUCCEEDED"}, Says.DONE, "transfer.done", {"done": 2, "total": 4}, "transferred 2/4 files"),
        (
            {"nice_status": "Queued"},
            Says.PENDING,
            "transfer.queued",
            {},
            "queued at Globus: only three transfers run at a time",
        ),
        (
            {"nice_status": "FILE_NOT_FOUND", "nice_status_details": "no\n x"},
            Says.RUNNING,
            "transfer.fault",
            {"done": 2, "total": 4, "fault": "FILE_NOT_FOUND", "words": "no x"},
            "FILE_NOT_FOUND: goes on when the file is there, c gives it up; no x; 2/4 files",
        ),
        (
            {"nice_status": "SOMETHING_NEW"},
            Says.RUNNING,
            "transfer.fault",
            {"done": 2, "total": 4, "fault": "SOMETHING_NEW", "words": ""},
            "SOMETHING_NEW: look at the task in the Globus web app, c gives it up; 2/4 files",
        ),
        (
            {"nice_status": "PAUSED", "nice_status_details": "until Monday"},
            Says.RUNNING,
            "transfer.fault-site",
            {"done": 2, "total": 4, "fault": "PAUSED", "words": "until Monday"},
            "PAUSED: goes on when the collection's administrator ends the pause, c gives it up; "
            "until Monday; 2/4 files",
        ),
        (
            {"nice_status": "CONNECT_FAILED"},
            Says.RUNNING,
            "transfer.again",
            {"done": 2, "total": 4, "fault": "CONNECT_FAILED", "words": ""},
            "CONNECT_FAILED: Globus tries again by itself, c gives it up; 2/4 files",
        ),
        (
            {"status": "INACTIVE"},
            Says.PENDING,
            "transfer.inactive",
            {"words": ""},
            "Globus has stopped the transfer: credentials are missing; console login mends it, c gives it up",
        ),
        (
            {"status": "INACTIVE", "nice_status": "NO_CREDENTIALS", "nice_status_details": "of anna"},
            Says.PENDING,
            "transfer.inactive",
            {"words": "of anna", "fault": "NO_CREDENTIALS"},
            "Globus has stopped the transfer: NO_CREDENTIALS; of anna; goes on when somebody has logged in again "
            "with console login, c gives it up",
        ),
        (
            {"status": "FAILED", "fatal_error": "NO_SPACE_LEFT: no space left"},
            Says.FAILED,
            "failed.space",
            {"words": "NO_SPACE_LEFT: no space left", "fault": "NO_SPACE_LEFT"},
            "NO_SPACE_LEFT: no space left (goes well when there is room at the destination)",
        ),
        (
            {"status": "FAILED", "fatal_error": "EXPIRED: too late", "nice_status": "PERMISSION_DENIED"},
            Says.FAILED,
            "failed.permission",
            {"words": "EXPIRED: too late", "fault": "PERMISSION_DENIED"},
            "EXPIRED: too late (goes well when its rights allow it)",
        ),
    ],
)
def test_a_transfer_task(task, says, code, parameters, sentence):
    found = of_transfer(ATTEMPT, Stage.TRANSFER, replace(TASK, **task), 5.0)
    assert [(item.segment, item.says, item.at) for item in found] == [(0, says, 5.0), (1, says, 5.0)]
    in_trouble = "fault" in parameters and says is Says.RUNNING  # of that it is known when it began
    assert found[0].reason.code == code
    assert found[0].reason.parameters == parameters | ({"bytes": 10, "since": 5.0} if in_trouble else {})
    assert found[0].words.removesuffix("; since 00:00") == sentence


@pytest.mark.parametrize(
    ("name", "for_a_person"),
    [("CONNECT_FAILED", "transfer.stalled"), ("TIMEOUT", "transfer.stalled"), ("FILE_NOT_FOUND", "transfer.fault")],
)
def test_what_globus_tries_again_is_left_to_it_as_long_as_something_moves(name, for_a_person):
    said: list = []

    def look(at, moved, status=name):
        task = replace(TASK, nice_status=status, bytes_transferred=moved)
        said[:] = of_transfer(ATTEMPT, Stage.TRANSFER, task, at, "", said, 300.0)
        return said[0].reason.code

    first = look(0.0, 10)
    assert first == ("transfer.again" if for_a_person == "transfer.stalled" else for_a_person)
    assert look(299.0, 10) == first
    assert look(300.0, 10) == for_a_person
    assert "since 00:00" in said[0].words
    assert look(301.0, 11) == first, "it moves again"
    assert look(600.0, 11) == first
    assert look(601.0, 11) == for_a_person
    assert look(602.0, 11, "OK") == "transfer.running"
    assert look(603.0, 11) == first, "another trouble, from its own begin"


@pytest.mark.parametrize(
    "error", ['{"error": "No such file or directory: /runs/run7/x.evt"}', "Error\nFile: /runs/run7/x.evt"]
)
@pytest.mark.parametrize(
    "task",
    [
        {"nice_status": "FILE_NOT_FOUND"},
        {"nice_status": "SOMETHING_NEW", "nice_status_details": "no"},
        {"status": "INACTIVE"},
        {"status": "FAILED", "fatal_error": "PERMISSION_DENIED: no"},
        {"status": "FAILED", "fatal_error": None},
    ],
)
def test_the_path_that_a_transfer_task_fails_at_is_named(task, error):
    found = of_transfer(ATTEMPT, Stage.TRANSFER, replace(TASK, **task), 5.0, error)
    assert "/runs/run7/x.evt" in found[0].words


@pytest.mark.parametrize("status", ["", "OK", "Queued"])
def test_a_transfer_task_that_goes_well_is_in_no_trouble(status):
    assert not in_trouble(replace(TASK, nice_status=status))
    assert in_trouble(replace(TASK, status="FAILED", nice_status=status))
    assert in_trouble(replace(TASK, nice_status="PAUSED"))


def test_the_flow_log():
    visit = Visit(Says.FAILED, "", cause="ActionTimeout: the action took longer than 172800 seconds")
    (failed, _) = of_log(ATTEMPT, Stage.FIT, visit, 5.0)
    assert (failed.reason.code, failed.words) == ("failed.timeout", visit.cause)
    assert kind_of(failed.reason.code) is Kind.PASSES
    assert of_log(ATTEMPT, Stage.FIT, replace(visit, cause=""), 5.0)[0].words == "failed without a cause"
    assert of_log(ATTEMPT, Stage.FIT, replace(visit, says=Says.RUNNING), 5.0)[0].words == "fit is under way"
    assert of_log(ATTEMPT, Stage.FIT, replace(visit, says=Says.DONE), 5.0)[0].words == "Globus has seen it end"


def fitted(status: str, value: object = None, exception: str = "") -> tuple[Says, str, str]:
    """What is said of the only task of a batch."""
    task = replace(TaskStatus("a", status), value=value, exception=exception)
    (found,) = of_compute(ATTEMPT, Stage.FIT, ["a"], {"a": task}, 5.0)
    return found.says, found.reason.code, found.words


def test_what_a_job_used_is_kept_and_not_said():
    reply = {"rc": 0, "seconds": 1.5, "peak": 7 << 30, "cpu": 1.25, "scratch": True}
    (found,) = of_compute(ATTEMPT, Stage.FIT, ["a"], {"a": replace(TaskStatus("a", "success"), value=reply)}, 5.0)
    assert found.reason.parameters == {"stage": "fit", "seconds": 1.5, "peak": 7 << 30, "cpu": 1.25}
    assert found.words == "fit took 1.5 s"


def test_a_compute_task():
    lost = "Traceback:\n  x\nparsl.executors.high_throughput.errors.WorkerLost: loss of worker 17\n"
    abort = {"segment": 0, "rc": 134, "code": "failed.abort", "parameters": {"rc": 134}, "cause": "return code 134: x"}
    assert fitted("pending") == (Says.PENDING, "task.pending", "waits for a worker")
    assert fitted("running") == (Says.RUNNING, "task.running", "running")
    assert fitted("success", {"rc": 0, "seconds": 1.5}) == (Says.DONE, "task.done", "fit took 1.5 s")
    counted = {"rc": 0, "seconds": 1.5, "hits": [3_600_000, 3_600_000], "events": [900_000, 900_000]}
    assert fitted("success", counted)[1] == "task.done"
    lossy = {**counted, "hits": [3_600_000, 3_599_988]}
    assert fitted("success", lossy) == (Says.DONE, "task.lossy", "12 of 3,600,000 hits lost")
    dropped = {**counted, "hits": [3_600_000, 3_599_988], "events": [900_000, 899_997]}
    assert fitted("success", dropped)[2] == "12 of 3,600,000 hits lost, 3 whole events among them"
    assert fitted("success", {**counted, "events": [900_000, 899_999]})[2] == "1 event without hits lost"
    assert fitted("success", {**counted, "cut": 120})[2] == "its last item is cut: 120 bytes left out"
    assert fitted("success", {**lossy, "cut": 120})[2].endswith("hits lost; its last item is cut: 120 bytes left out")
    for broken in ([1], [2, "1"], "21", None, [2, 1, 0]):  # of a kit that counts otherwise: nothing is said of losses
        assert fitted("success", {**counted, "hits": broken})[1] == "task.done"
    assert fitted("success", abort) == (Says.FAILED, "failed.abort", "return code 134: x")
    assert fitted("success", "?") == (Says.FAILED, "failed.unknown", "replied without a return code")
    assert fitted("failed", exception=lost) == (Says.FAILED, "failed.worker", "WorkerLost: loss of worker 17")


@pytest.mark.parametrize(
    "reply", [{"rc": 143, "cause": "fit of run 7 segment 00: cancelled"}, {"rc": 143, "code": "failed.cancelled"}]
)
def test_a_job_that_saw_the_cancel_marker_has_not_failed(reply):
    assert fitted("success", reply) == (Says.PENDING, "task.cancelled", "cancelled")
