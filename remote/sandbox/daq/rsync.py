"""Copies runs from the DAQ's stagearea to the DTN in repeated passes of `rsync -a`, finished or not.

A pass copies what is there at the moment, under temporary names that end in six random characters, and renames: so
a segment that is still growing arrives cut, and is replaced by the next pass. Nothing is deleted at the DTN.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from pathlib import Path

from remote.sandbox.daq.taking import TakenRun

_TRIES = 5


class Rsync:
    """Passes from `source` to `destination`; with the rsync of this machine if it has one."""

    def __init__(self, source: Path, destination: Path, rsync: str | None = shutil.which("rsync")) -> None:
        self.source, self.destination, self.rsync = source, destination, rsync
        source.mkdir(parents=True, exist_ok=True)
        destination.mkdir(parents=True, exist_ok=True)

    def run_pass(self) -> None:
        """One pass. A pass that fails leaves its work to the next one."""
        if self.rsync is None:
            _copy_tree(self.source, self.destination)
            return
        command = [self.rsync, "-a", f"{self.source}/", f"{self.destination}/"]
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)

    def deliver(self, taken: TakenRun) -> float:
        """Passes until `taken` is whole at the DTN; the unix time when its last segment was. Raises OSError."""
        last = self.destination / taken.directory.name / taken.segments[-1].name
        size = taken.segments[-1].stat().st_size
        for _ in range(_TRIES):
            self.run_pass()
            if last.exists() and last.stat().st_size == size:
                return last.stat().st_ctime  # the change of its inode is its renaming; its mtime is the DAQ's
        raise OSError(f"run {taken.run}: {last.name} is still not whole at {self.destination} after {_TRIES} passes")


def _copy_tree(source: Path, destination: Path) -> None:
    """What `rsync -a` does, for machines without it: quick check of size and time, temporary, rename."""
    for item in sorted(source.iterdir()):
        target, status = destination / item.name, item.stat()
        if item.is_dir():
            target.mkdir(exist_ok=True)
            target.chmod(0o700)
            _copy_tree(item, target)
        elif not _same(target, status):
            temporary = target.with_name(f".{item.name}.{secrets.token_hex(3)}")
            with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as copy:
                copy.write(item.read_bytes())
            os.utime(temporary, ns=(status.st_atime_ns, status.st_mtime_ns))
            temporary.replace(target)
        target.chmod(status.st_mode & 0o777)
        os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))


def _same(target: Path, status: os.stat_result) -> bool:
    if not target.exists():
        return False
    there = target.stat()
    return (there.st_size, there.st_mtime_ns) == (status.st_size, status.st_mtime_ns)
