"""Why something is as it is, as data: a code of the catalogue and the parameters of its sentence.

Facts are kept, sentences are made when they are read (`flowspec.catalogue.sentence`). No program reads a sentence back:
who wants to know whether Globus waits for a consent asks for the code, not for words.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from flowspec.stages import Stage


class Severity(str, Enum):
    """NORMAL: waits for its turn. SLOW: longer than usual. STUCK: does not end without a person."""

    NORMAL = "normal"
    SLOW = "slow"
    STUCK = "stuck"


class Owner(str, Enum):
    """Who can end a condition."""

    NOBODY = ""
    OPERATOR = "operator"
    SITE = "site"
    GLOBUS = "globus"
    DAQ = "daq"


class Topic(str, Enum):
    """What a condition of a run is about. Of each topic the run has the conditions that were last found, no others."""

    DISK = "disk"  # what lies in the run directory
    QUEUE = "queue"  # what a queued run waits for
    PROGRESS = "progress"  # how far the attempt under way is, and what keeps it
    EARLY = "early"  # how far the early attempts are, while the run is recorded: of each one, by its first segment
    POLL = "poll"  # that the progress cannot be polled
    OUTCOME = "outcome"  # how the last attempt ended
    TAKE = "take"  # that its number was taken again after the launch


@dataclass(frozen=True)
class Reason:
    """A code of the catalogue and the parameters of its sentence, which are JSON values."""

    code: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def dump(self) -> str:
        """The parameters as compact JSON, for a column."""
        return json.dumps(dict(self.parameters), separators=(",", ":"), sort_keys=True) if self.parameters else "{}"


NO_REASON = Reason("")  # its sentence is empty


@dataclass(frozen=True)
class Condition:
    """A reason that holds for a run, since when (seconds since the epoch), and for which of its places."""

    topic: Topic
    reason: Reason
    since: float = 0.0
    stage: Stage | None = None
    segment: int | None = None

    @property
    def code(self) -> str:
        return self.reason.code


def reason(code: str, /, **parameters: Any) -> Reason:
    """Short for a Reason with these parameters; None is left out."""
    return Reason(code, {name: value for name, value in parameters.items() if value is not None})
