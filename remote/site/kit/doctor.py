#!/usr/bin/env python3
# ruff: noqa: UP006, UP035, UP045
"""Is everything there that the jobs of the pipeline need? Run it at the site, best on a node as the jobs have:

    python3 doctor.py [--json]

One line for each thing that is looked at: good, BAD with the cause and what to do, or -- for what cannot be looked at.
The last one fits the first events of a raw segment that is there, in a directory of its own below TOP, and removes it.
Exit code 0 when nothing is bad, 1 otherwise. Standard library only, Python 3.6 or newer, as job.py.
"""

import argparse
import configparser
import contextlib
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional

import digests
from answers import Answer, ask
from job import time_limit
from logs import printable
from roots import KIT, root, setting
from site_status import PROBE_SECONDS, STAGES, look_at, probe, queue, quota

EVENTS, MOST_BYTES = 200, 64 << 20  # of a raw segment, which are fitted
LEAST_ROOM = 1 << 30  # bytes
SAID_LINES = 3
NEW_ENOUGH = "echo $BASH_VERSION; ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 404))"
# What an endpoint asks of Slurm, by its key in endpoints.conf: the option of sbatch.
ASKED = {"account": "account", "qos": "qos", "partition": "partition", "constraint": "constraint"}
ASKED.update(licenses="licenses", walltime="time")
SCRIPTS = {"fit": "run_compute_fit_mpi.sl", "convert": "run_compute_convert.sl", "analyze": "run_compute_analyze.sl"}
SEGMENT = re.compile(r"run-(\d{4,10})-(\d{2,10})\.evt")
ITEM, PHYSICS_EVENT = struct.Struct("<II"), 30  # size of the whole ring item, type


class Finding(NamedTuple):
    """`good` is None for what could not be looked at; `do` says what to do about what is bad."""

    what: str
    good: Optional[bool]
    said: str
    do: str = ""


def settings() -> Iterator[Finding]:
    bash = ask(["bash", "-c", NEW_ENOUGH])
    good = bash.get("rc") == 0
    yield Finding("bash", good, said_by(bash), "" if good else "the job scripts need 4.4 or newer")
    conf = KIT / "site.conf"
    if not conf.is_file():
        yield Finding("site.conf", False, f"{conf} is not there", "copy site.conf.example and change it")
        return
    checked = ask(["bash", "-n", str(conf)])
    if checked.get("rc") != 0:
        yield Finding("site.conf", False, said_by(checked), "mend this line of site.conf")
        return
    top = setting("TOP")
    if top:
        yield Finding("site.conf", True, f"TOP is {top}")
    else:
        yield Finding("site.conf", True, f"TOP is not set: {root()}, which the kit is in, counts")


def the_kit() -> Iterator[Finding]:
    yield Finding("kit", True, f"{KIT}, digest {digests.digest(digests.files(KIT))}, Python {sys.version.split()[0]}")


def directories() -> Iterator[Finding]:
    for name, path in (("top", root()), ("scratch", os.environ.get("TMPDIR") or "/tmp")):
        seen = look_at(path)
        if "unseen" in seen:
            yield Finding(name, False, f"{path}: {said_by(seen['unseen'])}", "is its file system mounted here?")
        elif not seen["there"]:
            where = "TOP in site.conf" if name == "top" else "TMPDIR"
            yield Finding(name, False, f"{path} is not there", f"make it, or correct {where}")
        elif not seen["writable"]:
            yield Finding(name, False, f"{path} cannot be written", "give this account the right to")
        elif seen["free"] < LEAST_ROOM or seen["files_free"] == 0:
            room = f"{path} has {seen['free']} bytes and {seen['files_free']} inodes left"
            yield Finding(name, False, room, "make room: an input and its output lie there during a job")
        else:
            yield Finding(name, True, f"{path}, {seen['free'] / 1e9:.1f} GB free")
    told = quota()
    yield Finding("quota", True if told.get("rc") == 0 else None, said_by(told))


def stages() -> Iterator[Finding]:
    """Container, image and programs of each, and fit.conf: looked at where its jobs run."""
    for stage in STAGES:
        told = probe(stage)
        where = told.get("container") or "no container: on the node itself"
        if "failed" in told:
            todo = (
                "try it by hand: bash probe.sh " + stage + "; is the image there, and the container's program in PATH?"
            )
            yield Finding(stage + " container", False, said_by(told["failed"]), todo)
            continue
        yield Finding(stage + " container", True, where)
        for program, path in told["programs"].items():
            todo = "correct PATH or the image in site.conf"
            yield Finding(stage + " program", bool(path), path or f"no {program} in PATH there", "" if path else todo)
        if "fitconf" in told:
            good = told["fitconf"]["rc"] == 0
            yield Finding("fit.conf", good, told["fitconf"]["said"], "" if good else "mend fit.conf or FIT_VERSION")


def slurm() -> Iterator[Finding]:
    """The queue, and whether Slurm would take the kit's scripts and the endpoints' blocks: account, qos, licences."""
    mine = queue()
    if mine.get("absent"):
        yield Finding("queue", None, "no squeue here: this machine has no Slurm")
        return
    listed = "jobs" in mine
    todo = "" if listed else "ask the site: is Slurm well, and this machine one of its nodes?"
    yield Finding("queue", listed, f"{mine['total']} jobs of ours" if listed else said_by(mine), todo)
    if not listed:
        return
    for stage in STAGES:
        yield tried(stage + " account", [str(KIT / SCRIPTS[stage]), "1", "0"], f"#SBATCH in {SCRIPTS[stage]}")
    for endpoint, asked in blocks().items():
        yield tried(endpoint, [*asked, "--nodes=1", "--wrap=true"], f"[{endpoint}] in endpoints.conf")


def tried(what: str, job: List[str], where: str) -> Finding:
    """Whether Slurm would take a job, which it is only asked."""
    answer = ask(["sbatch", "--test-only", *job])
    good = answer.get("rc") == 0
    return Finding(
        what, good, said_by(answer), "" if good else f"correct account, qos, licences or constraint: {where}"
    )


def blocks() -> Dict[str, List[str]]:
    """What each endpoint of endpoints.conf asks of Slurm for its nodes; none when there is no such file. ValueError."""
    conf = configparser.ConfigParser(interpolation=None)
    try:
        conf.read(str(KIT / "endpoints.conf"), encoding="utf-8")
    except configparser.Error as error:
        raise ValueError(f"endpoints.conf: {error}") from None
    slurms = [name for name in conf.sections() if conf[name].get("provider") != "LocalProvider"]
    return {name: [f"--{ASKED[key]}={conf[name][key]}" for key in ASKED if conf[name].get(key)] for name in slurms}


def dry_fit() -> Iterator[Finding]:
    """The first events of a raw segment through job.py, as the compute function has it."""
    raw = Path(root(), "rawdata")
    segment = next((path for path in sorted(raw.glob("run*/run-*.evt")) if SEGMENT.fullmatch(path.name)), None)
    if segment is None:
        yield Finding("dry fit", None, f"no raw segment lies in {raw} yet: launch a run, or copy one to {raw}/run1/")
        return
    try:
        directory = tempfile.mkdtemp(prefix=".doctor.", dir=root())
    except OSError as error:
        yield Finding("dry fit", False, str(error), "see top above")
        return
    try:
        yield fitted(segment, Path(directory))
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def fitted(segment: Path, directory: Path) -> Finding:
    begun = directory / segment.name
    begun.write_bytes(beginning(segment))
    run, number = map(int, SEGMENT.fullmatch(segment.name).groups())  # type: ignore[union-attr]
    request = {"run": run, "segment": number, "input_dir": str(directory), "output_dir": str(directory / "fitted")}
    request.update(log_dir=str(directory), marker=str(directory / "cancelled"))
    job = subprocess.run(
        [sys.executable, str(KIT / "job.py"), "fit"],
        input=json.dumps(request).encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=time_limit("fit") + PROBE_SECONDS,
    )
    try:
        reply = json.loads(job.stdout.decode("utf-8", "replace").splitlines()[-1])
    except (ValueError, IndexError):
        return Finding("dry fit", False, "job.py gave no reply", "copy the kit anew")
    if reply["rc"] == 0:
        events, hits = reply["events"][1], reply["hits"][1]
        return Finding("dry fit", True, f"{events} events, {hits} hits of {segment.name} in {reply['seconds']:.1f} s")
    return Finding("dry fit", False, reply["cause"], "mend what it names; by hand: run_compute_fit_mpi.sl")


def beginning(segment: Path) -> bytes:
    """The whole ring items at the head of a segment, with as many physics events as are fitted."""
    with segment.open("rb") as file:
        data = file.read(MOST_BYTES)
    here = events = 0
    while here + ITEM.size <= len(data) and events < EVENTS:
        size, kind = ITEM.unpack_from(data, here)
        if size < ITEM.size or here + size > len(data):
            break
        events += kind == PHYSICS_EVENT
        here += size
    return data[:here]


def said_by(answer: Answer) -> str:
    """What a command said last, or what became of it."""
    if answer.get("absent"):
        return f"no {answer['command']} here"
    if "hung" in answer:
        return f"{answer['command']} has not answered in {answer['hung']:g} s"
    lines = answer.get("rubbish") or answer.get("lines") or [f"nothing, return code {answer.get('rc')}"]
    return f"{answer['command']}: {' | '.join(lines[-SAID_LINES:])}"


CHECKS = (settings, the_kit, directories, stages, slurm, dry_fit)  # type: tuple[Callable[[], Iterator[Finding]], ...]


def look(checks: "tuple[Callable[[], Iterator[Finding]], ...]") -> Iterator[Finding]:
    """What they find; one that cannot be carried out is bad, and does not keep the others."""
    for check in checks:
        try:
            yield from check()
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            yield Finding(check.__name__.replace("_", " "), False, str(error), "mend this first")


def main() -> int:
    parser = argparse.ArgumentParser(description="Is everything there that the jobs of the pipeline need?")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    found = []
    for finding in look(CHECKS):
        found.append(finding)
        if not options.json:
            print(line(finding), flush=True)
    bad = [finding for finding in found if finding.good is False]
    if options.json:
        print(json.dumps({"schema": 1, "good": not bad, "findings": list(map(as_json, found))}, indent=2))
    else:
        print(f"{len(bad)} of {len(found)} bad" if bad else "nothing is bad")
    return 1 if bad else 0


def line(finding: Finding) -> str:
    mark = {True: "good", False: "BAD ", None: "--  "}[finding.good]
    return printable(f"{mark}  {finding.what:18} {finding.said}" + (f"; {finding.do}" if finding.do else ""))


def as_json(finding: Finding) -> Dict[str, Any]:
    return {name: printable(value) if isinstance(value, str) else value for name, value in finding._asdict().items()}


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main())
