"""What a further attempt of a run would do. Pure: a dossier and a wish go in, a proposal comes out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass

from console.context import Refused
from console.ledger.dossier import Dossier
from flowspec import quarantine
from flowspec.catalogue import sentence
from flowspec.conditions import Reason
from flowspec.decisions import Waiver
from flowspec.explanation import explain
from flowspec.numbers import ranges
from flowspec.plan import WHAT_IS_MISSING, Plan, Wish, plan_missing, plan_return
from flowspec.stages import Stage
from flowspec.states import RunState


@dataclass(frozen=True)
class Proposal:
    """What a further attempt would do. Without a plan there is nothing to do: then `reason` says why."""

    plan: Plan | None
    reason: str
    lines: tuple[str, ...]
    digest: str  # differs when the plan does, or what it overwrites
    quarantined: tuple[str, ...] = ()  # of the lines those about segments that it leaves out as quarantined


def propose(dossier: Dossier, wish: Wish) -> Proposal:
    """The next attempt of a run, by the evidence. Raises Refused for a wish that cannot be met."""
    matrix, waived = dossier.matrix, dossier.waived
    _refuse_unknown(dossier, wish, waived)
    quarantined = dossier.quarantined()
    plan = _plan(dossier, wish, quarantined)
    named = wish.segments or ()
    left_out = [sentence(why) for s, why in quarantined.items() if s not in named]
    if plan is None:
        return Proposal(None, _why_nothing(dossier, wish, left_out), (), "")
    decided = (*waived.values(), *(a for s, a in dossier.acceptances.items() if s in plan.fit))
    notes = [*left_out, *(f"segment {decision}" for decision in decided)]
    lines = explain(plan, matrix, dossier.there, notes)
    overwritten = [[stage.value, s] for stage, s in plan.places() if (stage, s) in dossier.there]
    digest = hashlib.sha256(json.dumps([asdict(plan), overwritten]).encode()).hexdigest()[:16]
    return Proposal(plan, "", tuple(lines), digest, tuple(left_out))


def whole(dossier: Dossier) -> bool:
    """Whether a run that is not done has every output after all."""
    in_place = _plan(dossier, WHAT_IS_MISSING) is None
    return dossier.run.state is not RunState.DONE and in_place and dossier.analyzed == dossier.expected


def _plan(dossier: Dossier, wish: Wish, quarantined: Collection[int] = ()) -> Plan | None:
    run, matrix, waived, analyzed = dossier.run, dossier.matrix, dossier.waived, dossier.analyzed
    if dossier.came_back and not dossier.changed and dossier.expected == analyzed and wish.again is None:
        if dossier.result_is_back:  # what was cleared away at the site after that is not missing
            return None
        if dossier.analysis_is_there:
            return plan_return(run.run, run.members, waived)
    bad = {s for s in run.members if matrix[(Stage.FIT, s)].bad}
    doubtful = bad & {failure.segment for failure in dossier.blamed if failure.blames_input}
    return plan_missing(
        run.run, run.members, matrix, wish=wish, quarantined=quarantined, waived=waived,
        changed=dossier.changed | doubtful, analyzed=analyzed if dossier.analysis_is_there else None,
    )  # fmt: skip


def continuation(dossier: Dossier, before: Plan, wish: Wish) -> tuple[Plan | None, dict[int, Reason]]:
    """The next attempt of a run whose segments do not fit in one, or the segments that are quarantined.

    What arrived meanwhile is not part of it.
    """
    members = (*before.expected, *before.waived)
    quarantined = quarantine.quarantine(dossier.blamed, members, dossier.matrix, before.waived)
    plan = plan_missing(
        dossier.run.run, members, dossier.matrix, wish=wish, quarantined=quarantined, waived=before.waived
    )
    return plan, quarantined


def _refuse_unknown(dossier: Dossier, wish: Wish, waived: Mapping[int, Waiver]) -> None:
    run = dossier.run
    for segment in wish.segments or ():
        if segment not in run.members:
            raise Refused(f"run {run.run} has no segment {segment:02d}: it has {ranges(run.members)}")
        if segment in waived:
            undo = f"x in the detail takes that back, or console waive {run.run} {segment} --undo"
            raise Refused(f"run {run.run}: segment {waived[segment]}; {undo}")


def _why_nothing(dossier: Dossier, wish: Wish, left_out: list[str]) -> str:
    run = dossier.run.run
    if left_out:
        return f"run {run}: {'; '.join(left_out)}"
    if not dossier.expected:
        return f"run {run}: every segment is waived, so there is nothing to analyze"
    what = f"of segment {ranges(wish.segments)}" if wish.segments else ""
    return " ".join(filter(None, (f"run {run}: nothing is missing", what)))
