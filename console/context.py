"""What the driver works with: the ledger, the clients of the other end, and where things are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from console.disk import listener
from console.ledger import dossier, runs
from console.ledger.dossier import Dossier
from console.ledger.runs import Run
from console.ledger.store import Ledger, Request
from console.settings.model import Policy
from flowspec import permits
from flowspec.conditions import Reason
from flowspec.inputs import Places
from flowspec.retry_rules import RetryRule
from flowspec.stages import Stage
from remote.globus.connection import Remote

PATIENCE_POLLS = 60.0  # 5 min with the usual interval


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
    retry_rules: tuple[RetryRule, ...] = ()
    run_managers: tuple[str, ...] = ()
    run_monitors: tuple[str, ...] = ()
    canary: str | None = None  # id of that compute function; None when it is not registered yet
    elsewhere: Callable[[], Reason | None] = lambda: None  # another console drives: this one does nothing by itself

    def now(self) -> float:
        return self.ledger.now()

    @property
    def patience(self) -> float:
        """Seconds in which what may pass by itself has passed, or somebody has to look."""
        return PATIENCE_POLLS * self.policy.poll_interval

    def holds(self) -> Reason | None:
        """Why nothing may be launched."""
        return self.elsewhere() or listener.holds(self.ledger)


def dossier_of(ctx: Context, request: Request, run: int | None = None) -> Dossier:
    """All that is known of the run that a request is about; of one of them, when it is about many."""
    number = request.run if run is None else run
    known = dossier.read(ctx.ledger, number) if number is not None else None
    if known is None:
        raise _unknown(request)
    return known


def permitted(verb: str, run: Run) -> None:
    """Raises Refused when this may not be asked of the run now, with the sentence that a screen would show."""
    refusal = permits.refusal(verb, run)
    if refusal is not None:
        raise Refused(refusal)


def run_of(ctx: Context, request: Request) -> Run:
    """The run that a request is about."""
    run = runs.run(ctx.ledger, request.run) if request.run is not None else None
    if run is None:
        raise _unknown(request)
    return run


def _unknown(request: Request) -> Refused:
    return Refused(f"run {request.run} is not known: no such run directory was seen")
