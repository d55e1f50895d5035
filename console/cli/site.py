"""Commands about the compute site that ask its endpoints: how it is, a fit of chosen segments."""

from __future__ import annotations

import argparse
from typing import Any

from console.cli.asking import Failure, print_outcome, settings_of
from console.ledger import site as seen_of_site
from console.ledger.job_uses import job_uses
from console.ledger.store import Ledger
from console.settings.model import Settings
from flowspec import catalogue, sitestatus, text
from flowspec.catalogue import nested
from flowspec.causes import classify, of_reply
from flowspec.conditions import NO_REASON, Reason, Severity, reason
from flowspec.stages import Stage
from flowspec.usage import used
from remote.globus.compute import TaskStatus

LATELY = 100  # attempts, of whose jobs is told what they used
STATUS_SECONDS = 900.0  # until a node is there and everything has answered or hung
FIT_SECONDS = 7200.0
# What is told of a reply, and of which kind it must be.
TOLD: dict[str, tuple[type, ...]] = {
    "rc": (int,), "node": (str,), "seconds": (int, float), "bytes": (int,), "hits": (list,), "events": (list,),
}  # fmt: skip
TEST_FIT = "test-fit"  # the folder below site.top in which test fits lie, apart from those of the pipeline


def status(options: argparse.Namespace) -> int:
    from console.cli.compute_calls import call
    from remote.site import shipped

    settings = settings_of(options)
    (task,) = call(settings, Stage(options.stage), "site_status", [{"kit": settings.site.kit}], STATUS_SECONDS)
    document = _reply(task)
    if document.get("rc") != 0:
        raise Failure(f"site_status: {text.clean(str(document.get('cause')))}: is the kit of this console there?")
    if problem := sitestatus.problem(document):
        raise Failure(
            f"site_status says what this console cannot read ({text.clean(problem)}): is its kit a newer one?"
        )
    found = [*sitestatus.reasons(document, shipped.files()), *_keep(settings, document)]
    told = [_finding(why) for why in found]
    lines = [f"{'!' if catalogue.entry(why.code).severity is not Severity.NORMAL else ' '} "
             f"{text.clean(catalogue.sentence(why))}" for why in found]  # fmt: skip
    return print_outcome(options, {"at": document["at"], "findings": told, "site": document}, "\n".join(lines))


def _finding(why: Reason) -> dict[str, Any]:
    severity, words = catalogue.entry(why.code).severity.value, catalogue.sentence(why)
    return {"code": why.code, "severity": severity, "parameters": dict(why.parameters), "words": words}


def _keep(settings: Settings, document: dict[str, Any]) -> list[Reason]:
    """For the driver and the screens: which kit is there, and why Slurm lets our jobs wait. What the ledger knows of
    the site besides: what jobs used."""
    if not settings.ledger.exists():
        return []
    ledger = Ledger(settings.ledger)
    kit = document["kit"]
    seen_of_site.record_kit(ledger, kit["digest"], kit["files"])
    seen_of_site.record_pending(ledger, document["at"], sitestatus.pending(document))
    found = ((stage, job_uses(ledger, stage, LATELY)) for stage in (Stage.FIT, Stage.CONVERT, Stage.ANALYZE))
    return [used(stage, jobs) for stage, jobs in found if jobs]


def test_fit(options: argparse.Namespace) -> int:
    from console.cli.compute_calls import call

    settings = settings_of(options)
    segments = list(dict.fromkeys(options.segments))
    top, run = settings.site.top, options.run
    apart = f"{top}/{TEST_FIT}/run{run}"
    request = {
        "kit": settings.site.kit,
        "run": run,
        "input_dir": settings.places().rawdata(run),
        "output_dir": f"{apart}/fitted",
        "log_dir": f"{apart}/logs",
        "marker": f"{apart}/cancelled",
        "accepted": [],
    }
    calls = [{**request, "segment": segment} for segment in segments]
    tasks = call(settings, Stage.FIT, "fit", calls, FIT_SECONDS)
    fits = [_fit(segment, task, request["input_dir"]) for segment, task in zip(segments, tasks, strict=True)]
    lines = [_line(fit) for fit in fits]
    print_outcome(options, {"run": run, "output": apart, "fits": fits}, "\n".join([*lines, f"they lie in {apart}"]))
    return 0 if all(fit["rc"] == 0 for fit in fits) else 1


def _fit(segment: int, task: TaskStatus, directory: str) -> dict[str, Any]:
    """What is told of one fit; of one without a reply the return code is None."""
    reply = task.value if isinstance(task.value, dict) else {}
    told = {key: value if type(value := reply.get(key)) in kinds else None for key, kinds in TOLD.items()}
    why = NO_REASON if told["rc"] == 0 else _why_not(task, reply)
    if why.code == "failed.input":
        why = reason("site.no-input", directory=directory, cause=nested(why))
    return {"segment": segment, "task": task.id, **told, "code": why.code, "why": catalogue.sentence(why)}


def _why_not(task: TaskStatus, reply: dict[str, Any]) -> Reason:
    if task.status == "failed":
        return classify(task.exception)
    return of_reply(reply, task.exception)


def _line(fit: dict[str, Any]) -> str:
    rc = "no reply" if fit["rc"] is None else f"return code {fit['rc']}"
    parts = [f"fit {fit['segment']:02d}: {rc}", f"on {fit['node']}" if fit["node"] else ""]
    parts += [text.span(fit["seconds"]) if fit["seconds"] else "", text.size(fit["bytes"]) if fit["bytes"] else ""]
    return text.clean(", ".join([*filter(None, parts), *filter(None, [fit["why"]])]))


def _reply(task: TaskStatus) -> dict[str, Any]:
    if task.status == "failed" or not isinstance(task.value, dict):
        raise Failure(f"site_status: {catalogue.sentence(classify(task.exception or 'replied without a return code'))}")
    return task.value
