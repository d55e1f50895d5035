"""Are the segments of a run one take of it, and has it ended? Pure.

In one take every source begins once, at the head of the first segment, and ends once, at the very end. What was left
behind by an earlier take of the same number has its own BEGIN_RUN and END_RUN, or scalers of before the run began.
Sources need not end together: events of one may follow the END_RUN of another, but none follows the last one. Scalers
may.
"""

from __future__ import annotations

from collections.abc import Mapping

from flowspec.conditions import Reason, reason
from flowspec.itemwalk import ONE_START, Walk
from flowspec.names import segment_file


def another_take(run: int, walks: Mapping[int, Walk], sources: int | None) -> Reason | None:
    """What shows that not all segments are of one take, by its kind in `catalogue.readiness.DOUBTS`; None: nothing.

    `walks` are of all segments with data, whole and without a gap. `sources`: as in `readiness.judge`.
    """
    begins, ends, ended_in = max(walks[0].begins, sources or 1), 0, None
    started = walks[0].started or 0
    for index, walk in sorted(walks.items()):
        file = {"file": segment_file(run, index), "segment": index}
        if walk.begins if index else walk.begins_again:
            return reason("begin-again", **file)
        if walk.counted is not None and walk.counted < started - ONE_START:
            return reason("old-data", **file)
        if ended_in is not None and (walk.ends or walk.events_after_end):
            return reason("early-end", file=segment_file(run, ended_in), segment=ended_in, later=file["file"])
        ends += walk.ends
        if ends > begins:
            return reason("many-ends", **file, ends=ends, sources=begins)
        if walk.ended is not None and walk.ended < started:
            return reason("old-end", **file)
        if ended_in is None and ends == begins:
            ended_in = index
            if walk.events_after_end:
                return reason("after-end", **file, events=walk.events_after_end)
    return None


def missing_end(run: int, walks: Mapping[int, Walk], sources: int | None) -> Reason | None:
    """Why the run has not ended, by its kind in LACKS: each source that began has to end. `walks` may have gaps."""
    if not walks:
        return reason("no-segment")
    last = max(walks)
    file = {"file": segment_file(run, last), "segment": last}
    begins, ends = max(sum(walk.begins for walk in walks.values()), sources or 1), sum(w.ends for w in walks.values())
    if not walks[last].ends:
        return reason("no-end", **file)
    if ends < begins:
        return reason("few-ends", **file, ends=ends, sources=begins)
    return None
