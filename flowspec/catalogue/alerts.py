"""What somebody is called for."""

from __future__ import annotations

from typing import Any

from flowspec import text
from flowspec.catalogue.entry import Entry, words_of
from flowspec.conditions import Owner, Severity

S, OPERATOR = Severity.STUCK, Owner.OPERATOR


def _failed(run: int, cause: Any, **others: Any) -> str:
    return f"run {run} failed: {words_of(cause)}; r retries what is missing"


def _stuck(run: int, cause: Any, **others: Any) -> str:
    return f"run {run} is stuck: {words_of(cause)}; p shows all that need somebody"


def _no_driver(since: float, until: float) -> str:
    return (
        f"no driver ran from {text.moment(since)} to {text.moment(until)}, nothing was launched or watched: "
        "look at driver.log"
    )


def _source(source: str, since: float, problem: str = "", **others: Any) -> str:
    return f"{source} does not answer since {text.moment(since)}{f': {problem}' if problem else ''}; see to it"


def _no_run(since: float, usual: float) -> str:
    return f"no new run since {text.moment(since)}, usual is one in {text.span(usual)}; see to beam and DAQ"


def _backlog(waiting: int, ended: int, results: int, seconds: float) -> str:
    return (
        f"{waiting} runs wait, and more come than go: {ended} ended in {text.span(seconds)}, {results} results came; "
        "look at the first that waits"
    )


def _disk(space: str, full_in: float | None = None) -> str:
    then = f": full in {text.span(full_in)}" if full_in is not None else ""
    return f"the DTN disk is {space}{then}; make room there"


def _login(ends: float | None = None, **others: Any) -> str:
    if ends is None:
        return "Globus asks for a login: console login"
    return f"the login ends at {text.moment(ends)}: console login"


TABLE = (
    Entry("alert.failed", _failed, S, OPERATOR),
    Entry("alert.stuck", _stuck, S, OPERATOR),
    Entry("alert.no-driver", _no_driver, S, OPERATOR),
    Entry("alert.source", _source, S, OPERATOR),
    Entry("alert.no-run", _no_run, S, OPERATOR),
    Entry("alert.backlog", _backlog, S, OPERATOR),
    Entry("alert.disk", _disk, S, OPERATOR),
    Entry("alert.login", _login, S, OPERATOR),
    Entry(
        "alert.endpoint", lambda endpoint, since: f"start {endpoint}: offline since {text.moment(since)}", S, Owner.SITE
    ),
)
