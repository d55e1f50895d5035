"""The compute functions: what is registered with Globus Compute and executed by a worker at the site.

Each is serialised on its own, so each imports what it needs and calls nothing of this module. Each runs the kit's
job.py, which judges the job and writes the report; what they return is its short reply, and they never raise, because
an exception would take the good segments of the task group down with the bad one. Which kit they run is fixed when they
are registered (`for_kit`): whoever may run a function that an endpoint allows runs that kit and no other code.

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


def fit(
    kit: str,
    run: int,
    segment: int,
    input_dir: str,
    output_dir: str,
    log_dir: str,
    marker: str,
    accepted: list[int],
) -> dict[str, Any]:
    """Fit the traces of one segment of raw data. `accepted`: the segments whose losses somebody has accepted."""
    import json
    import subprocess
    import sys

    registered = ""  # filled in by for_kit: the kit that it runs, and no other
    try:
        if kit != registered:
            raise LookupError("registered for another kit: console functions register")
        request = {"kit": kit, "run": run, "segment": segment, "accepted": accepted}
        request.update(input_dir=input_dir, output_dir=output_dir, log_dir=log_dir, marker=marker)
        job = subprocess.run(
            [sys.executable, registered + "/job.py", "fit"], input=json.dumps(request).encode(), capture_output=True
        )
        lines = (job.stdout or job.stderr).decode("ascii", "replace").splitlines()
        if job.returncode == 0:
            reply: dict[str, Any] = json.loads(lines[-1])
            return reply
        code = "failed.function"
        cause = f"job.py of fit ended with return code {job.returncode}: {lines[-1:]}"
    except Exception as error:
        code = "failed.unknown"
        cause = f"job.py of fit could not be run: {error!r}"
    return {"segment": segment, "rc": 1, "code": code, "cause": cause.encode("ascii", "replace").decode()[:150]}


def convert(
    kit: str, run: int, segment: int, input_dir: str, output_dir: str, log_dir: str, marker: str
) -> dict[str, Any]:
    """Convert one fitted segment to a ROOT file."""
    import json
    import subprocess
    import sys

    registered = ""  # filled in by for_kit: the kit that it runs, and no other
    try:
        if kit != registered:
            raise LookupError("registered for another kit: console functions register")
        request = {"kit": kit, "run": run, "segment": segment}
        request.update(input_dir=input_dir, output_dir=output_dir, log_dir=log_dir, marker=marker)
        job = subprocess.run(
            [sys.executable, registered + "/job.py", "convert"], input=json.dumps(request).encode(), capture_output=True
        )
        lines = (job.stdout or job.stderr).decode("ascii", "replace").splitlines()
        if job.returncode == 0:
            reply: dict[str, Any] = json.loads(lines[-1])
            return reply
        code = "failed.function"
        cause = f"job.py of convert ended with return code {job.returncode}: {lines[-1:]}"
    except Exception as error:
        code = "failed.unknown"
        cause = f"job.py of convert could not be run: {error!r}"
    return {"segment": segment, "rc": 1, "code": code, "cause": cause.encode("ascii", "replace").decode()[:150]}


def analyze(
    kit: str, run: int, expected: list[int], input_dir: str, output_dir: str, log_dir: str, marker: str
) -> dict[str, Any]:
    """Sort the converted segments of a run, `expected` by number, into histograms."""
    import json
    import subprocess
    import sys

    registered = ""  # filled in by for_kit: the kit that it runs, and no other
    try:
        if kit != registered:
            raise LookupError("registered for another kit: console functions register")
        request = {"kit": kit, "run": run, "expected": expected}
        request.update(input_dir=input_dir, output_dir=output_dir, log_dir=log_dir, marker=marker)
        job = subprocess.run(
            [sys.executable, registered + "/job.py", "analyze"], input=json.dumps(request).encode(), capture_output=True
        )
        lines = (job.stdout or job.stderr).decode("ascii", "replace").splitlines()
        if job.returncode == 0:
            reply: dict[str, Any] = json.loads(lines[-1])
            return reply
        code = "failed.function"
        cause = f"job.py of analyze ended with return code {job.returncode}: {lines[-1:]}"
    except Exception as error:
        code = "failed.unknown"
        cause = f"job.py of analyze could not be run: {error!r}"
    return {"rc": 1, "code": code, "cause": cause.encode("ascii", "replace").decode()[:150]}


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
    """All of them as they are registered, by name: the path of the kit stands in their source text."""
    made: dict[str, Any] = {}
    for function in (fit, convert, analyze, site_status, canary):
        source = inspect.getsource(function).replace('registered = ""', f"registered = {kit!a}")
        file = f"<{function.__name__} of the kit {kit}>"
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)  # `inspect` looks there
        names: dict[str, Any] = {"Any": Any}
        exec(compile(source, file, "exec"), names)
        made[function.__name__] = names[function.__name__]
    return made
