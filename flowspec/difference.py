"""Where two JSON documents differ, by JSONPath: a flow as it is here, and as it is deployed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_SHOWN = 60  # characters of a value


@dataclass(frozen=True)
class Difference:
    """One place; a side that has nothing there has an empty tuple, else a tuple with its value."""

    path: str
    here: tuple[Any, ...]
    deployed: tuple[Any, ...]

    def __str__(self) -> str:
        return f"{self.path}: here {_shown(self.here)}, deployed {_shown(self.deployed)}"

    def document(self) -> dict[str, Any]:
        """With `here` and `deployed` where there is something."""
        sides = {"here": self.here, "deployed": self.deployed}
        return {"path": self.path, **{side: value for side, values in sides.items() for value in values}}


def differences(here: Any, deployed: Any, path: str = "$") -> Iterator[Difference]:
    """The innermost places that differ, in the order of `here`; the order of keys does not count."""
    if isinstance(here, Mapping) and isinstance(deployed, Mapping):
        for key in dict.fromkeys([*here, *deployed]):
            yield from _of_side(here, deployed, key, path + _step(key))
    elif isinstance(here, list) and isinstance(deployed, list):
        ours, theirs = dict(enumerate(here)), dict(enumerate(deployed))
        for index in dict.fromkeys([*ours, *theirs]):
            yield from _of_side(ours, theirs, index, f"{path}[{index}]")
    elif here != deployed or isinstance(here, bool) != isinstance(deployed, bool):  # in Python true is 1
        yield Difference(path, (here,), (deployed,))


def _of_side(here: Mapping[Any, Any], deployed: Mapping[Any, Any], key: Any, path: str) -> Iterator[Difference]:
    if key in here and key in deployed:
        yield from differences(here[key], deployed[key], path)
    else:
        yield Difference(path, tuple(d[key] for d in [here] if key in d), tuple(d[key] for d in [deployed] if key in d))


def _step(key: str) -> str:
    return f".{key}" if _PLAIN_KEY.fullmatch(key) else f"[{json.dumps(key)}]"


def _shown(values: tuple[Any, ...]) -> str:
    if not values:
        return "nothing"
    text = json.dumps(values[0])
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
