#!/usr/bin/env python3
# ruff: noqa: UP006, UP035, UP045
"""Run one job by hand, below the root of the site, as Globus would have it run: what the .sl scripts start.

    byhand.py fit|convert RUN SEGMENT
    byhand.py analyze RUN SEGMENTS

SEGMENTS is their number, 0 stands for only the first. It is judged as any job, its report lies beside its log, and a
line says how it went. Exit code: that of the job, 2 for bad use. Standard library only, Python 3.6 or newer, as job.py.
"""

import re
import subprocess
import sys
from typing import Any, Dict, List, Optional

import job
from roots import KIT, root
from usage import shown

USAGE = {"fit": "fit_mpi.sl RUN SEGMENT", "convert": "convert.sl RUN SEGMENT", "analyze": "analyze.sl RUN SEGMENTS"}


def main() -> int:
    stage, numbers = "".join(sys.argv[1:2]), sys.argv[2:]
    if stage not in USAGE:
        return refuse("usage: byhand.py fit|convert RUN SEGMENT, or byhand.py analyze RUN SEGMENTS")
    if len(numbers) != 2:
        return refuse(f"usage: sbatch run_compute_{USAGE[stage]}, as in: sbatch run_compute_{words_of(stage)} 1217 1")
    for number in numbers:
        if re.match("^[0-9]{1,10}$", number) is None:
            return refuse(f"not a number: '{number}'")
    problem = problem_of_settings()
    if problem is not None:
        return refuse(problem)
    work = job.plan(stage, request_of(stage, *map(int, numbers)))
    job.heed_sigterm()
    try:
        reply = job.carry_out(work)
    except OSError as error:
        return refuse(f"{stage} of {work.whose} could not be run: {error}", 1)
    print(told(stage, work, reply))
    return min(int(reply["rc"]), 255)


def refuse(words: str, code: int = 2) -> int:
    print(words, file=sys.stderr)
    return code


def words_of(stage: str) -> str:
    return USAGE[stage].partition(" ")[0]


def problem_of_settings() -> Optional[str]:
    """Why site.conf cannot be used, or None."""
    conf = KIT / "site.conf"
    if not conf.is_file():
        return f"there is no site.conf in {KIT}: install.py makes it, or copy site.conf.example and change it"
    argv = ["bash", "-euc", 'kit=${1%/*}; . "$1"', "bash", str(conf)]
    read = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = read.stderr.decode("utf-8", "replace").strip().splitlines()
    return f"site.conf cannot be read: {said[-1] if said else 'it ends with an error'}" if read.returncode else None


def request_of(stage: str, run: int, number: int) -> Dict[str, Any]:
    """What the compute function would be told."""
    top = root()
    raw, fitted, converted = (f"{top}/{name}/run{run}" for name in ("rawdata", "fitted", "converted"))
    source, target = {"fit": (raw, fitted), "convert": (fitted, converted), "analyze": (converted, top + "/analyzed")}[
        stage
    ]
    segments = {"segment": number}  # type: Dict[str, Any]
    if stage == "analyze":
        segments = {"expected": numbers_up_to(number)}
    return dict(segments, run=run, input_dir=source, output_dir=target, log_dir=f"{top}/logs/run{run}")


def numbers_up_to(count: int) -> List[int]:
    return list(range(max(1, count)))


def told(stage: str, work: job.Job, reply: Dict[str, Any]) -> str:
    if reply["rc"]:
        return f"{stage} of {work.whose}: {reply['cause']}\nlog {work.log}"
    used = f", {shown(reply['peak'])} of memory" if "peak" in reply else ""
    return f"{stage} of {work.whose}: good, {reply['bytes']:,} bytes in {reply['seconds']:.1f} s{used}: {work.output}"


if __name__ == "__main__":
    sys.exit(main())
