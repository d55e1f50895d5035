"""Which failures are alike: of the same stage and code, and with the same words but for numbers and paths. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from flowspec.catalogue import unnested
from flowspec.conditions import Reason

# What differs between runs that fail for one cause: paths, and whatever has a digit in it (runs, segments, ids, sizes).
_OF_THE_RUN = re.compile(r"(?<!\w)/\S+|\S*\d\S*")
_OUTER = ("outcome.failed", "attempt.early-failed", "flow.succeeded-but")  # say that it failed; the cause says how


@dataclass(frozen=True)
class FailureKind:
    """What runs that failed alike have in common. `signature` is for comparing, and no sentence."""

    stage: str  # '' when the flow run failed at none
    code: str
    signature: str

    @property
    def key(self) -> str:
        return "|".join((self.stage, self.code, self.signature))


def failure_kind(failed: Reason) -> FailureKind | None:
    """The kind of an outcome.failed; None for another reason."""
    if failed.code not in _OUTER:
        return None
    stage, cause = "", failed
    while isinstance(inner := cause.parameters.get("cause"), dict):
        stage = str(cause.parameters.get("stage") or stage)
        cause = unnested(inner)
    words, rc = str(cause.parameters.get("words") or ""), cause.parameters.get("rc")
    return FailureKind(stage, cause.code, _OF_THE_RUN.sub("#", f"{words}") + (f" rc {rc}" if rc is not None else ""))
