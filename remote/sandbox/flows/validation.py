"""What the Flows service checks before it takes a flow or starts a flow run, with errors in its shape."""

from __future__ import annotations

import re
from typing import Any

import jsonschema
from jsonschema.validators import validator_for

from flowspec.grammar import action_url, refusals
from flowspec.lint import lint_schema
from remote.sandbox.flows.errors import FlowsError
from remote.sandbox.flows.providers import Providers
from remote.sandbox.transfer.document import LABEL

PRINCIPAL = re.compile(r"urn:globus:(auth:identity|groups:id):[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ROLES = {
    "flow_viewers": {"public"},
    "flow_starters": {"all_authenticated_users"},
    "flow_administrators": set(),
    "run_managers": set(),
    "run_monitors": set(),
}
_LENGTHS = {"title": (1, 128), "subtitle": (0, 128), "description": (0, 4096)}
_KEYWORDS_LENGTH = 1024
_IDS = ("subscription_id", "authentication_policy_id")

Problem = dict[str, Any]  # {"loc": [...], "msg": "...", "type": "value_error"}


def unprocessable(problems: list[Problem]) -> FlowsError:
    """422 with one entry per problem; the message repeats them as JSONPaths."""
    count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} in body."
    lines = [f"$.{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in problems]
    return FlowsError(422, "UNPROCESSABLE_ENTITY", " ".join([count, *lines]), problems)


def problem(msg: str, *loc: str | int) -> Problem:
    return {"loc": list(loc), "msg": msg, "type": "value_error"}


def check_flow(document: dict[str, Any]) -> None:
    """Checks those fields of a flow that are in `document`."""
    problems = []
    if "definition" in document:
        problems += _definition(document["definition"])
    if "input_schema" in document:
        problems += _schema(document["input_schema"])
    for key, (shortest, longest) in _LENGTHS.items():
        value = document.get(key, "x")
        if not isinstance(value, str) or not shortest <= len(value) <= longest:
            problems.append(problem(f"must be a string of {shortest} to {longest} characters", key))
    keywords = document.get("keywords", [])
    if not _is_strings(keywords) or len(" ".join(keywords)) > _KEYWORDS_LENGTH:
        problems.append(problem(f"must be a list of strings, of {_KEYWORDS_LENGTH} characters at most", "keywords"))
    problems += [
        problem("must be a string", key) for key in _IDS if not isinstance(document.get(key), (str, type(None)))
    ]
    problems += roles(document)
    if problems:
        raise unprocessable(problems)


def _is_strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def label(value: Any) -> list[Problem]:
    """Problems with a label."""
    if isinstance(value, str) and LABEL.fullmatch(value):
        return []
    return [problem("must be a string of at most 128 characters, without colons", "label")]


def scopes(definition: dict[str, Any], providers: Providers) -> dict[str, list[str]]:
    """The scopes that a flow run needs, by RunAs."""
    needed: dict[str, set[str]] = {}
    for state in definition["States"].values():
        if state["Type"] == "Action":
            scope = state.get("ActionScope") or providers.scope(str(action_url(state)))
            needed.setdefault(state.get("RunAs", "User"), set()).update({scope} if scope else ())
    return {role: sorted(names) for role, names in needed.items()}


def roles(document: dict[str, Any]) -> list[Problem]:
    """Problems in the lists of principals."""
    problems = []
    for key, words in _ROLES.items():
        principals = document.get(key, [])
        if not isinstance(principals, list):
            problems.append(problem("must be a list of principals", key))
            continue
        for index, principal in enumerate(principals):
            known = isinstance(principal, str) and (principal in words or PRINCIPAL.fullmatch(principal))
            if not known:
                problems.append(problem(f'Unrecognized principal string: "{principal}".', key, index))
    return problems


def tags(value: Any) -> list[str]:
    """Tags as the service keeps them: white space stripped and shortened. 422 for anything but a list of strings."""
    if not _is_strings(value):
        raise unprocessable([problem("must be a list of strings", "tags")])
    return [" ".join(tag.split()) for tag in value]


def check_input(schema: dict[str, Any], body: Any) -> None:
    """400 FLOW_INPUT_ERROR if the input document does not conform to the flow's schema."""
    validator = validator_for(schema, default=jsonschema.Draft7Validator)(schema)
    faults = sorted(validator.iter_errors(body), key=lambda fault: fault.json_path)
    detail = [{"loc": [fault.json_path], "type": "InvalidActionInput", "msg": fault.message} for fault in faults]
    if not isinstance(body, dict):
        detail.append({"loc": ["$"], "type": "InvalidActionInput", "msg": "the input document must be an object"})
    if detail:
        count = f"{len(detail)} error{'s' if len(detail) > 1 else ''}"
        raise FlowsError(400, "FLOW_INPUT_ERROR", f"Input failed schema validation with {count}.", detail)


def _definition(definition: Any) -> list[Problem]:
    return [problem(f.message, "definition", *f.where) for f in refusals(definition)]


def _schema(schema: Any) -> list[Problem]:
    return [problem(f.message, "input_schema", *f.where) for f in lint_schema(schema)]
