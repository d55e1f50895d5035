"""What a running sandbox has done, and faults for it: `records(directory)`, `set_fault(directory, name, ...)`.

`directory` is that of the sandbox, where its sandbox.json is (`RunningSandbox.dir`, `pipeline.sandbox.directory`).
"""

from __future__ import annotations

import json
import urllib.request
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.waiting import HANGS_AFTER

Document = dict[str, Any]


@dataclass(frozen=True)
class Records:
    """The documents of `GET /sandbox/records`, see remote/sandbox/journal.py."""

    calls: list[Document]
    flow_runs: list[Document]
    transfers: list[Document]
    effects: list[Document]
    working: list[Document]

    def executed(self, run: int | None = None) -> Counter[tuple[str, int, int | None]]:
        """How often a worker began each (function, run, segment); segment None for analyze."""
        began = [c for c in self.calls if c["started"] is not None and run in (None, c["run"])]
        return Counter((c["function"], c["run"], c["segment"]) for c in began)

    def functions(self, run: int) -> Counter[str]:
        """How often a worker began each function for this run: {"fit": 8, "convert": 8, "analyze": 1}."""
        return Counter(c["function"] for c in self.calls if c["started"] is not None and c["run"] == run)

    def copied(self, name: str = "") -> list[str]:
        """Destination paths of the files really copied that have `name` in them."""
        return [path for transfer in self.transfers for path in transfer["files"] if name in path]

    def tagged(self, tag: str) -> list[str]:
        """The ids of the flow runs with this tag."""
        return [run["id"] for run in self.flow_runs if tag in run["tags"]]

    def working_on(self, run: int) -> list[Document]:
        """The workers that execute something of this run, or that a process outlived which nobody waits for."""
        return [worker for worker in self.working if worker["run"] in (run, None)]


def records(directory: Path) -> Records:
    return Records(**ask(directory, "GET", "records"))


def set_fault(directory: Path, name: str, **args: Any) -> None:
    """See docs/faults.md for the names and arguments."""
    ask(directory, "POST", "faults", {"name": name, "args": args})


def clear_faults(directory: Path, name: str = "") -> None:
    ask(directory, "DELETE", f"faults/{name}" if name else "faults")


def struck(directory: Path, name: str) -> int:
    """How often the faults of this name that are set have struck."""
    return sum(fault["struck"] for fault in ask(directory, "GET", "faults")["faults"] if fault["name"] == name)


def ask(directory: Path, method: str, route: str, body: Document | None = None) -> Any:
    """A request to a route below /sandbox/; raises urllib.error.HTTPError when it is refused."""
    info = json.loads((directory / "sandbox.json").read_text())
    headers = {"Authorization": f"Bearer {info['token']}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{info['url']}/sandbox/{route}", data, headers, method=method)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=HANGS_AFTER) as reply:
        return json.loads(reply.read())
