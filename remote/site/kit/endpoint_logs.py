# ruff: noqa: UP006, UP022, UP035, UP045, B905
"""What an endpoint's children, which ask Slurm for blocks, leave behind: refusals in their logs, blocks in the queue.

An endpoint starts a child when there is work, in a directory uep.<its id>.<the child's id>. When sbatch refuses, the
child ends, and nobody is told: the endpoint stays online and its tasks wait for ever. When a child dies, its blocks go
on until they are drained, or to the end of their walltime.
Standard library only, Python 3.6 or newer, as job.py.
"""

import contextlib
import getpass
import re
import subprocess
import time
from pathlib import Path
from typing import Iterator, List, NamedTuple, Optional

from endpoint_files import Problem, home
from logs import printable

READ_AT_ONCE = 1 << 20  # bytes, of the end of a log
DEAD_SECONDS = 90.0  # three heartbeats, as for the endpoint
SQUEUE_SECONDS = 60.0
WORDS = 300  # characters of what sbatch said
RECORD = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),\d+ ", re.MULTILINE)
REFUSED = re.compile(r"Retcode:[1-9]\d* STDOUT:(.*?) STDERR:(.*)", re.DOTALL)
CHILD = re.compile(r"/uep\.([0-9a-f-]{36})\.([0-9a-f-]{36})/submit_scripts/")


class Refusal(NamedTuple):
    """Words of sbatch, and when, in the local time of the log (YYYY-mm-dd HH:MM:SS)."""

    at: str
    words: str
    log: str


class Block(NamedTuple):
    """A job of Slurm's that an endpoint's child has asked for. `reason`: why it is pending."""

    job: str
    state: str
    reason: str
    child: Path


def newest_refusal(manager: Optional[str]) -> Optional[Refusal]:
    """Of the children of an endpoint, by its id."""
    found = []  # type: List[Refusal]
    for log in home().glob(f"uep.{manager}.*/endpoint.log") if manager else ():
        with contextlib.suppress(OSError):
            found += refusals(log)
    return max(found) if found else None


def refusals(log: Path) -> Iterator[Refusal]:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - READ_AT_ONCE))
        text = file.read().decode("utf-8", "replace")
    pieces = RECORD.split(text)[1:]
    for at, record in zip(pieces[::2], pieces[1::2]):
        refused = REFUSED.search(record)
        if refused:
            said = (refused.group(2).strip() or refused.group(1).strip()).splitlines()
            yield Refusal(at, printable("; ".join(said))[:WORDS], str(log))


def blocks() -> List[Block]:
    """Those of this account. Raises Problem when Slurm does not answer: then nothing is known of them."""
    command = ["squeue", "--noheader", "--user", getpass.getuser(), "--format", "%i|%T|%r|%o"]
    try:
        asked = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=SQUEUE_SECONDS
        )
    except FileNotFoundError:
        raise Problem("there is no squeue on this machine") from None
    except subprocess.TimeoutExpired:
        raise Problem(f"squeue has not answered for {SQUEUE_SECONDS:.0f} s") from None
    if asked.returncode != 0:
        raise Problem(f"squeue: {printable(asked.stderr.decode('utf-8', 'replace').strip())[:WORDS]}")
    found = []
    for line in asked.stdout.decode("utf-8", "replace").splitlines():
        job, state, reason, script = line.split("|", 3)
        if CHILD.search(script):
            found.append(Block(job, state, reason, Path(script).parents[1]))
    return found


def of_manager(every: List[Block], manager: Optional[str]) -> List[Block]:
    return [block for block in every if manager and block.child.name.startswith(f"uep.{manager}.")]


def orphans(every: List[Block]) -> List[Block]:
    """Blocks whose child has shown no sign of life for three heartbeats."""
    dead = {child for child in {block.child for block in every} if _is_dead(child)}
    return [block for block in every if block.child in dead]


def _is_dead(child: Path) -> bool:
    try:
        return time.time() - (child / "daemon.pid").stat().st_mtime > DEAD_SECONDS
    except FileNotFoundError:
        return True
    except OSError:
        return False  # not known


def cancel(block: Block) -> None:
    done = subprocess.run(
        ["scancel", block.job], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        timeout=SQUEUE_SECONDS,
    )  # fmt: skip
    if done.returncode != 0:
        raise Problem(f"scancel {block.job}: {printable(done.stdout.decode('utf-8', 'replace').strip())[:WORDS]}")
