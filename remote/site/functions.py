"""The compute functions: what is registered with Globus Compute and executed by a worker at the site.

Each is serialised on its own, so each imports what it needs and calls nothing of this module. Those of the stages (fit,
convert, analyze) have one text, which runs the kit's job.py: that judges the job and writes the report. They return its
short reply and never raise, because an exception would take the good segments of the task group down with the bad one.
Which kit they run is fixed when they are registered (`for_kit`): who may run a function that an endpoint allows runs
that kit and no other code.

Replies: {"segment": 7, "rc": 0, "bytes": 12345, "seconds": 1.234, "node": "n1"}, or with "rc" not 0, with "code" and
"parameters" (of flowspec/catalogue/failures.py) and the sentence "cause", 400 bytes at most; of analyze without
"segment", and with "missing" (segment numbers) if it was not started for want of these. A good fit also tells "hits"
and "events", each [in, out], "accepted": true if more hits were lost than the site tolerates, and as "cut" the bytes of
a cut tail; a good convert tells the "entries" of its tree where they can be read, a good analyze the "sha256" of its
result. A job that was started tells what it used: "peak" bytes of memory, "cpu" seconds, "scratch" bytes of node-local
space.

Outside of flows there are two more. site_status runs the kit's site_status.py, which says how the site is; canary says
that a worker executes tasks at all, and with which kit. Their replies are of any size; of a failure they have "code"
and "cause".
"""

import inspect
import linecache
from collections.abc import Callable
from typing import Any

STAGES = ("fit", "convert", "analyze")


def of_stage(kit: str, **request: Any) -> dict[str, Any]:
    """Do the job of a stage. `request` as `plan` of the kit's job.py has it."""
    import json
    import subprocess
    import sys

    stage = ""  # filled in by for_kit, as the kit that it runs, and no other
    registered = ""
    try:
        if kit != registered:
            raise LookupError("registered for another kit: console functions register")
        job = subprocess.run(
            [sys.executable, registered + "/job.py", stage], input=json.dumps(request).encode(), capture_output=True
        )
        lines = (job.stdout or job.stderr).decode("ascii", "replace").splitlines()
        if job.returncode == 0:
            reply: dict[str, Any] = json.loads(lines[-1])
            return reply
        code = "failed.function"
        cause = f"job.py of {stage} ended with return code {job.returncode}: {lines[-1:]}"
    except Exception as error:
        code = "failed.unknown"
        cause = f"job.py of {stage} could not be run: {error!r}"
    of = {"segment": request["segment"]} if "segment" in request else {}
    return {**of, "rc": 1, "code": code, "cause": cause.encode("ascii", "replace").decode()[:150]}


def site_status(kit: str) -> dict[str, Any]:
    """How the site is: {"rc": 0} and what the kit's site_status.py prints."""
    import json
    import subprocess
    import sys

    registered = ""  # filled in by for_kit: the kit that it runs, and no other
    try:
        if kit != registered:
            raise LookupError("registered for another kit: console functions register")
        program = [sys.executable, registered + "/site_status.py"]
        asked = subprocess.run(program, stdin=subprocess.DEVNULL, capture_output=True, timeout=600)
        lines = (asked.stdout or asked.stderr).decode("ascii", "replace").splitlines()
        if asked.returncode == 0:
            reply: dict[str, Any] = dict(json.loads(lines[-1]), rc=0)
            return reply
        code = "failed.function"
        cause = f"site_status.py ended with return code {asked.returncode}: {lines[-1:]}"
    except Exception as error:
        code = "failed.unknown"
        cause = f"site_status.py could not be run: {error!r}"
    return {"rc": 1, "code": code, "cause": cause.encode("ascii", "replace").decode()[:150]}


def canary(kit: str) -> dict[str, Any]:
    """That a worker executes this, at once: {"rc": 0, "at", "host", "python", "digest" of the kit}."""
    import platform
    import socket
    import subprocess
    import sys
    import time

    registered = ""  # filled in by for_kit: the kit that it runs, and no other
    reply: dict[str, Any] = {"at": time.time(), "host": socket.gethostname(), "python": platform.python_version()}
    try:
        if kit != registered:
            raise LookupError("registered for another kit: console functions register")
        program = [sys.executable, registered + "/digests.py"]
        asked = subprocess.run(program, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        lines = (asked.stdout or asked.stderr).decode("ascii", "replace").splitlines()
        if asked.returncode == 0:
            return dict(reply, rc=0, digest=lines[-1])
        code = "failed.function"
        cause = f"digests.py ended with return code {asked.returncode}: {lines[-1:]}"
    except Exception as error:
        code = "failed.unknown"
        cause = f"digests.py could not be run: {error!r}"
    return dict(reply, rc=1, code=code, cause=cause.encode("ascii", "replace").decode()[:150])


def for_kit(kit: str) -> dict[str, Callable[..., dict[str, Any]]]:
    """All of them as they are registered, by name: the path of the kit stands in their source text, and the stage."""
    text = inspect.getsource(of_stage)
    texts = {s: text.replace("def of_stage", f"def {s}").replace('stage = ""', f'stage = "{s}"') for s in STAGES}
    texts |= {function.__name__: inspect.getsource(function) for function in (site_status, canary)}
    return {name: _function(name, text, kit) for name, text in texts.items()}


def _function(name: str, text: str, kit: str) -> Callable[..., dict[str, Any]]:
    source = text.replace('registered = ""', f"registered = {kit!a}")
    file = f"<{name} of the kit {kit}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)  # `inspect` looks there
    names: dict[str, Any] = {"Any": Any}
    exec(compile(source, file, "exec"), names)
    made: Callable[..., dict[str, Any]] = names[name]
    return made
