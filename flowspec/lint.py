"""Offline check of a flow definition, and reading of definition and schema files.

`lint` finds what the Flows service would refuse (errors, see flowspec.grammar), what it would take and then fail on
(switched-off action providers, dead ends), and what it takes but an operator regrets later (warnings).
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from flowspec.grammar import (
    ERROR,
    TOO_DEEP,
    WARNING,
    Finding,
    action_url,
    as_list,
    error,
    expressions,
    refusals,
    targets,
)
from flowspec.references import ReferenceSyntaxError, parse_expression, unknown_functions

__all__ = ["ERROR", "WARNING", "DefinitionFileError", "Finding", "lint", "lint_schema", "parse_json"]

# "No longer supported effective 2025-01-22"; their successors are under https://transfer.actions.globus.org/.
SWITCHED_OFF = (
    "https://actions.globus.org/transfer/",
    "https://actions.automate.globus.org/",
)
CATCHABLE = {
    "Action": ("ActionUnableToRun", "ActionFailedException", "ActionTimeout"),
    "AwaitWebInput": ("Flows.WebInputExpired",),
}
_ADVICE = {
    "WaitTime": "WaitTime is not set: Flows stops the action after 300 s",
    "ResultPath": "ResultPath is not set: the result replaces the whole state of the flow run",
    "ExceptionOnActionFailure": "ExceptionOnActionFailure is not set: a failed action goes on to Next",
}


class DefinitionFileError(ValueError):
    """A definition or schema file that cannot be read; the text names the file and, where known, line and column."""


def parse_json(content: bytes, path: Path) -> dict[str, Any]:
    """The JSON object in a definition or schema file, whose path stands in each error.

    Raises DefinitionFileError: not UTF-8, not JSON, a key given twice (JSON would silently keep the
    last one, and a state would be lost), or not an object.
    """
    try:
        document = json.loads(content.decode(), object_pairs_hook=_unique_keys, parse_constant=_no_constant)
    except json.JSONDecodeError as problem:
        raise DefinitionFileError(f"{path}: line {problem.lineno}, column {problem.colno}: {problem.msg}") from None
    except UnicodeDecodeError as problem:
        line = problem.object[: problem.start].count(b"\n") + 1
        raise DefinitionFileError(f"{path}: line {line}: not UTF-8: {problem.reason}") from None
    except (ValueError, RecursionError) as problem:
        raise DefinitionFileError(f"{path}: {problem}") from None
    if not isinstance(document, dict):
        raise DefinitionFileError(f"{path}: expected a JSON object, found {type(document).__name__}")
    return document


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        ((twice, _),) = Counter(key for key, _ in pairs).most_common(1)
        raise ValueError(f"the key {twice!r} occurs twice in one object")
    return document


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def lint(definition: object) -> list[Finding]:
    """All findings, errors first, each kind in the order of the definition."""
    try:
        found = [*refusals(definition), *_own(definition)]
    except RecursionError:
        found = [error(TOO_DEEP)]
    return sorted(found, key=lambda f: f.severity)


def _own(definition: object) -> Iterator[Finding]:
    """What the service would take."""
    if isinstance(definition, Mapping) and isinstance(definition.get("States"), Mapping):
        states = {name: state for name, state in definition["States"].items() if isinstance(state, Mapping)}
        yield from _ways(definition.get("StartAt"), states)
        for name, state in states.items():
            for found in _house_rules(state):
                yield Finding(found.severity, ("States", name, *found.where), found.message)


def lint_schema(schema: object) -> list[Finding]:
    """What makes it no JSON Schema, which Flows wants an input schema to be: draft 7, unless it names another."""
    from jsonschema import Draft7Validator, SchemaError  # slow to import, and most commands do without it
    from jsonschema.validators import validator_for

    if not isinstance(schema, Mapping):
        return [error("an input schema must be an object")]
    if not isinstance(schema.get("$schema", ""), str):
        return [error("$schema must be the address of a JSON Schema", "$schema")]
    try:
        validator_for(schema, default=Draft7Validator).check_schema(dict(schema))
    except SchemaError as found:
        return [error(found.message, *found.absolute_path)]
    except RecursionError:
        return [error(TOO_DEEP)]
    return []


def _ways(start: object, states: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    """Are all states reached from the start, and does each have a way to an end?"""
    onward = {name: {str(target) for _, target in targets(state)} for name, state in states.items()}
    reached = _closure({start} if isinstance(start, str) else set(), onward)
    backward: dict[str, set[str]] = {name: set() for name in states}
    for name, following in onward.items():
        for target in following & states.keys():
            backward[target].add(name)
    ends = {name for name, state in states.items() if state.get("End") is True or state.get("Type") == "Fail"}
    ending = _closure(ends, backward)
    for name in states:
        if name not in reached:
            yield Finding(WARNING, ("States", name), "no state leads here")
        elif name not in ending and onward[name] & states.keys():
            yield error("there is no way from here to an end of the flow", "States", name)


def _closure(seeds: set[str], edges: Mapping[str, set[str]]) -> set[str]:
    seen, todo = set(), list(seeds)
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += edges.get(name, ())
    return seen


def _house_rules(state: Mapping[str, Any]) -> Iterator[Finding]:
    kind = str(state.get("Type"))
    if kind == "ExpressionEval" and "End" in state:
        yield Finding(WARNING, ("End",), "Globus documents disagree whether an ExpressionEval may End; use Next")
    yield from _function_rules(state)
    if kind == "Action":
        yield from _action_rules(state)
    if kind in CATCHABLE:
        yield from _catch_rules(state, CATCHABLE[kind])


def _function_rules(state: Mapping[str, Any]) -> Iterator[Finding]:
    for where, ending, text in expressions(state.get("Parameters"), ("Parameters",)):
        with contextlib.suppress(ReferenceSyntaxError):  # that is a refusal, and already found
            for name in unknown_functions(parse_expression(text)) if ending == ".=" else ():
                message = f"it is not known that Flows has a function {name}(): without it, the flow run fails here"
                yield Finding(WARNING, where, message)


def _action_rules(state: Mapping[str, Any]) -> Iterator[Finding]:
    url = str(action_url(state))
    if url.startswith(SWITCHED_OFF):
        yield error(
            f"{url} is switched off since 2025; use https://transfer.actions.globus.org/ and its field names",
            "Handler" if "Handler" in state else "ActionUrl",
        )
    for field, advice in _ADVICE.items():
        if field not in state:
            yield Finding(WARNING, (field,), advice)


def _catch_rules(state: Mapping[str, Any], raised: tuple[str, ...]) -> Iterator[Finding]:
    for index, rule in enumerate(as_list(state.get("Catch"))):
        if not isinstance(rule, Mapping):
            continue
        if "ResultPath" not in rule:
            message = "ResultPath is not set: the error replaces the whole state of the flow run"
            yield Finding(WARNING, ("Catch", index, "ResultPath"), message)
        for name in as_list(rule.get("ErrorEquals")):
            where = ("Catch", index, "ErrorEquals")
            if name == "ActionFailedException" and name in raised and not state.get("ExceptionOnActionFailure"):
                yield error("this can never fire: a failed action raises it with ExceptionOnActionFailure only", *where)
            elif name not in raised and not str(name).startswith("States."):
                message = f"nothing raises {name!r} here; Flows has {', '.join(raised)}"
                yield Finding(WARNING, where, message)
