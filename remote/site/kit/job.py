#!/usr/bin/env python3
# ruff: noqa: UP006, UP035, UP045
"""Run one job of the pipeline at the compute site, and judge it by what it left behind.

    job.py fit|convert|analyze < request.json

The request is the arguments of the compute function (see functions.py). The job script runs in a process group of its
own with a time limit. The last line on stdout is the reply, at most 400 bytes of JSON; the full report is written
beside the log. Whatever happens the exit code is 0: the reply's "rc" tells, and when it is not 0 "code" and
"parameters" (of the console's flowspec/catalogue/failures.py) what went wrong. "cause" says it for people, who are told
run, stage and segment beside it.
Standard library only, Python 3.6 or newer: this runs with whatever the site has.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from evidence import TOLD, TOLERATED, TREE, Fault, Rules, fault, judge, kept_of, look, losses_in
from logs import LAST_LENGTH, ended_badly, printable, tail, write_atomically
from processes import end_with_parent, stop
from roots import KIT, below, number, root, setting
from usage import Meter, with_measures
from watch import Watch

REPLY_BYTES = 400
TIME_LIMITS = {"fit": 1740.0, "convert": 3540.0, "analyze": 14340.0}  # s, unless site.conf says otherwise
# It was told to stop, as another one does its work by now, or will: what lies there may be theirs.
STOPPED = ("failed.cancelled", "failed.worker")
NOT_BEGUN = fault("cancelled", "cancelled before it was started")
RC_TIMED_OUT = 124  # as timeout(1)
RC_CANCELLED = 143  # as a process ended by SIGTERM
USED = ("peak", "cpu", "scratch")  # of the facts, what every reply tells
LOOK_SECONDS = 1.0  # from one look at the cancel marker and at the room on the disks to the next
TERM_GRACE = 5.0  # s from SIGTERM to SIGKILL, in which mpirun ends its ranks and common.sh tidies up

SIGTERMS = []  # type: List[int]

Reply = Dict[str, Any]


class Job(NamedTuple):
    """What to run, what it needs and what it should leave behind. `whose`: "run 12" or "run 12 segment 03"."""

    stage: str
    whose: str
    segment: Optional[int]
    inputs: Dict[int, Path]  # by segment
    output: Path
    log: Path
    command: List[str]
    time_limit: float
    marker: Optional[Path]
    rules: Rules
    accepted: bool = False  # however many it loses: somebody has accepted this segment as it is

    @property
    def cancelled(self) -> bool:
        """Whether the cancel marker is there: a directory that the console has made for this attempt."""
        # Unlike Path.exists it never raises: a file system that hiccups must not end a job.
        return self.marker is not None and os.path.exists(str(self.marker))  # noqa: PTH110


def main() -> int:
    stage = sys.argv[1] if len(sys.argv) == 2 else ""
    try:
        request = json.load(sys.stdin)
        job = plan(stage, request)
    except (ValueError, KeyError, TypeError) as error:
        print(encoded(dict(rc=2, **described(fault("function", f"job.py {stage}: bad request: {error!r}")))))
        return 0
    heed_sigterm()
    # Out of the worker's process group: whatever kills that leaves us alive to stop and tidy up after the script.
    if os.getpgrp() != os.getpid():
        os.setsid()
    try:
        reply = carry_out(job)
    except Exception as error:
        reply = dict(rc=1, **described(fault("unknown", f"could not be run: {error}")))
        if job.segment is not None:
            reply["segment"] = job.segment
    print(encoded(reply))
    return 0


def heed_sigterm() -> None:
    """Slurm sends it at the end of a block and when somebody cancels: there is time then to stop the job and report."""
    signal.signal(signal.SIGTERM, lambda *_: SIGTERMS.append(1))


def plan(stage: str, request: Dict[str, Any]) -> Job:
    """Raises KeyError, ValueError or TypeError for a request that lacks something, names an unknown stage or leads
    elsewhere than below the site's root."""
    run, top = int(request["run"]), root()
    source, target, logs = (below(top, name, request[name]) for name in ("input_dir", "output_dir", "log_dir"))
    # Attempts that were started before there were markers know of none.
    marker = below(top, "marker", request["marker"]) if "marker" in request else None
    limit = time_limit(stage)
    if stage == "analyze":
        expected = [int(segment) for segment in request["expected"]]
        if not expected:
            raise ValueError("no segments are expected")
        inputs = {s: source / f"run-{run:04d}-{s:02d}-fitted.root" for s in expected}
        script = ["bash", str(KIT / "run_compute_analyze.sh"), str(run), str(source), str(target), str(logs)]
        output = target / f"run-{run:04d}-sorted.root"
        command = script + [str(segment) for segment in expected]
        return Job(stage, f"run {run}", None, inputs, output, logs / "analyze.log", command, limit, marker, Rules())
    segment = int(request["segment"])
    name = f"run-{run:04d}-{segment:02d}"
    script_name, source_name, target_name = {
        "fit": ("run_compute_fit_mpi.sh", name + ".evt", name + "-fitted.evt"),
        "convert": ("run_compute_convert.sh", name + "-fitted.evt", name + "-fitted.root"),
    }[stage]
    command = ["bash", str(KIT / script_name), str(run), str(segment), str(source), str(target), str(logs)]
    whose = f"run {run} segment {segment:02d}"
    log = logs / f"{stage}-{segment:02d}.log"
    inputs = {segment: source / source_name}
    rules = Rules(
        number("FIT_LOSS_TOLERATED", TOLERATED), setting("FIT_GROWS", "yes") != "no", setting("CONVERT_TREE", TREE)
    )
    accepted = stage == "fit" and segment in request.get("accepted", [])
    return Job(stage, whose, segment, inputs, target / target_name, log, command, limit, marker, rules, accepted)


def time_limit(stage: str) -> float:
    """Seconds, from FIT_TIME_LIMIT and its like in the kit's site.conf."""
    if stage not in TIME_LIMITS:
        raise ValueError("unknown stage")
    return number(stage.upper() + "_TIME_LIMIT", TIME_LIMITS[stage])


def carry_out(job: Job) -> Reply:
    """Run the job, judge its output, write the report; the reply."""
    job.log.parent.mkdir(parents=True, exist_ok=True)
    started, clock = time.time(), time.monotonic()
    rc, wrong, facts = outcome(job)
    seconds = round(time.monotonic() - clock, 3)
    reply = {"rc": rc, "seconds": seconds, "node": socket.gethostname()}  # type: Reply
    if job.segment is not None:
        reply["segment"] = job.segment
    if wrong:
        reply.update(described(wrong))
    else:
        reply.update(bytes=job.output.stat().st_size)
        reply.update((name, facts[name]) for name in TOLD[job.stage] if facts.get(name) is not None)
    reply.update((name, facts[name]) for name in USED if facts.get(name) is not None)
    if "missing" in facts and job.segment is None:
        reply["missing"] = facts["missing"]
    report = dict(
        reply,
        schema=1,
        stage=job.stage,
        started=started,
        job_id=os.environ.get("SLURM_JOB_ID"),
        log=str(job.log),
        output=str(job.output),
        **facts,
    )
    try:
        if wrong is not NOT_BEGUN:  # executed again, late, its report would take the place of that of the next attempt
            write_atomically(job.log.with_suffix(".json"), json.dumps(report, indent=1) + "\n")
    except OSError:
        if wrong is None:
            raise
        # It failed, most likely for want of room: the reply says so.
    if job.marker is not None and rc == RC_CANCELLED:
        with contextlib.suppress(OSError):  # tells the console, which may not know the task, that this job has ended
            (job.marker / job.log.stem).touch()
    return reply


def described(wrong: Fault) -> Reply:
    """What a reply tells of a fault."""
    reply = {"code": wrong.code, "cause": wrong.cause}  # type: Reply
    if wrong.parameters:
        reply["parameters"] = wrong.parameters
    return reply


def outcome(job: Job) -> Tuple[int, Optional[Fault], Dict[str, Any]]:
    """Return code, what went wrong or None, and facts for the report."""
    if job.cancelled:
        return RC_CANCELLED, NOT_BEGUN, {}
    missing = [segment for segment, path in sorted(job.inputs.items()) if not path.is_file()]
    if missing and job.segment is None:
        cause = f"{len(missing)} of {len(job.inputs)} converted segments missing"
        return 1, fault("input", cause), {"missing": missing}
    if missing:
        name = job.inputs[missing[0]].name
        return 1, fault("input", f"input {name} is missing", file=name), {"missing": missing}
    worker, source = os.getppid(), next(iter(job.inputs.values()))
    kept = kept_of(job.log.with_suffix(".json"), source, aside(job.output)) if job.accepted else None
    if kept is not None:
        aside(job.output).replace(job.output)
        return 0, None, dict(kept, accepted=True)
    set_aside(job.output)  # should this fail, the next stage must not take what an earlier attempt made
    wrong, seen = look(job.stage, job.inputs)
    if wrong is not None:
        return 1, wrong, seen
    if job.cancelled:  # to look takes minutes when an input is large
        return RC_CANCELLED, NOT_BEGUN, seen
    if os.getppid() != worker:
        return 1, fault("worker", "not started because its worker died"), seen
    meter = Meter()
    rc, wrong = run_script(job, meter)
    last = tail(job.log)
    used = meter.read("\n".join(last))
    if wrong is not None:
        wrong = with_measures(wrong, rc, used)
    facts = dict(seen, tail=last, **used)  # type: Dict[str, Any]
    if job.stage == "fit":
        facts["losses_logged"] = losses_in(job.log)
    if wrong is None and not job.output.exists():
        rc, wrong = 1, fault("silent", f"succeeded without output: there is no new {job.output.name}")
    if wrong is None:
        wrong, found = judge(job.stage, source, job.output, seen, job.rules)
        facts.update(found)
        if wrong is not None and wrong.code == "failed.losses" and job.accepted:
            wrong, facts["accepted"] = None, True
        rc = 1 if wrong else 0
    if wrong is None:
        with contextlib.suppress(FileNotFoundError):
            aside(job.output).unlink()
    elif wrong.code not in STOPPED:
        set_aside(job.output)
    return rc, wrong, facts


def run_script(job: Job, meter: Meter) -> Tuple[int, Optional[Fault]]:
    """The script's return code, and what went wrong or None. Nothing that it started is left when this returns."""
    worker = os.getppid()
    deadline = time.monotonic() + job.time_limit
    next_look = 0.0
    with job.log.open("wb") as log:
        script = subprocess.Popen(
            job.command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=end_with_parent,
            env=dict(os.environ, FRIB_OWN_GROUP="1"),
        )
    watch = Watch(job.log, [path.stat().st_size for path in job.inputs.values()], job.output, script.pid, meter)
    try:
        while True:
            try:
                rc = script.wait(timeout=0.2)
            except subprocess.TimeoutExpired:
                now = time.monotonic()
                if SIGTERMS:
                    return RC_CANCELLED, fault("stopped", "stopped by SIGTERM, as Slurm sends it")
                if now > deadline:
                    return RC_TIMED_OUT, timed_out(job)
                if os.getppid() != worker:
                    return 1, fault("worker", "stopped because its worker died")
                if now > next_look:
                    if job.cancelled:
                        return RC_CANCELLED, fault("cancelled", "cancelled")
                    full = watch.look()
                    if full is not None:
                        return 1, full
                    next_look = now + LOOK_SECONDS
                continue
            rc = 128 - rc if rc < 0 else rc
            return judged_by_its_log(rc, job.log, watch)
    finally:
        stop(script, TERM_GRACE)
        watch.end()


def judged_by_its_log(rc: int, log: Path, watch: Watch) -> Tuple[int, Optional[Fault]]:
    """What the end of a script with `rc` is worth: a program that could not write may have ended with 0."""
    complaint = watch.complained()
    wrong = ended_badly(rc, log) if rc else None
    if wrong is None and complaint:
        return 1, fault("space", f"return code 0, but {complaint}")
    if wrong is not None and wrong.code == "failed.space":
        return rc, watch.full() or wrong
    if wrong is not None and wrong.code == "failed.abort":
        return rc, watch.no_space() or wrong  # the log may be on the same disk, and empty
    return rc, wrong


def timed_out(job: Job) -> Fault:
    last = "".join(tail(job.log)[-1:])[:LAST_LENGTH]
    cause = f"stopped at its time limit of {job.time_limit:g} s; " + (
        f"the log ends with: {last}" if last else "the log is empty"
    )
    return fault("time", cause, limit=job.time_limit, last=last)


def aside(path: Path) -> Path:
    return path.with_name(f".{path.name}.old")


def set_aside(path: Path) -> None:
    """Out of the way of the next stage, and still there for whoever wants to know."""
    with contextlib.suppress(FileNotFoundError):
        path.replace(aside(path))


def encoded(reply: Reply) -> str:
    """The reply as JSON that fits: as many of the missing segments, then as much of the cause, as there is room for.

    Without any room for it the parameters go, and what it used.
    """
    reply = dict(reply)
    if "cause" in reply:
        reply["cause"] = printable(reply["cause"])
    while len(json.dumps(reply)) > REPLY_BYTES:
        if len(reply.get("missing", [])) > 20:
            reply["missing"] = reply["missing"][:-1]
        elif reply.get("cause"):
            reply["cause"] = reply["cause"][:-10]
        else:
            reply = {name: value for name, value in reply.items() if name not in ("parameters", *USED)}
    return json.dumps(reply)


if __name__ == "__main__":
    sys.exit(main())
