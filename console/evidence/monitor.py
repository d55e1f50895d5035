"""What the site's monitor sees of the compute endpoints, brought here: Slurm's refusals stand nowhere else.

The monitor touches one file each minute and writes the other only when there is something new, so that two looks a
minute suffice, and a transfer is made only then. Nothing is kept of a transfer that a driver began and another ends:
the next one brings the file anew. What is asked of the monitor goes the other way (console.evidence.restarts).
"""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

from console.context import Context
from console.evidence.restarts import carry_out
from console.ledger import restarts, site, sources
from console.ledger.errors import Trouble, cause_of
from flowspec import catalogue, flowlog, monitorstatus
from remote import plainfile

MOST_BYTES = 1_000_000
DEADLINE = 600.0  # s, after which Globus gives the transfer up
LOOK_SECONDS = 30.0


class MonitorWatch:
    """`look` raises Trouble as long as the monitor tells of any, and RemoteError."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._written = ""  # when the file was written that is here, or that the task brings
        self._task = ""
        self._document: dict[str, Any] | None = None
        self._fault = ""  # why what was brought cannot be read

    def look(self) -> None:
        ctx = self._ctx
        if ctx.elsewhere() is not None:  # another console brings it to the same place
            return
        if self._task:
            self._follow()
        alive_at = self._see_at_the_site()
        sources.answered(ctx.ledger, "transfer")
        carry_out(ctx, self._document)
        if alive_at is None or self._fault:
            restarts.offer(ctx.ledger, {})
        if alive_at is None:  # no monitor was ever there, or its files have been taken away
            return
        if self._fault:
            raise Trouble(self._fault)
        if self._document is not None:
            restarts.offer(ctx.ledger, monitorstatus.restartable(self._document, alive_at, ctx.now()))
            found = monitorstatus.troubles(self._document, alive_at, ctx.now())
            if found:
                raise Trouble("; ".join(map(catalogue.sentence, found)))

    def _see_at_the_site(self) -> float | None:
        """When it gave a sign of life; None where no monitor was. Begins to bring its file when that is new."""
        transfer, places = self._ctx.remote.transfer, self._ctx.places
        file = transfer.stat(places.site_collection, places.monitor("json"))
        alive = transfer.stat(places.site_collection, places.monitor("alive"))
        if file is None or alive is None:
            return None
        if not self._task and file.modified != self._written:
            deadline = datetime.fromtimestamp(self._ctx.now() + DEADLINE, timezone.utc)
            self._task = transfer.copy(
                transfer.submission_id(), places.site_collection, places.dtn_collection,
                [(places.monitor("json"), f"{places.results}/site/monitor.json")],
                label=f"{self._ctx.experiment} monitor of the site", deadline=deadline,
            )  # fmt: skip
            self._written = file.modified
        try:
            return flowlog.seconds(alive.modified)
        except ValueError:  # the collection tells no times
            return self._ctx.now()

    def _follow(self) -> None:
        task, written = self._task, self._written
        self._task = self._written = ""  # once more, also when Transfer does not know this task
        status = self._ctx.remote.transfer.task(task).status
        if status in ("ACTIVE", "INACTIVE", "SUCCEEDED"):
            self._written = written
        if status in ("ACTIVE", "INACTIVE"):
            self._task = task
        if status != "SUCCEEDED":
            return
        try:
            document = json.loads(plainfile.read(self._ctx.results / "site" / "monitor.json", MOST_BYTES))
            fault = monitorstatus.problem(document)
        except OSError as error:
            fault = cause_of(error)
        except (ValueError, RecursionError):
            fault = "it is no JSON"
        self._fault = f"what the site's monitor says cannot be read: {fault}" if fault else ""
        if not fault:
            self._document = document
            site.record_pending(self._ctx.ledger, document["at"], monitorstatus.pending(document))
