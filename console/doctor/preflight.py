"""One real segment through the whole pipeline, before a shift: each stage as it passes. Then nothing of it is left."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from console.disk import resultfile
from console.doctor import flight as flights
from console.doctor.finding import Finding, bad, is_go, ok
from console.doctor.flight import ACTIVE, RUN, SEGMENT, Flight, Unsettled
from console.doctor.subject import Subject
from console.doctor.there import of_error
from console.ledger import runs
from console.settings.errors import SettingsError
from flowspec import catalogue, flowlog, inputs, names, text
from flowspec.causes import of_reply
from flowspec.flowlog import Visit
from flowspec.plan import Plan
from flowspec.progress import Says
from flowspec.stages import STAGES, Stage
from flowspec.states import RunState
from remote.globus.errors import RemoteError, missing_consent

LONGEST = 2 * 3600.0  # seconds, in which Slurm has to give the nodes
LOOK_SECONDS = 2.0
PLAN = Plan(RUN, (SEGMENT,), (SEGMENT,), (SEGMENT,), (SEGMENT,), True, 0)
WHOLE = (RunState.READY, RunState.QUEUED, RunState.RUNNING, RunState.DONE)  # those of the others may be spoilt
NO_SEGMENT = "no whole run is known whose segment could be sent"
_AGAIN = "console preflight cleans up first when it is started again"


def smallest_segment(subject: Subject) -> Path | None:
    """Of the runs that are whole, as the ledger knows them."""
    known = subject.read(lambda ledger: runs.runs(ledger, *WHOLE)) or []
    sizes = {(size, run.run, segment): run for run in known for segment, size in run.sizes.items() if size}
    if not sizes:
        return None
    least = min(sizes)
    return Path(sizes[least].path, names.segment_file(*least[1:]))


def preflight(subject: Subject, segment: Path) -> Iterator[Finding]:
    """What happens, as it happens; it is GO when nothing of it is bad."""
    try:
        with flights.alone(subject):
            yield from _alone(subject, segment)
    except BlockingIOError:
        yield bad("preflight", "another one of this ledger is under way", "wait for its end")


def _alone(subject: Subject, segment: Path) -> Iterator[Finding]:
    flow = subject.settings.flows.analysis
    if flow is None:
        yield bad("flows", "the flow analysis is not deployed", "console flows deploy")
        return
    try:
        if before := flights.left(subject):
            flights.settle(subject, before)
            yield ok("before", f"preflight {before.id}, which had not come to its end, is ended and cleaned up")
        flight = flights.new(flow)
        flight.places(subject)
        flights.keep(subject, flight)
    except (Unsettled, OSError, SettingsError) as error:
        yield bad("before", str(error), "mend that, then console preflight again")
        return
    except RemoteError as error:
        yield of_error("before", error)
        return
    interrupted = None
    try:
        yield from _fly(subject, flight, segment)
    except KeyboardInterrupt as error:
        interrupted = error
        yield bad("flow run", "was told to end", "console preflight begins another one")
    except RemoteError as error:
        yield of_error("flow run", error)
    except OSError as error:
        yield bad("segment", f"{error.filename}: {error.strerror}", "see to the disk, or give another segment")
    finally:  # also when somebody interrupts it
        cleaned = _settled(subject)
    yield cleaned
    if interrupted is not None:
        raise interrupted


def _settled(subject: Subject) -> Finding:
    flight = flights.left(subject)
    try:
        if flight is not None:
            subject.ask(partial(flights.settle, subject, flight))
    except RemoteError as error:
        return bad("clean-up", error.cause, _AGAIN)
    except (Unsettled, OSError, SettingsError) as error:
        return bad("clean-up", str(error), _AGAIN)
    return ok("clean-up", "nothing of it is left, at the site or here")


def _fly(subject: Subject, flight: Flight, segment: Path) -> Iterator[Finding]:
    settings = subject.settings
    directory, run_directory = flight.directory(subject), names.run_directory(RUN)
    for made in (directory, directory / run_directory):
        made.mkdir()
        made.chmod(settings.dtn.results.stat().st_mode)  # the collection may be served by another account
    shutil.copy(segment, directory / run_directory / names.segment_file(RUN, SEGMENT))
    yield ok("segment", f"{segment}, {text.size(segment.stat().st_size)}, is sent as run {RUN}")
    body = inputs.input_document(PLAN, flight.places(subject), run_directory, flight.label(subject), flight.tag)
    flight = replace(flight, asked_at=subject.now())
    flights.keep(subject, flight)
    started = subject.there.flows.start(
        flight.flow, body, flight.label(subject), [flight.tag, "FRIB"], settings.run_managers, settings.run_monitors
    )
    flights.keep(subject, replace(flight, flow_run=started.id))
    yield ok("flow run", started.id)
    passed = list[Finding]()
    for finding in _follow(subject, started.id):
        passed.append(finding)
        yield finding
    if not is_go(passed):
        return
    result = directory / names.sorted_file(RUN)
    found = resultfile.look(result)
    if found is None:
        yield bad("result", f"{result} is not there", "see where the collection of the DTN puts it: dtn.strip_prefix")
    elif found[1] is not None:
        yield bad("result", catalogue.sentence(found[1]), "see what made it: the log of analyze")
    else:
        yield ok("result", f"a whole ROOT file, {text.size(found[0].size)}")


def _follow(subject: Subject, flow_run: str) -> Iterator[Finding]:
    """The stages, each when it is over; then how the flow run has ended, unless that was well."""
    flows, until = subject.there.flows, time.monotonic() + LONGEST
    told: set[Stage] = set()
    while True:
        now = subject.ask(partial(flows.run, flow_run))
        log = subject.ask(partial(flows.log, flow_run))
        over = {stage: visit for stage, visit in flowlog.follow({}, log).items() if visit.ended and stage not in told}
        told.update(over)
        for stage, visit in over.items():
            yield _of_stage(stage, visit, subject.ask(partial(_reply, subject, stage, visit)))
        if now.status == "INACTIVE":
            asked = missing_consent(now.details) or "Globus has made the flow run inactive"
            yield bad("flow run", asked, "console login, then console preflight again")
            return
        if now.status not in ACTIVE:
            break
        if time.monotonic() > until:
            waiting = next((stage.value for stage in STAGES if stage not in told), "its end")
            yield bad("flow run", f"{waiting} is not over after {text.span(LONGEST)}", "console doctor")
            return
        if subject.ended.wait(LOOK_SECONDS):
            return
    if now.status != "SUCCEEDED":
        yield bad("flow run", text.clean(flowlog.outcome_cause(log) or now.status, 300), "console doctor")


def _reply(subject: Subject, stage: Stage, visit: Visit) -> object:
    """What the compute task of a stage has replied: for Globus a fit that failed is a success."""
    statuses = subject.there.compute.batch_status(flights.tasks(subject, {stage: visit})).values()
    return next((status.value or status.exception for status in statuses), None)


def _of_stage(stage: Stage, visit: Visit, reply: object) -> Finding:
    took = text.span(flowlog.seconds(visit.ended or visit.started) - flowlog.seconds(visit.started))
    if isinstance(reply, dict) and reply.get("rc") != 0:
        return bad(stage.value, f"after {took}: {catalogue.sentence(of_reply(reply))}", "console site status")
    if visit.says is not Says.DONE:
        return bad(stage.value, f"after {took}: {text.clean(visit.cause or str(reply), 300)}", "console doctor")
    return ok(stage.value, took)
