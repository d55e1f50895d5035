"""Checks of Globus: clock, collections, the flows and functions, the right to start. Nothing is started."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path

from console.actions.deployed import differing, wanted
from console.actions.registered import compare
from console.doctor.finding import Finding, bad, ok, warn
from console.doctor.subject import Subject
from console.settings.errors import SettingsError
from flowspec import catalogue, definition, inputs, names, text
from flowspec.plan import Plan
from remote.globus.errors import RemoteError
from remote.globus.transfer import Transfer

CLOCK_SECONDS = 30.0  # that clocks may differ before something is misread
DELETE_SECONDS = 600.0  # in which Transfer deletes an empty directory, or gives it up
TRIAL = Plan(1, (0,), (0,), (0,), (0,), True, 0)  # of an input document that is only validated


def of_error(check: str, error: RemoteError, what: str = "") -> Finding:
    """What a call to Globus could not do; `what` it was about, when the name of the check does not say."""
    next_step = "try it again later" if error.kind == "later" else error.next_step
    return bad(check, f"{what}: {error.cause}" if what else error.cause, next_step)


def clock(subject: Subject) -> Iterator[Finding]:
    before = subject.now()
    theirs = subject.ask(subject.there.transfer.time)
    after = subject.now()
    if theirs is None:
        yield warn("clock", "Transfer does not say what time it is", "compare the clock of this machine by hand")
    elif (off := max(before - theirs - 1, theirs - after, 0.0)) > CLOCK_SECONDS:
        which = "ahead of" if before > theirs else "behind"
        yield bad("clock", f"the clock of this machine is {text.span(off)} {which} Globus", "chronyc makestep, as root")
    else:
        yield ok("clock", "as that of Globus")


def collection_of_dtn(subject: Subject) -> Iterator[Finding]:
    """Both directories as the collection sees them; what it writes has to come to the directory of the results."""
    dtn = subject.settings.dtn
    paths = {"runs": dtn.collection_path(dtn.runs), "results": dtn.collection_path(dtn.results)}
    yield from _served(subject, "dtn", dtn.collection, paths, "dtn.strip_prefix", dtn.results)


def collection_of_site(subject: Subject) -> Iterator[Finding]:
    site = subject.settings.site
    yield from _served(subject, "site", site.collection, {"top": site.top}, "site.top")


def _served(
    subject: Subject, name: str, collection: str, paths: dict[str, str], key: str, here: Path | None = None
) -> Iterator[Finding]:
    """Each of the directories is listed; in the last one a directory is made, which is `here` as well, and deleted."""
    transfer = subject.there.transfer
    for what, path in paths.items():
        try:
            found = subject.ask(partial(transfer.ls, collection, path))
        except RemoteError as error:
            yield of_error(name, error, path)
            return
        if found is None:
            next_step = f"correct {key} or the id of the collection in the profile"
            yield bad(name, f"the collection has no {path} ({what})", next_step)
            return
    made = f".doctor-{secrets.token_hex(8)}"
    try:
        subject.ask(partial(transfer.mkdir, collection, f"{path}/{made}"))
    except RemoteError as error:
        yield of_error(name, error, f"nothing can be written into {path}")
        return
    comes_here = here is None or (here / made).is_dir()
    subject.ask(partial(_delete, transfer, collection, f"{path}/{made}", f"{subject.settings.experiment} doctor"))
    if comes_here:
        yield ok(name, f"the collection lists {' and '.join(paths.values())}, and writes into {path}")
    else:
        yield bad(name, f"what the collection writes into {path} does not come to {here}", f"correct {key}")


def _delete(transfer: Transfer, collection: str, path: str, label: str) -> None:
    deadline = datetime.now(timezone.utc) + timedelta(seconds=DELETE_SECONDS)
    transfer.delete(transfer.submission_id(), collection, path, label=label, deadline=deadline)


def flows(subject: Subject) -> Iterator[Finding]:
    """Both flows as this console would deploy them."""
    settings, wrong = subject.settings, False
    for name, ours in definition.FLOWS.items():
        flow = getattr(settings.flows, name)
        if flow is None:
            yield bad("flows", f"the flow {name} is not deployed", "console flows deploy")
            return
        deployed = subject.ask(partial(subject.there.flows.get_flow, flow))
        found = differing(wanted(ours(), settings.run_managers, settings.run_monitors), deployed)
        if found:
            wrong = True
            yield bad("flows", f"{name} is deployed otherwise than here, at {found[0].path}", "console flows deploy")
    if not wrong:
        yield ok("flows", "deployed as they are here")


def start(subject: Subject) -> Iterator[Finding]:
    """Would Flows take a run, with the consents that this login has? It is asked, and starts none."""
    settings, flow = subject.settings, subject.settings.flows.analysis
    try:
        places = settings.places()
    except SettingsError:
        return  # a function is not registered: told by the check of these
    if flow is None:
        return
    label = f"{settings.experiment} doctor"
    body = inputs.input_document(TRIAL, places, names.run_directory(TRIAL.run), label, "frib-doctor")
    subject.ask(partial(subject.there.flows.validate_run, flow, body))
    yield ok("start", "Flows would start a run of the analysis")


def functions(subject: Subject) -> Iterator[Finding]:
    found = compare(subject.settings, subject.there.compute, subject.ask)
    wrong = [each for each in found if each.problem.code]
    for each in wrong:
        yield bad("functions", f"{each.name}: {catalogue.sentence(each.problem)}", "then console functions check")
    if not wrong:
        yield ok("functions", f"all {len(found)} are registered as they are here")
