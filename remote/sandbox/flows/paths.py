"""Reading and writing the state of a flow run by JSONPath. The state is never changed in place."""

from __future__ import annotations

from typing import Any

from flowspec.references import ReferenceSyntaxError, parse_path
from remote.sandbox.flows.errors import runtime

PRIVATE = "_private"
_MISSING = object()


def find(data: Any, path: str, field: str) -> Any:
    """The value at `path`. If there is none: States.Runtime, in the words of the service."""
    value = _find(data, path)
    if value is _MISSING:
        raise runtime(f"The path '{path}' specified for the field '{field}' could not be found in the state input.")
    return value


def present(data: Any, path: str) -> bool:
    return _find(data, path) is not _MISSING


def _find(data: Any, path: str) -> Any:
    for step in _steps(path):
        in_object = isinstance(step, str) and isinstance(data, dict) and step in data
        in_list = isinstance(step, int) and isinstance(data, list) and step < len(data)
        if not (in_object or in_list):
            return _MISSING
        data = data[step]
    return data


def _steps(path: str) -> tuple[str | int, ...]:
    try:
        return parse_path(path)
    except ReferenceSyntaxError as error:
        raise runtime(str(error)) from None


def put(data: Any, path: str, value: Any) -> Any:
    """A copy of the state with `value` at `path` (a ResultPath); objects on the way are made as needed."""
    steps = _steps(path)
    if steps[:1] == ("_context",):
        raise runtime("$._context is read-only")
    return _put(data, steps, value, path)


def _put(data: Any, steps: tuple[str | int, ...], value: Any, path: str) -> Any:
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if isinstance(step, str) and isinstance(data, dict):
        return {**data, step: _put(data.get(step, {}), rest, value, path)}
    if isinstance(step, int) and isinstance(data, list) and step < len(data):
        return [*data[:step], _put(data[step], rest, value, path), *data[step + 1 :]]
    raise runtime(f"The ResultPath '{path}' cannot be applied to the state: {step!r} is not inside an object or list.")


def visible(data: Any) -> Any:
    """What status and log show of a state: without the keys that start with `_private`."""
    if isinstance(data, dict):
        return {key: visible(value) for key, value in data.items() if not str(key).startswith(PRIVATE)}
    if isinstance(data, list):
        return [visible(item) for item in data]
    return data
