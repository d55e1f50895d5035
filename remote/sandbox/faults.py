"""Faults by name: which there are, with which arguments, and which of them are set in a sandbox at present.

`FAULTS` is the one source for the command line, for docs/faults.md and for what the sandbox accepts. Whoever can be
struck asks `Faults.strike` at that moment. Standard library only: the command line reads this too.
"""

from __future__ import annotations

import difflib
import math
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from remote.sandbox.ids import ENDPOINTS

COMPUTE_STAGES = ("fit", "convert", "analyze")
TRANSFER_STAGES = ("transfer", "return")
UNTIL_CLEARED = 0  # as a number of times
_LONGEST_TEXT = 200


class FaultError(ValueError):
    """No such fault, or not with these arguments; one sentence."""


@dataclass(frozen=True)
class Argument:
    """An argument of a fault. What `matches` limits the fault to the events that have this value; the others say how
    it strikes. `default` None: any event."""

    name: str
    metavar: str
    help: str
    kind: Any = str  # or int, float
    choices: tuple[str, ...] = ()
    default: str | int | float | None = None
    matches: bool = True
    signed: bool = False

    def read(self, value: object) -> Any:
        """The value from JSON or from a command line; raises FaultError."""
        if self.kind is not str:
            with suppress(ValueError):
                number = self.kind(str(value))
                if math.isfinite(number) and (number >= 0 or self.signed):
                    return number
        elif isinstance(value, str) and 0 < len(value) < _LONGEST_TEXT and value in (self.choices or (value,)):
            return value
        raise FaultError(f"--{self.name} {str(value)[:_LONGEST_TEXT]!r}: expected {self._expected()}")

    def _expected(self) -> str:
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        least = "" if self.signed else ", 0 or more"
        return {str: "a short text", int: f"a whole number{least}", float: f"a number{least}"}[self.kind]


class Fault(NamedTuple):
    name: str
    help: str
    arguments: tuple[Argument, ...]


def _stage(*names: str) -> Argument:
    return Argument("stage", "STAGE", "of this stage", choices=names)


def _service(*names: str, default: str | None = None) -> Argument:
    return Argument("service", "SERVICE", "of this service", choices=names, default=default)


def _number(of: str) -> Argument:
    return Argument(of, "N", f"how many {of}, from the segment's beginning", kind=int, default=1, matches=False)


def _seconds(default: float, text: str) -> Argument:
    return Argument("seconds", "X", text, kind=float, default=default, matches=False)


_ENDPOINT = Argument("endpoint", "NAME", "at this endpoint", choices=tuple(ENDPOINTS))
_RUN = Argument("run", "N", "of this run", kind=int)
_SEGMENT = Argument("segment", "S", "of this segment", kind=int)
_PATH = Argument("path", "TEXT", "only paths that have this in them; * stands for anything")
_ROUTE = replace(_PATH, help='only requests that have this in "METHOD /path"; * stands for anything')
_MOMENT = Argument("moment", "MOMENT", "before or after the effect", choices=("before", "after"), default="before")
_WHERE = Argument("where", "WHERE", "when it has come to the site, or on the DTN just before",
                  choices=("site", "dtn"), default="site")  # fmt: skip
_ONCE = Argument("times", "N", "how often it strikes; 0: until cleared", kind=int, default=1, matches=False)
_ALWAYS = replace(_ONCE, default=UNTIL_CLEARED)
_CALL = (_stage(*COMPUTE_STAGES), _RUN, _SEGMENT, _ENDPOINT)
_BEFORE = _seconds(0, "how long the function runs before")
_FILES = (_stage(*TRANSFER_STAGES), _RUN)
_REQUEST = (_service("flows", "transfer", "compute", "auth"), _ROUTE)

FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        Fault("endpoint-offline", "a compute endpoint is offline: it begins no call", (_ENDPOINT,)),
        Fault("endpoint-slow", "calls begin late",
              (*_CALL, _seconds(10, "how late each begins"), _ALWAYS)),
        Fault("sbatch-refused", "Slurm refuses a compute endpoint its block: it stays online, calls are never begun",
              (_ENDPOINT,)),
        Fault("user-endpoint-fails", "a compute endpoint cannot start its user endpoint: as sbatch-refused",
              (_ENDPOINT,)),
        Fault("user-endpoint-killed", "the user endpoint is killed while it executes a call: no call that it had is "
              "ever answered, its programs go on", (*_CALL, _BEFORE, _ONCE)),
        Fault("block-lost", "the block is lost while it executes a call: all that was executed in it is executed again "
              "after 100 s (divided by the sandbox's --speed)", (*_CALL, _BEFORE, _ONCE)),
        Fault("worker-lost", "the worker process is killed while it executes a call, and in two further tries; told "
              "after 60 s (divided by --speed)", (*_CALL, _BEFORE, _ONCE)),
        Fault("function-not-allowed", "a compute endpoint does not allow the function", (*_CALL, _ALWAYS)),
        Fault("result-too-large", "a call returns more than Globus Compute takes", (*_CALL, _ONCE)),
        Fault("task-lost", "a call is accepted and never executed", (*_CALL, _ONCE)),
        Fault("function-crash", "the program aborts (SIGABRT, return code 134)", (*_CALL, _ONCE)),
        Fault("function-hang", "the program does nothing for long, then its work",
              (*_CALL, _seconds(3600, "how long it does nothing"), _ONCE)),
        Fault("silent-success", "return code 0 and no output",
              (*_CALL, Argument("who", "WHO", "who says so: the program, or the function without calling it",
                                choices=("program", "function"), default="program", matches=False), _ONCE)),
        Fault("disk-full", "EventEditor finds the disk of its output full: it says so, and does not end on SIGTERM",
              (replace(_stage("fit"), default="fit"), *_CALL[1:], _ONCE)),
        Fault("root-spoilt", "the program finds its disk full: return code 0, and a ROOT file that was never closed",
              (replace(_stage("convert", "analyze"), default="convert"), *_CALL[1:], _ONCE)),
        Fault("corrupt-segment", "a raw segment is overwritten with zeros from its middle on, its size and time kept",
              (_RUN, _SEGMENT, _WHERE, _ONCE)),
        Fault("hits-lost", "hits of a raw segment do not decode: EventEditor leaves them out, return code 0",
              (_RUN, _SEGMENT, _WHERE, _number("hits"), _ONCE)),
        Fault("events-lost", "events of a raw segment are broken: EventEditor leaves them out, return code 0",
              (_RUN, _SEGMENT, _WHERE, _number("events"), _ONCE)),
        Fault("transfer-stuck", "a transfer task connects to nothing and tries again and again", (*_FILES, _ONCE)),
        Fault("transfer-failed", "a transfer task ends FAILED before it copies anything", (*_FILES, _ONCE)),
        Fault("transfer-queued", "a transfer task stays in the queue (and takes one of the three places)",
              (*_FILES, _ONCE)),
        Fault("missing-path", "a transfer task does not find a source file", (*_FILES, _SEGMENT, _PATH, _ALWAYS)),
        Fault("quota-full", "a transfer task finds the quota exceeded at the destination",
              (*_FILES, _SEGMENT, _PATH, _ALWAYS)),
        Fault("http-429", "too many requests",
              (*_REQUEST, _seconds(5, "what Retry-After says"), _ONCE)),
        Fault("http-500", "the service answers 500", (*_REQUEST, _MOMENT, _ONCE)),
        Fault("http-502", "the gateway of the service answers 502, in HTML", (*_REQUEST, _MOMENT, _ONCE)),
        Fault("http-503", "the service answers 503", (*_REQUEST, _MOMENT, _ONCE)),
        Fault("timeout-before", "a request has no effect and is never answered",
              (*_REQUEST, _seconds(60, "when the connection is dropped"), _ONCE)),
        Fault("timeout-after", "a request has its effect and is never answered",
              (*_REQUEST, _seconds(60, "when the connection is dropped"), _ONCE)),
        Fault("connection-reset", "the connection is reset in place of an answer", (*_REQUEST, _MOMENT, _ONCE)),
        Fault("garbage-reply", "a request has its effect, its answer is 200 and no JSON", (*_REQUEST, _ONCE)),
        Fault("slow-reply", "a request has its effect, its answer comes late",
              (*_REQUEST, _seconds(5, "how late"), _ONCE)),
        Fault("short-login", "Auth gives tokens that end soon",
              (Argument("token", "KIND", "only tokens of this kind", choices=("access", "refresh")),
               _seconds(60, "after how long they end"))),
        Fault("token-expired", "the service refuses the token with 401", (*_REQUEST, _ALWAYS)),
        Fault("consent-missing", "flows: actions make the flow run INACTIVE; others: requests get 403 ConsentRequired",
              (_service("flows", "transfer", "compute", default="flows"),
               _stage(*TRANSFER_STAGES, *COMPUTE_STAGES), _RUN, _ROUTE)),
        Fault("session-required", "the service demands another login: requests get 403 with what it demands, actions "
              "of it make the flow run INACTIVE, until the login has it",
              (_service("flows", "transfer", "compute"), _ROUTE,
               Argument("demand", "WHAT", "what is demanded", choices=("domain", "identity", "policy", "mfa", "login"),
                        default="mfa", matches=False),
               Argument("value", "TEXT", "of which domain, identity or policy", matches=False))),
        Fault("flows-late", "Flows polls an action only after long pauses (a resume makes it poll at once)",
              (_seconds(600, "the least pause"),)),
        Fault("clock-skew", "the times in the replies, and in filters by start time, are off",
              (_service("flows", "transfer", "compute", "auth"),
               replace(_seconds(3600, "how far ahead; below 0 behind"), signed=True))),
    )
}  # fmt: skip


def checked(name: str, given: Mapping[str, object]) -> dict[str, Any]:
    """All arguments of the fault, those that are not given with their defaults. Raises FaultError."""
    fault = FAULTS.get(name)
    if fault is None:
        close = difflib.get_close_matches(str(name), FAULTS, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(FAULTS)}"
        raise FaultError(f"there is no fault {str(name)[:_LONGEST_TEXT]!r}; {hint}")
    known = {argument.name: argument for argument in fault.arguments}
    for key in given:
        if key not in known:
            raise FaultError(f"{name} takes no {str(key)[:_LONGEST_TEXT]!r}; it takes {', '.join(known)}")
    try:
        return {key: a.read(given[key]) if key in given else a.default for key, a in known.items()}
    except FaultError as error:
        raise FaultError(f"{name} {error}") from None


@dataclass
class SetFault:
    """A fault that is set. `struck`: how often; `things`: what it goes on striking without counting it again."""

    fault: Fault
    args: dict[str, Any]
    struck: int = 0
    things: set[str] = field(default_factory=set)

    def left(self) -> int | None:
        """How often it will strike yet; None: until cleared."""
        times = self.args.get("times", UNTIL_CLEARED)
        return None if times == UNTIL_CLEARED else max(0, times - self.struck)

    def matches(self, event: Mapping[str, Any]) -> bool:
        return all(_fits(a, self.args[a.name], event.get(a.name)) for a in self.fault.arguments if a.matches)

    def as_document(self) -> dict[str, Any]:
        args = {key: value for key, value in self.args.items() if value is not None}
        return {"name": self.fault.name, "args": args, "struck": self.struck, "left": self.left()}


def _fits(argument: Argument, wanted: Any, found: Any) -> bool:
    if wanted is None:
        return True
    if argument.name == "path":
        return found is not None and fnmatchcase(str(found), f"*{wanted}*")
    return bool(wanted == found)


class Faults:
    """The faults that are set in one sandbox, in the order in which they were set. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._set: list[SetFault] = []

    def set(self, name: str, given: Mapping[str, object]) -> dict[str, Any]:
        """Set a fault; its document. Raises FaultError."""
        args = checked(name, given)
        fault = SetFault(FAULTS[name], args)
        with self._lock:
            self._set.append(fault)
            return fault.as_document()

    def clear(self, name: str | None = None) -> int:
        """Take back the faults of this name, or all. Returns how many. Raises FaultError when there is no such name."""
        if name is not None:
            checked(name, {})
        with self._lock:
            kept = [] if name is None else [fault for fault in self._set if fault.fault.name != name]
            cleared = len(self._set) - len(kept)
            self._set = kept
            return cleared

    def documents(self) -> list[dict[str, Any]]:
        """[{"name", "args", "struck", "left": number or None}]; those that are used up too."""
        with self._lock:
            return [fault.as_document() for fault in self._set]

    def strike(self, name: str, thing: str = "", **event: Any) -> dict[str, Any] | None:
        """The arguments of the first fault of this name that strikes this event; None when none does.

        `thing` names what stays struck (a task in the queue): asked for again, it is struck without being counted.
        """
        with self._lock:
            for fault in self._set:
                if fault.fault.name != name or not fault.matches(event):
                    continue
                if thing and thing in fault.things:
                    return fault.args
                if fault.left() != 0:
                    fault.struck += 1
                    if thing:
                        fault.things.add(thing)
                    return fault.args
        return None

    def is_set(self, name: str) -> bool:
        with self._lock:
            return any(fault.fault.name == name for fault in self._set)

    def is_struck(self, name: str, **event: Any) -> bool:
        """Whether a fault of this name strikes this event."""
        return self.strike(name, **event) is not None

    def first(self, names: Iterable[str], **event: Any) -> tuple[str, dict[str, Any]] | None:
        """The first of these faults that strikes, with its arguments."""
        for name in names:
            if (args := self.strike(name, **event)) is not None:
                return name, args
        return None
