"""Restart a compute endpoint at the site: asked of the site's monitor, where that takes it."""

from __future__ import annotations

import secrets

from console.context import Context, Refused
from console.ledger import endpoints, restarts
from console.ledger.restarts import Restart
from console.ledger.store import Request
from flowspec import catalogue, text
from flowspec.conditions import reason

LONGEST = 200  # characters of a reason


def restart_endpoint(ctx: Context, request: Request) -> str:
    """Write down that `endpoint` (its id) be restarted, for `reason`; console.evidence.restarts has the site do it."""
    row = endpoints.find(ctx.ledger, str(request.args.get("endpoint")))
    why = text.clean(str(request.args.get("reason") or ""), LONGEST).strip()
    if row is None:
        raise Refused("there is no such compute endpoint")
    if not why:
        raise Refused(f"{row.name} is restarted for a reason: none was given")
    known = restarts.read(ctx.ledger)
    if row.endpoint not in known.offered or ctx.elsewhere() is not None:
        raise Refused(catalogue.sentence(reason("restart.not-offered", endpoint=row.name)))
    if (before := known.asked.get(row.endpoint)) is not None:
        raise Refused(catalogue.sentence(reason("restart.asked", endpoint=row.name, who=before.who, at=before.at)))
    name = known.offered[row.endpoint]
    restarts.put(ctx.ledger, Restart(secrets.token_hex(8), row.endpoint, name, request.actor, why, ctx.now()))
    return f"{row.name}: the site's monitor is asked, and answers within minutes: {why}"
