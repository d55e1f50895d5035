# ruff: noqa: UP006, UP035
"""How the compute site is, as one line of JSON on stdout: what the compute function site_status returns.

    site_status.py

Facts only: a command that is not there, hangs or prints rubbish is one, too. Sentences are made by the console.
Standard library only, Python 3.6 or newer, as job.py.
"""

import json
import os
import platform
import socket
import sys
import time
from pathlib import Path
from typing import Any, Dict, List

import digests
from answers import Answer, ask
from logs import printable
from roots import KIT, root

STAGES = ("fit", "convert", "analyze")
QUOTA_COMMANDS = ("showquota", "myquota", "quota")  # of NERSC, and of everybody: the first that is there
QUOTA_LINES, MOST_JOBS, MOST_FILES = 20, 200, 200
PROBE_SECONDS = 60.0  # a container may have to be fetched

QUEUE_FIELDS = ("id", "state", "reason", "nodes", "submitted", "name")  # names may hold anything: the last
QUEUE_FORMAT = "%i|%T|%r|%D|%V|%j"


def status() -> Dict[str, Any]:
    """All of it; `at` in seconds since the epoch, sizes in bytes."""
    return {
        "schema": 1,
        "at": time.time(),
        "host": socket.gethostname(),
        "job_id": os.environ.get("SLURM_JOB_ID"),
        "python": platform.python_version(),
        "kit": kit(),
        "paths": paths(),
        "quota": quota(),
        "queue": queue(),
        "stages": {stage: probe(stage) for stage in STAGES},
    }


def kit() -> Dict[str, Any]:
    found = digests.files(KIT)
    listed = {printable(name): found[name] for name in sorted(found)[:MOST_FILES]}
    return {"path": printable(str(KIT)), "digest": digests.digest(found), "files": listed}


def paths() -> List[Dict[str, Any]]:
    """The directories that jobs read and write: there or not, writable or not, and the room on their file systems."""
    named = {"top": root(), "kit": str(KIT), "temporary": os.environ.get("TMPDIR") or "/tmp"}
    named.update(scratch=os.environ.get("SCRATCH", ""), home=os.environ.get("HOME", ""))
    return [dict(look_at(path), name=name) for name, path in named.items() if path]


def look_at(path: str) -> Dict[str, Any]:
    """In a process of its own: a file system that does not answer holds whoever asks it."""
    answer = ask([sys.executable, str(KIT / "site_status.py"), "--path", path])
    try:
        return dict(json.loads(answer["lines"][-1]), path=printable(path))
    except (KeyError, IndexError, ValueError):
        return {"path": printable(path), "unseen": answer}


def seen(path: str) -> Dict[str, Any]:
    """What `look_at` tells of a path that answers."""
    directory = Path(path)
    if not directory.is_dir():
        return {"there": False}
    room = os.statvfs(path)
    return {
        "there": True,
        "writable": os.access(path, os.W_OK | os.X_OK),
        "free": room.f_bavail * room.f_frsize,
        "total": room.f_blocks * room.f_frsize,
        "files_free": room.f_favail if room.f_files else None,  # some file systems have no number of them
    }


def quota() -> Answer:
    """What the site's own command says of quotas, as it says it."""
    answers = (ask([command]) for command in QUOTA_COMMANDS)
    answer = next((answer for answer in answers if "absent" not in answer), None)
    if answer is None:
        return {"command": QUOTA_COMMANDS[0], "absent": True}
    if "lines" in answer:
        answer["lines"] = answer["lines"][:QUOTA_LINES]
    return answer


def queue() -> Answer:
    """Our own jobs, by one call: "jobs" (the first MOST_JOBS) and "total" when squeue says what it was asked for."""
    answer = ask(["squeue", "--noheader", "--user=" + str(os.getuid()), "--format=" + QUEUE_FORMAT])
    if answer.get("rc") != 0:
        return answer
    lines = answer.pop("lines")
    rows = [line.split("|", len(QUEUE_FIELDS) - 1) for line in lines]
    if any(len(row) != len(QUEUE_FIELDS) for row in rows):
        return dict(answer, rubbish=lines[:QUOTA_LINES])
    jobs = [dict(zip(QUEUE_FIELDS, (field.strip() for field in row))) for row in rows]  # noqa: B905
    return dict(answer, jobs=jobs[:MOST_JOBS], total=len(jobs))


def probe(stage: str) -> Dict[str, Any]:
    """What a job of this stage would find, where it runs: its container, its programs, the check of fit.conf."""
    answer = ask(["bash", str(KIT / "probe.sh"), stage], PROBE_SECONDS)
    told = {"programs": {}}  # type: Dict[str, Any]
    others = []
    for line in answer.get("lines", ()):
        word, *rest = line.split("\t")
        if word in ("inside", "container") and len(rest) == 1:
            told[word] = rest[0]
        elif word == "program" and len(rest) == 2:
            told["programs"][rest[0]] = rest[1]
        elif word == "fitconf" and len(rest) >= 2 and rest[0].isdigit():
            told["fitconf"] = {"rc": int(rest[0]), "said": " ".join(rest[1:])}
        else:
            others.append(line)
    if answer.get("rc") != 0 or "inside" not in told:
        told["failed"] = dict(answer, lines=others[-QUOTA_LINES:]) if "lines" in answer else answer
    return told


def main() -> int:
    if sys.argv[1:2] == ["--path"]:
        print(json.dumps(seen(sys.argv[2])))
    else:
        print(json.dumps(status()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
