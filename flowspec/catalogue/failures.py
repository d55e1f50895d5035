"""Words of failures. What a job, a program or a service said of it stands in the parameter `words`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flowspec import text
from flowspec.catalogue.entry import Entry, words_of
from flowspec.catalogue.globus_codes import goes_when
from flowspec.catalogue.work import losses
from flowspec.conditions import Owner, Severity

OPERATOR, SITE, GLOBUS = Owner.OPERATOR, Owner.SITE, Owner.GLOBUS
_LEFT_OUT = "enter shows it: x there waives it, r tries it once more"


def _words(words: str = "", fault: str = "", **others: Any) -> str:
    """`fault` is the code of Globus's that stands in the words."""
    when = goes_when(fault)
    return f"{words or 'failed without a cause'}{f' (goes well when {when})' if when else ''}"


def _killed(peak: int | None = None, **others: Any) -> str:
    """Where it is known how much memory the job used, its words say so."""
    likely = "" if peak is not None else " (killed, as happens when the memory does not suffice)"
    return f"{_words(**others)}{likely}"


def _account(**others: Any) -> str:
    return f"{_words(**others)} (for the facility engineer: account, qos and partition of the endpoint)"


def _not_allowed(**others: Any) -> str:
    return f"{_words(**others)} (for the facility engineer: allowed_functions)"


def _input(words: str, missing: Sequence[int] = (), **others: Any) -> str:
    return f"segments {list(missing)} are not converted: {words}" if missing else _words(words)


def _fitconf(words: str = "", **others: Any) -> str:
    return f"{words}; check fit.conf at the site"


def _quarantined(segment: int, times: int, stages: Sequence[str], cause: Any = None) -> str:
    """Without a cause where it was told before."""
    why = f": {words_of(cause)}" if cause else ""
    return f"segment {segment:02d} quarantined: failed {_often(times)} at {' and '.join(stages)}{why}; {_LEFT_OUT}"


def _quarantined_row(segment: int, times: int, stages: Sequence[str], **others: Any) -> str:
    return f"enter, x or r: {segment:02d} failed {_often(times)} at {' and '.join(stages)}"


def _often(times: int) -> str:
    return "twice" if times == 2 else f"{times} times"


def _lost(segment: int, times: int, stage: str, peak: int | None = None, **others: Any) -> str:
    used = f": used {text.memory(peak)}" if peak is not None else ""
    how_often = "two" if times == 2 else times
    return (
        f"segment {segment:02d} quarantined: its worker was lost in {how_often} attempts at {stage} "
        f"while the other segments went well; it may need more memory than a worker has{used}; "
        f"fewer workers per node give it more; {_LEFT_OUT}"
    )


def _lost_row(segment: int, times: int, stage: str, **others: Any) -> str:
    return f"enter, x or r: {segment:02d} lost its worker {_often(times)} at {stage}"


def _losses(lost: int, hits: int, events: int = 0, **others: Any) -> str:
    return f"{losses(lost, hits, events)}: t in the detail takes it as it is"


def _aborted(rc: int | None = None, **others: Any) -> str:
    return "aborted" if rc is None else f"aborted ({rc})"


def _out_of_memory(peak: int | None = None, **others: Any) -> str:
    return "ran out of memory" if peak is None else f"ran out of memory, used {text.memory(peak)}"


def _no_room(directory: str = "", words: str = "", **others: Any) -> str:
    return f"has no room in {directory}" if directory else ": ".join(filter(None, ["has no room", words]))


def _followed(brief: str) -> Callable[..., str]:
    """The words of whoever said it, for codes that say little without."""
    return lambda words="", **others: f"{brief}: {words}" if words else brief


def _failed(
    code: str, row: str | Callable[..., str], owner: Owner = OPERATOR, words: Callable[..., str] = _words
) -> Entry:
    """`row` completes `fit of 07 ...`."""
    return Entry(f"failed.{code}", words, Severity.STUCK, owner, row)


TABLE: tuple[Entry, ...] = (
    # What the job of a stage found wrong (remote/site/kit/job.py).
    _failed("abort", _aborted),  # the program ended with a return code of its own
    _failed("memory", _out_of_memory),
    _failed("killed", "was killed", words=_killed),  # by the kernel or by Slurm, which did not say why
    _failed("time", "ran out of time"),  # the time limit of a job, which the same data will reach again
    _failed("silent", "left no output"),  # return code 0
    _failed("spoilt", "left a broken output"),
    _failed("empty", "has an empty input"),
    _failed("garbage", "has an input that is no event file"),
    _failed("short", "left a short output"),  # which lacks something of its input
    _failed("losses", lambda lost, hits, **others: f"lost {lost:,} of {hits:,} hits", words=_losses),
    _failed("fitconf", "has a wrong fit.conf", words=_fitconf),  # one that is not for its library
    _failed("input", "lacks a whole input", words=_input),
    _failed("cancelled", "was cancelled"),  # the job saw its cancel marker
    _failed("function", _followed("cannot run there")),  # the functions, the kit or the site's environment are wrong
    _failed("not-allowed", "is not allowed at its endpoint", SITE, _not_allowed),
    _failed("worker", "lost its worker", SITE),  # or its node, or its block
    # Texts of services and exceptions.
    _failed("refused", _followed("was refused")),  # HTTP 400, 401, 403, 404 or 406
    _failed("permission", _followed("has no permission")),
    _failed("login", _followed("has no login")),
    _failed("path", _followed("found no such path")),  # a file or directory that is not there, or is of another kind
    _failed("space", _no_room),
    _failed("request", _followed("was asked wrongly")),  # the flow definition or its input is wrong
    _failed("stopped", _followed("was stopped")),  # somebody has cancelled it
    _failed("endpoint", "lost its endpoint", SITE),
    _failed("account", _followed("was refused by Slurm"), SITE, _account),  # or how much is asked for
    _failed("block", "lost its Slurm job", SITE),  # Slurm ended the block that it ran in
    _failed("site", _followed("met trouble at the site"), SITE),  # maintenance, a file system or a Slurm that hiccups
    _failed("service", _followed("met trouble at Globus"), GLOBUS),
    _failed("network", _followed("lost the line"), GLOBUS),
    _failed("timeout", "had no answer in time", GLOBUS),
    _failed("unknown", _followed("failed")),
    Entry("failed.alike", "{runs} runs failed alike: r on one of them retries all. The first: {words}"),
    Entry("segment.quarantined", _quarantined, Severity.STUCK, OPERATOR, _quarantined_row),
    Entry("segment.worker-lost", _lost, Severity.STUCK, OPERATOR, _lost_row),
)
