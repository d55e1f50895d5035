"""A campaign: many runs that have ended are done again, behind live data."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from console.actions.proposal import propose
from console.actions.queue import BEHIND_LIVE_DATA
from console.actions.retry import wish_of
from console.context import Context, Refused
from console.ledger import dossier
from console.ledger import runs as run_rows
from console.ledger.moves import move
from console.ledger.runs import Run
from console.ledger.store import Request
from flowspec.conditions import Reason, Topic
from flowspec.numbers import parse_ranges, ranges
from flowspec.plan import Wish
from flowspec.states import ENDED, REPROCESSED

DRY_RUN_LIMIT = 50  # runs of which a dry run explains what would be done: meanwhile nobody else can write to the ledger


def reprocess(ctx: Context, request: Request) -> str:
    """Queue the runs in `runs` ("1200-1250,1300"); with `dry`, only what that would do, as JSON."""
    wish = wish_of(request)
    if wish.again is None:
        wish = Wish(everything=True)
    chosen, left_out = _sorted_out(ctx, _numbers(request.args.get("runs")))
    if request.args.get("dry"):
        lines = [line for run in chosen[:DRY_RUN_LIMIT] for line in _lines(ctx, run, wish)]
        more = [f"and {len(chosen) - DRY_RUN_LIMIT} runs more"] if len(chosen) > DRY_RUN_LIMIT else []
        return json.dumps({"lines": [*lines, *more, *left_out], "runs": [run.run for run in chosen]})
    if not chosen:
        raise Refused("; ".join(["no run to reprocess", *left_out]))
    for run in chosen:
        move(
            ctx.ledger, run.run, REPROCESSED, actor=request.actor, about=Topic.QUEUE,
            reasons=[Reason("queue.reprocess")], priority=BEHIND_LIVE_DATA, wish=wish.to_json(),
        )  # fmt: skip
    return "; ".join([f"{len(chosen)} runs are queued behind live data", *left_out])


def _numbers(runs: object) -> tuple[int, ...]:
    try:
        return parse_ranges(str(runs))
    except ValueError as error:
        raise Refused(str(error)) from None


def _sorted_out(ctx: Context, numbers: Sequence[int]) -> tuple[list[Run], list[str]]:
    """The runs that can be reprocessed, and for the others one sentence for each reason."""
    known = {run.run: run for run in run_rows.runs(ctx.ledger)}
    chosen = [known[number] for number in numbers if number in known and known[number].state in ENDED]
    others: dict[str, list[int]] = {}
    for number in numbers:
        run = known.get(number)
        if run is None:
            others.setdefault("not known", []).append(number)
        elif run.state not in ENDED:
            others.setdefault(run.state.word, []).append(number)
    return chosen, [f"left out, {why}: {ranges(runs, 1)}" for why, runs in others.items()]


def _lines(ctx: Context, run: Run, wish: Wish) -> Iterator[str]:
    """What would be done of one run, by its newest evidence."""
    known = dossier.read(ctx.ledger, run.run)
    if known is None:
        return
    try:
        proposal = propose(known, wish)
    except Refused as refusal:
        yield str(refusal)
        return
    if proposal.plan is None:
        yield f"left out: {proposal.reason}"
        return
    files = sum(place in known.there for place in proposal.plan.places())
    yield f"run {run.run}: {proposal.plan.describe()}; {files} files that are there are made again"
    yield from proposal.quarantined
