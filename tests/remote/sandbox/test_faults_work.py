"""Faults by name in the work itself: transfer tasks, Flows; through the console's own clients."""

from __future__ import annotations

import pytest

from remote.sandbox.tools.eventeditor import edit
from tests.editor_fixture import contents
from tests.sandbox_records import clear_faults, records, set_fault
from tests.synthetic_run import ordinary_events, segment
from tests.waiting import until
from tests.work_fixture import Work, no_faults, work

__all__ = ["no_faults", "work"]


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
