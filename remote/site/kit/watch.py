# ruff: noqa: UP006, UP035, UP045
"""Looks at a job while it runs: is there room for what it writes, and does it get on?

EventEditor on a full disk neither ends nor says so with a return code. Standard library only, Python 3.6 or newer, as
job.py.
"""

import contextlib
import json
import os
import re
import socket
import time
from pathlib import Path
from typing import Dict, List, Optional

from evidence import Fault, fault
from logs import LAST_LENGTH, NO_SPACE, head, printable, tail, write_atomically
from processes import Process, of_session
from progress import Follower, Progress, how_far
from usage import Meter

RESERVE = 1 << 20  # bytes: a file system with less is full
PROGRESS_SECONDS = 5.0  # from one writing of the progress file to the next
STALL_SECONDS = 30.0  # without output and without work, before it is told
IDLE = 0.01  # of a processor: waiting programs that look at their queues now and then use less
WORK = re.compile("^Work (/.*)$", re.MULTILINE)  # of common.sh, in the log
READ_AT_ONCE = 1 << 20  # bytes of the log


class Watch:
    """The watch over the job whose script is the leader of `session`; `meter` is told what it uses. `inputs`: bytes."""

    def __init__(self, log: Path, inputs: List[int], output: Path, session: int, meter: Meter) -> None:
        self.log, self.inputs, self.output, self.session, self.meter = log, inputs, output, session, meter
        self.follower = Follower(log, time.time())
        self.progress = log.with_suffix(".progress.json")
        self.started = self.grown_at = time.time()
        self.bytes, self.cpu = 0, 0.0
        self.written_at = 0.0
        self.read_to = 0
        self.complaint = None  # type: Optional[str]

    def look(self) -> Optional[Fault]:
        """What is to end the job now, or None. Writes the progress file when it is time to."""
        now = time.time()
        if not self.written_at <= now < self.written_at + PROGRESS_SECONDS:
            self.note_progress(now)
            self.written_at = now
        return self.no_space()

    def no_space(self) -> Optional[Fault]:
        """That there is no room: on a disk, or by what the log says (a quota is seen there only)."""
        complaint = self.complained()
        return self.full() or (fault("space", complaint) if complaint else None)

    def full(self) -> Optional[Fault]:
        """The directory whose file system has no room left."""
        for what, directory in self.directories().items():
            if is_full(directory):
                shown = seen_by_the_job(directory)
                return fault("space", f"no space left for the {what} in {shown}", directory=shown[-LAST_LENGTH:])
        return None

    def complained(self) -> Optional[str]:
        """The first line of the log, as far as there is one, that says that there is no room."""
        if self.complaint is None:
            with contextlib.suppress(OSError), self.log.open("rb") as file:
                file.seek(max(self.read_to, self.log.stat().st_size - READ_AT_ONCE))
                piece = file.read()
                # The last line may still be on its way.
                self.read_to = file.tell() - len(piece.rpartition(b"\n")[2])
                lines = piece.decode("utf-8", "replace").splitlines()
                self.complaint = next((printable(line) for line in lines if NO_SPACE.search(line)), None)
        return self.complaint

    def directories(self) -> Dict[str, Path]:
        """Where the job writes, by what."""
        work = self.work()
        found = {} if work is None else {"temporary files": work.parent}
        found["output"] = self.output.parent
        return found

    def work(self) -> Optional[Path]:
        """The directory of the job's temporary files. That of a container is seen through a process in it."""
        named = WORK.search(head(self.log))
        if named is None:
            return None
        views = [f"/proc/{process.pid}/root" for process in of_session(self.session)]
        seen = (view + named.group(1) for view in [*views, ""])
        return next((Path(path) for path in seen if os.path.isdir(path)), None)  # noqa: PTH112

    def note_progress(self, now: float) -> None:
        work, members = self.work(), of_session(self.session)
        size = 0 if work is None else size_of(work / "out")
        arriving = list(self.output.parent.glob(f".{self.output.name}.??????"))  # as deliver names it
        size += sum(map(size_of, arriving))
        cpu = sum(process.cpu for process in members)
        if size > self.bytes or cpu - self.cpu > IDLE * (now - self.written_at if self.written_at else 0):
            self.grown_at = now
        self.bytes, self.cpu = size, cpu
        self.meter.note(members, 0 if work is None else size_of(work))
        with contextlib.suppress(OSError):  # of a file that vanishes meanwhile: the next time
            self.tell(how_far(self.inputs, work, arriving, members), members, size, now)

    def tell(self, far: Progress, members: List[Process], size: int, now: float) -> None:
        """Raises OSError: for whoever is curious; the job does without."""
        left = self.follower.left(far, now)
        document = {
            "schema": 1,
            "started": self.started,
            "at": now,
            "node": socket.gethostname(),
            "phase": far.phase,
            "done": far.done,
            "of": far.of,
            "left": left,
            "bytes": size,
            "cpu_seconds": round(self.cpu, 2) if members else None,
            "peak": self.meter.peak,
            "scratch": self.meter.scratch,
            "last": "".join(tail(self.log)[-1:]),
            "stalled_since": self.grown_at if now - self.grown_at >= STALL_SECONDS else None,
        }
        write_atomically(self.progress, json.dumps(document, indent=1) + "\n")
        self.follower.set_mark(far, left)

    def end(self) -> None:
        """The job has ended: its report tells from now on."""
        self.follower.remove_marks()
        with contextlib.suppress(OSError):
            self.progress.unlink()


def is_full(directory: Path) -> bool:
    """Whether its file system, or that of the directory above which it is to be made, has no room left."""
    while not os.path.isdir(str(directory)) and directory != directory.parent:  # noqa: PTH112
        directory = directory.parent
    try:
        room = os.statvfs(str(directory))
    except OSError:
        return False  # not known: a program that cannot write says so itself
    # Some file systems count neither blocks nor inodes.
    return bool((room.f_blocks and room.f_bavail * room.f_frsize < RESERVE) or (room.f_files and not room.f_favail))


def seen_by_the_job(path: Path) -> str:
    return printable(re.sub(r"^/proc/\d+/root", "", str(path)))


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files below a directory; of what vanishes meanwhile none."""
    if path.is_file():
        with contextlib.suppress(OSError):
            return path.stat().st_size
    return sum(size_of(Path(folder) / name) for folder, _, names in os.walk(str(path)) for name in names)
