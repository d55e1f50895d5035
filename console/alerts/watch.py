"""Looking whether there is something to call somebody for, and calling: a chore of the driver."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from console.alerts.channels import Channel
from console.alerts.message import message
from console.alerts.rules import BACKLOG_SECONDS, BEAM_SECONDS, Seen, alerts
from console.disk import space
from console.ledger import alerts as rows
from console.ledger import endpoints, logins, runs, shift, sources
from console.ledger.errors import Trouble
from console.ledger.store import Ledger
from flowspec.states import RunState

LOOK_SECONDS = 10.0
WRITE_SECONDS = 60.0  # between two notes that somebody looked: each write wakes every screen
GATHER_SECONDS = 30.0  # what happens within them is one message
HOUR = 3600.0
NOT_ENDED_WELL = tuple(state for state in RunState if state not in (RunState.DONE, RunState.GONE, RunState.CANCELLED))


def seen(ledger: Ledger, *, beam: bool = True) -> Seen:
    """What the rules go by now; the driver is taken to watch since for ever."""
    now = ledger.now()
    begun, last_end, ended, results = shift.times(ledger, now - BEAM_SECONDS, now - BACKLOG_SECONDS)
    return Seen(
        at=now,
        began=0.0,
        looked=rows.looked(ledger),
        runs=tuple(reversed(runs.runs(ledger, *NOT_ENDED_WELL))),
        begun=begun,
        last_end=last_end,
        ended=ended,
        results=results,
        sources=tuple((source, sources.failed_at(ledger, source.name)) for source in sources.read(ledger)),
        endpoints=tuple(endpoints.all_of(ledger)),
        space=space.read(ledger),
        tokens_end=logins.tokens_end(ledger),
        beam=beam,
    )


class AlertWatch:
    """Of one driver. `channels` are where messages go, `per_hour` of them at most."""

    def __init__(
        self, ledger: Ledger, experiment: str, channels: Mapping[str, Channel], per_hour: int, *, beam: bool
    ) -> None:
        self._ledger, self._experiment, self._channels = ledger, experiment, channels
        self._per_hour, self._beam = per_hour, beam
        self._began = ledger.now()
        self._before = rows.looked(ledger)  # the last look of the driver before this one
        self._wrote = 0.0

    def look(self) -> None:
        """Fire what is new, end what is over, tell what was not told. Raises Trouble when it cannot be told."""
        ledger = self._ledger
        found = {
            (alert.code, alert.subject): alert
            for alert in alerts(replace(seen(ledger, beam=self._beam), began=self._began, looked=self._before))
        }
        known = {(row.code, row.subject): row for row in rows.open_ones(ledger)}
        # What stands so when alerts are first looked for is old news.
        first = rows.looked(ledger) is None
        with ledger.change():
            for key, alert in found.items():
                if key not in known:
                    rows.fire(ledger, alert.code, alert.subject, alert.since, alert.parameters, told=first)
            if over := [row.alert for key, row in known.items() if key not in found]:
                rows.end(ledger, over)
            if first or not 0 <= ledger.now() - self._wrote < WRITE_SECONDS:
                rows.set_looked(ledger)
                self._wrote = ledger.now()
        self._tell()

    def _tell(self) -> None:
        now = self._ledger.now()
        new = [row for row in rows.open_ones(self._ledger) if row.told_at is None and row.acknowledged_at is None]
        if not self._channels or not new or now - min(row.fired_at for row in new) < GATHER_SECONDS:
            return
        if rows.messages_since(self._ledger, now - HOUR) >= self._per_hour:
            return  # they go into the next one
        told, troubles = message(self._experiment, new), []
        for channel in self._channels.values():
            try:
                channel(told)
            except Trouble as trouble:
                troubles.append(str(trouble))
        if len(troubles) < len(self._channels):
            rows.set_told(self._ledger, [row.alert for row in new])
        if troubles:
            raise Trouble("; ".join(troubles))
