"""A fake Globus for tests of cancelling: one flow run, told by Flows, Transfer and Compute; and drivers that die."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import SimpleNamespace

from console.context import Context
from console.ledger.store import Ledger
from console.settings.model import Policy
from flowspec.inputs import Places
from flowspec.stages import Stage
from remote.globus.compute import TaskStatus
from remote.globus.errors import RemoteError
from remote.globus.flows import FlowRun, LogEntry
from remote.globus.transfer import TransferTask

ID = "9656eff2-8105-445c-8501-154dfe1d88e5"


class Clock:
    time = 1_000_000.0

    def __call__(self) -> float:
        return self.time


def make_context(directory, globus):
    """What the driver works with, on a new ledger in `directory`."""
    places = Places(ID, "/runs", "/results", ID, "/top", "/kit", dict.fromkeys(list(Stage)[1:4], (ID, ID)))
    ledger = Ledger(directory / "ledger.db", now=Clock())
    return Context(ledger, globus.remote(), places, "e21062", directory, ID, {Stage.FIT: ID}, Policy())


def iso(seconds: float) -> str:
    return f"2026-11-23T10:00:{seconds:09.6f}+00:00"


@dataclass
class Globus:
    """One flow run as Flows, Transfer and Compute tell it. `broken`: what a call ("flows.run") raises."""

    flow_run: FlowRun | None = None
    log: list[LogEntry] = field(default_factory=list)
    transfers: dict[str, TransferTask] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)
    tasks: dict[str, TaskStatus] = field(default_factory=dict)
    made: set[str] = field(default_factory=set)
    told_at_the_site: dict[str, None] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    broken: dict[str, RemoteError] = field(default_factory=dict)
    late: list[LogEntry] = field(default_factory=list)  # what the log tells only after the cancel

    def _start(self, flow_id, body, label, tags, *roles):
        self.flow_run = FlowRun("flow-run-1", flow_id, "ACTIVE", label, tuple(tags), iso(0), None, {})
        self.tells("FlowStarted")
        return self.flow_run

    def _cancel(self, run):
        if self.flow_run.status == "ACTIVE":
            self.ends("FAILED", "FlowCanceled")

    def ends(self, status, code):
        self.log += self.late
        self.tells(code)
        self.flow_run = replace(self.flow_run, status=status, completed=self.log[-1].time, details={"code": code})

    def _cancel_transfer(self, task):
        self.transfers[task] = replace(self.transfers[task], status="FAILED")

    def tells(self, code, stage="", action=""):
        self.log.append(self.entry(code, stage, action))

    def entry(self, code, stage="", action=""):
        details = {"state_name": stage.capitalize()} if stage else {}
        if action:
            output = {"action_id": action, "status": "ACTIVE", "details": {"task_id": action}}
            details["output"] = output
        return LogEntry(iso(len(self.log) + len(self.late)), code, "", details)

    def transfers_files(self):
        self.tells("ActionStarted", "transfer")
        self.tells("ActionPolled", "transfer", "transfer-1")
        self.transfers["transfer-1"] = TransferTask(
            "transfer-1", "ACTIVE", "", 2, 0, 0, 0, 0.0, 0, "OK", "", None, "", None, None
        )

    def fits(self, *statuses):
        self.tells("ActionStarted", "fit")
        self.tells("ActionPolled", "fit", "tg_group-1")
        self.groups["group-1"] = [f"task-{n}" for n in range(len(statuses))]
        self.tasks |= {f"task-{n}": TaskStatus(f"task-{n}", status) for n, status in enumerate(statuses)}

    def task_ends(self, number, **reply):
        reply = {"segment": number, "rc": 143, "cause": f"fit of run 7 segment {number:02d}: cancelled"} | reply
        self.tasks[f"task-{number}"] = TaskStatus(f"task-{number}", "success", reply)

    def remote(self):
        """The clients, as far as cancelling uses them."""
        services = {
            "flows": {
                "start": self._start,
                "run": lambda run: self.flow_run,
                "log": lambda run, after=None: [e for e in self.log if after is None or e.time > after],
                "cancel": self._cancel,
                "open_runs": lambda: [r for r in [self.flow_run] if r and r.status == "ACTIVE"],
                "find_by_tag": lambda flow, tag, since: [r for r in [self.flow_run] if r and tag in r.tags],
            },
            "transfer": {
                "task": lambda task: self.transfers[task],
                "under_way": lambda label: [t for t in self.transfers.values() if t.status == "ACTIVE"],
                "cancel": self._cancel_transfer,
                "make_directories": lambda collection, path: self.made.add(path),
                "ls": lambda collection, path: self.told_at_the_site,
            },
            "compute": {
                "task_group": lambda group: self.groups[group],
                "spare": lambda: 16,
                "batch_status": lambda ids: {i: self.tasks[i] for i in ids},
            },
        }
        return SimpleNamespace(
            **{
                service: SimpleNamespace(**{call: self._noted(f"{service}.{call}", do) for call, do in calls.items()})
                for service, calls in services.items()
            }
        )

    def _noted(self, name, do):
        def call(*arguments, **more):
            self.calls.append(name)
            if name in self.broken:
                raise self.broken[name]
            return do(*arguments, **more)

        return call


class Killed(BaseException):
    pass


class Mortal:
    """The remote end of a driver that is killed after so many calls."""

    def __init__(self, remote, calls):
        self._remote, self._left = remote, calls

    def __getattr__(self, service):
        return SimpleNamespace(**{name: self._lives(do) for name, do in vars(getattr(self._remote, service)).items()})

    def _lives(self, do):
        def call(*arguments, **more):
            if self._left == 0:
                raise Killed
            self._left -= 1
            return do(*arguments, **more)

        return call
