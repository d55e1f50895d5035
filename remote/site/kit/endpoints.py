#!/usr/bin/env python3
# ruff: noqa: UP006, UP035
"""The compute endpoints of this site, run where they run (a login node); `gce` beside it is its short name.

    gce create|start|stop|restart|delete [--yes] [NAME...]
    gce list|status [--json] [NAME...]
    gce pin FUNCTION=ID...

Without names: all of endpoints.conf. Only endpoints that were made by it are touched. Exit code 0 when all was done, 1
when something was not, 2 for bad use. Standard library only, Python 3.6 or newer, as job.py.
"""

import argparse
import json
import os
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Dict, List

import endpoint_processes as processes
from endpoint_files import FUNCTIONS, UUID, Ours, Problem, Wanted, alone, endpoint_id, home, rendered, wanted
from endpoint_logs import newest_refusal


def main(arguments: List[str]) -> int:
    parser = argparse.ArgumentParser(prog="gce", description="The compute endpoints of this site.")
    parser.add_argument("action", choices=[*ACTIONS, "list", "status", "pin"])
    parser.add_argument("names", nargs="*", metavar="NAME", help="endpoints; with pin: FUNCTION=ID")
    parser.add_argument("--yes", action="store_true", help="delete: do not ask")
    parser.add_argument("--json", action="store_true", help="list, status: print one JSON object")
    options, names = parser.parse_known_args(arguments)  # those behind an option: `delete --yes NAME`
    if any(name.startswith("-") for name in names):
        parser.error(f"unknown option {' '.join(names)}")
    options.names += names
    try:
        if options.action == "pin":
            return pin(options.names)
        if options.action in ("list", "status"):
            return show(Ours(), options)
        return act(options)
    except Problem as problem:
        return complain(problem)


def complain(problem: Problem) -> int:
    print(f"gce: {problem}", file=sys.stderr)
    return 1


def act(options: argparse.Namespace) -> int:
    """Do it to each endpoint in turn; all are looked at before the first is touched."""
    ours, every = Ours(), wanted()
    chosen = [named(every, name) for name in options.names or every]
    check, do = ACTIONS[options.action]
    for endpoint in chosen:
        check(ours, endpoint)
    if options.action == "delete" and not options.yes and not confirmed(chosen):
        raise Problem("nothing was deleted")
    failed = 0
    with alone():
        ours = Ours()  # as whoever was before us left it
        for endpoint in chosen:
            try:
                do(ours, endpoint)
            except Problem as problem:
                failed = complain(problem)
    return failed


def named(every: Dict[str, Wanted], name: str) -> Wanted:
    if name not in every:
        raise Problem(f"endpoints.conf has no [{name}]: {', '.join(every)}")
    return every[name]


def say(text: str) -> None:
    print(text, flush=True)


# ---- what can be done to one: first whether it can be, without an effect


def is_ours(ours: Ours, endpoint: Wanted) -> None:
    ours.entry(endpoint.name)


def can_be_stopped(ours: Ours, endpoint: Wanted) -> None:
    processes.here_only(endpoint.name, ours.entry(endpoint.name))


def can_be_made(ours: Ours, endpoint: Wanted) -> None:
    there = home() / endpoint.name
    ours.check_writable()
    if endpoint.name in ours.entries:
        ours.entry(endpoint.name)
    elif there.exists():
        raise Problem(f"{there} is there already, and not made from here: give [{endpoint.name}] another name")
    with tempfile.TemporaryDirectory() as directory:
        files = written(ours, endpoint, Path(directory))
        processes.check_template(endpoint, files["user_config_template.yaml.j2"], files["user_config_schema.json"])


def written(ours: Ours, endpoint: Wanted, directory: Path) -> Dict[str, Path]:
    functions = ours.entries.get(endpoint.name, {}).get("functions", {})
    files = {}
    for name, text in rendered(endpoint, functions).items():
        files[name] = directory / name
        files[name].write_text(text, encoding="utf-8")
    return files


def create(ours: Ours, endpoint: Wanted) -> None:
    """Make it and start it; one of ours that is there gets the files of today's endpoints.conf."""
    there = home() / endpoint.name
    if endpoint.name not in ours.entries:
        ours.put(endpoint.name, {"id": None, "made": time.time()})
    if there.exists():
        rewrite(ours, endpoint)
    else:
        with tempfile.TemporaryDirectory() as directory:
            processes.configure(endpoint, written(ours, endpoint, Path(directory)))
        say(f"{endpoint.name}: made in {there}")
    start(ours, endpoint)


def rewrite(ours: Ours, endpoint: Wanted) -> None:
    there, changed = home() / endpoint.name, False
    for name, text in rendered(endpoint, ours.entry(endpoint.name).get("functions", {})).items():
        file = there / name
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            arriving = file.with_name(f".{name}.{os.getpid()}")
            try:
                arriving.write_text(text, encoding="utf-8")
                arriving.replace(file)
            except OSError as error:
                raise Problem(f"{file} cannot be written: {error.strerror}") from error
            changed = True
    if changed:
        say(f"{endpoint.name}: its files are those of endpoints.conf now; gce restart {endpoint.name} has it use them")


def start(ours: Ours, endpoint: Wanted) -> None:
    entry = ours.entry(endpoint.name)
    found = processes.state(endpoint.name, entry)
    if found.running:
        return say(f"{endpoint.name}: runs already on {found.host}")
    if not (home() / endpoint.name).exists():
        raise Problem(f"{endpoint.name} has no directory any more: gce create {endpoint.name}")
    processes.start(endpoint, say)
    given = endpoint_id(endpoint.name)
    ours.put(
        endpoint.name, {**entry, "id": given, "stopped": False, "host": socket.gethostname(), "started": time.time()}
    )
    say(f"{endpoint.name}: started, id {given}")


def stop(ours: Ours, endpoint: Wanted, by_hand: bool = True) -> None:
    """What somebody has stopped stays so: the monitor does not start it again."""
    entry = ours.entry(endpoint.name)
    found = processes.here_only(endpoint.name, entry)
    ours.put(endpoint.name, {**entry, "stopped": by_hand})
    if not found.running:
        return say(f"{endpoint.name}: does not run")
    processes.stop(endpoint)
    say(f"{endpoint.name}: stopped")


def restart(ours: Ours, endpoint: Wanted) -> None:
    stop(ours, endpoint, by_hand=False)
    start(ours, endpoint)


def confirmed(endpoints: List[Wanted]) -> bool:
    for endpoint in endpoints:
        say(f"{endpoint.name}: id {endpoint_id(endpoint.name) or 'none yet'}")
    if not sys.stdin.isatty():
        raise Problem("nothing was deleted: without a terminal to ask on, say --yes")
    return input("Delete them? Their ids are gone for good, and profiles need new ones. Type yes: ") == "yes"


def delete(ours: Ours, endpoint: Wanted) -> None:
    stop(ours, endpoint)
    if (home() / endpoint.name).exists():
        processes.delete(endpoint)
    ours.put(endpoint.name, None)
    say(f"{endpoint.name}: deleted")


Step = Callable[[Ours, Wanted], None]
ACTIONS = {
    "create": (can_be_made, create),
    "start": (is_ours, start),
    "stop": (can_be_stopped, stop),
    "restart": (can_be_stopped, restart),
    "delete": (can_be_stopped, delete),
}


# ---- which functions they run, and how they are


def pin(arguments: List[str]) -> int:
    """Let each endpoint run the functions of these ids, as far as they are those of its stage, and no others."""
    functions = {}
    for argument in arguments:
        name, _, given = argument.partition("=")
        if name not in FUNCTIONS or not UUID.fullmatch(given.lower()):
            raise Problem(f"{argument}: expected FUNCTION=ID, with one of {', '.join(FUNCTIONS)}")
        functions[name] = given.lower()
    with alone():
        return let_run(functions)


def let_run(functions: Dict[str, str]) -> int:
    every, ours = wanted(), Ours()
    chosen = [endpoint for name, endpoint in every.items() if name in ours.entries]
    missing = sorted({endpoint.stage for endpoint in chosen} - set(functions))
    if not chosen or missing:
        why = f"{missing[0]}=ID is missing" if missing else "there is no endpoint of ours: gce create"
        raise Problem(f"nothing was pinned: {why}")
    for endpoint in chosen:
        ours.entry(endpoint.name)
    for endpoint in chosen:
        ours.put(endpoint.name, {**ours.entry(endpoint.name), "functions": functions})
        rewrite(ours, endpoint)
    return 0


def show(ours: Ours, options: argparse.Namespace) -> int:
    """By the files of the endpoints: the package's own `list` crashes."""
    told = [described(ours, name, options.action == "status") for name in options.names or sorted(ours.entries)]
    if options.json:
        print(json.dumps({"schema": 1, "endpoints": told}, indent=1))
        return 0
    for each in told:
        print(f"{each['name']:16} {each['id'] or 'no id yet':36} {each['state']}")
        for line in each.get("told", []):
            print(f"{'':16} {line}")
    if not told:
        print("no endpoint was made from here: gce create")
    return 0


def described(ours: Ours, name: str, fully: bool) -> Dict[str, Any]:
    entry = ours.entry(name)
    found = processes.state(name, entry)
    words = f"runs on {found.host}, pid {found.pid}" if found.running else "does not run"
    if found.crashed:
        words = f"has crashed; it can be started in {found.wait:.0f} s"
    given = endpoint_id(name)
    told = {"name": name, "id": given, "running": found.running, "host": found.host, "state": words}  # type: Dict[str, Any]
    if fully:
        functions = entry.get("functions", {})
        lines = [f"may run {', '.join(sorted(functions)) or 'nothing: gce pin'}"]
        refused = newest_refusal(given)
        lines += [f"Slurm refused a block at {refused.at}: {refused.words}"] if refused else []
        told.update(functions=functions, refused=refused._asdict() if refused else None, told=lines)
    return told


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
