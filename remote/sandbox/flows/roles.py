"""Who may do what with flows and flow runs. Groups have no members here: a role counts only for the identity itself."""

from __future__ import annotations

from collections.abc import Iterable

from remote.sandbox.flows.errors import FlowsError
from remote.sandbox.flows.runs import Flow, FlowRun

# Strongest first: the first that applies is shown as `user_role`.
RUN_ROLES = ("run_owner", "run_manager", "flow_run_manager", "run_monitor", "flow_run_monitor")
FLOW_ROLES = ("flow_owner", "flow_administrator", "flow_starter", "flow_viewer", "run_manager", "run_monitor")
MANAGING = frozenset({"run_owner", "run_manager", "flow_run_manager"})
RESUMING = frozenset({"run_owner", "run_manager"})  # flow run managers can do everything but resume


def run_roles(run: FlowRun, flow: Flow | None, caller: str) -> list[str]:
    """Roles of the caller (a principal URN) on a flow run; `flow` is None when it has been deleted."""
    held = {
        "run_owner": caller == run.owner,
        "run_manager": caller in run.run_managers,
        "run_monitor": caller in run.run_monitors,
    }
    if flow is not None:
        held["flow_run_manager"] = caller in {flow.owner, *flow.flow_administrators, *flow.run_managers}
        held["flow_run_monitor"] = caller in flow.run_monitors
    return [role for role in RUN_ROLES if held.get(role)]


def flow_roles(flow: Flow, caller: str) -> list[str]:
    """Roles of the caller on a flow."""
    held = {
        "flow_owner": caller == flow.owner,
        "flow_administrator": caller in flow.flow_administrators,
        "flow_starter": bool({caller, "all_authenticated_users"} & set(flow.flow_starters)),
        "flow_viewer": bool({caller, "public"} & set(flow.flow_viewers)),
        "run_manager": caller in flow.run_managers,
        "run_monitor": caller in flow.run_monitors,
    }
    return [role for role in FLOW_ROLES if held[role]]


def require(held: Iterable[str], wanted: Iterable[str], flow_id: str, permission: str) -> None:
    """403 FORBIDDEN unless one of the wanted roles is held."""
    if not set(held) & set(wanted):
        raise FlowsError(
            403,
            "FORBIDDEN",
            "You do not have the necessary permissions to perform this action on the flow with id value "
            f"{flow_id}. Missing permissions: {permission}.",
        )
