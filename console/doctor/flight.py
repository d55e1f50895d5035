"""One preflight: where its files are, what is known of it on disk, and how nothing of it stays.

It has directories of its own beside the results and at the site, a run number that no experiment reaches, and a label
and a tag that no driver takes for a run's (`console.actions.reconcile`). What it is at is written down beside the
ledger first, so that one that was killed is ended and cleaned up by the next.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

from console.doctor.subject import Subject
from console.settings.paths import STATE_BYTES
from console.settings.private import FILE_MODE, make_directory
from console.settings.profiles import write_file
from flowspec import flowlog
from flowspec.flowlog import Visits
from flowspec.inputs import Places
from remote import plainfile
from remote.globus.flows import FlowRun

RUN, SEGMENT = 9_999_999, 0
ACTIVE = ("ACTIVE", "INACTIVE")
ENDED = ("success", "failed")  # of compute tasks
GROUP = "tg_"  # what the id of an action of Compute begins with; the rest is that of its task group
LISTED_SECONDS = 10.0  # in which a flow run that was asked for is listed, if it was started
END_SECONDS = 300.0  # for a flow run that is cancelled to end, and for Transfer to delete
JOB_SECONDS = 60.0  # for jobs that are told to end
LOOK_SECONDS = 1.0


class Unsettled(Exception):
    """Something of a preflight may be there still; the text says what."""


@dataclass(frozen=True)
class Flight:
    """`asked_at`: when its flow run was asked for, in seconds since the epoch (0: it was not)."""

    id: str
    flow: str
    asked_at: float = 0.0
    flow_run: str = ""

    @property
    def tag(self) -> str:
        return f"frib-preflight-{self.id}"

    def label(self, subject: Subject) -> str:
        return f"{subject.settings.experiment} preflight {self.id}"

    def directory(self, subject: Subject) -> Path:
        """For its segment and its result, on the disk of the results."""
        return subject.settings.dtn.results / f".preflight-{self.id}"

    def places(self, subject: Subject) -> Places:
        """Raises SettingsError when a function is not registered."""
        settings = subject.settings
        here = settings.dtn.collection_path(self.directory(subject))
        return replace(settings.places(), runs=here, results=here, top=f"{settings.site.top}/preflight-{self.id}")


def new(flow: str) -> Flight:
    return Flight(secrets.token_hex(8), flow)


def _file(subject: Subject) -> Path:
    return subject.settings.ledger.with_name("preflight.json")


def keep(subject: Subject, flight: Flight) -> None:
    write_file(_file(subject), json.dumps(asdict(flight)) + "\n", FILE_MODE)


def left(subject: Subject) -> Flight | None:
    """The one before, which was not settled."""
    try:
        return Flight(**json.loads(plainfile.read(_file(subject), STATE_BYTES)))
    except FileNotFoundError:
        return None


@contextmanager
def alone(subject: Subject) -> Iterator[None]:
    """Raises BlockingIOError when another preflight of this ledger is under way."""
    make_directory(subject.settings.ledger.parent)
    directory = os.open(subject.settings.ledger.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(directory)


def settle(subject: Subject, flight: Flight) -> None:
    """End its flow run if that goes on, and remove all of it.

    A job that Slurm has not begun by now finds nothing to do when it is, and leaves its log at the site.
    Raises Unsettled, RemoteError, OSError; SettingsError as `Flight.places`.
    """
    places = flight.places(subject)
    _end(subject, flight, places)
    _delete(subject, flight, places)
    if flight.directory(subject).exists():
        shutil.rmtree(flight.directory(subject))
    _file(subject).unlink()


def tasks(subject: Subject, visits: Visits) -> list[str]:
    """The compute tasks of these stages."""
    groups = [visit.action for visit in visits.values() if visit.action and visit.action.startswith(GROUP)]
    return [task for group in groups for task in subject.there.compute.task_group(group.removeprefix(GROUP))]


def _end(subject: Subject, flight: Flight, places: Places) -> None:
    """Cancel its flow run and its transfers, tell its jobs to end, and wait for all of them."""
    there, label = subject.there, flight.label(subject)
    flow_run = flight.flow_run or _find(subject, flight)
    if not flow_run or there.flows.run(flow_run).status not in ACTIVE:
        return
    there.transfer.make_directories(places.site_collection, places.cancelled(RUN, flight.tag))
    there.flows.cancel(flow_run)
    if not _until(lambda: there.flows.run(flow_run).status not in ACTIVE, END_SECONDS):
        raise Unsettled(f"flow run {flow_run} was cancelled and has not ended")
    for task in there.transfer.under_way(label):
        there.transfer.cancel(task.id)
    if not _until(lambda: not there.transfer.under_way(label), END_SECONDS):
        raise Unsettled(f"a transfer task {label!r} was cancelled and has not ended")
    begun = tasks(subject, flowlog.follow({}, there.flows.log(flow_run)))
    _until(lambda: all(job.status in ENDED for job in there.compute.batch_status(begun).values()), JOB_SECONDS)


def _until(over: Callable[[], bool], seconds: float) -> bool:
    """Whether it was so within that time."""
    until = time.monotonic() + seconds
    while not (found := over()) and time.monotonic() < until:
        time.sleep(LOOK_SECONDS)
    return found


def _find(subject: Subject, flight: Flight) -> str:
    """The flow run of one that was asked for and whose id is not known; '' for none."""
    if not flight.asked_at:
        return ""
    since = datetime.fromtimestamp(flight.asked_at, timezone.utc).isoformat()
    found: list[FlowRun] = []

    def listed() -> bool:
        found[:] = subject.there.flows.find_by_tag(flight.flow, flight.tag, since)
        return bool(found)

    return found[0].id if _until(listed, LISTED_SECONDS) else ""


def _delete(subject: Subject, flight: Flight, places: Places) -> None:
    transfer = subject.there.transfer
    deadline = datetime.now(timezone.utc) + timedelta(seconds=END_SECONDS)
    task = transfer.delete(
        transfer.submission_id(), places.site_collection, places.top, label=flight.label(subject), deadline=deadline
    )
    ended = _until(lambda: transfer.task(task).status in ("SUCCEEDED", "FAILED"), END_SECONDS)
    if not ended or transfer.task(task).status == "FAILED":
        raise Unsettled(f"{places.top} at the site is not deleted (transfer task {task})")
