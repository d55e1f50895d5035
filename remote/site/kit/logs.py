# ruff: noqa: UP006, UP035, UP045
"""What the log of a job says: its last lines, and the one that tells why the job did not go well.

Standard library only, Python 3.6 or newer, as job.py.
"""

import contextlib
import os
import re
from pathlib import Path
from typing import List, Optional

from evidence import Fault, fault

TAIL_LINES, TAIL_BYTES = 20, 4000
SEARCHED_LINES, SEARCHED_BYTES = 2000, 64000  # ranks of MPI print their stacks below the error
LAST_LENGTH = 80  # of a line in the parameters of a fault: the reply has 400 bytes

NO_SPACE = re.compile("No space left on device|Disk quota exceeded|ENOSPC")
# Of check_fit_conf.sh.
COLUMNS = re.compile(r"([^/]+) line (\d+): (\d+) columns, but DDASToys \S+ reads (\d+)")
TOO_FEW_POINTS = re.compile("insufficient data points")
LIBRARY = re.compile(r"^Library .*  DDASToys (\S+) \(.*\)  Columns (\d+)", re.MULTILINE)

# Of common.sh: what is started in a container begins the log anew.
CONTAINER, BEGUN = re.compile(r"^Container (.*)$", re.MULTILINE), re.compile("^JobID ", re.MULTILINE)

# A line that tells what went wrong, and the code of the fault. The row that comes first counts, then the line.
ERROR_LINES = [
    ("fitconf", COLUMNS),
    ("fitconf", TOO_FEW_POINTS),
    ("fitconf", re.compile("Error configuring FitEditor|Unable to open the configuration file|^FIT_VERSION ")),
    ("space", NO_SPACE),
    ("block", re.compile("DUE TO (TIME LIMIT|NODE FAIL|PREEMPT|JOB REQUEUE|DEADLINE)")),
    (
        "memory",
        re.compile(
            r"out[ _-]of[ _-]me(mory|\+)|MemoryError|bad_alloc|(?<!\b0 )oom[ _-]?kill|Cannot allocate memory"
            r"|exceed\w* (\w+ ){0,3}memory limit|memory limit (was )?exceeded|memory exhausted",
            re.IGNORECASE,
        ),
    ),
    # So ends who has met Linux's lack of memory; bash, mpirun and Slurm say no more.
    ("killed", re.compile(r"(^|\s)Killed\b|[Bb]us error|killed by signal 9|SIGKILL|SIGBUS")),
    ("stopped", re.compile(r"\*\*\* (JOB|STEP) \S+ ON \S+ CANCELLED")),
    ("account", re.compile(r"violates accounting|QOS policy|[Ii]nvalid (account|qos|partition)|[Ii]nvalid license")),
    ("site", re.compile("Unable to contact slurm|temporarily unable|Socket timed out on send/recv|nodes are busy")),
    ("function", re.compile("^(there is no program |no (image|volume|NAME=VALUE|directory for temporary files))")),
    ("silent", re.compile("ended with return code 0 but left no output")),  # of common.sh
    ("function", re.compile("files match ANALYZE_RESULT")),  # of run_compute_analyze.sh
    ("abort", re.compile("Failed to find endpoint")),
    ("abort", re.compile("gsl: .*ERROR")),
    ("abort", re.compile(r"what\(\):")),
]
# What often names a fault, and often does not: the last such line of the programs counts.
PERHAPS = re.compile(
    r"\b(error|cannot|can't|could not|unable to|failed|fatal|terminate called|caught an exception|undefined symbol)\b"
    r"|segmentation fault|stack smashing|assertion|no such file|permission denied|not found",
    re.IGNORECASE,
)
# What the job scripts, bash and mpirun say of a program's end: never against what the program said itself.
OF_NO_PROGRAM = re.compile(
    r"^JobID |^Container |^Work /|^File(In|Out) |^DirIn |^Library |^Copying input|^\.\.\. |^Moving output|^Scratch \d"
    r"|^(Fitting|Converting|Sorting) .*\.\.\.$"
    r"|^\S+ ended with return code \d+$|\.sh: line \d+: +\d+ |^-+$|mpirun|MPI_ABORT|\*\*\* Process received signal"
)
RC_KILLED = (135, 137)  # by SIGBUS or SIGKILL
TRACEBACK = "Traceback (most recent call last):"


def tail(path: Path, lines: int = TAIL_LINES, most: int = TAIL_BYTES) -> List[str]:
    """The log's last lines that say something."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - most))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    return [printable(line) for line in text.splitlines() if line.strip()][-lines:]


def head(path: Path) -> str:
    """The log's beginning, in which the job script says what it works with; '' when there is none."""
    try:
        with path.open("rb") as file:
            return file.read(TAIL_BYTES).decode("utf-8", "surrogateescape")
    except OSError:
        return ""


def ended_badly(rc: int, log: Path) -> Fault:
    """Why a script ended with `rc`: the line of its log that says it."""
    lines = tail(log, SEARCHED_LINES, SEARCHED_BYTES)
    container = CONTAINER.search(head(log))
    if container is not None and not BEGUN.search(head(log)) and not any(map(NO_SPACE.search, lines)):
        return fault("function", f"nothing ran in the container ({container.group(1)}): {lines[-1]}", rc=rc)
    for code, pattern in ERROR_LINES:
        for line in lines:
            match = pattern.search(line)
            if match is None:
                continue
            if pattern is COLUMNS:
                return wrong_columns(*match.groups())
            if pattern is TOO_FEW_POINTS:
                return too_few_points(rc, line, log)
            perhaps = perhaps_error(lines) if code == "silent" else None
            return fault(code, with_code(rc, line) + (f"; its log says: {perhaps}" if perhaps else ""), rc=rc)
    said = [line for line in lines if not OF_NO_PROGRAM.search(line)] or lines
    code = "killed" if rc in RC_KILLED else "abort"
    return fault(code, with_code(rc, perhaps_error(lines) or (said[-1] if said else "empty log")), rc=rc)


def with_code(rc: int, line: str) -> str:
    """As run_program of common.sh says it, a line may tell the code already."""
    return line if line.endswith(f"return code {rc}") else f"return code {rc}: {line}"


def perhaps_error(lines: List[str]) -> Optional[str]:
    """The line of a program that most likely names an error."""
    said = [line for line in lines if not OF_NO_PROGRAM.search(line)]
    if TRACEBACK in said:
        below = said[len(said) - said[::-1].index(TRACEBACK) :]
        return next((line for line in below if not line.startswith(" ")), None)
    return next((line for line in reversed(said) if PERHAPS.search(line)), None)


def wrong_columns(file: str, line: str, columns: str, expected: str) -> Fault:
    cause = f"{file} line {line} has {columns} columns, and the library reads {expected}"
    counts = {"line": int(line), "columns": int(columns), "expected": int(expected)}
    return fault("fitconf", cause, file=file[:LAST_LENGTH], **counts)


def too_few_points(rc: int, line: str, log: Path) -> Fault:
    """GSL's words are about the data. Most often the library read other columns than fit.conf has."""
    library = LIBRARY.search(head(log))
    columns = f" ({library.group(2)} columns, as of DDASToys {library.group(1)})" if library else ""
    cause = f"the fit aborted at a trace: fit.conf{columns} does not fit the library, or the trace has too few"
    return fault("fitconf", f"{cause} unsaturated samples (return code {rc}: {line})", rc=rc)


def printable(text: str) -> str:
    return "".join(c if " " <= c <= "~" else "?" for c in text)


def write_atomically(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text)
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
