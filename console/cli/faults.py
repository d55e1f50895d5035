"""`console sandbox fault`: make things go wrong in a running sandbox, by name; scenario files do it by the clock."""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from remote import plainfile
from remote.sandbox.faults import FAULTS, Argument, FaultError, checked

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from console.settings.model import Settings

ANSWER_SECONDS = 10.0
SCENARIO_BYTES = 40_000
TICK_SECONDS = 0.2
_OPTION = "of_"  # before the names of a fault's arguments among the options
_STEP_KEYS = ("name", "after", "when", "for")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _table()
    parser.add_argument("name", nargs="?", metavar="NAME", help="a fault of the list below")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="the faults that are set, and how often each struck")
    what.add_argument("--clear", action="store_true", help="take back the faults of this name, or all")
    parser.add_argument("--dir", type=Path, metavar="DIR", help="the sandbox's directory, in place of --profile FILE")
    arguments: dict[str, list[Argument]] = {}
    for fault in FAULTS.values():
        for argument in fault.arguments:
            arguments.setdefault(argument.name, []).append(argument)
    for name, several in arguments.items():
        helps = {argument.help for argument in several}
        text = helps.pop() if len(helps) == 1 else "see the fault in docs/faults.md"
        parser.add_argument(f"--{name}", dest=_OPTION + name, metavar=several[0].metavar, help=text)


def _table() -> str:
    lines = ["faults, with the arguments that they take (and their defaults):"]
    for fault in FAULTS.values():
        taken = (f"--{a.name}{'' if a.default is None else f' ({a.default})'}" for a in fault.arguments)
        lines += [f"  {fault.name:18} {fault.help}", f"  {'':18} {' '.join(taken)}"]
    return "\n".join(lines)


def carry_out(options: argparse.Namespace, settings: Callable[[], Settings]) -> tuple[dict[str, Any], str]:
    """What the command line asks for; the outcome as JSON and as text.

    Raises FaultError for what cannot be set, and OSError when no sandbox answers. `settings` is called without --dir.
    """
    given = {
        key.removeprefix(_OPTION): value
        for key, value in vars(options).items()
        if key.startswith(_OPTION) and value is not None
    }
    if (options.list and options.name) or (given and (options.list or options.clear or not options.name)):
        raise FaultError("give the NAME of a fault with its arguments, or --list, or --clear [NAME]")
    if options.name:
        checked(options.name, given)
    sandbox = RunningSandbox.at(options.dir) if options.dir else RunningSandbox.of(settings())
    if options.clear:
        cleared = sandbox.clear(options.name)
        return {"cleared": cleared}, f"taken back: {cleared}"
    if options.name:
        fault = sandbox.set(options.name, given)
        return {"set": fault}, f"set: {_shown(fault)}"
    faults = sandbox.faults()
    return {"faults": faults}, "\n".join(map(_shown, faults)) or "no fault is set"


def _shown(fault: Mapping[str, Any]) -> str:
    args = " ".join(f"--{key} {value}" for key, value in fault["args"].items() if key != "times")
    left = "until cleared" if fault["left"] is None else f"{fault['left']} left"
    return f"{fault['name']} {args}".rstrip() + f": struck {fault['struck']}, {left}"


@dataclass(frozen=True)
class RunningSandbox:
    """A sandbox by the address and the token that it wants."""

    url: str
    token: str

    @classmethod
    def at(cls, directory: Path) -> RunningSandbox:
        try:
            info = json.loads((directory / "sandbox.json").read_text())
        except FileNotFoundError:
            raise OSError(f"no sandbox is running in {directory}: it has no sandbox.json") from None
        return cls(info["url"], info["token"])

    @classmethod
    def of(cls, settings: Settings) -> RunningSandbox:
        """Raises FaultError for a profile that is not of a sandbox."""
        url, token_file = settings.globus.service_url, settings.globus.token_file
        if url is None or token_file is None:
            raise FaultError("this profile is of Globus itself: faults are for sandboxes only")
        return cls(url, token_file.read_text().strip())

    def set(self, name: str, args: Mapping[str, Any]) -> dict[str, Any]:
        return self._ask("POST", "faults", {"name": name, "args": dict(args)})

    def clear(self, name: str | None = None) -> int:
        return int(self._ask("DELETE", f"faults/{name}" if name else "faults")["cleared"])

    def faults(self) -> list[dict[str, Any]]:
        return list(self._ask("GET", "faults")["faults"])

    def _ask(self, method: str, route: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        from urllib.error import HTTPError, URLError
        from urllib.request import ProxyHandler, Request, build_opener

        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.url}/sandbox/{route}", data, headers, method=method)
        try:
            with build_opener(ProxyHandler({})).open(request, timeout=ANSWER_SECONDS) as reply:
                return dict(json.loads(reply.read()))
        except HTTPError as error:
            with error:
                if error.code == 400:
                    raise FaultError(json.loads(error.read())["message"]) from None
                raise OSError(f"the sandbox at {self.url} answers {error.code}: is it another one by now?") from None
        except (URLError, OSError):
            raise OSError(f"no sandbox answers at {self.url}: has it ended?") from None


# ---- scenarios


@dataclass
class Step:
    """A fault that is set `after` seconds, or once run `when` has been taken, and taken back `lasts` seconds later."""

    name: str
    args: dict[str, Any]
    after: float
    when: int | None
    lasts: float | None


class Scenario:
    """The [[fault]] tables of a TOML file: `name`, its arguments, and `after`, `when` or `for`."""

    def __init__(self, steps: list[Step]) -> None:
        self._waiting = steps
        self._lasting: list[tuple[float, str]] = []  # when to take back what

    @classmethod
    def read(cls, path: Path) -> Scenario:
        """Raises FaultError, which names the file and the table."""
        try:
            tables = tomllib.loads(plainfile.read(path, SCENARIO_BYTES).decode()).get("fault", [])
        except (OSError, ValueError, RecursionError) as error:
            raise FaultError(f"{path}: cannot be read as TOML: {error}") from None
        if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
            raise FaultError(f"{path}: expected [[fault]] tables")
        steps = []
        for number, table in enumerate(tables, start=1):
            try:
                steps.append(_step(table))
            except FaultError as error:
                raise FaultError(f"{path}: fault {number}: {error}") from None
        return cls(steps)

    def play(self, sandbox: RunningSandbox, taken: Collection[int], say: Callable[[str], None]) -> None:
        """Do what is due, from now on and in a thread of its own. `taken` grows: the runs that are on the DTN."""
        began = time.monotonic()

        def keep_time() -> None:
            try:
                while self._waiting or self._lasting:
                    self.advance(time.monotonic() - began, taken, sandbox, say)
                    time.sleep(TICK_SECONDS)
            except OSError as error:
                say(f"the scenario ends: {error}")

        threading.Thread(target=keep_time, name="scenario", daemon=True).start()

    def advance(
        self, seconds: float, taken: Collection[int], sandbox: RunningSandbox, say: Callable[[str], None]
    ) -> None:
        due = [s for s in self._waiting if seconds >= s.after and (s.when is None or s.when in taken)]
        for step in due:
            self._waiting.remove(step)
            say(f"fault set: {_shown(sandbox.set(step.name, step.args))}")
            if step.lasts is not None:
                self._lasting.append((seconds + step.lasts, step.name))
        for end, name in [lasting for lasting in self._lasting if seconds >= lasting[0]]:
            self._lasting.remove((end, name))
            sandbox.clear(name)
            say(f"fault taken back: {name}")


def _step(table: Mapping[str, Any]) -> Step:
    args = {key: value for key, value in table.items() if key not in _STEP_KEYS}
    name, when = str(table.get("name", "")), table.get("when")
    checked(name, args)
    for key in ("after", "for"):
        value = table.get(key, 0)
        if not isinstance(value, (int, float)) or value < 0:
            raise FaultError(f"{key} = {value!r}: expected seconds, 0 or more")
    run = str(when).removeprefix("run ")
    if when is not None and not (str(when).startswith("run ") and run.isascii() and run.isdigit()):
        raise FaultError(f'when = {when!r}: expected "run N"')
    return Step(name, args, float(table.get("after", 0)), int(run) if when else None, table.get("for"))
