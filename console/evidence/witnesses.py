"""The replies of Flows, Transfer and Compute as evidence for places of the matrix. Pure: `poll` asks for them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from console.ledger.attempts import Attempt
from flowspec.catalogue.globus_codes import GLOBUS_CODES
from flowspec.causes import classify, naming_the_path, of_reply
from flowspec.cells import LOSSY
from flowspec.conditions import Owner, Reason, reason
from flowspec.flowlog import Visit
from flowspec.plan import Plan
from flowspec.progress import Evidence, Says, Witness
from flowspec.stages import SEGMENT_STAGES, Stage
from remote.globus.compute import TaskStatus
from remote.globus.transfer import TransferTask

USED = ("peak", "cpu", "scratch")  # memory in bytes, s, bytes of node-local space
_GOES_WELL = ("", "OK", "Queued")  # statuses of a transfer task that name no fault


def planned(plan: Plan, stage: Stage) -> Sequence[int | None]:
    """The segments that a plan takes through a stage; (None,) for a stage of the run, () for one not in the plan."""
    return tuple(segment for s, segment in plan.places() if s is stage)


def of_log(attempt: Attempt, stage: Stage, visit: Visit, at: float) -> list[Evidence]:
    """The flow log speaks of a whole stage: the same for each of its places."""
    if visit.says is Says.DONE:
        why = reason("flow.ended")
    elif visit.says is Says.FAILED:
        why = classify(visit.cause)
    else:
        why = reason("flow.running", stage=stage.value)
    return [
        Evidence(stage, segment, Witness.LOG, visit.says, why, None, at) for segment in planned(attempt.plan, stage)
    ]


def of_transfer(
    attempt: Attempt,
    stage: Stage,
    task: TransferTask,
    at: float,
    error: str = "",
    before: Sequence[Evidence] = (),
    patience: float = math.inf,
) -> list[Evidence]:
    """The status of a transfer task is of all its files at once; which have arrived is evidence of the file witness.

    `error` is what the task's last event of an error says, `before` what was known of the task last. What Globus tries
    again by itself is somebody's to look at when nothing has moved for `patience` seconds.
    """
    says, why = _of_transfer_task(task, error)
    if "fault" in why.parameters and says is Says.RUNNING:
        known = before[0].reason.parameters if before else {}
        still = "fault" in known and known.get("bytes") == task.bytes_transferred
        since = float(known["since"]) if still else at
        stalled = why.code == "transfer.again" and at - since >= patience
        code = "transfer.stalled" if stalled else why.code
        why = Reason(code, {**why.parameters, "bytes": task.bytes_transferred, "since": since})
    return [Evidence(stage, segment, Witness.TASK, says, why, None, at) for segment in planned(attempt.plan, stage)]


def in_trouble(task: TransferTask) -> bool:
    """Whether a transfer task has failed, or goes on only after its present fault."""
    return task.status in ("FAILED", "INACTIVE") or (task.status == "ACTIVE" and task.nice_status not in _GOES_WELL)


def _of_transfer_task(task: TransferTask, error: str) -> tuple[Says, Reason]:
    done, total = task.files_transferred + task.files_skipped, task.files
    details, fault = task.nice_status_details, "" if task.nice_status in _GOES_WELL else task.nice_status
    if task.status == "SUCCEEDED":
        return Says.DONE, reason("transfer.done", done=done, total=total)
    if task.status == "FAILED":
        said = task.fatal_error or details or "the transfer task failed"
        return Says.FAILED, classify(said, said, fault, details, error)
    if task.status == "INACTIVE":
        return Says.PENDING, reason("transfer.inactive", words=naming_the_path(details, error), fault=fault or None)
    if task.nice_status == "Queued":
        return Says.PENDING, reason("transfer.queued")
    if fault:
        words = naming_the_path(details, error)
        return Says.RUNNING, Reason(_code_of(fault), {"done": done, "total": total, "fault": fault, "words": words})
    rate = round(task.rate, -5)  # as it is shown: a smaller difference is not worth a write
    return Says.RUNNING, reason("transfer.running", done=done, total=total, rate=rate)


def _code_of(fault: str) -> str:
    """By who acts; a fault that is not known is somebody's to look at."""
    owner = GLOBUS_CODES[fault].owner if fault in GLOBUS_CODES else Owner.NOBODY
    return {Owner.GLOBUS: "transfer.again", Owner.SITE: "transfer.fault-site"}.get(owner, "transfer.fault")


def of_compute(
    attempt: Attempt, stage: Stage, ids: Sequence[str], replies: Mapping[str, TaskStatus], at: float
) -> list[Evidence]:
    """Compute tasks, one per segment. A reply names its segment; without one it is that of its place in the batch."""
    segments = planned(attempt.plan, stage)
    found: dict[int | None, Evidence] = {}
    for place, task in enumerate(ids):
        status = replies.get(task)
        if status is None or place >= len(segments):
            continue
        reply = status.value if isinstance(status.value, Mapping) else {}
        named = reply.get("segment")
        segment = named if stage in SEGMENT_STAGES and named in segments else segments[place]
        found[segment] = _of_task(stage, segment, status, reply, at)
    return list(found.values())


def _of_task(stage: Stage, segment: int | None, status: TaskStatus, reply: Mapping[str, object], at: float) -> Evidence:
    says, why = _said_by_task(stage, status, reply)
    size, seconds = reply.get("bytes"), reply.get("seconds")
    return Evidence(
        stage, segment, Witness.TASK, says, why, size if isinstance(size, int) else None, at,
        float(seconds) if isinstance(seconds, (int, float)) else None,
    )  # fmt: skip


def _said_by_task(stage: Stage, status: TaskStatus, reply: Mapping[str, object]) -> tuple[Says, Reason]:
    """For tasks that have not ended console.evidence.suspicion replaces the reason."""
    if status.status == "failed":
        return Says.FAILED, classify(status.exception or "failed without a cause")
    if status.status == "running":
        return Says.RUNNING, reason("task.running")
    if status.status != "success":
        return Says.PENDING, reason("task.pending")
    if reply.get("rc") == 0:
        return Says.DONE, _done(stage, reply)
    why = of_reply(reply, status.exception)
    if why.code == "failed.cancelled":
        return Says.PENDING, reason("task.cancelled")  # no failure: it was not done
    return Says.FAILED, why


def _done(stage: Stage, reply: Mapping[str, object]) -> Reason:
    """`hits` and `events` of a fit are those in its input and in its output, `sha256` is of the result of a run,
    `entries` are those of the tree of a converted file.

    What the job used is kept too.
    """
    done: dict[str, object] = {"stage": stage.value, "seconds": reply.get("seconds", "?")}
    digest = reply.get("sha256")
    if isinstance(digest, str) and re.fullmatch("[0-9a-f]{64}", digest):
        done["sha256"] = digest
    if stage is Stage.CONVERT and type(entries := reply.get("entries")) is int:
        done["entries"] = entries
    done |= {name: used for name in USED if type(used := reply.get(name)) in (int, float)}
    hits, events = _counts(reply.get("hits")), _counts(reply.get("events"))
    cut = reply.get("cut")  # bytes of a last item that is cut: the fit leaves it out
    if hits and events and (cut or hits[1] < hits[0] or events[1] < events[0]):
        gone = {"lost": hits[0] - hits[1], "hits": hits[0], "events": events[0] - events[1]}
        return reason(LOSSY, **done, **gone, **({"cut": cut} if isinstance(cut, int) else {}))
    return reason("task.done", **done)


def _counts(value: object) -> tuple[int, int] | None:
    counts = isinstance(value, list) and [type(number) for number in value] == [int, int]
    return (value[0], value[1]) if counts and isinstance(value, list) else None
