"""Input documents: made from a plan and the places of an experiment, validated before anything is asked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from flowspec.plan import Plan
from flowspec.stages import Stage


@dataclass(frozen=True)
class Places:
    """Where things are, for one experiment and site. Paths as the collections see them, without a final slash."""

    dtn_collection: str
    runs: str  # folder of the run directories on the DTN
    results: str  # folder on the DTN that gets the results
    site_collection: str
    top: str  # folder at the site below which rawdata, fitted, ... are
    kit: str  # folder of the kit at the site
    compute: Mapping[Stage, tuple[str, str]]  # stage -> (endpoint id, function id)

    def rawdata(self, run: int) -> str:
        return f"{self.top}/rawdata/run{run}"

    def fitted(self, run: int) -> str:
        return f"{self.top}/fitted/run{run}"

    def converted(self, run: int) -> str:
        return f"{self.top}/converted/run{run}"

    def logs(self, run: int) -> str:
        return f"{self.top}/logs/run{run}"

    def analyzed(self) -> str:
        return f"{self.top}/analyzed"

    def monitor(self, kind: str) -> str:
        """What the monitor of the endpoints sees ("json"), and the file that it touches each minute ("alive")."""
        return f"{self.top}/logs/monitor.{kind}"

    def restart(self, endpoint: str) -> str:
        """Where the monitor of the endpoints looks whether it is to restart this one."""
        return f"{self.top}/logs/restart-{endpoint}.json"

    def cancelled(self, run: int, tag: str) -> str:
        """The marker: a directory that is there once the attempt with this tag is cancelled. Its jobs look for it."""
        return f"{self.logs(run)}/cancelled/{tag}"


def input_document(
    plan: Plan, places: Places, run_directory: str, label: str, tag: str, accepted: Collection[int] = ()
) -> dict[str, Any]:
    """The body of a flow run for this plan.

    `run_directory`: name of the run's directory on the DTN ("run1217"). `tag`: the attempt's, unique. `accepted`: the
    segments whose fit is good however many hits it loses.
    """
    run, as_it_is = plan.run, [segment for segment in plan.fit if segment in accepted]
    result = f"run-{run:04d}-sorted.root"
    return {
        "run": run,
        "start": plan.start.value,
        "label": label,
        "files": {"prefix": f"run-{run:04d}-", "segments": [f"{s:02d}" for s in plan.transfer], "suffix": ".evt"},
        "fit": list(plan.fit),
        **({"accepted": as_it_is} if as_it_is else {}),  # a flow that was deployed before knows no such key
        "convert": list(plan.convert),
        "expected": list(plan.expected),
        "analyze": plan.analyze,
        "source": {"collection": places.dtn_collection, "path": f"{places.runs}/{run_directory}/"},
        "site_raw": {"collection": places.site_collection, "path": places.rawdata(run) + "/"},
        "site": {
            "kit": places.kit,
            "rawdata": places.rawdata(run),
            "fitted": places.fitted(run),
            "converted": places.converted(run),
            "analyzed": places.analyzed(),
            "logs": places.logs(run),
            "marker": places.cancelled(run, tag),
        },
        "site_result": {"collection": places.site_collection, "path": f"{places.analyzed()}/{result}"},
        "result": {"collection": places.dtn_collection, "path": f"{places.results}/{result}"},
        "compute": {
            stage.value: {"endpoint": endpoint, "function": function}
            for stage, (endpoint, function) in places.compute.items()
        },
    }


def problems(document: Any, schema: Mapping[str, Any]) -> list[str]:
    """What is wrong with an input document, one sentence per fault with the path in it; empty when it is valid."""
    from jsonschema import Draft7Validator  # slow to import, and most commands do without it

    found = Draft7Validator(schema).iter_errors(document)
    faults = sorted(found, key=lambda fault: list(map(str, fault.absolute_path)))
    return [f"{_path(fault.absolute_path)}: {fault.message}" for fault in faults]


def _path(steps: Any) -> str:
    text = ""
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return "input" + text
