"""Files brought back from the site by the transfer flow, each set of them by one flow run at a time.

What is to be brought makes the tag of its flow run. Before Globus is asked, the ledger has an event and a claim to that
tag, which holds off others of this ledger until the flow run is listed; then it is looked for by the tag, so that
whoever asks again, also after a lost reply or with another ledger, finds it and starts no second one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from console.context import Refused
from console.ledger import attempts
from console.ledger.store import Ledger
from flowspec import definition, inputs
from remote.globus.errors import RemoteError
from remote.globus.flows import FlowRun, Flows

CLAIMS = "bring_back"  # in the ledger's meta: tag -> [when it was claimed, the flow run or ""]
CLAIM_SECONDS = 30.0  # longer than a start takes, and until it is listed
LOOK_BACK = timedelta(days=30)
ACTIVE = ("ACTIVE", "INACTIVE")


@dataclass(frozen=True)
class Wanted:
    """Files to be brought: (collection, path with a final slash) from and to, name patterns. `what`: for people."""

    what: str
    source: tuple[str, str]
    destination: tuple[str, str]
    include: tuple[str, ...]
    run: int | None = None

    def body(self, label: str) -> dict[str, Any]:
        """The input document of the transfer flow."""
        places = {"source": self.source, "destination": self.destination}
        ends = {side: {"collection": collection, "path": path} for side, (collection, path) in places.items()}
        return {"label": label, **ends, "include": list(self.include)}

    @property
    def tag(self) -> str:
        """The same for the same files from and to the same places; no tag of an attempt (`reconcile.TAG`)."""
        return f"frib-bring-{hashlib.sha256(json.dumps(self.body('')).encode()).hexdigest()[:16]}"


@dataclass(frozen=True)
class Brought:
    """The flow run that brings them; `started` now, or found, and then perhaps `inactive`. `before`: one that has
    ended."""

    flow_run: str
    started: bool
    inactive: bool = False
    before: FlowRun | None = None


@dataclass(frozen=True)
class Start:
    """With what flow runs of the transfer flow are started."""

    flow_id: str
    experiment: str
    run_managers: Sequence[str]
    run_monitors: Sequence[str]


def bring(ledger: Ledger, flows: Flows, start: Start, wanted: Wanted, actor: str) -> Brought:
    """Start the flow run that brings these files, or find the one that does. Raises Refused, RemoteError."""
    label = f"{start.experiment} bring back {wanted.what}".replace(":", " ")[:128]
    faults = inputs.problems(wanted.body(label), definition.transfer().schema)
    if faults:
        raise Refused(f"{wanted.what}: the input document is not valid: {'; '.join(faults)}")
    if any(attempt.run == wanted.run for attempt in attempts.open_attempts(ledger)):
        raise Refused(f"run {wanted.run} is under way, and its files are being made: bring them back when it has ended")
    known = _claim(ledger, wanted, actor)
    if known:
        return Brought(known, started=False)
    try:
        since = datetime.fromtimestamp(ledger.now(), timezone.utc) - LOOK_BACK
        before = next(iter(flows.find_by_tag(start.flow_id, wanted.tag, since.isoformat())), None)
        if before is not None and before.status in ACTIVE:
            _keep(ledger, wanted, before.id)
            return Brought(before.id, started=False, inactive=before.status == "INACTIVE")
        roles = (start.run_managers, start.run_monitors)
        flow_run = flows.start(start.flow_id, wanted.body(label), label, [wanted.tag, "FRIB"], *roles)
    except RemoteError as error:
        if not error.ambiguous:
            _keep(ledger, wanted, None)
        raise
    with ledger.change():
        _keep(ledger, wanted, flow_run.id)
        ledger.event("info", f"{wanted.what}: brought back by flow run {flow_run.id}", actor=actor, run=wanted.run)
    return Brought(flow_run.id, started=True, before=before)


def _claim(ledger: Ledger, wanted: Wanted, actor: str) -> str:
    """Claim the tag, in the ledger; '' when it was free, else the flow run that was started moments ago."""
    with ledger.change():
        claims = _claims(ledger)
        if wanted.tag in claims:
            at, flow_run = claims[wanted.tag]
            if not flow_run:
                again = CLAIM_SECONDS - (ledger.now() - at)
                raise Refused(f"{wanted.what}: has just been asked for; ask again in {again:.0f} s how that went")
            return str(flow_run)
        ledger.put(CLAIMS, json.dumps({**claims, wanted.tag: [ledger.now(), ""]}))
        text = f"{wanted.what}: to be brought back to {wanted.destination[1]}"
        ledger.event("info", text, actor=actor, run=wanted.run)
    return ""


def _keep(ledger: Ledger, wanted: Wanted, flow_run: str | None) -> None:
    """What came of the claim; None: nothing, so that it is free."""
    with ledger.change():
        claims = _claims(ledger) | {wanted.tag: [ledger.now(), flow_run]}
        ledger.put(CLAIMS, json.dumps({tag: claim for tag, claim in claims.items() if claim[1] is not None}))


def _claims(ledger: Ledger) -> dict[str, list[Any]]:
    """Those that hold; one of the future is of a clock that was set."""
    claims: dict[str, list[Any]] = json.loads(ledger.get(CLAIMS, "{}"))
    return {tag: claim for tag, claim in claims.items() if 0 <= ledger.now() - claim[0] < CLAIM_SECONDS}
