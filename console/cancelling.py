"""Seeing a cancel through."""

from __future__ import annotations

from console import records
from console.operations import Operations


def see_through(ops: Operations) -> None:
    """Tell Globus of every attempt that is to be cancelled."""
    for attempt in records.open_attempts(ops.ledger):
        if attempt.cancel_at is not None and attempt.flow_run is not None:
            ops.remote.flows.cancel(attempt.flow_run)
