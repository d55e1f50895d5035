"""Words of work."""

from __future__ import annotations

from flowspec.catalogue.entry import Entry

TABLE: tuple[Entry, ...] = (Entry("words", "{words}"),)
