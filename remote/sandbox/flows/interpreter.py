"""What one state does with the state of a flow run. Pure: time comes in as an argument, actions are run by the engine.

In this folder `spec` is a state of the definition and `data` the state of the flow run (its JSON document).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from remote.sandbox.flows import choices, expressions, paths
from remote.sandbox.flows.errors import StateError, runtime

DATA_LIMIT = 200_000  # bytes; "run state <= 200 KB total (input + every ResultPath)"


@dataclass(frozen=True)
class Transition:
    """A state is done: the new data, what the state put out (for the log), and the next state (None: the flow ends)."""

    data: Any
    output: Any
    next: str | None


def view(data: Any, context: dict[str, Any]) -> Any:
    """The data as references and expressions see it: with the read-only `_context`."""
    return {**data, "_context": context} if isinstance(data, dict) else data


def size(data: Any) -> int:
    """Bytes of the data as compact JSON."""
    return len(json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode())


def limited(data: Any, after: str) -> Any:
    """The data itself; States.DataLimitExceeded if it is larger than Flows allows."""
    found = size(data)
    if found > DATA_LIMIT:
        raise StateError(
            "States.DataLimitExceeded",
            f"The state of the flow run is {found} bytes after {after}; the limit is {DATA_LIMIT} bytes.",
        )
    return data


def step(name: str, spec: dict[str, Any], data: Any, context: dict[str, Any]) -> Transition:
    """Executes a Pass, Choice, Fail or ExpressionEval state. Raises StateError; a Fail state always does."""
    seen = view(data, context)
    kind = spec["Type"]
    if kind == "Pass":
        return finish(name, spec, data, _pass_output(spec, seen))
    if kind == "ExpressionEval":
        return finish(name, spec, data, expressions.resolve(spec["Parameters"], seen))
    if kind == "Choice":
        return Transition(data, data, _choose(name, spec, seen))
    raise _failure(spec, seen)


def finish(name: str, spec: dict[str, Any], data: Any, output: Any) -> Transition:
    """Puts a state's output at its ResultPath (default `$`) and goes on to Next."""
    path = spec.get("ResultPath", "$")
    stored = limited(paths.put(data, path, output), f"state '{name}' put its result at '{path}'")
    return Transition(stored, output, spec.get("Next"))


def action_input(spec: dict[str, Any], data: Any, context: dict[str, Any]) -> Any:
    """The body for the action provider of an Action state."""
    seen = view(data, context)
    if "InputPath" in spec:
        return paths.find(seen, spec["InputPath"], "InputPath")
    return expressions.resolve(spec["Parameters"], seen)


def caught(name: str, spec: dict[str, Any], data: Any, error: StateError) -> Transition | None:
    """Where a Catch rule takes the flow run, with {Error, Cause} at the rule's ResultPath; None if none matches."""
    if not error.catchable:
        return None
    for rule in spec.get("Catch", []):
        if error.name in rule["ErrorEquals"] or "States.ALL" in rule["ErrorEquals"]:
            output = {"Error": error.name, "Cause": error.cause}
            path = rule.get("ResultPath", "$")
            stored = limited(paths.put(data, path, output), f"state '{name}' put its error at '{path}'")
            return Transition(stored, output, rule["Next"])
    return None


def wait_until(spec: dict[str, Any], data: Any, context: dict[str, Any], now: float, speed: float) -> float:
    """When a Wait state ends, in seconds since 1970. Waits of a length are shortened by `speed`, moments are not."""
    seen = view(data, context)
    if "Seconds" in spec or "SecondsPath" in spec:
        seconds = spec.get("Seconds")
        if seconds is None:
            seconds = paths.find(seen, spec["SecondsPath"], "SecondsPath")
        if not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or seconds < 0:
            raise runtime(f"The Wait state needs a number of seconds, not {seconds!r}.")
        return now + seconds / speed
    text = spec.get("Timestamp") or paths.find(seen, spec["TimestampPath"], "TimestampPath")
    moment: datetime | None = choices.as_time(text)
    if moment is None:
        raise runtime(f"The Wait state needs an RFC 3339 timestamp, not {text!r}.")
    return moment.timestamp()


def _pass_output(spec: dict[str, Any], seen: Any) -> Any:
    if "Result" in spec:
        return spec["Result"]
    if "Parameters" in spec:
        return expressions.resolve(spec["Parameters"], seen)
    if "InputPath" in spec:
        return paths.find(seen, spec["InputPath"], "InputPath")
    return {key: value for key, value in seen.items() if key != "_context"} if isinstance(seen, dict) else seen


def _choose(name: str, spec: dict[str, Any], seen: Any) -> str:
    for rule in spec["Choices"]:
        if choices.matches(rule, seen):
            return str(rule["Next"])
    if "Default" not in spec:
        raise StateError(
            "States.NoChoiceMatched", f"No rule of the Choice state '{name}' matched and it has no Default."
        )
    return str(spec["Default"])


def _failure(spec: dict[str, Any], seen: Any) -> StateError:
    def text(field: str) -> str:
        if f"{field}Path" not in spec:
            return str(spec.get(field, ""))
        value = paths.find(seen, spec[f"{field}Path"], f"{field}Path")
        return value if isinstance(value, str) else json.dumps(value)

    return StateError(text("Error"), text("Cause"))
