"""Parameters as they come, for each code of the catalogue: docs/sentences.md and the tests make sentences of them."""

from __future__ import annotations

import inspect
import string
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from flowspec.catalogue import ENTRIES
from flowspec.catalogue.entry import Entry, nested
from flowspec.conditions import Reason, reason

_AT = 1_782_921_602.0  # 2026-07-01 16:00:02 UTC
_FILE = "run-1217-07.evt"
_ABORT = nested(reason("failed.abort", words="return code 134: *** stack smashing detected ***: terminated", rc=134))
_FIT = nested(reason("work.failed", stage="fit", segments=[7], cause=_ABORT))
_MISSING_FILE = "/e21062/run1217/run-1217-07.evt: No such file or directory"
_QUARANTINED = nested(reason("segment.quarantined", segment=7, times=2, stages=["fit"], cause=_ABORT))
_VERDICTS = ("recording", "arriving", "incomplete")
_WAIVED = [{"segment": 7, "actor": "anna(shift)@daq1", "reason": "beam was off"}]

# What a parameter is, whatever the code.
_USUAL: dict[str, Any] = {
    "run": 1217, "runs": 14, "number": 2, "segment": 7, "segments": 42, "stage": "fit", "stages": ["fit"], "times": 2,
    "file": _FILE, "other": 1216, "later": 1218, "offset": 1_048_576, "item": 9_000, "there": 512,
    "size": 1_900_000_000, "ends": 1, "sources": 2, "events": 12, "minutes": 15,
    "directories": "/data/runs/run1217 and /data/more/run1217",
    "who": "anna(shift)@daq1", "user": "anna", "uid": 4711, "host": "daq2", "ledger": "/home/anna/e21062.ledger",
    "since": _AT, "ended": _AT, "next_poll": _AT + 300, "started": _AT, "launched": _AT - 7200, "at": _AT,
    "offline": _AT, "usual": 720.0, "title": "beam on target", "launched_title": "test", "how": "done",
    "endpoint": "frib-fit-mpi", "path": "/mnt/results", "space": "98 % full, 12 G free", "waiting": 80, "workers": 40,
    "running": 38, "under_way": 3, "stuck": 3,
    "limit": 3, "left": 14, "done": 1, "total": 2, "rate": 412e6, "idle": 2, "served": 3,
    "flow_run": "4d1b6b3e-2c1f-4a53-9a7e-0c9c4f3f7a11", "service": "flows", "words": "Permission denied",
    "cause": _FIT, "cell": nested(reason("task.running", since=_AT)), "next_step": "the console tries again by itself",
    "fault": "FILE_NOT_FOUND", "reported": 2_000_000_000, "raw": 1_900_000_000, "end": 2_000_000_000, "says": "running",
    "seconds": 660.0, "phase": "fitting", "lost": 2_000, "hits": 3_600_000, "status": "ACTIVE", "jobs": ["fit-07"],
    "plan": "fit of segments 00-41", "digest": "7f3a9c", "name": "fitted", "free": 40_000_000_000,
    "total_bytes": 10_000_000_000_000, "command": "squeue", "rc": 1, "said": "slurm_load_jobs error", "child": "uep-1",
    "lines": ["2 TB of 5 TB"], "states": {"running": 2}, "pending": {"Priority": 1}, "reasons": {"Priority": 4},
    "programs": {"EventEditor": "/opt/bin/EventEditor"}, "program": "EventEditor", "kit": "/e21062/kit",
    "job": "28471193", "python": "3.11", "counts": {"Priority": 4}, "directory": "/e21062/rawdata/run1217",
}  # fmt: skip

_SERVICE = {"cause": "the service answers 503: Service Unavailable"}
_LOGIN = {
    "cause": "the service answers 401: the token is not active",
    "next_step": "log in to Globus again (console login)",
}


def _cell(code: str, **parameters: Any) -> dict[str, Any]:
    """A place of the matrix of which a condition of a flow run tells."""
    return {"cell": nested(reason(code, **parameters))}


# Where the usual ones are not such as this code has, and where it has several forms.
_OF_CODE: dict[str, tuple[Mapping[str, Any], ...]] = {
    "words": ({"words": "retried by itself"},),
    **{f"run.{verdict}.early-end": ({"later": "run-1217-08.evt"},) for verdict in _VERDICTS},
    **{f"run.{verdict}.unseen": ({"words": "is a broken link"},) for verdict in _VERDICTS},
    **{f"run.{verdict}.unlisted": ({"words": "cannot be listed: Permission denied"},) for verdict in _VERDICTS},
    "queue.unlisted": ({"words": "/data/runs is empty, and 12 runs were there: is its file system mounted?"},),
    "queue.changing": ({"cause": nested(reason("run.arriving.missing", file=_FILE))},),
    "queue.behind": (
        {"run": 1216, "cause": nested(reason("attempt.waits", **_SERVICE, next_step="tried again soon"))},
    ),
    "queue.globus": ({**_SERVICE}, _LOGIN),
    "attempt.starting": ({}, {**_SERVICE, "next_step": "tried again soon"}),
    "attempt.refused": (_LOGIN,),
    "attempt.paused": ({"cause": nested(reason("queue.paused", who="anna@daq1", since=_AT, why="NERSC is down"))},),
    "attempt.waits": ({**_SERVICE, "next_step": "tried again soon"}, _LOGIN),
    "attempt.held": (
        {"cause": nested(reason("queue.elsewhere", user="anna", uid=4711, host="daq2", ledger="", since=0.0))},
    ),
    "poll.failed": ({**_SERVICE}, _LOGIN),
    "poll.blind": (_SERVICE,),
    "queue.paused": ({"why": "NERSC maintenance"},),
    "flow.stage": ({"done": 38, "total": 42}, {"segment": 7, "failed": True, "cell": _ABORT}),
    "flow.suspect": (
        {"segment": 7, **_cell("task.hang", since=_AT, stage="fit", usual=720.0)},
        {"segment": 7, **_cell("task.lost", since=_AT, endpoint="frib-fit-mpi", idle=2)},
        {"segment": 7, **_cell("task.overtaken", since=_AT, endpoint="frib-fit-mpi", served=3)},
        {"segment": 7, **_cell("task.unserved", since=_AT, endpoint="frib-fit-mpi")},
    ),
    "flow.waits": (
        {"stage": "transfer", **_cell("transfer.fault", done=1, total=2, fault="FILE_NOT_FOUND", words=_MISSING_FILE)},
        {"stage": "transfer", **_cell("transfer.fault", done=1, total=2, fault="QUOTA_EXCEEDED", words="")},
        {"stage": "transfer", **_cell("transfer.inactive", fault="NO_CREDENTIALS", words="")},
    ),
    "flow.waits-site": (
        {"stage": "transfer", **_cell("transfer.fault-site", done=1, total=2, fault="GC_NOT_CONNECTED", words="")},
        {"segment": 7, **_cell("task.offline", started=True, since=_AT, endpoint="frib-fit-mpi", offline=_AT)},
    ),
    "flow.inactive": (
        {"words": "Globus asks for a consent that is missing: transfer:all", "consent": True},
        {"words": "without a reason"},
    ),
    "flow.unnoticed": ({}, {"failed": True, "cause": _FIT}),
    "work.failed": ({"segments": [7], "cause": _ABORT}, {"segments": [1, 2, 3, 4, 5], "more": 3, "cause": _ABORT}),
    "transfer.fault": ({"words": _MISSING_FILE},),
    "transfer.fault-site": ({"fault": "GC_NOT_CONNECTED"},),
    "transfer.again": ({"fault": "CONNECT_FAILED"},),
    "transfer.inactive": ({}, {"fault": "NO_CREDENTIALS"}),
    "task.offline": ({"started": True}, {"started": False}, {"started": False, "here": True}),
    "queue.endpoint": ({}, {"here": True}),
    "task.unserved": ({}, {"words": "the user endpoint ended with exit code 73"}),
    "job.progress": ({}, {"percent": 62, "left": 240}),
    "file.there": ({}, {"size": 1_900_000_000}),
    "file.refused": ({"stage": "convert", "words": "input run-1217-07-fitted.evt is empty"},),
    "file.unlike": ({}, {"made": 2_000_000_000}),
    "hints.off": ({"hints": 10},),
    "failed.abort": ({"words": "return code 134: *** stack smashing detected ***: terminated", "rc": 134},),
    "failed.memory": ({"words": "memory: used 39.8 GB, a worker has 40.0 GB", "peak": 42_700_000_000},),
    "failed.killed": ({"words": "return code 137: Killed"},),
    "failed.time": ({"words": "stopped at its time limit of 1740 s; the log is empty"},),
    "failed.silent": ({"words": "succeeded without output: there is no new run-1217-07-fitted.evt"},),
    "failed.spoilt": ({"words": "output run-1217-07-fitted.root was never closed, as after a full disk"},),
    "failed.empty": ({"words": f"input {_FILE} is empty"},),
    "failed.garbage": ({"words": f"input {_FILE} has no ring item at offset 145"},),
    "failed.short": ({"words": "output run-1217-07-fitted.root has 400 entries, its input 500 physics events"},),
    "failed.fitconf": ({"words": "fit.conf line 2 has 7 columns, and the library reads 9"},),
    "failed.input": ({"words": f"input {_FILE} is missing"},),
    "failed.cancelled": ({"words": "cancelled"},),
    "failed.function": ({"words": "registered for another kit: console functions register"},),
    "failed.not-allowed": ({"words": "Function 5f0a4cce not permitted on endpoint frib-fit-mpi"},),
    "failed.worker": ({"words": "WorkerLost: Task failure due to loss of worker 0 on host nid004502"},),
    "failed.refused": ({"words": "the service answers 400: bad request"},),
    "failed.permission": ({"words": "/e21062/run1217: Permission denied", "fault": "PERMISSION_DENIED"},),
    "failed.login": ({"words": "credentials have expired", "fault": "CREDENTIALS_EXPIRED"},),
    "failed.path": ({"words": _MISSING_FILE, "fault": "FILE_NOT_FOUND"},),
    "failed.space": ({"words": "no space left for the output in /e21062/fitted"},),
    "failed.request": ({"words": "FLOW_INPUT_ERROR: segments is not valid", "fault": "FLOW_INPUT_ERROR"},),
    "failed.stopped": ({"words": "JOB 28471193 ON nid004502 CANCELLED"},),
    "failed.endpoint": ({"words": "the endpoint went offline"},),
    "failed.account": ({"words": "sbatch: error: Job violates accounting/QOS policy"},),
    "failed.block": ({"words": "JOB 28471193 ON nid004502 CANCELLED DUE TO TIME LIMIT"},),
    "failed.site": ({"words": "Stale file handle"},),
    "failed.service": ({"words": "the service answers 503: Service Unavailable"},),
    "failed.network": ({"words": "CONNECTION_RESET", "fault": "CONNECTION_RESET"},),
    "failed.timeout": ({"words": "the service did not answer in time"},),
    "failed.unknown": ({"words": "a thing that nobody has seen before"},),
    "segment.quarantined": ({"cause": _ABORT},),
    "segment.worker-lost": ({"peak": 42_700_000_000},),
    "outcome.failed": (
        {},
        {"again_at": _AT + 600, "limit": 3, "cause": nested(
            reason("work.failed", stage="fit", segments=[7], cause=nested(reason("failed.worker", words="WorkerLost")))
        )},
        {"again_and_again": [{"stage": "fit", "segments": [7], "times": 4}]},
        {"count": 1, "stopped_by": "anna(shift)@daq1"},
        {"quarantined": [_QUARANTINED]},
        {"cause": nested(reason("flow.succeeded-but", cause=_FIT))},
    ),
    "outcome.held": ({"quarantined": [_QUARANTINED], "left": [8]}, {"left": [8, 9]}),
    "outcome.refused": ({"words": "run 1217 cannot be launched: no flow is deployed (console flows deploy)"},),
    "outcome.returned": (
        {"file": "run-1217-sorted.root"},
        {"file": "run-1217-sorted.root", "segments": 41, "of": 42, "waived": _WAIVED},
        {"file": "run-1217-sorted.root", "lost": 2_000, "hits": 3_600_000, "lossy": [7], "accepted": _WAIVED},
    ),
    "outcome.lost": (
        {"cause": nested(reason("result.gone"))}, {"cause": nested(reason("root.cut", size=512, end=9_000))},
    ),
    "outcome.unqueued": ({}, {"result": True}),
    "cancel.asked": ({}, {"flow_run": "4d1b6b3e-2c1f-4a53-9a7e-0c9c4f3f7a11"}),
    "cancel.left": (
        {"lines": [["flow run", "4d1b6b3e", "ACTIVE"]],
         "stages": [{"stage": "fit", "segments": [3, 7], "tasks": ["5f0a", "6c1b"]}]},
        {"stages": [{"stage": "fit", "segments": [7], "tasks": ["5f0a"], "endpoint": "frib-fit-mpi"}]},
    ),
    "cancel.stuck": (
        {"lines": [["flow run", "4d1b6b3e", "ACTIVE"]], "since": _AT},
        {"stages": [{"stage": "fit", "segments": [7], "tasks": ["5f0a"], "endpoint": "frib-fit-mpi"}], "since": _AT},
    ),
    "attempt.early-done": ({"segments": [7, 8]}, {"segments": [7, 8], "recorded": False}),
    "event.early": ({"segments": [7, 8]}, {"segments": [7, 8], "recorded": False}),
    "event.early-changed": ({"segments": [7]}, {"segments": [7, 8]}),
    "event.taken-back": ({"state": "ready"},),
    "alert.no-driver": ({"until": _AT + 900},),
    "alert.source": ({"source": "flows"},),
    "alert.no-run": ({"usual": 720.0},),
    "alert.backlog": ({"ended": 12, "results": 4, "seconds": 7200.0},),
    "event.judged": ({"cause": nested(reason("run.complete", segments=42, file=_FILE))},),
    "event.changed": ({"cause": nested(reason("run.incomplete.empty", file=_FILE, minutes=15))},),
    "event.withdrawn": ({"cause": nested(reason("run.incomplete.empty", file=_FILE, minutes=15))},),
    "event.retaken": (
        {"cause": nested(reason("run.retaken", started=_AT, title="a", launched=_AT - 7200, launched_title="a"))},
    ),
    "event.lost": ({"cause": nested(reason("result.gone"))},),
    "event.back": ({"file": "run-1217-sorted.root"},),
    "event.refused": ({"words": "run 1217 cannot be launched: no flow is deployed (console flows deploy)"},),
    "seen.not-made": ({"cause": "Permission denied"},),
    "seen.not-ended": ({"cause": "Permission denied"},),
    "site.path": ({"total": 10_000_000_000_000},),
    "site.path-full": ({"cause": nested(reason("site.path", name="fitted", path="/e21062", free=0, total=10**13))},),
    "site.path-unseen": ({"cause": nested(reason("site.hung", command="stat", seconds=10))},),
    "site.stage-fails": ({"cause": nested(reason("site.hung", command="shifter", seconds=10))},),
    "site.fitconf": ({"said": "9 columns, as the library reads"},),
    "site.fitconf-wrong": ({"said": "line 2 has 7 columns, and the library reads 9"},),
    "site.no-input": ({"cause": nested(reason("failed.input", words=f"input {_FILE} is missing"))},),
    "site.quota": ({"command": "showquota"},),
    "site.no-command": ({"command": "showquota"},),
    "monitor.refused": ({"words": "Invalid account or account/partition combination specified"},),
    "monitor.endpoint": ({"words": "given up"}, {"words": "given up", "here": True}),
    "restart.failed": ({"words": "frib-fit-mpi runs on login07: do it there"},),
    "monitor.slurm": ({"words": "squeue has not answered in 10 s"},),
    "site.hung": ({"seconds": 10},),
}  # fmt: skip


def examples(entry: Entry) -> list[Reason]:
    """Reasons of this code, each with the parameters that it needs."""
    needed = {name: _USUAL[name] for name in (*_names(entry.words), *_names(entry.row)) if name in _USUAL}
    return [Reason(entry.code, {**needed, **own}) for own in _OF_CODE.get(entry.code, ({},))]


def all_examples() -> list[Reason]:
    return [example for entry in ENTRIES.values() for example in examples(entry)]


def _names(words: str | Callable[..., str]) -> Iterator[str]:
    """The parameters without which there is no sentence."""
    if callable(words):
        for parameter in inspect.signature(words).parameters.values():
            if parameter.kind is not parameter.VAR_KEYWORD and parameter.default is parameter.empty:
                yield parameter.name
    else:
        yield from (name for _, name, _, _ in string.Formatter().parse(words) if name)
