"""Flows and flow runs as the service shows them: the keys of the fixtures that globus_sdk registers."""

from __future__ import annotations

from typing import Any

from remote.sandbox.flows.roles import MANAGING
from remote.sandbox.flows.runs import Flow, FlowRun, iso

_ADMINISTRATING = frozenset({"flow_owner", "flow_administrator"})


def scope(flow_id: str) -> str:
    return f"https://auth.globus.org/scopes/{flow_id}/flow_{flow_id.replace('-', '_')}_user"


def flow(flow: Flow, held: list[str]) -> dict[str, Any]:
    """A flow for a caller with these roles; only administrators see who has roles."""
    full = bool(_ADMINISTRATING & set(held))
    url = f"https://flows.globus.org/flows/{flow.id}"
    return {
        **_embedded(flow),
        "definition": flow.definition,
        "input_schema": flow.input_schema,
        "synchronous": False,
        "log_supported": True,
        "types": ["Action"],
        "api_version": "1.0",
        "principal_urn": f"urn:globus:auth:identity:{flow.id}",
        "globus_auth_username": f"{flow.id}@clients.auth.globus.org",
        "user_role": held[0],
        "user_roles": held,
        "created_by": flow.owner,
        "visible_to": flow.flow_viewers if full else [],
        "runnable_by": flow.flow_starters if full else [],
        "administered_by": flow.flow_administrators if full else [],
        "action_url": url,
        "flow_url": url,
        "flow_viewers": flow.flow_viewers if full else [],
        "flow_starters": flow.flow_starters if full else [],
        "flow_administrators": flow.flow_administrators if full else [],
        "run_managers": flow.run_managers if full else [],
        "run_monitors": flow.run_monitors if full else [],
        **({"subscription_id": flow.subscription_id} if flow.subscription_id else {}),
        **({"authentication_policy_id": flow.authentication_policy_id} if flow.authentication_policy_id else {}),
    }


def _embedded(flow: Flow) -> dict[str, Any]:
    return {
        "id": flow.id,
        "title": flow.title,
        "subtitle": flow.subtitle,
        "description": flow.description,
        "keywords": flow.keywords,
        "globus_auth_scope": scope(flow.id),
        "flow_owner": flow.owner,
        "created_by": flow.owner,
        "created_at": iso(flow.created),
        "updated_at": iso(flow.updated),
    }


def flow_run(run: FlowRun, held: list[str], flow: Flow | None = None) -> dict[str, Any]:
    """A flow run for a caller with these roles; monitors do not see who else has some. `flow` is described if given."""
    with run.lock:
        full = bool(MANAGING & set(held))
        document = {
            "run_id": run.id,
            "action_id": run.id,
            "flow_id": run.flow_id,
            "flow_title": run.flow_title,
            "flow_last_updated": iso(run.flow_updated),
            "start_time": iso(run.started),
            "status": run.status,
            "display_status": run.status,
            "details": run.details,
            "run_owner": run.owner,
            "created_by": run.owner,
            "run_managers": run.run_managers if full else [],
            "run_monitors": run.run_monitors if full else [],
            "manage_by": run.run_managers if full else [],
            "monitor_by": run.run_monitors if full else [],
            "user_role": held[0],
            "user_roles": held,
            "label": run.label,
            "tags": run.tags,
            "blocking_web_input_id": run.web_input,
            "search": {"task_id": run.id},
        }
        if run.completed is not None:
            document["completion_time"] = iso(run.completed)
    if flow is not None:
        document["flow_description"] = _embedded(flow)
    return document
