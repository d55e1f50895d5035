"""The compute functions: what is registered with Globus Compute and executed by a worker at the site.

Each is serialised on its own, so each imports what it needs and calls nothing of this module. Each runs the kit's
job.py, which judges the job and writes the report; what they return is its short reply, and they never raise, because
an exception would take the good segments of the task group down with the bad one.

Replies: {"segment": 7, "rc": 0, "bytes": 12345, "seconds": 1.234}, or with "rc" not 0, with "code" and "parameters" (of
flowspec/catalogue/failures.py) and the sentence "cause", 400 bytes at most; of analyze without "segment", and with
"missing" (segment numbers) if it was not started for want of these. A good fit also tells "hits" and "events", each
[in, out], "accepted": true if more hits were lost than the site tolerates, and as "cut" the bytes of a cut tail; a good
convert tells the "entries" of its tree where they can be read, a good analyze the "sha256" of its result.
"""

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

    try:
        request = {"kit": kit, "run": run, "segment": segment, "accepted": accepted}
        request.update(input_dir=input_dir, output_dir=output_dir, log_dir=log_dir, marker=marker)
        job = subprocess.run(
            [sys.executable, kit + "/job.py", "fit"], input=json.dumps(request).encode(), capture_output=True
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

    try:
        request = {"kit": kit, "run": run, "segment": segment}
        request.update(input_dir=input_dir, output_dir=output_dir, log_dir=log_dir, marker=marker)
        job = subprocess.run(
            [sys.executable, kit + "/job.py", "convert"], input=json.dumps(request).encode(), capture_output=True
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

    try:
        request = {"kit": kit, "run": run, "expected": expected}
        request.update(input_dir=input_dir, output_dir=output_dir, log_dir=log_dir, marker=marker)
        job = subprocess.run(
            [sys.executable, kit + "/job.py", "analyze"], input=json.dumps(request).encode(), capture_output=True
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
