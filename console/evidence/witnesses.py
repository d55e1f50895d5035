"""What the tasks at Globus say, put as evidence for places of the matrix. Pure: the pollers do the asking."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from console.ledger.attempts import Attempt
from flowspec.flowlog import Visit
from flowspec.plan import Plan
from flowspec.progress import Evidence, Says, Witness
from flowspec.stages import SEGMENT_STAGES, Stage
from remote.globus.compute import TaskStatus
from remote.globus.transfer import TransferTask

NOTE_LENGTH = 200
WAITS, RUNNING = "waits for a worker", "running"  # of tasks that have not ended: console.evidence.suspicion says more
# What Transfer tries again and again for a day, and what has to happen for it to go on.
MENDED_BY = {
    "FILE_NOT_FOUND": "goes on when the file is there",
    "NOT_FOUND": "goes on when the file is there",
    "PERMISSION_DENIED": "goes on when its rights allow it",
    "QUOTA_EXCEEDED": "goes on when there is room at the destination",
    "NO_SPACE_LEFT": "goes on when there is room at the destination",
    "ENDPOINT_TOO_BUSY": "goes on when the collection is less busy",
}
# How job.py says that it has seen the cancel marker.
RC_CANCELLED, CANCELLED = 143, (": cancelled", ": cancelled before it was started")


def planned(plan: Plan, stage: Stage) -> Sequence[int | None]:
    """The segments that a plan takes through a stage; (None,) for a stage of the run, () for one not in the plan."""
    return tuple(segment for s, segment in plan.places() if s is stage)


def of_log(attempt: Attempt, stage: Stage, visit: Visit, at: float) -> list[Evidence]:
    """The flow log speaks of a whole stage: the same for each of its places."""
    if visit.says is Says.DONE:
        note = "Flows has seen it end"
    else:
        note = visit.cause if visit.says is Says.FAILED else f"{stage.value} is under way"
    return [
        Evidence(stage, segment, Witness.LOG, visit.says, note, None, at) for segment in planned(attempt.plan, stage)
    ]


def of_transfer(attempt: Attempt, stage: Stage, task: TransferTask, at: float) -> list[Evidence]:
    """A transfer task speaks of all its files at once; which have arrived is for the file witness to say."""
    total = f"{task.files_transferred + task.files_skipped}/{task.files} files"
    if task.status == "SUCCEEDED":
        says, note = Says.DONE, f"transferred {total}"
    elif task.status == "FAILED":
        says, note = Says.FAILED, task.fatal_error or task.nice_status_details or "the transfer task failed"
    elif task.status == "INACTIVE":
        says, note = (
            Says.PENDING,
            f"the transfer task is inactive: {task.nice_status_details or 'credentials are missing'}",
        )
    elif task.nice_status == "Queued":
        says, note = Says.PENDING, "queued at Globus: only three transfers run at a time"
    elif task.nice_status not in ("", "OK"):
        mended = MENDED_BY.get(task.nice_status, "Globus tries again by itself")
        says, note = Says.RUNNING, f"{total}, {task.nice_status}: {mended}, c gives it up; {task.nice_status_details}"
    else:
        says, note = Says.RUNNING, f"{total}, {_rate(task.rate)}"
    return [
        Evidence(stage, segment, Witness.TASK, says, _note(note), None, at) for segment in planned(attempt.plan, stage)
    ]


def of_compute(
    attempt: Attempt, stage: Stage, ids: Sequence[str], replies: Mapping[str, TaskStatus], at: float
) -> list[Evidence]:
    """Compute tasks, one per segment. A reply names its segment; without one the place in the batch tells."""
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
    size, seconds = reply.get("bytes"), reply.get("seconds")
    cause = str(reply.get("cause") or "")
    if status.status == "failed":
        says, note = Says.FAILED, _last_line(status.exception)
    elif status.status != "success":
        running = status.status == "running"
        says, note = (Says.RUNNING, RUNNING) if running else (Says.PENDING, WAITS)
    elif reply.get("rc") == RC_CANCELLED and cause.endswith(CANCELLED):
        says, note = Says.PENDING, "cancelled"  # no failure: it was not done
    elif reply.get("rc") == 0:
        says, note = Says.DONE, f"{stage.value} took {reply.get('seconds', '?')} s"
    else:
        missing = f"segments {reply['missing']} are not converted: " if reply.get("missing") else ""
        says, note = (
            Says.FAILED,
            f"{missing}{reply.get('cause') or status.exception or 'replied without a return code'}",
        )
    return Evidence(
        stage, segment, Witness.TASK, says, _note(note), size if isinstance(size, int) else None, at,
        float(seconds) if isinstance(seconds, (int, float)) else None,
    )  # fmt: skip


def _last_line(text: str) -> str:
    """The last line of a traceback is the cause; what stands above is for the log."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip(" -")]
    # Of `parsl.executors.high_throughput.errors.WorkerLost: ...` the path of the module only takes room.
    return re.sub(r"^(?:\w+\.)+(?=\w+:)", "", lines[-1]) if lines else "failed without a cause"


def _note(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= NOTE_LENGTH else text[: NOTE_LENGTH - 1] + "…"


def _rate(rate: float) -> str:
    return f"{rate / 1e6:.1f} MB/s"
