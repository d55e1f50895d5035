"""What must hold after the fire."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from console.ledger import attempts, runs
from console.ledger.attempts import Attempt
from flowspec.states import AttemptState, RunState
from tests.fire.world import World
from tests.sandbox_records import records as sandbox_records


def _twice(run: int, of_it: list[Attempt]) -> list[str]:
    """Nothing of a world is replaced or fails while it is recorded: what was done early is done once."""
    early = [s for a in of_it if a.plan.early and a.state is AttemptState.SUCCEEDED for s in a.plan.expected]
    again = [s for a in of_it if not a.plan.early and a.actor == "driver" for s in a.plan.fit]
    counts = Counter([*early, *(again if early else [])])
    return [f"run {run} segment {segment:02d} was fitted {n} times" for segment, n in counts.items() if n > 1]


@dataclass(frozen=True)
class Verdict:
    """Each list names what broke the rule. Empty lists: nothing was lost, doubled or orphaned."""

    lost: list[str]
    doubled: list[str]
    orphans: list[str]

    @property
    def good(self) -> bool:
        return not (self.lost or self.doubled or self.orphans)


def judge(world: World) -> Verdict:
    """Of every run taken exactly one successful result, of which nothing was done twice that was done early; no flow
    run without an attempt, no attempt without an end."""
    there = sandbox_records(world.sandbox.directory).flow_runs
    succeeded: dict[int, list[str]] = {}
    tags: dict[str, list[str]] = {}
    known = {a.flow_run: a for run in world.runs for a in attempts.attempts(world.ledger, run)}
    orphans = [f"flow run {run['id']} has no attempt" for run in there if run["id"] not in known]
    for flow_run in there:
        tags.setdefault(flow_run["tags"][0], []).append(flow_run["id"])
        attempt = known.get(flow_run["id"])
        if attempt is not None and attempt.plan.joins and flow_run["status"] == "SUCCEEDED":
            succeeded.setdefault(attempt.run, []).append(flow_run["id"])
    lost, doubled = [], [f"tag {tag}: flow runs {ids}" for tag, ids in tags.items() if len(ids) > 1]
    for number in set(world.runs) - world.cancelled:
        run = runs.run(world.ledger, number)
        result = world.settings.dtn.results / f"run-{number:04d}-sorted.root"
        if run is None or run.state is not RunState.DONE or not result.exists():
            lost.append(f"run {number} is {run.state.value if run else 'not in the ledger'}: {run.why if run else ''}")
        doubled += _twice(number, [a for a in known.values() if a.run == number])
        if len(succeeded.get(number, [])) > 1:
            doubled.append(f"run {number} has results of flow runs {succeeded[number]}")
    for attempt in known.values():
        if attempt.flow_run is None or attempt.ended_at is None:
            orphans.append(f"run {attempt.run} attempt {attempt.number} is {attempt.state.value}: {attempt.why}")
    orphans += [f"request {r.id} {r.verb} of run {r.run} has no answer" for r in world.ledger.asked()]
    return Verdict(lost, doubled, orphans)
