"""The arguments of `console flows ...` and `console bring-back`. Light: all parsers are made for every command."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

OURS = ("analysis", "transfer")


class Add(Protocol):
    """Makes the parser of a command within the group `to`."""

    def __call__(self, name: str, text: str, *, to: Any, json: bool = False) -> argparse.ArgumentParser: ...


def add_flows(add: Add, flows: Any) -> None:
    check = add("validate", "check ours, here and at Flows when it answers, or anybody's here", to=flows, json=True)
    check.add_argument("file", nargs="?", type=Path, metavar="FILE", help="a definition (JSON) in place of ours")
    check.add_argument("--schema", type=Path, metavar="FILE", help="its input schema (JSON)")
    _add_parts(add("deploy", "deploy ours, or update them in place; or a flow of your own", to=flows, json=True))
    update = add("update", "change a flow in place", to=flows, json=True)
    diff = add("diff", "how what is deployed differs from what is here", to=flows, json=True)
    show = add("show", "flows as Globus has them", to=flows, json=True)
    for command in (update, diff, show):
        _add_flow(command, required=command is update)
    for command in (update, diff):
        _add_parts(command)


def _add_flow(command: argparse.ArgumentParser, *, required: bool) -> None:
    text = f"{', '.join(OURS)} or the id of a flow" + ("" if required else "; without: both of ours")
    command.add_argument("flow", nargs=None if required else "?", type=_flow, metavar="FLOW", help=text)


def _add_parts(command: argparse.ArgumentParser) -> None:
    command.add_argument("--definition", type=Path, metavar="FILE", help="the definition (JSON) in place of ours")
    command.add_argument("--schema", type=Path, metavar="FILE", help="the input schema (JSON)")
    command.add_argument("--title", metavar="TEXT", help="the title")


def _flow(text: str) -> str:
    try:
        return text if text in OURS else str(UUID(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither {' nor '.join(OURS)} nor the id of a flow") from None


def add_bring_back(command: argparse.ArgumentParser, run: Callable[[str], int]) -> None:
    command.add_argument("runs", nargs="*", type=run, metavar="RUN", help="the sorted file of these runs")
    command.add_argument(
        "--converted", action="store_true", help="their converted segments in place of the sorted file"
    )
    command.add_argument("--path", type=_absolute, metavar="DIR", help="a directory at the site, with all below it")
    command.add_argument("--to", type=_absolute, metavar="DIR", help="where to; without it the results of the profile")
    command.add_argument("--include", action="append", metavar="PATTERN", help="files with such names (*.root)")
    command.add_argument("--source", type=_collection, metavar="ID", help="another collection in place of the site's")
    command.add_argument("--destination", type=_collection, metavar="ID", help="another one in place of the DTN's")


def _absolute(text: str) -> str:
    if not text.startswith("/") or ".." in text.split("/"):
        raise argparse.ArgumentTypeError(f"{text!r} is not an absolute path")
    return text.rstrip("/") + "/"


def _collection(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not the id of a collection") from None
