# ruff: noqa: UP006, UP035, UP045, PTH111, PTH112
"""The files of the compute endpoints: what the site says in endpoints.conf, what is made of it, and which are ours.

Standard library only, Python 3.6 or newer, as job.py.
"""

import configparser
import contextlib
import fcntl
import json
import os
import re
from pathlib import Path
from typing import Any, Dict, Iterator, NamedTuple, Optional

from job import time_limit
from logs import write_atomically
from roots import KIT

CONF = "endpoints.conf"
TEMPLATES = KIT / "endpoints"
FILES = ("config.yaml", "user_config_template.yaml.j2", "user_config_schema.json")
START_SECONDS = 30  # from the beginning of a block until its workers take tasks
RESTARTS = 5  # in a row, of the monitor, unless endpoints.conf says otherwise
CMD_TIMEOUT = 120  # s for an answer of Slurm
FUNCTIONS = ("fit", "convert", "analyze", "site_status", "canary")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

WORD, NUMBER = r"[A-Za-z0-9_][A-Za-z0-9_.:-]*", r"[1-9][0-9]{0,5}"
# What a key may say; it goes into YAML, and some of it into what a shell reads.
KEYS = {
    "stage": "fit|convert|analyze",
    "environment": r"[/~][A-Za-z0-9_./+~-]*",
    "workers_per_node": NUMBER,
    "max_blocks": NUMBER,
    "interface": WORD,
    "contact": r"[A-Za-z0-9_.+-]+@[A-Za-z0-9.-]+",
    "provider": "SlurmProvider|LocalProvider",
    "account": WORD,
    "qos": WORD,
    "partition": WORD,
    "constraint": r"[A-Za-z0-9_][A-Za-z0-9_.&|*-]*",
    "licenses": r"[A-Za-z0-9_][A-Za-z0-9_.:@,-]*",
    "cores_per_node": NUMBER,
    "memory_per_worker": NUMBER,
    "restarts": NUMBER,
    "restarts_asked": "yes|no",
    "walltime": r"[0-9]{1,3}:[0-5][0-9]:[0-5][0-9]",
}
REQUIRED = ("stage", "environment", "workers_per_node", "max_blocks", "interface", "provider")
OF_SLURM = ("cores_per_node", "walltime")
NOT_LOCAL = ("account", "qos", "partition", "cores_per_node", "walltime", "cmd_timeout", "scheduler_options")


class Problem(Exception):
    """Why something is not done, as one line for people. Nothing was started or deleted."""


class Wanted(NamedTuple):
    """An endpoint as endpoints.conf has it."""

    name: str
    stage: str
    environment: Path
    values: Dict[str, str]  # of the templates


def wanted() -> Dict[str, Wanted]:
    """The endpoints of this site by name. Raises Problem with the section and key of endpoints.conf that are wrong."""
    file = KIT / CONF
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(file.read_text(encoding="utf-8"), source=str(file))
    except FileNotFoundError:
        raise Problem(f"{file} is not there: copy {CONF}.example to it and change it") from None
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        raise Problem(f"{file} cannot be read: {' '.join(str(error).split())}") from error
    if not parser.sections():
        raise Problem(f"{file} names no endpoint: a section for each, such as [frib-fit-mpi]")
    return {name: _wanted(file, name, dict(parser[name])) for name in parser.sections()}


def _wanted(file: Path, name: str, given: Dict[str, str]) -> Wanted:
    where = f"{file} [{name}]"
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", name):
        raise Problem(f"{where}: an endpoint's name has letters, digits, - and _ only")
    said = {key: value.strip() for key, value in given.items() if value.strip()}
    for key, value in said.items():
        if key not in KEYS:
            raise Problem(f"{where}: {key} is no key: {', '.join(KEYS)}")
        if not re.fullmatch(KEYS[key], value):
            raise Problem(f"{where}: {key} = {value!r} cannot be used")
    local = said.get("provider") == "LocalProvider"
    for key in REQUIRED if local else (*REQUIRED, *OF_SLURM):
        if key not in said:
            raise Problem(f"{where}: {key} is missing")
    environment = os.path.expanduser(said["environment"])
    if not environment.startswith("/"):
        raise Problem(f"{where}: environment = {environment!r} is no home directory that is known here")
    values = dict.fromkeys(KEYS, "")
    values.update(
        said,
        name=name,
        restarts=said.get("restarts", str(RESTARTS)),
        environment=environment,
        cmd_timeout=str(CMD_TIMEOUT),
        drain_period="",
    )
    values["scheduler_options"] = _scheduler_options(said)
    if local:
        values.update(dict.fromkeys(NOT_LOCAL, ""))
    else:
        values["drain_period"] = str(_drain_period(where, said))
    return Wanted(name, said["stage"], Path(environment), values)


def _scheduler_options(said: Dict[str, str]) -> str:
    asked = [f"-C {said['constraint']}"] if "constraint" in said else []
    asked += [f"--licenses={said['licenses']}"] if "licenses" in said else []
    return " ".join(["#SBATCH", *asked]) if asked else ""


def _drain_period(where: str, said: Dict[str, str]) -> int:
    """Seconds after which a block takes no further task: the longest has to end in what is left of its walltime."""
    hours, minutes, seconds = map(int, said["walltime"].split(":"))
    walltime, limit = 3600 * hours + 60 * minutes + seconds, time_limit(said["stage"])
    period = int(walltime - limit - START_SECONDS)
    if period <= 0:
        least = f"{said['stage'].upper()}_TIME_LIMIT {limit:.0f} s (site.conf) and {START_SECONDS} s to start"
        raise Problem(f"{where}: walltime = {said['walltime']} is too short for {least}")
    return period


def rendered(endpoint: Wanted, functions: Dict[str, str]) -> Dict[str, str]:
    """The three files of an endpoint, by name. `functions`: the ids of those that it may run, by their names."""
    allowed = [functions[name] for name in (endpoint.stage, "site_status", "canary") if name in functions]
    values = dict(endpoint.values, functions=json.dumps(allowed))
    return {name: _filled(TEMPLATES / name, values) for name in FILES}


def _filled(template: Path, values: Dict[str, str]) -> str:
    """The template with its @names@ filled in; a line with one that has no value is left out."""
    lines = []
    try:
        text = template.read_text(encoding="utf-8")
    except OSError as error:
        raise Problem(f"{template} cannot be read: {error.strerror}: is the kit complete?") from error
    for number, line in enumerate(text.splitlines(True), 1):
        names = re.findall("@([a-z_]+)@", line)
        unknown = [name for name in names if name not in values]
        if unknown:
            raise Problem(f"{template} line {number}: nothing is known for @{unknown[0]}@")
        if all(values[name] for name in names):
            lines.append(re.sub("@([a-z_]+)@", lambda found: values[found.group(1)], line))
    return "".join(lines)


# ---- what is there


def home() -> Path:
    """Where globus-compute-endpoint has its endpoints."""
    return Path(os.environ.get("GLOBUS_COMPUTE_USER_DIR") or os.path.expanduser("~/.globus_compute"))


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Held while anything is done to endpoints, by one at a time with this home: two that are started at once in a new
    home both make the file of the login, and one fails; and of two that write `Ours`, one would be forgotten."""
    path = home() / "frib-endpoints.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a", encoding="utf-8")
    except OSError as error:
        raise Problem(f"{path} cannot be written: {error.strerror}") from error
    with file:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


class Ours:
    """The endpoints that were made from here: a file beside them, by name. Others of this account are not touched."""

    def __init__(self) -> None:
        self.file = home() / "frib-endpoints.json"
        self.entries = {}  # type: Dict[str, Dict[str, Any]]
        try:
            self.entries = {n: dict(e) for n, e in json.loads(self.file.read_text("utf-8"))["endpoints"].items()}
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise Problem(f"{self.file}, which says which endpoints are ours, cannot be read: {error}") from error

    def check_writable(self) -> None:
        """Before anything is tried: is it a home in which endpoints can be made?"""
        place = self.file.parent
        while not os.path.lexists(str(place)):
            place = place.parent
        if not (os.path.isdir(str(place)) and os.access(str(place), os.W_OK)):
            raise Problem(f"{place} cannot be written, and endpoints live in {self.file.parent}")

    def put(self, name: str, entry: Optional[Dict[str, Any]]) -> None:
        """Write down an endpoint, or with None that it is gone. Raises Problem before anything else is done."""
        entries = {**self.entries, name: entry}
        kept = {other: value for other, value in entries.items() if value is not None}
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self.file, json.dumps({"schema": 1, "endpoints": kept}, indent=1) + "\n")
        except OSError as error:
            raise Problem(f"{self.file} cannot be written: {error.strerror}") from error
        self.entries = kept

    def entry(self, name: str) -> Dict[str, Any]:
        """That of an endpoint that is ours: by its name, and by the id in its own files."""
        if name not in self.entries:
            there = (home() / name).exists()
            raise Problem(f"{name} is not ours ({self.file}): not touched" if there else f"there is no endpoint {name}")
        known, found = self.entries[name].get("id"), endpoint_id(name)
        if known and found and known != found:
            raise Problem(f"{name} has the id {found}, ours was {known}: it is somebody else's, not touched")
        return self.entries[name]


def endpoint_id(name: str) -> Optional[str]:
    """The id that Globus gave it, from its own endpoint.json; None before it was first started."""
    try:
        found = json.loads((home() / name / "endpoint.json").read_text(encoding="utf-8"))["endpoint_id"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, str) and UUID.fullmatch(found) else None
