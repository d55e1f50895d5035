"""Validation without effect: the input document of a run, and the flow definitions. Here first, then at the service."""

from __future__ import annotations

from pathlib import Path

from console import connect
from console.cli.deployment import lint_flows
from console.ledger import evidence, runs, site
from console.ledger.store import Ledger
from console.settings.model import Settings
from flowspec import catalogue, definition, inputs
from flowspec.lint import ERROR
from flowspec.plan import plan_missing
from remote.globus.errors import RemoteError


def dry_run(settings: Settings, number: int) -> tuple[list[str], str]:
    """Faults of what a launch of this run would send (empty when it is valid), and what was checked, for people."""
    ledger = Ledger(settings.ledger, read_only=True)
    run = runs.run(ledger, number)
    if run is None:
        return [f"run {number} is not known: no such run directory was seen"], ""
    plan = plan_missing(number, run.segments, evidence.matrix(ledger, run))
    if plan is None:
        return [f"run {number}: nothing is missing"], ""
    label = f"{settings.experiment} run {number} dry run"
    body = inputs.input_document(plan, settings.places(), Path(run.path).name, label, "frib-dry-run")
    faults = inputs.problems(body, definition.analysis().schema)
    if faults:
        return faults, ""
    flow, kit = settings.flows.analysis, catalogue.sentence(site.outdated(ledger))
    if flow is None:
        return ["flows.analysis is not set: deploy the flows (console flows deploy)"], ""
    text = f"run {number} is {run.state.word}; would do: {plan.describe()}; the input document is valid here"
    text = f"{kit}\n{text}" if kit else text
    try:
        connect.remote(settings).flows.validate_run(flow, body)
    except RemoteError as error:
        if error.kind == "later":
            return [], f"{text}; Flows was not asked: {error.cause}"
        return [f"Flows: {error.cause}"], ""
    return [], f"{text} and at Flows"


def validate_flows(settings: Settings | None) -> tuple[list[str], list[str]]:
    """(faults, notes) of both definitions: the offline lint, and the service when there are settings and it answers."""
    faults: list[str] = []
    notes: list[str] = []
    for name, findings in lint_flows().items():
        for finding in findings:
            (faults if finding.severity == ERROR else notes).append(f"{name}: {finding.path}: {finding.message}")
    if settings is None:
        return faults, [*notes, "Flows was not asked: no profile"]
    try:
        flows = connect.remote(settings).flows
        for flow in (definition.analysis(), definition.transfer()):
            flows.validate_flow(flow.definition, flow.schema)
    except RemoteError as error:
        if error.kind == "later":
            return faults, [*notes, f"Flows was not asked: {error.cause}"]
        faults.append(f"Flows: {error.cause}")
    return faults, notes
