"""Words of failures. What a job, a program or a service said of it stands in the parameter `words`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flowspec import text
from flowspec.catalogue.entry import Entry, words_of
from flowspec.catalogue.globus_codes import goes_when
from flowspec.catalogue.work import losses
from flowspec.conditions import Owner, Severity


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
    return f"segments {list(missing)} are not converted: {words}" if missing else words


def _fitconf(words: str = "", **others: Any) -> str:
    return f"{words}; check fit.conf at the site"


def _quarantined(segment: int, times: int, stages: Sequence[str], cause: Any) -> str:
    how_often = "twice" if times == 2 else f"{times} times"
    return (
        f"segment {segment:02d} quarantined: failed {how_often} at {' and '.join(stages)}: {words_of(cause)}; "
        f"retry it with --segments {segment}, or waive it"
    )


def _lost(segment: int, times: int, stage: str, peak: int | None = None, **others: Any) -> str:
    used = f": used {text.memory(peak)}" if peak is not None else ""
    how_often = "two" if times == 2 else times
    return (
        f"segment {segment:02d} quarantined: its worker was lost in {how_often} attempts at {stage} "
        f"while the other segments went well; it may need more memory than a worker has{used}; "
        "fewer workers per node give it more; "
        f"retry it with --segments {segment}, or waive it"
    )


def _failed(code: str, owner: Owner = Owner.OPERATOR) -> Entry:
    return Entry(f"failed.{code}", _words, Severity.STUCK, owner)


def _losses(lost: int, hits: int, events: int = 0, **others: Any) -> str:
    return f"{losses(lost, hits, events)}: t in the detail takes it as it is"


TABLE: tuple[Entry, ...] = (
    # What the job of a stage found wrong (remote/site/kit/job.py).
    _failed("abort"),  # the program ended with a return code of its own
    _failed("memory"),
    Entry("failed.killed", _killed, Severity.STUCK, Owner.OPERATOR),  # by the kernel or by Slurm, which did not say why
    _failed("time"),  # the time limit of a job, which the same data will reach again
    _failed("silent"),  # return code 0, and no output
    _failed("spoilt"),  # a broken output
    _failed("empty"),  # an input of no bytes
    _failed("garbage"),  # an input that holds something else than ring items
    _failed("short"),  # an output that lacks something of its input
    Entry("failed.losses", _losses, Severity.STUCK, Owner.OPERATOR),
    Entry("failed.fitconf", _fitconf, Severity.STUCK, Owner.OPERATOR),  # fit.conf is not for its library
    Entry("failed.input", _input, Severity.STUCK, Owner.OPERATOR),
    _failed("cancelled"),  # the job saw its cancel marker
    _failed("function"),  # the functions, the kit or the site's environment are not as they should be
    Entry("failed.not-allowed", _not_allowed, Severity.STUCK, Owner.SITE),
    _failed("worker", Owner.SITE),  # a worker, its node or its block was lost
    # Texts of services and exceptions.
    _failed("refused"),  # HTTP 400, 401, 403, 404 or 406
    _failed("permission"),
    _failed("login"),
    _failed("path"),  # a file or directory that is not there, or is of another kind
    _failed("space"),
    _failed("request"),  # the flow definition or its input is wrong
    _failed("stopped"),  # somebody has cancelled it
    _failed("endpoint", Owner.SITE),
    Entry("failed.account", _account, Severity.STUCK, Owner.SITE),  # Slurm refuses it, or how much is asked for
    _failed("block", Owner.SITE),  # Slurm ended the block that it ran in
    _failed("site", Owner.SITE),  # maintenance, a file system or a Slurm that hiccups
    _failed("service", Owner.GLOBUS),
    _failed("network", Owner.GLOBUS),
    _failed("timeout", Owner.GLOBUS),
    _failed("unknown"),
    Entry("segment.quarantined", _quarantined, Severity.STUCK, Owner.OPERATOR),
    Entry("segment.worker-lost", _lost, Severity.STUCK, Owner.OPERATOR),
)
