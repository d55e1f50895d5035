"""Words of readiness."""

from __future__ import annotations

from flowspec.catalogue.entry import Entry

TABLE: tuple[Entry, ...] = ()
