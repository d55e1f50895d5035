# ruff: noqa: UP006, UP035, UP045
"""What a job uses of its node, how much of it there is, and what that tells of a death.

Standard library only, Python 3.6 or newer, as job.py.
"""

import os
import re
import resource
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional

from evidence import Fault
from processes import Process

NEAR = 0.9  # of what a worker has: a job that was killed there was killed for want of memory
RC_CPU_LIMIT = 152  # 128 + SIGXCPU
RC_BY_SIGNAL = (135, 137, 143)  # SIGBUS, SIGKILL, SIGTERM
BLOCK_ENDS = 60.0  # s before the end of a block: Slurm sends SIGTERM there, and SIGKILL some 30 s later
SCRATCH = re.compile(r"^Scratch (\d{1,18})$", re.MULTILINE)  # of common.sh, in the log

Facts = Dict[str, Any]


class Meter:
    """Adds up what a job uses: made before it starts, told of its processes while it runs, read when it has ended."""

    def __init__(self) -> None:
        self.peak, self.scratch, self.cpu = 0, 0, 0.0
        self.oom_kills = oom_kills()
        self.before = cpu_of_ended()

    def note(self, members: List[Process], scratch: int) -> None:
        """What they use now. A page that they share counts once."""
        self.peak = max(self.peak, sum(p.private for p in members) + max((p.shared for p in members), default=0))
        self.cpu = max(self.cpu, sum(p.cpu for p in members))
        self.scratch = max(self.scratch, scratch)

    def read(self, log: str) -> Facts:
        """`peak`, `scratch` and `memory_limit` in bytes, `cpu` in s, `oom_kills` of the control group meanwhile.

        The kernel knows the peak of each process that has ended and was waited for, not that of several together: it is
        the larger one of that and of what was seen of all of them now and then. `cgroup_peak` is that of all jobs of
        the block, with the files that are cached. `log`: the end of the job's log.
        """
        largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        told = [int(size) for size in SCRATCH.findall(log)]
        return {
            "peak": max(self.peak, largest),
            "cpu": round(max(self.cpu, cpu_of_ended() - self.before), 2),
            "scratch": max([self.scratch, *told]) or None,  # too short to have been seen
            "memory_limit": memory_limit(os.environ),
            "cgroup_peak": first_number("memory.peak", "memory.max_usage_in_bytes"),
            "oom_kills": max(0, oom_kills() - self.oom_kills),
        }


def cpu_of_ended() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


# ---- what there is


def memory_limit(environment: Mapping[str, str], proc: Path = Path("/proc")) -> Optional[int]:
    """Bytes that a worker has: its share of the least of node, Slurm job and control groups; None when not known."""
    limits = [int(kb) * 1024 for kb in re.findall(r"^MemTotal: +(\d+) kB$", text_of(proc / "meminfo"), re.MULTILINE)]
    limits += [number for name in ("memory.max", "memory.limit_in_bytes") for number in numbers_in(name, proc)]
    # Of Slurm, in MB; 0 or nothing: all of the node.
    per_node = whole(environment, "SLURM_MEM_PER_NODE")
    per_cpu = whole(environment, "SLURM_MEM_PER_CPU") * whole(environment, "SLURM_CPUS_ON_NODE")
    limits += [megabytes << 20 for megabytes in (per_node, per_cpu) if megabytes]
    # On this node, as Globus Compute's engine tells its workers.
    share = whole(environment, "PARSL_WORKER_COUNT") or 1
    return min(limits) // share if limits else None


def whole(environment: Mapping[str, str], name: str) -> int:
    """0 when it is no number."""
    said = environment.get(name, "")
    return int(said) if re.match("^[0-9]{1,15}$", said) else 0


def oom_kills(proc: Path = Path("/proc")) -> int:
    """How often Linux has killed for want of memory in our control group."""
    for name in ("memory.events", "memory.oom_control"):
        for directory in control_groups(proc):
            counted = re.search(r"^oom_kill (\d+)$", text_of(directory / name), re.MULTILINE)
            if counted:
                return int(counted.group(1))
    return 0


def first_number(*names: str) -> Optional[int]:
    found = [number for name in names for number in numbers_in(name)]
    return found[0] if found else None


def numbers_in(name: str, proc: Path = Path("/proc")) -> List[int]:
    """What a file says in our control group and in those above it, as far as they have it; `max` is no number."""
    said = [text_of(directory / name).strip() for directory in control_groups(proc)]
    return [int(number) for number in said if number.isdigit()]


def control_groups(proc: Path = Path("/proc"), mounted: Path = Path("/sys/fs/cgroup")) -> Iterator[Path]:
    """The directories of our control group for memory, and of those above it, of version 2 and of version 1."""
    for line in text_of(proc / "self" / "cgroup").splitlines():
        number, _, named = line.partition(":")
        controllers, _, path = named.partition(":")
        if number != "0" and "memory" not in controllers.split(","):
            continue
        top = mounted if number == "0" else mounted / "memory"
        below = top.joinpath(*Path(path).parts[1:])
        yield below
        for directory in below.parents:
            if directory == top.parent:
                break
            yield directory


def text_of(path: Path) -> str:
    """'' when there is none."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


# ---- what it tells


def with_measures(wrong: Fault, rc: int, used: Facts, now: Optional[float] = None) -> Fault:
    """A fault as it is with what the job used: who was killed near its limit had too little memory, and so on."""
    if rc == RC_CPU_LIMIT:
        return wrong._replace(code="failed.time", cause=f"ended at its limit of CPU time: {wrong.cause}")
    unexplained = wrong.code in ("failed.abort", "failed.killed", "failed.stopped") and rc in RC_BY_SIGNAL
    if unexplained and block_ends(time.time() if now is None else now):
        return wrong._replace(code="failed.block", cause=f"Slurm has ended its block: {wrong.cause}")
    killed = wrong.code == "failed.killed" or (unexplained and rc != 143)
    if not killed and wrong.code != "failed.memory":
        return wrong
    peak, limit = used["peak"], used["memory_limit"]
    measured = f"used {shown(peak)}" + (f", a worker has {shown(limit)}" if limit else "")
    parameters = dict(wrong.parameters, peak=peak)  # type: Dict[str, Any]
    if limit:
        parameters["limit"] = limit
    if killed and not used["oom_kills"] and not (limit and peak >= NEAR * limit):
        return Fault("failed.killed", f"killed, {measured}: {wrong.cause}", parameters)
    return Fault("failed.memory", f"memory: {measured}: {wrong.cause}", parameters)


def block_ends(now: float) -> bool:
    """Whether Slurm ends the block that we are in about now, for which it has signals."""
    end = os.environ.get("SLURM_JOB_END_TIME", "")
    return end.isdigit() and int(end) - BLOCK_ENDS <= now


def shown(size: int) -> str:
    """Bytes as people read them: 39.8 GB, as a memory of 40 GB is sold."""
    for unit, name in ((1 << 30, "GB"), (1 << 20, "MB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size} bytes"
