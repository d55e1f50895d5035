"""What is observed of flow run, tasks and marker of an attempt while it is cancelled."""

from __future__ import annotations

from typing import Any

from flowspec.catalogue.entry import Entry


def _ended(status: str, rc: Any = None, **others: Any) -> str:
    return f"ended ({status if rc is None else f'return code {rc}'})"


TABLE = (
    Entry("seen.not-yet", "not looked at yet"),
    Entry("seen.status", "{status}"),
    Entry("seen.starting", "{status}, has just started an action"),
    Entry("seen.cancelled", "cancelled"),
    Entry("seen.not-made", "cannot be made: {cause}"),
    Entry("seen.not-ended", "cannot be ended: {cause}"),
    Entry("seen.made", "made"),
    Entry("seen.ended", _ended),
    Entry("seen.ended-before", "had ended"),
    Entry("seen.never-begun", "was never begun, and is kept from it"),
    Entry("seen.not-at-work", "is not at work any more: Compute does not tell, but the site shows it"),
    Entry("seen.jobs-left", lambda jobs, **others: f"the site has not told the end of {', '.join(jobs)}"),
    Entry("seen.unknown", "it is not known whether it was started"),
    Entry("seen.found", "is flow run {flow_run}"),
    Entry("seen.never-started", "was never started"),
)
