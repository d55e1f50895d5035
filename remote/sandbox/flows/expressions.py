"""Parameters of a state: constants, references (`"key.$"`) and expressions (`"key.="`).

Expressions are evaluated by simpleeval, as the service does: names are the keys of the state (and `_context`), with
attribute access to keys, comprehensions, conditionals, arithmetic and the methods of strings and lists; a JSONPath may
stand in backticks. A function that is not known to be at Globus is an error, as it could be there.
"""

from __future__ import annotations

import copy
import json
from typing import Any

import simpleeval

from flowspec.references import PATH_FUNCTION, ReferenceSyntaxError, parse_expression
from remote.sandbox.flows import paths
from remote.sandbox.flows.errors import StateError, runtime

_PRIVATE_LIST = "__Private_Parameters"
_ROOT = "/~/"


def evaluate(text: str, data: Any, field: str = "expression") -> Any:
    """The JSON value of an expression over a state. Raises StateError (States.Runtime) naming field and expression."""
    data = copy.deepcopy(data)  # methods such as append change what they are called on
    evaluator = simpleeval.EvalWithCompoundTypes(names=data if isinstance(data, dict) else {})
    evaluator.functions.update(
        pathsplit=pathsplit,
        is_present=lambda name: paths.present(data, f"$.{name}"),
        getattr=lambda name, default=None: _get(data, name, default),
        len=len,
        **{PATH_FUNCTION: lambda path: paths.find(data, path, field)},
    )
    try:
        value = evaluator.eval(text, previously_parsed=parse_expression(text))
        # Tuples become lists, and what is not JSON is found here.
        return json.loads(json.dumps(value, allow_nan=False))
    except StateError:
        raise
    except (
        *(ReferenceSyntaxError, simpleeval.InvalidExpression, simpleeval.MultipleExpressions),
        *(ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError, MemoryError),
    ) as error:
        reason = f"{type(error).__name__}: {error}"
        raise runtime(
            f"The expression '{text}' specified for the field '{field}' could not be evaluated: {reason}"
        ) from None


def _get(data: Any, name: str, default: Any) -> Any:
    path = f"$.{name}"
    return paths.find(data, path, name) if paths.present(data, path) else default


def pathsplit(path: str) -> list[str]:
    """Folder and last element of a path. `/~/`, the home of a collection, is never split: "/~/a" is ["/~/", "a"]."""
    if path.startswith(_ROOT) and "/" not in path[len(_ROOT) :].rstrip("/"):
        return [_ROOT, path[len(_ROOT) :].rstrip("/")]
    folder, slash, name = path.rstrip("/").rpartition("/")
    return [folder or slash, name]


def resolve(parameters: Any, data: Any) -> Any:
    """Parameters with references and expressions replaced by their values."""
    if isinstance(parameters, list):
        return [resolve(item, data) for item in parameters]
    if not isinstance(parameters, dict):
        return parameters
    values = {}
    for key, item in parameters.items():
        if key.endswith(".$"):
            values[key[:-2]] = paths.find(data, item, key)
        elif key.endswith(".="):
            values[key[:-2]] = evaluate(item, data, key)
        elif key != _PRIVATE_LIST:
            values[key] = resolve(item, data)
    return values


def public(parameters: Any, values: Any) -> Any:
    """Resolved parameters as the log shows them: without those named in `__Private_Parameters`."""
    if isinstance(parameters, list) and isinstance(values, list):
        return [public(p, v) for p, v in zip(parameters, values, strict=True)]
    if not isinstance(parameters, dict) or not isinstance(values, dict):
        return values
    hidden = set(parameters.get(_PRIVATE_LIST, []))
    return {key: public(parameters.get(key), value) for key, value in values.items() if key not in hidden}
