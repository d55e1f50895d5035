"""Reasons as tests need them."""

from __future__ import annotations

from flowspec.conditions import NO_REASON, Reason


def words(text: str) -> Reason:
    """A reason whose sentence is this text."""
    return Reason("words", {"words": text}) if text else NO_REASON
