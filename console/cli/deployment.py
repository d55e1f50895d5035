"""Registering the compute functions and deploying the flows, and writing down the ids that they were given."""

from __future__ import annotations

from console import connect
from console.settings.model import Settings
from console.settings.paths import deployed_file
from console.settings.profiles import write_deployed
from flowspec import definition
from flowspec.lint import Finding, lint
from remote.globus.flows import Flows
from remote.site import functions


def register_functions(settings: Settings) -> dict[str, str]:
    """Register all compute functions for the profile's kit; returns their ids, which `load` finds from now on."""
    compute = connect.remote(settings).compute
    ids = {
        name: compute.register_function(function, f"FRIB analysis pipeline: {name}")
        for name, function in functions.for_kit(settings.site.kit).items()
    }
    values = {"compute": {name: {"function": function} for name, function in ids.items()}}
    write_deployed(deployed_file(settings.ledger), values)
    return ids


def deploy_flows(settings: Settings) -> dict[str, str]:
    """Deploy both flows, or update them in place when the settings know their ids; returns the ids."""
    flows = connect.remote(settings).flows
    return {name: _deploy(flows, settings, name) for name in definition.FLOWS}


def update_ours(settings: Settings, name: str) -> str:
    """Deploy one of our flows, or update it in place; returns its id."""
    return _deploy(connect.remote(settings).flows, settings, name)


def _deploy(flows: Flows, settings: Settings, name: str) -> str:
    flow, known = definition.FLOWS[name](), getattr(settings.flows, name)
    roles = {"run_managers": settings.run_managers, "run_monitors": settings.run_monitors}
    deployed = flows.deploy(flow.title, flow.definition, flow.schema, flow_id=known, **roles)
    write_deployed(deployed_file(settings.ledger), {"flows": {name: deployed}})
    return deployed


def lint_flows() -> dict[str, list[Finding]]:
    """What the offline lint finds in the definitions of this version."""
    return {name: lint(flow().definition) for name, flow in definition.FLOWS.items()}
