"""Flow definitions, ours and anybody's: checked here, deployed, updated in place, shown, compared with Globus."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console.cli.asking import BadUse, Failure, print_outcome, remotely, settings_of
from console.cli.flow_arguments import OURS
from console.settings.model import Settings
from flowspec.text import clean
from remote import plainfile

if TYPE_CHECKING:
    from flowspec.difference import Difference
    from flowspec.lint import Finding
    from remote.globus.flows import Flows

FILE_BYTES = 2_000_000  # of a definition or a schema; Flows takes less

# ---- what is here


def _parts(options: argparse.Namespace) -> dict[str, Any]:
    """What the options give of a flow, with the keys of Globus. Raises Failure when it is not valid."""
    from flowspec.lint import ERROR, lint, lint_schema

    found: dict[str, Any] = {} if options.title is None else {"title": options.title}
    faults = []
    for key, path, look in (("definition", options.definition, lint), ("input_schema", options.schema, lint_schema)):
        if path is not None:
            found[key] = _read(path)
            faults += [f"{path}: {f.path or key}: {f.message}" for f in look(found[key]) if f.severity == ERROR]
    if faults:
        raise Failure(clean("; ".join(faults)))
    return found


def _read(path: Path) -> dict[str, Any]:
    from flowspec.lint import DefinitionFileError, parse_json

    try:
        return parse_json(plainfile.read(path, FILE_BYTES), path)
    except OSError as error:
        raise Failure(f"{path}: cannot be read: {error.strerror}") from None
    except DefinitionFileError as error:
        raise Failure(str(error)) from None


def _findings(path: Path, found: list[Finding]) -> list[dict[str, str]]:
    return [{"file": str(path), "severity": f.severity, "path": f.path, "message": f.message} for f in found]


def validate(options: argparse.Namespace) -> int:
    if options.file is None and options.schema is not None:
        raise BadUse("--schema is of a definition of your own: FILE --schema FILE")
    return _validate_ours(options) if options.file is None else _validate_file(options)


def _validate_ours(options: argparse.Namespace) -> int:
    from console.cli.dry_run import validate_flows

    faults, notes = validate_flows(settings_of(options) if options.profile else None)
    if faults:
        raise Failure("; ".join(faults))
    return print_outcome(options, {"valid": True, "notes": notes}, "\n".join(["both definitions are valid", *notes]))


def _validate_file(options: argparse.Namespace) -> int:
    from flowspec.lint import ERROR, lint, lint_schema

    found = _findings(options.file, lint(_read(options.file)))
    if options.schema is not None:
        found += _findings(options.schema, lint_schema(_read(options.schema)))
    valid = all(finding["severity"] != ERROR for finding in found)
    lines = [": ".join(filter(None, finding.values())) for finding in found]
    lines.append(f"{options.file}: {'valid, as far as can be told without Globus' if valid else 'not valid'}")
    print_outcome(options, {"valid": valid, "findings": found}, "\n".join(map(clean, lines)))
    return 0 if valid else 1


# ---- deploying


def deploy(options: argparse.Namespace) -> int:
    from console.cli.deployment import deploy_flows

    given = [options.definition, options.schema, options.title]
    if any(part is not None for part in given):
        if None in given:
            raise BadUse("a flow of your own needs --definition FILE, --schema FILE and --title TEXT")
        return _deploy_own(options)
    # The settings anew with each try: what was deployed before it is updated then.
    ids = remotely(lambda: deploy_flows(settings_of(options)))
    return print_outcome(options, {"flows": ids}, "\n".join(f"flow {name}: {flow}" for name, flow in ids.items()))


def _deploy_own(options: argparse.Namespace) -> int:
    parts = _parts(options)
    settings = settings_of(options)
    flows = _flows(settings)
    there = remotely(lambda: flows.owned(options.title))
    if there:
        raise Failure(
            f"you have a flow {options.title!r} already, {', '.join(there)}: update it (console flows update "
            f"{there[0]}), or give another title"
        )
    flow = remotely(
        lambda: flows.deploy(
            options.title,
            parts["definition"],
            parts["input_schema"],
            run_managers=settings.run_managers,
            run_monitors=settings.run_monitors,
        )
    )
    return print_outcome(options, {"flow": flow}, f"flow {options.title}: {flow}")


def update(options: argparse.Namespace) -> int:
    from console.cli.deployment import update_ours

    parts = _parts(options)
    if not parts and options.flow not in OURS:
        raise BadUse("nothing to change: --definition FILE, --schema FILE, --title TEXT")
    settings = settings_of(options)
    flow = _id(settings, options.flow)
    if parts:
        remotely(lambda: _flows(settings).update(flow, **parts))
    else:
        remotely(lambda: update_ours(settings, options.flow))
    changed = ", ".join(parts) or "all of it, as it is here"
    return print_outcome(options, {"flow": flow}, f"flow {flow} is changed: {changed}")


# ---- what Globus has


def show(options: argparse.Namespace) -> int:
    settings = settings_of(options)
    documents = _documents(settings, [options.flow] if options.flow else OURS)
    text = "\n".join(clean(line) for document in documents.values() for line in _described(document))
    return print_outcome(options, {"flows": list(documents.values())}, text)


def _described(document: Mapping[str, Any]) -> Iterable[str]:
    states = document.get("definition", {}).get("States", {})
    yield f"{document['id']}  {document['title']}"
    yield f"    owner {document.get('flow_owner')}, changed {document.get('updated_at')}"
    for role in ("flow_administrators", "flow_starters", "flow_viewers", "run_managers", "run_monitors"):
        if document.get(role):
            yield f"    {role} {', '.join(document[role])}"
    yield f"    states {', '.join(states)}"


def diff(options: argparse.Namespace) -> int:
    """Exit code 1 when anything differs."""
    parts = _parts(options)
    if parts and options.flow is None:
        raise BadUse("what is compared with a file? FLOW is missing")
    if not parts and options.flow is not None and options.flow not in OURS:
        raise BadUse("what is the flow compared with? --definition FILE, --schema FILE, --title TEXT")
    settings = settings_of(options)
    documents = _documents(settings, [options.flow] if options.flow else OURS)
    found = {name: _differing(settings, name, parts, document) for name, document in documents.items()}
    lines = [
        line
        for name, differences in found.items()
        for line in ([f"{name}: {each}" for each in differences] or [f"{name}: deployed as it is here"])
    ]
    listed = [
        {"flow": name, "id": documents[name]["id"], "differences": [each.document() for each in differences]}
        for name, differences in found.items()
    ]
    print_outcome(options, {"flows": listed}, "\n".join(lines))
    return 1 if any(found.values()) else 0


def _differing(
    settings: Settings, name: str, parts: Mapping[str, Any], document: Mapping[str, Any]
) -> list[Difference]:
    from console.actions.deployed import differing, wanted
    from flowspec.definition import FLOWS

    ours = parts or wanted(FLOWS[name](), settings.run_managers, settings.run_monitors)
    return differing(ours, document)


def _documents(settings: Settings, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    flows = _flows(settings)
    ids = {name: _id(settings, name) for name in names}
    return {name: remotely(partial(flows.get_flow, flow)) for name, flow in ids.items()}


def _id(settings: Settings, flow: str) -> str:
    """The id of a flow that is named or given. Raises Failure when it is one of ours and was never deployed."""
    known: str | None = getattr(settings.flows, flow) if flow in OURS else flow
    if known is None:
        raise Failure(f"the flow {flow} is not deployed yet: console flows deploy")
    return known


def _flows(settings: Settings) -> Flows:
    from console.connect import remote

    return remotely(lambda: remote(settings)).flows


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "flows validate": validate,
    "flows deploy": deploy,
    "flows update": update,
    "flows show": show,
    "flows diff": diff,
}
LOOKING = ("flows validate", "flows show", "flows diff")
