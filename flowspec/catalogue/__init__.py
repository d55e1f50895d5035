"""The catalogue of reasons: for each code its severity, who can end it, and its words. The only place that has them.

`sentence` makes the sentence of a reason, for screens, commands and events alike. The tables lie beside this file, by
what they are about. A code that is not known here (a ledger of a newer console) shows its own words, or itself.
"""

from __future__ import annotations

from flowspec.catalogue import alerts, cancel, failures, outcomes, queue, readiness, site, work
from flowspec.catalogue.entry import Entry, nested, start_it, unnested
from flowspec.conditions import Reason

TABLES = (
    readiness.TABLE,
    queue.TABLE,
    work.TABLE,
    failures.TABLE,
    outcomes.TABLE,
    cancel.TABLE,
    site.TABLE,
    alerts.TABLE,
)
ENTRIES: dict[str, Entry] = {entry.code: entry for table in TABLES for entry in table}

__all__ = ["ENTRIES", "TABLES", "entry", "nested", "row", "sentence", "start_it", "unnested"]


def entry(code: str) -> Entry:
    return ENTRIES.get(code) or Entry(code, lambda words="", **others: words or code)


def row(reason: Reason) -> str:
    """The same for a column beside the state."""
    return entry(reason.code).short(reason.parameters)


def sentence(reason: Reason) -> str:
    """The sentence of a reason; never raises for parameters that are missing."""
    return entry(reason.code).sentence(reason.parameters)
