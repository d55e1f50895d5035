"""Sentences of evidence: of the flow log, of transfer tasks, compute tasks and outputs, for a place of the matrix."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from flowspec import text
from flowspec.catalogue.entry import Entry, offline_row, row_of, start_it, words_of
from flowspec.catalogue.globus_codes import GLOBUS_CODES, goes_when
from flowspec.conditions import Owner, Severity
from flowspec.numbers import ranges

NAMED = 2  # segments in a row
LOOK_AT_IT = "look at the task in the Globus web app"
_AGAIN = "; r ends it and does it again"


def _work_failed(stage: str, cause: Any, segments: Sequence[int] = (), more: int = 0) -> str:
    plural = "s" if len(segments) > 1 else ""
    where = f" of segment{plural} {ranges(segments)}{f' and {more} more' if more else ''}" if segments else ""
    return f"{stage}{where} failed: {words_of(cause)}"


def _work_failed_row(stage: str, cause: Any, segments: Sequence[int] = (), more: int = 0) -> str:
    named = segments if len(segments) <= NAMED and not more else segments[:1]
    others = len(segments) - len(named) + more
    where = f" of {ranges(named)}{f' and {others} more' if others else ''}" if segments else ""
    return f"{stage}{where} {row_of(cause)}"


def _there(size: int | None = None) -> str:
    return "there" if size is None else f"{size:,} bytes there"


def _faulty(done: int, total: int, fault: str, what: str, words: str, since: float | None = None) -> str:
    began = f"since {text.clock(since)}" if since is not None else ""
    return "; ".join(filter(None, [f"{fault}: {what}, c gives it up", words, f"{done}/{total} files", began]))


def _fault_row(fault: str, words: str = "", **others: Any) -> str:
    return ": ".join(filter(None, [_key(fault), _spelt(fault), _named(words)]))


def _named(words: str) -> str:
    """Of a path only the name: a row has no room for the directories."""
    return re.sub(r"(?<![\w.:/])(?:/[^\s/:'\"]+)+/(?=[^\s/:'\",)])", "", words)


def _key(fault: str) -> str:
    """A transfer that wants a login has one; any other can only be given up from here."""
    known = GLOBUS_CODES.get(fault)
    return "console login" if known is not None and known.cause == "failed.login" else "c"


def _site_fault_row(fault: str, words: str = "", **others: Any) -> str:
    return ": ".join(filter(None, ["c, or the site", _spelt(fault), _named(words)]))


def _again_row(fault: str, words: str = "", **others: Any) -> str:
    return ": ".join(filter(None, ["Globus tries again", _spelt(fault), _named(words)]))


def _spelt(fault: str) -> str:
    """`FILE_NOT_FOUND` as `file not found`."""
    return fault.replace("_", " ").lower() if fault.isupper() else fault


def _fault(done: int, total: int, fault: str, words: str = "", since: float | None = None, **others: Any) -> str:
    """Of a fault that is not known, or of which only the name is known, nothing is promised."""
    when = goes_when(fault)
    return _faulty(done, total, fault, f"goes on when {when}" if when else LOOK_AT_IT, words, since)


def _again(done: int, total: int, fault: str, words: str = "", **others: Any) -> str:
    return _faulty(done, total, fault, "Globus tries again by itself", words)


def _stalled(done: int, total: int, fault: str, since: float, words: str = "", **others: Any) -> str:
    """What Globus tries again and again does not pass: somebody has to see why."""
    return _faulty(done, total, fault, f"nothing has moved since {text.clock(since)}", words)


def _transfer_inactive(words: str = "", fault: str = "") -> str:
    when = goes_when(fault)
    said = "; ".join(filter(None, [fault, words])) or "credentials are missing"
    way = f"goes on when {when}" if when else "console login mends it"
    return f"Globus has stopped the transfer: {said}; {way}, c gives it up"


def _transfer_inactive_row(words: str = "", fault: str = "") -> str:
    key = _key(fault) if fault else "console login"
    return f"{key}: {words or _spelt(fault) or 'credentials are missing'}"


def _running(done: int, total: int, rate: float) -> str:
    return f"{done}/{total} files, {rate / 1e6:.1f} MB/s"


def _task_pending(since: float | None = None) -> str:
    return "waits for a worker" if since is None else f"waits for a worker since {text.clock(since)}"


def _task_running(since: float | None = None) -> str:
    return "running" if since is None else f"running since {text.clock(since)}"


def _progress(phase: str, percent: int | None = None, left: int | None = None) -> str:
    of = {"copying": "copying its input", "delivering": "moving its output"}.get(phase, "")
    much = f"{percent} %" if percent is not None else ""
    went = ": ".join(filter(None, [of, much])) or "at work"
    return went if left is None else f"{went}, ~{_roughly(left)}"


def _roughly(seconds: int) -> str:
    if seconds < 90:
        return f"{seconds} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _task_offline(started: bool, since: float, endpoint: str, offline: float, here: bool = False) -> str:
    task = f"{_task_running(since)};" if started else f"{_task_pending(since)}:"
    return f"{task} {endpoint} is offline since {text.clock(offline)}; {start_it(here)}"


def _task_offline_row(endpoint: str, offline: float, here: bool = False, **others: Any) -> str:
    return offline_row(endpoint, offline, here)


def _task_lost(since: float, endpoint: str, idle: int) -> str:
    workers = "idle worker" if idle == 1 else "idle workers"
    return f"{_task_pending(since)} although {endpoint} has {idle} {workers}: it may be lost{_AGAIN}"


def _task_overtaken(since: float, endpoint: str, served: int) -> str:
    others = "another one was" if served == 1 else f"{served} others were"
    return f"{_task_pending(since)} although {others} served at {endpoint} since: it may be lost{_AGAIN}"


def _task_unserved(since: float, endpoint: str, words: str = "", pending: Any = None) -> str:
    """`pending`: why Slurm let our jobs wait a moment ago."""
    if words or pending:
        why = f"it says: {words}" if words else words_of(pending)
    else:
        why = "a long queue at Slurm, or it gets no block: its log at the site says why"
    return f"{_task_pending(since)}, and {endpoint} has begun nothing since; {why}{_AGAIN}"


def _task_hang(since: float, stage: str, usual: float) -> str:
    took = text.span(max(1.0, usual))
    return f"{_task_running(since)}, usually {stage} takes {took}: it may hang{_AGAIN}"


def _hang_row(since: float, stage: str, usual: float) -> str:
    return f"may hang: since {text.clock(since)}, usual {text.span(max(1.0, usual))}"


def _lost_row(since: float, **others: Any) -> str:
    return f"may be lost: waits since {text.clock(since)}"


def _unserved_row(since: float, endpoint: str, words: str = "") -> str:
    return f"waits since {text.clock(since)}: {endpoint} {f'says {words}' if words else 'begins nothing'}"


def _unlike(size: int, made: int | None = None) -> str:
    how = "digest" if made is None else f"{size:,} bytes, not {made:,}"
    return f"the result differs from what the site made ({how})"


def _hints_off(hints: int | None = None, answer: str = "") -> str:
    tried = f" after {hints} times without effect" if hints is not None else ""
    answered = f" (it answered {answer})" if answer else ""
    return f"Globus is not asked any more to look{tried}{answered}: it notices ends up to 10 min late"


def _lossy(lost: int, hits: int, events: int = 0, cut: int = 0, **others: Any) -> str:
    tail = f"its last item is cut: {cut:,} bytes left out" if cut else ""
    return "; ".join(filter(None, [losses(lost, hits, events), tail]))


def losses(lost: int, hits: int, events: int = 0) -> str:
    """`12 of 3,600,000 hits lost, 3 whole events among them`; '' when nothing was."""
    plural = "" if events == 1 else "s"
    if not lost:
        return f"{events:,} event{plural} without hits lost" if events else ""
    return f"{lost:,} of {hits:,} hits lost{f', {events:,} whole event{plural} among them' if events else ''}"


_STUCK = Severity.STUCK

TABLE: tuple[Entry, ...] = (
    Entry("words", "{words}"),  # of an older ledger, which kept sentences only
    Entry("work.failed", _work_failed, _STUCK, Owner.OPERATOR, _work_failed_row),
    Entry("work.missing", "not every output is there"),
    Entry("wait.start", "not started"),
    Entry("wait.next", "next"),
    Entry("wait.stage", "waits for {stage}"),
    Entry("wait.segments", "waits for {segments} segments to be converted"),
    Entry("stage.says", "{stage} {says}"),
    Entry("flow.running", "{stage} is under way"),
    Entry("flow.ended", "Globus has seen it end"),
    Entry(
        "transfer.queued",
        "queued at Globus: only three transfers run at a time",
        owner=Owner.GLOBUS,
        row="waits at Globus: three run at a time",
    ),
    Entry("transfer.running", _running, owner=Owner.GLOBUS),
    # Transfer meets a fault again and again, for a day or more. Which of the codes one has: `_of_transfer_task`.
    Entry("transfer.fault", _fault, _STUCK, Owner.OPERATOR, _fault_row),
    Entry("transfer.fault-site", _fault, _STUCK, Owner.SITE, _site_fault_row),
    Entry("transfer.again", _again, Severity.SLOW, Owner.GLOBUS, _again_row),
    Entry("transfer.stalled", _stalled, _STUCK, Owner.SITE, _site_fault_row),  # the same for minutes
    Entry("transfer.inactive", _transfer_inactive, _STUCK, Owner.OPERATOR, _transfer_inactive_row),
    Entry("transfer.done", "transferred {done}/{total} files"),
    Entry("task.pending", _task_pending, owner=Owner.SITE),
    Entry("task.running", _task_running, owner=Owner.SITE),
    Entry("task.offline", _task_offline, _STUCK, Owner.SITE, _task_offline_row),
    Entry("task.lost", _task_lost, _STUCK, Owner.OPERATOR, _lost_row),
    Entry("task.overtaken", _task_overtaken, _STUCK, Owner.OPERATOR, _lost_row),
    Entry("task.unserved", _task_unserved, _STUCK, Owner.SITE, _unserved_row),
    Entry("task.hang", _task_hang, _STUCK, Owner.OPERATOR, _hang_row),
    Entry("task.cancelled", "cancelled"),
    Entry("job.progress", _progress),
    Entry("task.done", "{stage} took {seconds} s"),  # `sha256`, `peak` and others: not for people
    Entry("task.lossy", _lossy),
    Entry("file.there", _there),
    Entry("file.awaited", "reported done; its output is being looked for"),
    # Rows complete "fit of 07 ...".
    Entry("file.missing", "reported done, but its output is not there", row="says done, left no output"),
    Entry(
        "file.differs", "{size:,} bytes there, but {reported:,} were reported",
        row="left {size:,} of {reported:,} bytes",
    ),
    Entry("file.empty", "the output is empty", row="left an empty output"),
    Entry("file.refused", "{stage} could not use it: {words}", row="left what {stage} cannot use: {words}"),
    Entry("file.partial", "{size:,} of {raw:,} bytes there"),
    Entry(
        "file.small", "{size:,} bytes, less than the {raw:,} of the segment it was made from",
        row="left less than the segment has",
    ),
    Entry("root.not", "{size:,} bytes that are no ROOT file", row="left no ROOT file"),
    Entry("root.cut", "a ROOT file that is cut: {size:,} of {end:,} bytes", row="left a ROOT file that is cut"),
    Entry(
        "root.unclosed", "a ROOT file of {size:,} bytes that was never closed: what it holds cannot be read",
        row="left a ROOT file never closed",
    ),
    Entry("file.comparing", "{size:,} bytes there; being compared with what the site made"),
    Entry("file.unlike", _unlike, row="brought something else than the site made"),
    Entry("result.gone", "its result is no longer on the DTN disk", row="result gone from the DTN disk"),
    Entry("file.older", "what lies there is older than what it was copied from"),
    Entry("hints.off", _hints_off, Severity.SLOW, Owner.GLOBUS),
)  # fmt: skip
