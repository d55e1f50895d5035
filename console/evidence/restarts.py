"""Restarts of endpoints that somebody has asked for: Transfer brings it to the site's monitor, whose file answers.

A submission id stands in the ledger before Transfer is asked, so that a driver which dies asks for one transfer.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from console.context import Context
from console.ledger import restarts
from console.ledger.errors import Trouble, cause_of
from console.ledger.restarts import Restart
from flowspec import catalogue, monitorstatus
from flowspec.conditions import Reason, reason

ANSWER_SECONDS = 1800.0  # the monitor looks each minute, and may be busy with other endpoints
DEADLINE = 900.0  # s, after which Globus gives the transfer up: the monitor is to have time for an answer
READABLE = 0o644  # whatever the umask: the collection may read as another account


def carry_out(ctx: Context, document: monitorstatus.Document | None) -> None:
    """Tell the site what is asked, hear its answers in the document, give up what has none. Raises RemoteError and
    Trouble."""
    for asked in restarts.read(ctx.ledger).asked.values():
        answer = monitorstatus.answer(document, asked.id) if document is not None else None
        try:
            if answer is not None:
                _end(ctx, asked, "bad" if answer else "good", _outcome(asked, answer))
            elif not 0 <= ctx.now() - asked.at < ANSWER_SECONDS:
                _end(ctx, asked, "warning", reason("restart.unanswered", endpoint=asked.name))
            elif not asked.task:
                _send(ctx, asked)
        except OSError as error:
            raise Trouble(cause_of(error)) from error


def _outcome(asked: Restart, why_not: str) -> Reason:
    if why_not:
        return reason("restart.failed", endpoint=asked.name, words=why_not)
    return reason("restart.done", endpoint=asked.name, who=asked.who)


def _end(ctx: Context, asked: Restart, level: str, how: Reason) -> None:
    with ctx.ledger.change():
        restarts.end(ctx.ledger, asked)
        ctx.ledger.event(level, catalogue.sentence(how), actor="driver")
    _file(ctx, asked).unlink(missing_ok=True)


def _send(ctx: Context, asked: Restart) -> None:
    transfer, places, file = ctx.remote.transfer, ctx.places, _file(ctx, asked)
    file.parent.mkdir(exist_ok=True)
    arriving = file.with_name(f".{file.name}")
    arriving.write_text(json.dumps({"id": asked.id, "by": asked.who, "at": asked.at, "reason": asked.why}))
    arriving.chmod(READABLE)
    arriving.replace(file)
    if not asked.submission:
        asked = replace(asked, submission=transfer.submission_id())
        restarts.put(ctx.ledger, asked)
    task = transfer.copy(
        asked.submission, places.dtn_collection, places.site_collection,
        [(f"{places.results}/site/{file.name}", places.restart(asked.name))],
        label=f"{ctx.experiment} restart of {asked.name}",
        deadline=datetime.fromtimestamp(asked.at + DEADLINE, timezone.utc),
    )  # fmt: skip
    restarts.put(ctx.ledger, replace(asked, task=task))


def _file(ctx: Context, asked: Restart) -> Path:
    """What is brought: of each restart another one, so that none changes while it is read."""
    return ctx.results / "site" / f"restart-{asked.id}.json"
