"""Faults by name in the work itself: compute calls, transfer tasks, Flows; through the console's own clients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from remote.globus.connection import Remote, connect
from remote.globus.flows import FlowRun
from remote.sandbox.tools.eventeditor import edit
from tests.editor_fixture import contents
from tests.sandbox_fixture import RunningSandbox, start_sandbox
from tests.sandbox_records import clear_faults, records, set_fault, struck
from tests.synthetic_run import ordinary_events, segment
from tests.waiting import until

COMPUTE = "https://compute.actions.globus.org/v3"
TRANSFER = "https://transfer.actions.globus.org/transfer"


def fit(run: int, segment: int) -> dict[str, Any]:
    """In the place of the real one, which does the same with more around it: starts the program."""
    import subprocess

    done = subprocess.run(["EventEditor", "--help"], capture_output=True, text=True)
    return {"segment": segment, "rc": done.returncode, "said": done.stdout[:5], "error": done.stderr}


def convert(run: int, segment: int) -> dict[str, Any]:
    """The same, with a file of nothing."""
    import subprocess
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as directory:
        source, sink = Path(directory, "in.evt"), Path(directory, "out.root")
        source.touch()
        done = subprocess.run(["eeconverter", "-s", f"file://{source}", "-f", str(sink)], capture_output=True)
        return {"segment": segment, "rc": done.returncode, "bytes": sink.stat().st_size}


class Work:
    """Flow runs of one action: calls of `fit` or `convert` for the segments 0 and 1 of a run, or a transfer of both."""

    def __init__(self, running: RunningSandbox, remote: Remote) -> None:
        self.running, self.remote, self.dir = running, remote, running.dir
        self.endpoint = running.info["endpoints"]["frib-fit-mpi"]
        self._fit, self._convert = (
            self._deploy(COMPUTE, {"endpoint_id": self.endpoint, "tasks.=": self._tasks(function, name)})
            for function, name in ((fit, "fit"), (convert, "convert"))
        )
        path = f"'{running.site_root}/rawdata/run' + str(run) + '/run-' + str(run) + '-0' + str(s) + '.evt'"
        name = "'/runs/run-' + str(run) + '-0' + str(s) + '.evt'"
        items = f"[{{'source_path': {name}, 'destination_path': {path}}} for s in [0, 1]]"
        collections = {"source_endpoint": running.dtn, "destination_endpoint": running.site}
        self._transfer = self._deploy(TRANSFER, {**collections, "sync_level": 3, "DATA.=": items})

    def _tasks(self, function: Callable[..., Any], name: str) -> str:
        identity = self.remote.compute.register_function(function, name)
        return f"[{{'function_id': '{identity}', 'kwargs': {{'run': run, 'segment': s}}}} for s in [0, 1]]"

    def _deploy(self, url: str, parameters: dict[str, Any]) -> str:
        state = {"Type": "Action", "ActionUrl": url, "Parameters": parameters, "ResultPath": "$.Result",
                 "WaitTime": 600, "ExceptionOnActionFailure": True, "End": True}  # fmt: skip
        return self.remote.flows.deploy("work", {"StartAt": "Do", "States": {"Do": state}}, {})

    def fit(self, run: int) -> FlowRun:
        return self.remote.flows.start(self._fit, {"run": run}, f"run {run}", [f"run {run}"])

    def convert(self, run: int) -> FlowRun:
        return self.remote.flows.start(self._convert, {"run": run}, f"run {run}", [f"run {run}"])

    def transfer(self, run: int, data: bytes = bytes(range(1, 201))) -> FlowRun:
        for number in (0, 1):
            self.raw(run, number).write_bytes(data)
        return self.remote.flows.start(self._transfer, {"run": run}, f"run {run}", [f"run {run}"])

    def raw(self, run: int, segment: int) -> Path:
        return self.dir / "dtn" / "runs" / f"run-{run}-0{segment}.evt"

    def arrived(self, run: int, segment: int) -> Path:
        return self.running.site_root / "rawdata" / f"run{run}" / f"run-{run}-0{segment}.evt"

    def ended(self, run: FlowRun) -> FlowRun:
        return until(lambda: now if (now := self.now(run)).status in ("SUCCEEDED", "FAILED") else None, every=0.05)

    def now(self, run: FlowRun) -> FlowRun:
        return self.remote.flows.run(run.id)

    def results(self, run: FlowRun) -> dict[int, dict[str, Any]]:
        """What the calls of an ended flow run replied, by segment."""
        (output,) = [e.details["output"] for e in self.remote.flows.log(run.id) if e.code == "ActionCompleted"]
        return {result["segment"]: result for result in output["details"]["result"]}

    def calls(self, run: int) -> dict[int, dict[str, Any]]:
        return {call["segment"]: call for call in records(self.dir).calls if call["run"] == run}


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Work]:
    token = tmp_path_factory.mktemp("login") / "token"
    token.touch(0o600)
    with start_sandbox(tmp_path_factory.mktemp("sandbox"), "--speed", "20") as running:
        token.write_text(running.token)
        yield Work(running, connect(token_file=token, service_url=running.url))


@pytest.fixture(autouse=True)
def no_faults(work: Work) -> Iterator[None]:
    yield
    clear_faults(work.dir)


# ---- compute


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
    assert "WorkerLost" in lost.exception
    assert work.ended(work.fit(103)).status == "SUCCEEDED"


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


# ---- transfer


def _newest_task(work: Work, run: int) -> str:
    """The id of the transfer task for a run, once it is there."""
    return str(until(lambda: [t["task"] for t in records(work.dir).transfers if t["run"] == run])[-1])


@pytest.mark.parametrize(
    ("run", "fault", "nice_status"),
    [
        (201, "transfer-stuck", "CONNECT_FAILED"),
        (202, "missing-path", "FILE_NOT_FOUND"),
        (203, "quota-full", "QUOTA_EXCEEDED"),
        (204, "transfer-queued", "Queued"),
    ],
)
def test_a_transfer_task_waits_until_the_fault_is_cleared(work, run, fault, nice_status):
    set_fault(work.dir, fault, run=run)
    flow_run = work.transfer(run)
    task = _newest_task(work, run)
    until(lambda: (now := work.remote.transfer.task(task)).nice_status == nice_status and now.faults in (0, 4))
    assert (work.remote.transfer.task(task).status, work.now(flow_run).status) == ("ACTIVE", "ACTIVE")
    assert not work.arrived(run, 0).exists()
    clear_faults(work.dir)
    assert work.ended(flow_run).status == "SUCCEEDED"
    assert len(records(work.dir).copied(f"run-{run}-")) == 2
    assert work.arrived(run, 1).read_bytes() == work.raw(run, 1).read_bytes()


def test_a_transfer_task_fails(work):
    set_fault(work.dir, "transfer-failed", run=205, stage="transfer")
    assert work.ended(work.transfer(205)).status == "FAILED"
    task = work.remote.transfer.task(_newest_task(work, 205))
    assert (task.status, task.fatal_error) == ("FAILED", "ENDPOINT_ERROR: a fatal error of the endpoint")
    assert work.ended(work.transfer(205)).status == "SUCCEEDED"


@pytest.mark.parametrize(("run", "where"), [(206, "site"), (207, "dtn")])
def test_a_corrupt_segment_keeps_its_size_and_its_time(work, run, where):
    set_fault(work.dir, "corrupt-segment", run=run, segment=1, where=where)
    assert work.ended(work.transfer(run)).status == "SUCCEEDED"
    whole, half = bytes(range(1, 201)), bytes(range(1, 101)) + bytes(100)
    assert work.arrived(run, 0).read_bytes() == work.raw(run, 0).read_bytes() == whole
    assert work.arrived(run, 1).read_bytes() == half
    assert work.raw(run, 1).read_bytes() == (whole if where == "site" else half)


@pytest.mark.parametrize(
    ("run", "fault", "args", "events", "hits"),
    [
        (208, "hits-lost", {"hits": 3}, 5, 7),
        (209, "hits-lost", {"hits": 100, "where": "dtn"}, 5, 0),
        (210, "events-lost", {}, 4, 8),
        (211, "events-lost", {"events": 2, "where": "dtn"}, 3, 6),
    ],
)
def test_of_a_damaged_segment_as_many_hits_and_events_are_lost_as_was_asked_for(work, run, fault, args, events, hits):
    whole = segment(ordinary_events(5), run)  # of two hits each
    set_fault(work.dir, fault, run=run, segment=1, **args)
    assert work.ended(work.transfer(run, whole)).status == "SUCCEEDED"
    assert work.arrived(run, 0).read_bytes() == work.raw(run, 0).read_bytes() == whole
    assert (work.raw(run, 1).read_bytes() == whole) == ("where" not in args)
    damaged = work.arrived(run, 1).read_bytes()
    assert contents(damaged) == contents(whole) == (5, 10)
    assert contents(b"".join(edit(damaged, {}, 2000))) == (events, hits)


# ---- Flows


@pytest.mark.parametrize(("run", "stage"), [(301, "fit"), (302, "transfer")])
def test_a_flow_run_without_a_consent_is_inactive_until_it_is_given_and_resumed(work, run, stage):
    set_fault(work.dir, "consent-missing", run=run, stage=stage)
    start = {"fit": work.fit, "transfer": work.transfer}[stage]
    flow_run = start(run)
    inactive = until(lambda: now if (now := work.now(flow_run)).status == "INACTIVE" else None)
    assert inactive.details["code"] == "ConsentRequired"
    work.remote.flows.resume(flow_run.id)
    until(lambda: work.now(flow_run).status == "INACTIVE")
    assert work.calls(run) == {}
    clear_faults(work.dir)
    work.remote.flows.resume(flow_run.id)
    assert work.ended(flow_run).status == "SUCCEEDED"
    assert work.ended(start(run + 10)).status == "SUCCEEDED"


def test_flows_is_late_and_a_resume_makes_it_look(work):
    set_fault(work.dir, "flows-late", seconds=60)
    flow_run = work.fit(303)
    until(lambda: {call["ended"] is not None for call in work.calls(303).values()} == {True})
    polls = len([e for e in work.remote.flows.log(flow_run.id) if e.code == "ActionPolled"])
    assert (work.now(flow_run).status, polls <= 1) == ("ACTIVE", True)
    work.remote.flows.resume(flow_run.id)
    assert work.ended(flow_run).status == "SUCCEEDED"
