"""The grammar of flow definitions: what the Globus Flows service refuses when a flow is created, updated or validated.

Source: the OpenAPI types of the service and the automate client's flows_schema.json. `flowspec.lint` adds our own
rules; the sandbox refuses exactly what this module finds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flowspec.references import ReferenceSyntaxError, parse_expression, parse_path

Where = tuple[str | int, ...]
ERROR, WARNING = "error", "warning"
TOO_DEEP = "it is nested too deeply to be checked"

_FIELDS = {
    "Pass": {"Next", "End", "Result", "Parameters", "InputPath", "ResultPath"},
    "Action": {
        *("Next", "End", "ActionUrl", "Handler", "ActionScope", "RunAs", "Parameters", "InputPath", "ResultPath"),
        *("WaitTime", "ExceptionOnActionFailure", "Catch"),
    },
    "Choice": {"Choices", "Default"},
    "Wait": {"Next", "Seconds", "SecondsPath", "Timestamp", "TimestampPath"},
    "Fail": {"Error", "ErrorPath", "Cause", "CausePath"},
    "ExpressionEval": {"Next", "End", "Parameters", "ResultPath"},
    "CreateWebInput": {"Next", "End", "Parameters", "ResultPath"},
    "AwaitWebInput": {"Next", "End", "Parameters", "ResultPath", "Catch"},
}
STATE_TYPES = tuple(_FIELDS)
MAX_WAIT_SECONDS = 31_536_000

_COMPARISONS = ("Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals")
_OPERAND_TYPES: dict[str, tuple[type, ...]] = {
    **{f"String{c}": (str,) for c in _COMPARISONS},
    **{f"Numeric{c}": (int, float) for c in _COMPARISONS},
    **{f"Timestamp{c}": (str,) for c in _COMPARISONS},
    "BooleanEquals": (bool,),
}
# The operators of a choice rule and the type of what stands behind them. Those with Path take a JSONPath.
CHOICE_OPERATORS: dict[str, tuple[type, ...]] = {
    **_OPERAND_TYPES,
    **{f"{name}Path": (str,) for name in _OPERAND_TYPES},
    "StringMatches": (str,),
    **{f"Is{kind}": (bool,) for kind in ("Null", "Present", "Numeric", "String", "Boolean", "Timestamp")},
}


@dataclass(frozen=True)
class Finding:
    """One thing wrong in a definition. `where` holds the keys and indexes that lead to it."""

    severity: str
    where: Where
    message: str

    @property
    def path(self) -> str:
        """Like `States.Fit.Next` or `States.Decide.Choices[0]`."""
        text = ""
        for step in self.where:
            text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
        return text

    def __str__(self) -> str:
        return f"{self.severity}: {self.path or 'definition'}: {self.message}"


def error(message: str, *where: str | int) -> Finding:
    return Finding(ERROR, where, message)


def refusals(definition: object) -> list[Finding]:
    """Everything for which the service would refuse this definition; empty if it would take it."""
    try:
        return _refusals(definition)
    except RecursionError:  # some Pythons read JSON that is deeper than they can walk through
        return [error(TOO_DEEP)]


def _refusals(definition: object) -> list[Finding]:
    if not isinstance(definition, Mapping):
        return [error("a definition must be an object with StartAt and States")]
    found = [
        error("unknown field; a definition has StartAt, States and Comment", key)
        for key in definition.keys() - {"StartAt", "States", "Comment"}
    ]
    states = definition.get("States")
    if not isinstance(states, Mapping) or not states:
        return [*found, error("States is missing or empty", "States")]
    start = definition.get("StartAt")
    if start is None:
        found.append(error("StartAt is missing", "StartAt"))
    elif not isinstance(start, str) or start not in states:
        found.append(error(f"StartAt names {start!r}, and there is no such state", "StartAt"))
    for name, state in states.items():
        found += [Finding(f.severity, ("States", name, *f.where), f.message) for f in _state(state, states)]
    return found


def targets(state: Mapping[str, Any]) -> Iterator[tuple[Where, object]]:
    """Every state that this one can go on to, with the place in the state that names it."""
    if "Next" in state:
        yield ("Next",), state["Next"]
    if "Default" in state:
        yield ("Default",), state["Default"]
    for field in ("Choices", "Catch"):
        for index, rule in enumerate(as_list(state.get(field))):
            if isinstance(rule, Mapping) and "Next" in rule:
                yield (field, index, "Next"), rule["Next"]


def action_url(state: Mapping[str, Any]) -> object:
    """The address of an Action's provider: its ActionUrl or that of its Handler; None if it has neither."""
    handler = state.get("Handler")
    return handler.get("Url") if isinstance(handler, Mapping) else state.get("ActionUrl")


def expressions(value: object, where: Where = ()) -> Iterator[tuple[Where, str, object]]:
    """Every reference and expression in Parameters: its place, the ending of its key (`.$` or `.=`), its text."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key.endswith((".$", ".=")):
                yield (*where, key), key[-2:], item
            else:
                yield from expressions(item, (*where, key))
    for index, item in enumerate(as_list(value)):
        yield from expressions(item, (*where, index))


def as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _state(state: object, states: Mapping[str, Any]) -> Iterator[Finding]:
    if not isinstance(state, Mapping):
        yield error("a state must be an object")
        return
    kind = state.get("Type")
    if not isinstance(kind, str) or kind not in _FIELDS:
        yield error(f"unknown type {kind!r}; Flows has {', '.join(STATE_TYPES)}", "Type")
        return
    for key in state.keys() - _FIELDS[kind] - {"Type", "Comment"}:
        yield error(f"a state of type '{kind}' has no field {key}", key)
    for where, target in targets(state):
        if not isinstance(target, str) or target not in states:
            yield error(f"there is no state {target!r}", *where)
    for key in ("InputPath", "ResultPath", "SecondsPath", "TimestampPath", "ErrorPath", "CausePath"):
        if key in state:
            yield from path_findings(state[key], key)
    yield from _context_findings(state.get("ResultPath"), "ResultPath")
    if "Parameters" in state:
        yield from _parameters(state["Parameters"], ("Parameters",))
    yield from _CHECKS[kind](state)


def path_findings(path: object, *where: str | int) -> Iterator[Finding]:
    try:
        parse_path(path)
    except ReferenceSyntaxError as problem:
        yield error(str(problem), *where)


def _context_findings(path: object, *where: str | int) -> Iterator[Finding]:
    if isinstance(path, str) and (path + ".").startswith("$._context."):
        yield error("$._context is read-only", *where)


def _parameters(value: object, where: Where) -> Iterator[Finding]:
    if not isinstance(value, Mapping):
        yield error("Parameters must be an object", *where)
    for place, ending, text in expressions(value, where):
        try:
            parse_path(text) if ending == ".$" else parse_expression(text)
        except ReferenceSyntaxError as problem:
            yield error(str(problem), *place)


def _next_or_end(state: Mapping[str, Any]) -> Iterator[Finding]:
    if ("Next" in state) == (state.get("End") is True):
        yield error(
            f"A state of type '{state['Type']}' must be defined as either terminal (\"End\": true) "
            'or transitional ("Next": "NextStateId")'
        )


def _pass(state: Mapping[str, Any]) -> Iterator[Finding]:
    yield from _next_or_end(state)
    if "Parameters" in state and "InputPath" in state:
        yield error("Parameters and InputPath exclude each other")


def _action(state: Mapping[str, Any]) -> Iterator[Finding]:
    yield from _next_or_end(state)
    yield from _provider(state)
    if ("Parameters" in state) == ("InputPath" in state):
        yield error("an Action needs exactly one of Parameters and InputPath")
    wait = state.get("WaitTime", 1)
    if not isinstance(wait, int) or isinstance(wait, bool) or wait < 1:
        yield error("WaitTime must be a whole number of seconds", "WaitTime")
    if not isinstance(state.get("ExceptionOnActionFailure", True), bool):
        yield error("ExceptionOnActionFailure must be true or false", "ExceptionOnActionFailure")
    yield from _catch(state)


def _provider(state: Mapping[str, Any]) -> Iterator[Finding]:
    handler, url = state.get("Handler"), action_url(state)
    place = ("ActionUrl",) if handler is None else ("Handler", "Url")
    if handler is not None and "ActionUrl" in state:
        yield error("ActionUrl and Handler exclude each other")
    elif handler is not None and (not isinstance(handler, Mapping) or handler.get("Type") != "ActionProvider"):
        yield error("Handler must be an object with the Type ActionProvider, and a Url", "Handler")
    elif not isinstance(url, str) or not url.startswith("https://"):
        yield error(f"{place[-1]} must be the https:// address of an action provider", *place)


def _catch(state: Mapping[str, Any]) -> Iterator[Finding]:
    if "Catch" in state and not as_list(state["Catch"]):
        yield error("Catch must be a list with at least one rule", "Catch")
    for index, rule in enumerate(as_list(state.get("Catch"))):
        where = ("Catch", index)
        names = as_list(rule.get("ErrorEquals")) if isinstance(rule, Mapping) else []
        if not names or not all(isinstance(name, str) for name in names):
            yield error("a Catch needs ErrorEquals, a list of error names", *where)
        elif "Next" not in rule:
            yield error("a Catch needs Next", *where)
        elif "ResultPath" in rule:
            yield from path_findings(rule["ResultPath"], *where, "ResultPath")
            yield from _context_findings(rule["ResultPath"], *where, "ResultPath")


def _choice(state: Mapping[str, Any]) -> Iterator[Finding]:
    if not as_list(state.get("Choices")):
        yield error("Choices must be a list with at least one rule", "Choices")
    for index, rule in enumerate(as_list(state.get("Choices"))):
        yield from _rule(rule, ("Choices", index))
        if isinstance(rule, Mapping) and "Next" not in rule:
            yield error("a choice rule needs Next", "Choices", index)


def _rule(rule: object, where: Where) -> Iterator[Finding]:
    if not isinstance(rule, Mapping):
        yield error("a choice rule must be an object", *where)
        return
    operators = [key for key in rule if key in CHOICE_OPERATORS or key in ("And", "Or", "Not")]
    unknown = rule.keys() - set(operators) - {"Variable", "Next", "Comment"}
    if len(operators) != 1 or unknown:
        what = f"unknown {', '.join(sorted(unknown))}" if unknown else f"it has {len(operators)}"
        yield error(f"a choice rule needs exactly one operator: {what}", *where)
        return
    operator, operand = operators[0], rule[operators[0]]
    if operator in ("And", "Or"):
        if not as_list(operand):
            yield error(f"{operator} must be a list of rules", *where, operator)
        for index, inner in enumerate(as_list(operand)):
            yield from _rule(inner, (*where, operator, index))
    elif operator == "Not":
        yield from _rule(operand, (*where, "Not"))
    else:
        yield from path_findings(rule.get("Variable"), *where, "Variable")
        wanted = CHOICE_OPERATORS[operator]
        if not isinstance(operand, wanted) or (isinstance(operand, bool) and bool not in wanted):
            yield error(f"{operator} needs {' or '.join(t.__name__ for t in wanted)}", *where, operator)
        elif operator.endswith("Path"):
            yield from path_findings(operand, *where, operator)


def _wait(state: Mapping[str, Any]) -> Iterator[Finding]:
    if "Next" not in state:
        yield error("a Wait needs Next", "Next")
    given = [key for key in ("Seconds", "SecondsPath", "Timestamp", "TimestampPath") if key in state]
    if len(given) != 1:
        yield error("a Wait needs exactly one of Seconds, SecondsPath, Timestamp and TimestampPath")
    seconds = state.get("Seconds", 0)
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 0 <= seconds <= MAX_WAIT_SECONDS:
        yield error(f"Seconds must be a whole number from 0 to {MAX_WAIT_SECONDS}", "Seconds")


def _fail(state: Mapping[str, Any]) -> Iterator[Finding]:
    for field in ("Error", "Cause"):
        if field in state and f"{field}Path" in state:
            yield error(f"{field} and {field}Path exclude each other")
        if not isinstance(state.get(field, ""), str):
            yield error(f"{field} must be a string", field)


def _expression_eval(state: Mapping[str, Any]) -> Iterator[Finding]:
    yield from _next_or_end(state)
    for field in ("Parameters", "ResultPath"):
        if field not in state:
            yield error(f"an ExpressionEval needs {field}", field)


def _create_web_input(state: Mapping[str, Any]) -> Iterator[Finding]:
    yield from _next_or_end(state)
    if "Parameters" not in state:
        yield error("a CreateWebInput needs Parameters", "Parameters")


def _await_web_input(state: Mapping[str, Any]) -> Iterator[Finding]:
    yield from _next_or_end(state)
    yield from _catch(state)
    parameters = state.get("Parameters")
    keys = {key.partition(".")[0] for key in parameters} if isinstance(parameters, Mapping) else set()
    if "web_input_id" not in keys:
        yield error("an AwaitWebInput needs Parameters with web_input_id", "Parameters")


_CHECKS: dict[str, Callable[[Mapping[str, Any]], Iterator[Finding]]] = {
    "Pass": _pass,
    "Action": _action,
    "Choice": _choice,
    "Wait": _wait,
    "Fail": _fail,
    "ExpressionEval": _expression_eval,
    "CreateWebInput": _create_web_input,
    "AwaitWebInput": _await_web_input,
}
