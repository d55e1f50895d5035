"""How a flow definition refers to the state of a flow run: JSONPaths (`"key.$"`) and expressions (`"key.="`).

Only the syntax is here, so that it can be checked without a network; remote/sandbox evaluates it.
"""

from __future__ import annotations

import ast
import re

_STEP = re.compile(r"""\.([^.\[\]\s'"]+) | \[([0-9]{1,9})\] | \['([^']*)'\] | \["([^"]*)"\]""", re.VERBOSE)

_STRING_OR_PATH = re.compile(r"""('(?:[^'\\]|\\.)*' | "(?:[^"\\]|\\.)*") | `([^`]*)`""", re.VERBOSE)
PATH_FUNCTION = "_path"  # what a JSONPath in backticks is turned into: a call with the path

# Those that Flows documents, `len` of its examples, and what its evaluator (simpleeval) brings along.
EXPRESSION_FUNCTIONS = frozenset(
    [
        *("pathsplit", "is_present", "getattr", "len"),
        *("int", "float", "str", "rand", "randint", "list", "tuple", "dict", "set"),
    ]
)
# simpleeval refuses these, so an expression that uses one fails only when its state is reached.
_REFUSED_NODES = (ast.Lambda, ast.NamedExpr, ast.SetComp, ast.Await, ast.Yield, ast.YieldFrom)
_REFUSED_ATTRIBUTES = frozenset({"format", "format_map", "mro"})


class ReferenceSyntaxError(ValueError):
    """A JSONPath or an expression that the Flows service cannot read; the text says why."""


def parse_path(path: object) -> tuple[str | int, ...]:
    """The steps of a reference path: `$` is (), `$.Fit.details.result[0]` is ("Fit", "details", "result", 0).

    Raises ReferenceSyntaxError for anything else, wildcards and filters included: Flows reads single values only.
    """
    if not isinstance(path, str) or not path.startswith("$"):
        raise ReferenceSyntaxError(f"{path!r} is not a JSONPath: it must start with '$'")
    steps: list[str | int] = []
    position = 1
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None:
            raise ReferenceSyntaxError(f"{path!r} is not a JSONPath: cannot read {path[position:]!r}")
        name, index, quoted, double_quoted = match.groups()
        steps.append(
            int(index) if index is not None else next(s for s in (name, quoted, double_quoted) if s is not None)
        )
        position = match.end()
    return tuple(steps)


def parse_expression(text: object) -> ast.expr:
    """The syntax tree of an expression, or ReferenceSyntaxError with the reason and, where known, the column.

    A JSONPath in backticks (`` `$.a.b` ``) is in it as a call of PATH_FUNCTION.
    """
    if not isinstance(text, str):
        raise ReferenceSyntaxError(f"an expression must be a string, not {type(text).__name__}")
    try:
        tree = ast.parse(_STRING_OR_PATH.sub(_path_call, text.strip()), mode="eval").body
    except SyntaxError as error:
        raise ReferenceSyntaxError(f"the expression does not parse at column {error.offset}: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise ReferenceSyntaxError(f"the expression does not parse: {error}") from None
    for node in ast.walk(tree):
        problem = _refused(node)
        if problem:
            raise ReferenceSyntaxError(problem)
    return tree


def unknown_functions(tree: ast.expr) -> list[str]:
    """The functions that an expression calls and of which nobody knows whether Flows has them."""
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    known = EXPRESSION_FUNCTIONS | {PATH_FUNCTION}
    return [function.id for function in calls if isinstance(function, ast.Name) and function.id not in known]


def _path_call(match: re.Match[str]) -> str:
    string, path = match.groups()
    if string is not None:
        return str(string)
    parse_path(path)
    return f"{PATH_FUNCTION}({path!r})"


def _refused(node: ast.AST) -> str | None:
    if isinstance(node, _REFUSED_NODES):
        return f"the evaluator of Flows has no {type(node).__name__}"
    if isinstance(node, ast.Attribute) and (node.attr.startswith("_") or node.attr in _REFUSED_ATTRIBUTES):
        return f"the evaluator of Flows refuses .{node.attr}; read a key with an underscore as ['{node.attr}']"
    if isinstance(node, ast.Call) and not isinstance(node.func, (ast.Name, ast.Attribute)):
        return "only a named function or a method can be called"
    return None
