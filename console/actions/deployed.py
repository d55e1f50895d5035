"""Is what is deployed what this console would deploy? Another version of it, or a person, may have changed the flow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from console.context import Context
from console.ledger import sources
from flowspec import definition
from flowspec.definition import Definition
from flowspec.difference import Difference, differences

_ADMINISTRATING = {"flow_owner", "flow_administrator"}


def wanted(flow: Definition, run_managers: Sequence[str], run_monitors: Sequence[str]) -> dict[str, Any]:
    """The flow's document as far as this console gives it, with the keys of Globus."""
    return {
        "title": flow.title,
        "definition": flow.definition,
        "input_schema": flow.schema,
        "run_managers": sorted(run_managers),
        "run_monitors": sorted(run_monitors),
    }


def differing(here: Mapping[str, Any], deployed: Mapping[str, Any]) -> list[Difference]:
    """The places at which a flow's document at Globus differs; its other keys do not count.

    Nor do the roles, when the caller does not administer the flow: Globus shows them to nobody else.
    """
    roles = {"run_managers", "run_monitors"}
    if {deployed.get("user_role"), *(deployed.get("user_roles") or ())} & _ADMINISTRATING:
        deployed = {**deployed, **{role: sorted(deployed.get(role) or ()) for role in roles}}
        roles = set()
    keys = here.keys() - roles
    return list(differences({k: here[k] for k in here if k in keys}, {k: deployed[k] for k in deployed if k in keys}))


class FlowWatch:
    """Tells, once, that the analysis flow is not deployed as this console would deploy it."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._told = ""

    def look(self) -> None:
        ctx = self._ctx
        deployed = ctx.remote.flows.get_flow(ctx.flow_id)
        sources.answered(ctx.ledger, "flows")
        words = _words(differing(wanted(definition.analysis(), ctx.run_managers, ctx.run_monitors), deployed))
        if words != self._told:
            level, text = ("warning", words) if words else ("info", "the analysis flow is deployed as here again")
            ctx.ledger.event(level, text, actor="driver")
            self._told = words


def _words(found: Sequence[Difference]) -> str:
    if not found:
        return ""
    others = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return (
        f"the analysis flow is deployed otherwise than here, at {found[0].path}{others}: see console flows diff; "
        "console flows deploy updates it"
    )
