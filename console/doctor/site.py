"""Checks of the compute site: are its endpoints there, do workers execute tasks, and how is it where these run?"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from console.connect import COMPUTE_STAGES
from console.doctor.finding import Finding, bad, ok, warn
from console.doctor.subject import Subject
from flowspec import catalogue, sitestatus, text
from flowspec.causes import of_reply
from flowspec.conditions import Reason, Severity
from remote.site import shipped

# Seconds between looks; the last one again and again: the driver asks Compute as well.
PAUSES = (0.5, 1.0, 2.0, 4.0)
WORKER_SECONDS = 120.0  # for which a worker is waited for: Slurm may have to find a node first
CHECKS = {"site.kit": "kit", "site.kit-outdated": "kit", "site.fitconf": "fit.conf", "site.fitconf-wrong": "fit.conf",
          "site.quota": "quota", "site.queue": "slurm"}  # fmt: skip
_LOG = "see the log of the endpoint at the site (console site doctor there)"
_KIT = f"is the kit of this console there? else {_LOG}"
Reply = Mapping[str, Any]


def endpoints(subject: Subject) -> Iterator[Finding]:
    """Each is asked whether it is online; the one of fit has to say how the site is, the others to execute a canary."""
    compute, settings = subject.there.compute, subject.settings
    stages: dict[str, list[str]] = {}
    for stage in COMPUTE_STAGES:
        stages.setdefault(getattr(settings.compute, stage.value).endpoint, []).append(stage.value)
    sent: dict[str, tuple[str, str]] = {}  # task -> function, and whose
    for endpoint, names in stages.items():
        status = subject.ask(partial(compute.endpoint_status, endpoint))
        what = f"the endpoint of {', '.join(names)}"
        function = "site_status" if endpoint == settings.compute.fit.endpoint else "canary"
        known = getattr(settings.compute, function).function
        if not status.online:
            yield bad("endpoints", f"{what} is {status.status} ({endpoint})", "start it at the site")
        elif known is None:
            yield ok("endpoints", f"{what} is online")
        else:
            (task,) = subject.ask(partial(compute.submit, endpoint, known, [{"kit": settings.site.kit}]))
            sent[task] = function, what
    replies = _replies(subject, list(sent))
    for task, (function, what) in sent.items():
        yield from _of_reply(function, what, replies.get(task))


def _replies(subject: Subject, tasks: list[str]) -> dict[str, Reply]:
    """What the tasks returned that have ended in time; one that failed is a reply with its cause."""
    found: dict[str, Reply] = {}
    until = time.monotonic() + WORKER_SECONDS
    for pause in itertools.chain(PAUSES, itertools.repeat(PAUSES[-1])):
        waiting = [task for task in tasks if task not in found]
        if not waiting or time.monotonic() > until or subject.ended.wait(pause):
            break
        for task, status in subject.ask(partial(subject.there.compute.batch_status, waiting)).items():
            if status.status in ("success", "failed"):
                found[task] = status.value if isinstance(status.value, dict) else {"rc": 1, "cause": status.exception}
    return found


def _of_reply(function: str, what: str, reply: Reply | None) -> Iterator[Finding]:
    if reply is None:
        said = f"{what} is online, and no worker has executed {function} in {text.span(WORKER_SECONDS)}"
        yield warn("endpoints", said, f"console site status waits longer; a long queue at Slurm? else {_LOG}")
    elif reply.get("rc") != 0:
        why = of_reply(reply, "its reply cannot be read")
        mend = "add it to allowed_functions there" if why.code == "failed.not-allowed" else _KIT
        yield bad("endpoints", f"{function} on {what}: {text.clean(str(why.parameters['words']), 300)}", mend)
    elif function == "canary":
        yield ok("endpoints", f"{what} executes tasks, on {reply.get('host')}")
    elif problem := sitestatus.problem(reply):
        yield bad("site", f"what {function} says cannot be read ({problem})", "is its kit a newer one?")
    else:
        yield ok("endpoints", f"{what} executes tasks, on {reply['host']}")
        yield from map(_of_site, sitestatus.reasons(reply, shipped.files()))


def _of_site(why: Reason) -> Finding:
    check, said, next_step = CHECKS.get(why.code, "site"), catalogue.sentence(why), "then console site status"
    severity = catalogue.entry(why.code).severity
    if severity is Severity.NORMAL:
        return ok(check, said)
    # What only Slurm or a quota command would tell keeps nobody from starting.
    wrong = severity is Severity.STUCK or why.code == "site.kit-outdated"
    return (bad if wrong else warn)(check, said, next_step)
