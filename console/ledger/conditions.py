"""The rows of conditions: why a run is where it stands, as codes and parameters."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable

from console.ledger import waits
from console.ledger.store import Ledger
from flowspec import catalogue
from flowspec.conditions import Condition, Reason, Topic
from flowspec.stages import Stage

WHOLE_RUN = -1  # the segment column of what is about the whole run

# The conditions of a run as one JSON list, for queries on runs: [topic, code, stage, segment, since, parameters].
AS_JSON = """(SELECT json_group_array(json_array(topic, code, stage, segment, since, json(parameters)))
    FROM conditions WHERE conditions.run = runs.run)"""


def from_json(document: str) -> tuple[Condition, ...]:
    """The conditions that `AS_JSON` has put together."""
    return tuple(
        Condition(
            Topic(topic), Reason(code, parameters), since, Stage(stage) if stage else None,
            None if segment == WHOLE_RUN else segment,
        )
        for topic, code, stage, segment, since, parameters in json.loads(document)
    )  # fmt: skip


def of_run(ledger: Ledger, run: int) -> tuple[Condition, ...]:
    row = ledger.row(f"SELECT {AS_JSON} AS conditions FROM runs WHERE run = ?", run)
    return from_json(row["conditions"]) if row else ()


def put_early(ledger: Ledger, run: int, attempt: int | None, first: int | None, found: Reason | None) -> None:
    """What holds of one early attempt of a run, whose first segment this is (None: of the next one, whichever it is);
    nothing any more when `found` is None."""
    others = [c for c in of_run(ledger, run) if c.topic is Topic.EARLY and c.segment != first]
    own = [Condition(Topic.EARLY, found, segment=first)] if found is not None else []
    put(ledger, run, Topic.EARLY, [*others, *own], attempt)


def put(
    ledger: Ledger,
    run: int,
    topic: Topic,
    reasons: Iterable[Reason | Condition],
    attempt: int | None = None,
    *,
    ended: Collection[Topic] = (),
) -> bool:
    """These are now the conditions of a run about a topic, and no others; those `ended` have none any more.

    A condition that held before with the same code keeps its `since`, also when its parameters differ. True when
    anything changes.
    """
    topics = {topic, *ended}
    rows = [row for row in ledger.rows("SELECT * FROM conditions WHERE run = ?", run) if Topic(row["topic"]) in topics]
    before = {(row["topic"], row["code"], row["stage"], row["segment"]): row for row in rows}
    now, wanted = ledger.now(), {}
    for item in reasons:
        found = item if isinstance(item, Condition) else Condition(topic, item)
        segment = WHOLE_RUN if found.segment is None else found.segment
        place = (topic.value, found.code, found.stage.value if found.stage else "", segment)
        wanted[place] = found.reason.dump()
    if {place: row["parameters"] for place, row in before.items()} == wanted:
        return False
    with ledger.change() as db:
        waits.over(ledger, (row for place, row in before.items() if place not in wanted))
        db.executemany(
            "DELETE FROM conditions WHERE run = ? AND topic = ? AND code = ? AND stage = ? AND segment = ?",
            [(run, *place) for place in before],
        )
        for (_, code, stage, segment), parameters in wanted.items():
            known, entry = before.get((topic.value, code, stage, segment)), catalogue.entry(code)
            db.execute(
                "INSERT INTO conditions VALUES (?,?,?,?,?,?,?,?,?,?)",
                (
                    run, topic.value, code, stage, segment, attempt, entry.severity.value, entry.owner.value,
                    known["since"] if known else now, parameters,
                ),
            )  # fmt: skip
        db.execute("UPDATE runs SET updated = ? WHERE run = ?", (now, run))
    return True
