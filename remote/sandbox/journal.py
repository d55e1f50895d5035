"""What the sandbox has done since its start, for those who count it: `GET /sandbox/records` (with the token).

    {"calls": [{"task", "endpoint", "function", "run", "segment", "marker", "created", "started", "executions", "ended",
                "status"}],
     "flow_runs": [{"id", "label", "tags", "status", "started", "ended"}],
     "transfers": [{"task", "label", "run", "status", "files": [destination path, ...], "skipped": number of files}],
     "effects": [{"url", "action", "time", "body"}],
     "working": [{"pid", "task", "function", "run", "segment", "processes": [pid, ...]}]}

A call is a call of a compute function: `run` and `segment` are its keyword arguments (null: it has none), `marker` is
the cancel marker of its attempt, `endpoint` a name; times are seconds since the epoch, `started` null for what no
worker ever began. `executions`: how often one did, as a lost worker's call is executed again. The `run` of a transfer
is that of its first file; `files` are those that were really copied, not those that were there already. Flow runs that
were released are forgotten. `effects` are what action providers were asked for that only write it down. `working` are
the worker processes (`pid`) that execute a call or below which processes live; `processes` are those, whatever session
they are in. A process that outlived its call has null for task and function.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from remote.sandbox.compute.processes import processes_by_mark
from remote.sandbox.transfer.faults import run_and_segment
from remote.sandbox.world import World

Document = dict[str, Any]


def blueprint(world: World) -> Blueprint:
    routes = Blueprint("records", __name__)

    @routes.get("/records")
    def records() -> Document:
        return {
            "calls": _calls(world),
            "flow_runs": _flow_runs(world),
            "transfers": _transfers(world),
            "effects": world.flows.effects(),
            "working": _working(world),
        }

    return routes


def _calls(world: World) -> list[Document]:
    names = {endpoint_id: endpoint.name for endpoint_id, endpoint in world.compute.endpoints().items()}
    return [
        {
            "task": task.task_id,
            "endpoint": names.get(task.endpoint_id),
            "function": task.function,
            "run": task.kwargs.get("run"),
            "segment": task.kwargs.get("segment"),
            "marker": task.kwargs.get("marker"),
            "created": task.created,
            "started": task.started,
            "executions": task.executions,
            "ended": task.completed,
            "status": task.status,
        }
        for task in world.compute.tasks()
    ]


def _flow_runs(world: World) -> list[Document]:
    return [
        {
            "id": run.id,
            "label": run.label,
            "tags": run.tags,
            "status": run.status,
            "started": run.started,
            "ended": run.completed,
        }
        for run in world.flows.all_runs()
    ]


def _transfers(world: World) -> list[Document]:
    return [
        {
            "task": task.task_id,
            "label": task.label,
            "run": run_and_segment(task.document["DATA"][0].get("source_path", ""))[0],
            "status": task.status,
            "files": [file["destination_path"] for file in list(task.successful)],
            "skipped": task.files_skipped,
        }
        for task in world.transfer.all_tasks()
    ]


def _working(world: World) -> list[Document]:
    tasks = {task.task_id: task for task in world.compute.tasks()}
    alive = processes_by_mark()
    found = []
    for worker in world.compute.working():
        below = [pid for pid in alive.get(worker.mark, []) if pid != worker.pid]
        task = tasks.get(worker.task_id or "")
        if task or below:
            found.append(
                {
                    "pid": worker.pid,
                    "task": worker.task_id,
                    "function": task.function if task else None,
                    "run": task.kwargs.get("run") if task else None,
                    "segment": task.kwargs.get("segment") if task else None,
                    "processes": below,
                }
            )
    return found
