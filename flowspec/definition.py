"""The two flow definitions of the project with their input schemas, and which state of the flow is which stage."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from flowspec.stages import Stage

FOLDER = Path(__file__).with_name("definitions")


@dataclass(frozen=True)
class Definition:
    """A flow as it is deployed: title, definition (states) and input schema."""

    title: str
    definition: dict[str, Any]
    schema: dict[str, Any]


@cache
def analysis() -> Definition:
    """The analysis pipeline: transfer, fit, convert, analyze, return."""
    return _read("FRIB-NERSC-Analysis-Pipeline", "analysis")


@cache
def transfer() -> Definition:
    """A transfer by itself: files of the named kinds from one collection to another."""
    return _read("FRIB-Transfer", "transfer")


FLOWS = {"analysis": analysis, "transfer": transfer}

# The Action states of the analysis definition, and the stage whose progress each of them is.
STAGE_OF_STATE = {
    "Transfer": Stage.TRANSFER,
    "Fit": Stage.FIT,
    "Convert": Stage.CONVERT,
    "Analyze": Stage.ANALYZE,
    "Return": Stage.RETURN,
}


def _read(title: str, name: str) -> Definition:
    definition = json.loads((FOLDER / f"{name}.json").read_text())
    schema = json.loads((FOLDER / f"{name}.schema.json").read_text())
    return Definition(title, definition, schema)
