"""Comparing replies with the responses that globus_sdk registers for its own tests: the official examples."""

from __future__ import annotations

from typing import Any

from globus_sdk.testing import get_response_set


def registered(name: str, case: str = "default") -> Any:
    """The JSON of a registered response, such as "transfer.submit_transfer"."""
    return get_response_set(name).lookup(case).json


def assert_like(given: Any, example: Any, where: str = "$", open_at: tuple[str, ...] = ()) -> None:
    """Every key of the example is there with a value of the same type; null, in either, says nothing of the type.

    Below the keys in `open_at` only the type counts.
    """
    if given is None or example is None:
        return
    if where.rpartition(".")[2] in open_at:
        example = type(example)()
    if isinstance(example, dict):
        assert isinstance(given, dict), f"{where} is {given!r}"
        for key in example:
            assert key in given, f"{where} has no {key}"
            assert_like(given[key], example[key], f"{where}.{key}", open_at)
    elif isinstance(example, list):
        assert isinstance(given, list), f"{where} is {given!r}"
        for position, value in enumerate(given if example else []):
            assert_like(value, example[0], f"{where}[{position}]", open_at)
    else:
        assert type(given) is type(example), f"{where} is {given!r}, the example has {example!r}"
