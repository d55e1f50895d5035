#!/usr/bin/env python3
# ruff: noqa: UP006, UP035, UP045
"""Keeps the compute endpoints of this site alive and says how they are; for scrontab, or by hand on a login node.

    monitor.py [--cancel-orphans]
    monitor.py --print-scrontab

Every minute: endpoints of ours that do not run are started again, with growing pauses, until it gives one up; Globus is
asked whether it sees them, a canary is sent through each; refusals of sbatch are read in the logs of their children,
blocks without a child are told, and cancelled with --cancel-orphans. What it sees stands in TOP/logs/monitor.json. One
monitor acts: another one says so and ends with exit code 3. Standard library only, Python 3.6 or newer, as job.py.
"""

import argparse
import fcntl
import json
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import IO, Any, Dict, List, Optional, Set, Tuple

from endpoint_files import Ours, Problem, endpoint_id, home, wanted
from endpoint_logs import Block, blocks, cancel, of_manager, orphans
from endpoint_watch import Watched
from logs import write_atomically
from roots import KIT, root

ROUND_SECONDS = 60.0
ANOTHER_ACTS = 3
SCRONTAB = """\
#SCRON --job-name=frib-monitor
{account}#SCRON --qos=workflow
#SCRON --time=30-00:00:00
#SCRON --dependency=singleton
#SCRON --open-mode=append
#SCRON --output={log}
*/10 * * * * exec python3 {program}
"""


class Monitor:
    def __init__(self, cancel_orphans: bool) -> None:
        self.cancel_orphans = cancel_orphans
        self.file, self.alive = files()
        self.written = ""
        self.started = time.time()
        self.told: Dict[str, str] = {}
        self.seen: Dict[str, Any] = {"endpoints": [], "orphans": [], "problem": ""}
        self.alone: Set[Block] = set()
        self.watched = [Watched(endpoint, self.say) for endpoint in wanted().values()]

    def say(self, about: str, text: str) -> None:
        if self.told.get(about) != text:
            self.told[about] = text
            print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {about}: {text or 'well again'}", flush=True)

    def round(self) -> None:
        found: List[Block] = []
        problem = ""
        try:
            if any(each.endpoint.values["provider"] == "SlurmProvider" for each in self.watched):
                found = blocks()
        except Problem as trouble:
            problem = str(trouble)
        if problem or "Slurm" in self.told:
            self.say("Slurm", problem)
        ours = Ours().entries
        told = [each.look(found) for each in self.watched if each.endpoint.name in ours]
        left = self._orphans([block for name in ours for block in of_manager(found, endpoint_id(name))])
        self.seen = {"endpoints": told, "orphans": left, "problem": problem}
        self.write(ended=False)

    def _orphans(self, of_ours: List[Block]) -> List[Dict[str, Any]]:
        """Blocks whose child is dead in two rounds: one that ends well takes its blocks with it in a moment."""
        alone = set(orphans(of_ours))
        twice, self.alone = alone & self.alone, alone
        for block in sorted(twice):
            done = f"scancel {block.job}, or run the monitor with --cancel-orphans"
            if self.cancel_orphans:
                try:
                    cancel(block)
                    done = "was cancelled"
                except Problem as problem:
                    done = str(problem)
            self.say(f"block {block.job}", f"of {block.child.name}, which is dead: {done}")
        return [{"job": block.job, "state": block.state, "child": block.child.name} for block in sorted(twice)]

    def write(self, ended: bool) -> None:
        """What has changed since, so that the console brings it only then; the other file says that we live."""
        document = {"schema": 1, "host": socket.gethostname(), "pid": os.getpid(),
                    "started": self.started, "ended": ended, **self.seen}  # fmt: skip
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            seen = json.dumps(document, sort_keys=True)
            if seen != self.written:
                write_atomically(self.file, json.dumps({"at": time.time(), **document}, indent=1) + "\n")
                self.written = seen
            self.alive.touch()
        except OSError as error:
            self.say(str(self.file), f"cannot be written: {error.strerror}")

    def run(self) -> None:
        self.say("monitor", f"of {', '.join(each.endpoint.name for each in self.watched)} on {socket.gethostname()}")
        try:
            while True:
                self.round()
                time.sleep(ROUND_SECONDS)
        finally:
            self.write(ended=True)
            self.say("monitor", "ends")


def files() -> Tuple[Path, Path]:
    """What it sees, and the file that it touches each round."""
    logs = Path(root()) / "logs"
    return logs / "monitor.json", logs / "monitor.alive"


def locked() -> IO[str]:
    """Held as long as the file is open; Problem when another monitor acts, on this machine or with the same home."""
    path = home() / "frib-monitor.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise Problem(f"{path} cannot be written: {error.strerror}") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        raise Another(f"another monitor acts: {file.read().strip()}") from None
    except OSError as error:  # a file system without locks: monitor.json has to do
        print(f"gce monitor: {path} cannot be locked: {error.strerror}", file=sys.stderr)
    elsewhere = acting_elsewhere()
    if elsewhere:
        raise Another(f"another monitor acts: {elsewhere}")
    file.truncate(0)
    file.write(f"pid {os.getpid()} on {socket.gethostname()}\n")
    file.flush()
    return file


class Another(Problem):
    """Another monitor acts."""


def acting_elsewhere() -> Optional[str]:
    """By its monitor.json: a lock does not reach another login node on every file system."""
    try:
        file, alive = files()
        seen = json.loads(file.read_text(encoding="utf-8"))
        young = time.time() - alive.stat().st_mtime < 3 * ROUND_SECONDS
        if young and not seen["ended"] and seen["host"] != socket.gethostname():
            return f"pid {seen['pid']} on {seen['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        pass  # none has acted, or not lately
    return None


def scrontab() -> str:
    """Also before there is an endpoints.conf: then without the account."""
    try:
        account = next(endpoint.values["account"] for endpoint in wanted().values())
    except Problem as problem:
        print(f"monitor: {problem}", file=sys.stderr)
        account = ""
    line = f"#SCRON --account={account}\n" if account else ""
    return SCRONTAB.format(account=line, log=Path(root()) / "logs/monitor.log", program=KIT / "monitor.py")


def main(arguments: List[str]) -> int:
    parser = argparse.ArgumentParser(prog="monitor.py", description="Keeps the compute endpoints of this site alive.")
    parser.add_argument("--cancel-orphans", action="store_true", help="cancel blocks whose endpoint's child is dead")
    parser.add_argument("--print-scrontab", action="store_true", help="print what to put into scrontab, and end")
    options = parser.parse_args(arguments)
    try:
        if options.print_scrontab:
            print(scrontab(), end="")
            return 0
        monitor = Monitor(options.cancel_orphans)
        with locked():
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
            monitor.run()
    except Another as problem:
        print(f"monitor: {problem}", file=sys.stderr)
        return ANOTHER_ACTS
    except Problem as problem:
        print(f"monitor: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
