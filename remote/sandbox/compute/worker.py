"""A worker of a sandbox endpoint: a process that executes one task at a time, as a worker of Globus Compute does.

It reads one JSON object a line from stdin, `{"task_id", "function", "source_name", "payload", "result_serializers",
"fault"?}`, and writes `{"event": "ready" | "running" | "done", ...}` lines to what was its stdout. `function` and
`payload` are packed as the SDK packs them; `source_name` is the name of the function when it was registered as source
text; `fault` is the fault to inject (`faults.py`).

As at a real site, nothing of this project can be imported by a function. The worker is the leader of its own session.
When stdin ends, as the server has died or ended, it kills itself and all that it has started.
"""

from __future__ import annotations

import importlib.abc
import json
import os
import platform
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any, TextIO

from remote.sandbox.compute.faults import enlarged, injected, replacement
from remote.sandbox.compute.processes import MARK, kill_marked
from remote.sandbox.compute.sdk import import_by_parts

_PROJECT = ("flowspec", "remote", "console", "screens")

RESULT_LIMIT = 10 * 1024 * 1024
"""Bytes of a packed result, as at the service."""


def main() -> None:
    tasks: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    requests, replies = _private_streams()
    threading.Thread(target=_read, args=(requests, tasks), daemon=True).start()

    def send(**message: Any) -> None:
        replies.write(json.dumps(message) + "\n")
        replies.flush()

    import_by_parts()
    import dill  # type: ignore[import-untyped]
    from globus_compute_sdk.serialize import ComputeSerializer
    from globus_compute_sdk.version import __version__

    serializer = ComputeSerializer()
    details = {
        "os": platform.platform(),
        "python_version": platform.python_version(),
        "dill_version": dill.__version__,
        "globus_compute_sdk_version": __version__,
    }
    _hide_this_project()
    send(event="ready")
    while True:
        task = tasks.get()
        send(event="running", task_id=task["task_id"])
        started = time.time()
        with injected(task.get("fault")):
            outcome = execute(task, serializer)
        sys.stdout.flush()
        transitions = {"execution-start": started, "execution-end": time.time()}
        send(event="done", task_id=task["task_id"], details={**details, "task_transitions": transitions}, **outcome)


def execute(task: dict[str, Any], serializer: Any) -> dict[str, str]:
    """{"result": packed} or {"exception": text}. A function that calls sys.exit ends the worker, as at a site."""
    try:
        args, kwargs = map(serializer.deserialize, serializer.unpack_buffers(task["payload"]))
        function = replacement(task.get("fault")) or _function(task, serializer)
        result = enlarged(task.get("fault"), function(*args, **kwargs))
        strategies = task.get("result_serializers")
        packed = serializer.serialize_from_list(result, strategies) if strategies else serializer.serialize(result)
    except Exception:
        return {"exception": traceback.format_exc()}
    if len(packed) > RESULT_LIMIT:
        return {"exception": f"MaxResultSizeExceeded({len(packed)}, {RESULT_LIMIT})"}
    return {"result": packed}


def _function(task: dict[str, Any], serializer: Any) -> Callable[..., Any]:
    if task["source_name"]:
        namespace: dict[str, Any] = {}
        exec(compile(task["function"], "<registered source>", "exec"), namespace)
        function: Callable[..., Any] = namespace[task["source_name"]]
    else:
        function = serializer.deserialize(serializer.unpack_buffers(task["function"])[0])
    return function


class _AtNoSite(importlib.abc.MetaPathFinder):
    """Hides this project's packages from import."""

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        if fullname.partition(".")[0] in _PROJECT:
            raise ModuleNotFoundError(f"No module named {fullname!r}: it is not installed at the site", name=fullname)


def _hide_this_project() -> None:
    sys.meta_path.insert(0, _AtNoSite())
    for name in [name for name in sys.modules if name.partition(".")[0] in _PROJECT]:
        del sys.modules[name]


def _private_streams() -> tuple[TextIO, TextIO]:
    """Our ends of the pipes, out of reach of the functions: their stdin is empty, their stdout
    goes where stderr goes."""
    requests, replies = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return os.fdopen(requests, encoding="utf-8"), os.fdopen(replies, "w", encoding="utf-8")


def _read(requests: TextIO, tasks: queue.SimpleQueue[dict[str, Any]]) -> None:
    try:
        for line in requests:
            tasks.put(json.loads(line))
    finally:
        kill_marked(os.environ[MARK], os.getpgrp())
        os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    main()
