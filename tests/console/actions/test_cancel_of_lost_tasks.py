"""Cancelling what Compute says nothing new of: a lost task counts as gone where a marker keeps it from work."""

from __future__ import annotations

import pytest

from console.actions import cancel_steps
from console.ledger import cancel_lines
from flowspec.stages import Stage
from flowspec.states import RunState
from remote.globus.compute import TaskStatus
from remote.globus.errors import RemoteError
from remote.globus.transfer import RemoteFile
from tests.shift_fixture import Shift, iso

FORBIDDEN = RemoteError("operator", "transfer", "mkdir", "403: no right", "ask for the right")
MARKING = "transfer.make_directories"
LONG = 120  # s: after which a task that waits beside idle workers may be lost


@pytest.fixture
def shift(tmp_path):
    """The fits of segments 0 and 1 run, that of segment 2 waits, and workers are idle."""
    shift = Shift(tmp_path)
    shift.globus.begins(Stage.FIT, 3)
    shift.globus.tasks["fit-2"] = TaskStatus("fit-2", "pending")
    shift.globus.idle_workers = 1
    shift.rounds(2)
    return shift


def gone(shift):
    lines = cancel_lines.read(shift.ledger, shift.attempt.attempt)
    return {line.id for line in lines if line.gone and line.id in shift.globus.tasks}


def end_the_others(shift):
    shift.globus.replies(Stage.FIT, {"rc": 143, "cause": "cancelled"}, {"rc": 143, "cause": "cancelled"})


def test_a_lost_task_is_gone_as_soon_as_the_marker_keeps_it_from_starting(shift):
    shift.rounds(LONG)
    shift.globus.broken = {MARKING: FORBIDDEN}
    shift.ask("cancel")
    shift.rounds(LONG)
    assert gone(shift) == set(), "without the marker it may still begin, and nobody would see it"
    shift.globus.broken = {}
    shift.rounds(2)
    assert gone(shift) == {"fit-2"}, "of the others is known that they run"
    end_the_others(shift)
    shift.rounds(2)
    assert shift.run.state is RunState.CANCELLED


def test_a_lost_task_without_a_marker_keeps_the_cancel_open(shift):
    shift.rounds(LONG)
    shift.globus.broken = {MARKING: FORBIDDEN}
    shift.ask("cancel")
    end_the_others(shift)
    shift.rounds(LONG)
    assert gone(shift) == {"fit-0", "fit-1"}
    assert shift.run.state is RunState.CANCELLING
    assert "fit-2" in shift.run.why


def test_a_task_that_waits_its_turn_is_not_lost(shift):
    shift.globus.idle_workers = 0
    shift.rounds(LONG)
    shift.ask("cancel")
    end_the_others(shift)
    shift.rounds(LONG)
    assert gone(shift) == {"fit-0", "fit-1"}
    assert shift.run.state is RunState.CANCELLING
    shift.globus.idle_workers = 1  # and still it does not start
    shift.rounds(LONG)
    assert shift.run.state is RunState.CANCELLED


def test_a_task_that_was_given_back_to_the_queue_a_moment_ago_is_not_lost(shift):
    shift.rounds(LONG)
    shift.globus.tasks["fit-1"] = TaskStatus("fit-1", "pending")
    shift.ask("cancel")
    shift.rounds(10)
    assert gone(shift) == {"fit-2"}
    shift.rounds(LONG)
    assert gone(shift) == {"fit-1", "fit-2"}


# ---- a task that Compute calls running for ever: its user endpoint was killed, or its block is lost

BEFORE, AFTER = "2026-11-23 10:00:00+00:00", "2026-11-23 10:00:05+00:00"  # the marker is of the former


def mark_at_the_site(shift, **progress):
    """The marker, and the progress files of jobs, by segment: when each was written."""
    shift.globus.files[dict(shift.attempt.body["site"])["marker"]] = RemoteFile("dir", 0, BEFORE)
    for job, written in progress.items():
        name = f"{shift.attempt.body['site']['logs']}/{job.replace('_', '-')}.progress.json"
        shift.globus.files[name] = RemoteFile("file", 300, written)


def test_a_task_whose_end_is_never_told_is_gone_when_its_job_is_not_at_work(shift):
    mark_at_the_site(shift, fit_00=BEFORE)
    shift.ask("cancel")
    shift.rounds(cancel_steps.SILENT_SECONDS - 2)
    assert gone(shift) == set(), "it may be about to answer"
    shift.rounds(10)
    assert gone(shift) >= {"fit-0", "fit-1"}, "one was killed with its block, the other has ended and tidied up"


def test_a_job_that_goes_on_in_spite_of_the_marker_keeps_the_cancel_open(shift):
    mark_at_the_site(shift, fit_01=AFTER)
    shift.ask("cancel")
    shift.rounds(LONG)
    assert gone(shift) == {"fit-0", "fit-2"}
    assert shift.run.state is RunState.CANCELLING
    mark_at_the_site(shift, fit_01=BEFORE)
    shift.rounds(10)
    assert shift.run.state is RunState.CANCELLED


# ---- a task that Compute calls pending all the time, as today's engines do not tell that one was begun


def is_at_work(shift, job):
    """The mark that a job touches while it runs; its progress file is written anew after any marker."""
    logs = shift.attempt.body["site"]["logs"]
    shift.globus.files[f"{logs}/{job}.working-62-240"] = RemoteFile("file", 0, iso(shift.clock()))
    shift.globus.files[f"{logs}/{job}.progress.json"] = RemoteFile("file", 300, iso(shift.clock() + LONG))
    shift.globus.files[dict(shift.attempt.body["site"])["marker"]] = RemoteFile("dir", 0, iso(shift.clock()))


def ends_untold(shift, job):
    for name in [name for name in shift.globus.files if name.rpartition("/")[2].startswith(f"{job}.")]:
        del shift.globus.files[name]


def observed(shift, task):
    return {line.id: line.observed.code for line in cancel_lines.read(shift.ledger, shift.attempt.attempt)}[task]


def test_a_pending_task_is_not_said_to_be_never_begun_while_its_job_is_at_work(shift):
    shift.rounds(LONG)
    is_at_work(shift, "fit-02")  # begun a moment ago, and seen by no look before the cancel
    shift.ask("cancel")
    end_the_others(shift)
    shift.rounds(LONG)
    assert gone(shift) == {"fit-0", "fit-1"}
    assert shift.run.state is RunState.CANCELLING
    ends_untold(shift, "fit-02")
    shift.rounds(2)
    assert observed(shift, "fit-2") == "seen.not-at-work"
    assert shift.run.state is RunState.CANCELLED


def test_a_pending_task_whose_job_was_at_work_is_gone_when_the_site_shows_it_no_more(shift):
    """Its user endpoint was killed: Compute never tells its end."""
    is_at_work(shift, "fit-02")
    shift.rounds(LONG)
    shift.ask("cancel")
    ends_untold(shift, "fit-02")
    end_the_others(shift)
    shift.rounds(cancel_steps.SILENT_SECONDS + 2)
    assert observed(shift, "fit-2") == "seen.not-at-work"
    assert shift.run.state is RunState.CANCELLED
