"""A Globus that only starts flow runs, for tests of what is asked of it: it loses requests or replies when told to."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from console.context import Context
from console.ledger import runs as run_rows
from console.ledger.store import Ledger
from console.settings.model import Policy
from flowspec.conditions import Reason
from flowspec.inputs import Places
from flowspec.readiness import Judgement, Verdict
from flowspec.stages import Stage
from remote.globus.errors import RemoteError
from remote.globus.flows import FlowRun, LogEntry

ID = "9656eff2-8105-445c-8501-154dfe1d88e5"
PLACES = Places(ID, "/runs", "/results", ID, "/top", "/kit", dict.fromkeys(list(Stage)[1:4], (ID, ID)))


class Clock:
    time = 1_000_000.0

    def __call__(self) -> float:
        return self.time


@dataclass
class Flows:
    """The service as far as starting goes: it loses the request or the reply when told to."""

    there: list[FlowRun] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    bodies: dict[str, dict] = field(default_factory=dict)

    def start(self, flow_id, body, label, tags, run_managers=(), run_monitors=()):
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "before":
            raise RemoteError("later", "flows", "start", "the line broke", "wait", ambiguous=True)
        if fault == "refused":
            raise RemoteError("operator", "flows", "start", "403: no right", "ask for the right")
        if fault == "nonsense":
            raise RemoteError("bug", "flows", "start", "400: no such field", "report it")
        run = FlowRun(
            f"run-{len(self.there)}", flow_id, "ACTIVE", label, tuple(tags), "2026-11-23T00:00:00+00:00", None, {}
        )
        self.there.append(run)
        self.bodies[run.id] = body
        if fault == "after":
            raise RemoteError("later", "flows", "start", "no answer in time", "wait", ambiguous=True)
        return run

    def runs(self, flow_ids, since=None):
        return self.there[::-1]

    def open_runs(self):
        return [run for run in self.there[::-1] if run.status in ("ACTIVE", "INACTIVE")]

    def log(self, run_id, after=None):
        entries = [LogEntry("2026-11-23T00:00:00+00:00", "FlowStarted", "", {"input": self.bodies[run_id]})]
        if self.run(run_id).cancelled:
            entries.append(LogEntry("2026-11-23T00:00:01+00:00", "FlowCanceled", "", {}))
        return entries

    def run(self, run_id):
        return next(run for run in self.there if run.id == run_id)

    def find_by_tag(self, flow_id, tag, since=None):
        return [run for run in self.runs([flow_id], since) if tag in run.tags]

    def cancel(self, run_id):
        self.cancelled.append(run_id)
        place = self.there.index(self.run(run_id))
        self.there[place] = replace(self.there[place], status="FAILED", details={"code": "FlowCanceled"})


class Transfer:
    def ls(self, collection, path):
        return None

    def stat(self, collection, path):
        return None

    def make_directories(self, collection, path):
        pass

    def under_way(self, label):
        return []


class Compute:
    def spare(self):
        return 20


@dataclass
class Remote:
    flows: Flows = field(default_factory=Flows)
    transfer: Transfer = field(default_factory=Transfer)
    compute: Compute = field(default_factory=Compute)


def make_context(ledger: Ledger, remote: Remote, policy: Policy) -> Context:
    return Context(ledger, remote, PLACES, "e21062", Path("/results"), ID, {Stage.FIT: ID}, policy)


def judge(ctx, run, verdict=Verdict.READY, segments=(0, 1), reason="is complete"):
    judged = Judgement(run, verdict, Reason("words", {"words": reason}), segments, 2000, "title", 1, 2, 1.0, "print")
    run_rows.record_judgement(ctx.ledger, f"/data/run{run}", judged, dict.fromkeys(segments, 1000))
    return run_rows.run(ctx.ledger, run)
