"""What the driver works with: the ledger, the clients of the other end, and where things are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from console.ledger import runs
from console.ledger.runs import Run
from console.ledger.store import Ledger, Request
from console.settings.model import Policy
from flowspec.inputs import Places
from flowspec.stages import Stage
from remote.globus.connection import Remote


class Refused(Exception):
    """A request that cannot be carried out; the text says why and what to do instead."""


@dataclass(frozen=True)
class Context:
    """Handed to every action and poller. `results` is the result folder as this machine sees it."""

    ledger: Ledger
    remote: Remote
    places: Places
    experiment: str
    results: Path
    flow_id: str
    endpoints: Mapping[Stage, str]
    policy: Policy
    run_managers: tuple[str, ...] = ()
    run_monitors: tuple[str, ...] = ()

    def now(self) -> float:
        return self.ledger.now()


def run_of(ctx: Context, request: Request) -> Run:
    """The run that a request is about."""
    run = runs.run(ctx.ledger, request.run) if request.run is not None else None
    if run is None:
        raise Refused(f"run {request.run} is not known: no such run directory was seen")
    return run
