"""What the keys ask the driver to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from console.ledger.presence import actor
from console.reading.snapshot import Answer, RunRow
from flowspec import permits, text
from screens.keys.action import Handler, Target
from screens.keys.rules import before_auto
from screens.question import Question, plan_lines
from screens.requests import Request
from screens.widgets.prompt import Prompt

if TYPE_CHECKING:
    from screens.host import Host


def on_run(handle: Callable[[Host, RunRow], None]) -> Handler:
    """For the run under the cursor. `Action.why_not` has made sure that there is one."""

    def run(host: Host, target: Target) -> None:
        if target.run is not None:
            handle(host, target.run)

    return run


@on_run
def launch(host: Host, run: RunRow) -> None:
    forced = {"force": True} if permits.forced(run) else {}
    host.ask(Request("launch", run.run, {"state": run.state.value, **forced}))


@on_run
def retry(host: Host, run: RunRow) -> None:
    """What has ended is planned first, and the plan is shown; an attempt under way was asked about."""
    if run.inactive or run.suspected:
        host.ask(Request("retry", run.run, {"state": run.state.value}))
    else:
        host.ask(Request("retry", run.run, {"dry": True}), f"plan a retry of run {run.run}")


def confirm_plan(host: Host, answer: Answer) -> None:
    """A retry is carried out as it was shown, or not at all: the driver compares the digest."""
    plan: dict[str, Any] = json.loads(answer.answer)
    request = Request("retry", answer.run, {"shown": plan["digest"]})
    question = Question(f"{request.words.capitalize()}?", plan_lines(plan["lines"]), f"Yes, {request.words}")
    host.confirm(question, lambda: host.ask(request))


@on_run
def cancel(host: Host, run: RunRow) -> None:
    host.ask(Request("cancel", run.run, {"state": run.state.value}))


@on_run
def hold_or_release(host: Host, run: RunRow) -> None:
    host.ask(Request("release" if run.held_by else "hold", run.run))


def note(host: Host, target: Target) -> None:
    """Ask for the words, and first for whose they are."""
    if (run := target.run) is None:
        return

    def written(words: str) -> None:
        if words.strip():
            host.ask(Request("note", run.run, {"text": words}))
        else:
            host.say("a note without words: nothing was done")

    hint = "enter keeps it, esc goes back"
    _as_somebody(host, target, lambda: target.panes.open_prompt(_line(f"note on {run.run}: ", hint, written)))


def claim(host: Host, target: Target) -> None:
    """The run is yours, or nobody's again when it was."""
    if (run := target.run) is None:
        return

    def claimed() -> None:
        remarks = host.data.snapshot.remarks.get(run.run) if host.data.snapshot else None
        mine = remarks is not None and remarks.claim is not None and remarks.claim.actor == actor(host.person)
        host.ask(Request("claim", run.run, {"undo": True} if mine else {}))

    _as_somebody(host, target, claimed)


def _as_somebody(host: Host, target: Target, then: Callable[[], None]) -> None:
    """An account is often shared: the name is asked for once in a console."""
    if host.person:
        then()
        return

    def named(name: str) -> None:
        if name.strip():
            host.introduce(name.strip())
            then()
        else:
            host.say("without a name nothing was done")

    hint = "who are you? kept as long as this console is open"
    target.panes.open_prompt(_line("your name: ", hint, named))


def _line(sign: str, hint: str, done: Callable[[str], None]) -> Prompt:
    return Prompt(sign, hint, lambda words: None, done=done)


@on_run
def open_detail(host: Host, run: RunRow) -> None:
    host.open_detail(run.run)


def switch_auto(host: Host, target: Target) -> None:
    if host.data.snapshot is not None:
        ask_or_confirm(host, Request("auto", None, {"on": not host.data.snapshot.auto}))


def undo(host: Host, target: Target) -> None:
    """What undoes a switch of auto-launch launches as well, and is asked about as that is."""
    request = host.last_undone_by()
    if request is None:
        host.say("nothing to undo: u undoes your last launch, hold, release, pause or switch of auto-launch here")
    else:
        ask_or_confirm(host, request, f"undo: {request.words}")


def ask_or_confirm(host: Host, request: Request, words: str = "") -> None:
    """Ask the driver; before auto-launch is switched on, the operator first."""
    if request.verb == "auto" and request.args["on"] and host.data.snapshot is not None:
        host.confirm(before_auto(host.data.snapshot), lambda: host.ask(request, words))
    else:
        host.ask(request, words)


def pause_or_resume(host: Host, target: Target) -> None:
    """Launching in the whole experiment. A pause is asked for with its reason, which all others will read."""
    snapshot = host.data.snapshot
    if snapshot is None:
        return
    if (paused := snapshot.paused) is not None:
        question = Question(
            "Resume launching?",
            (
                f"Paused by {paused.who} for {text.span(host.now() - paused.since)}: {paused.why}",
                f"{snapshot.night.waiting + snapshot.night.held} runs wait in the queue.",
            ),
            "Yes, resume launching",
        )
        host.confirm(question, lambda: host.ask(Request("resume", None, {"was": paused.why})))
    else:
        hint = "nothing more is launched; enter pauses, esc goes back"
        target.panes.open_prompt(Prompt("pause, why? ", hint, lambda words: None, done=partial(_pause, host)))


def _pause(host: Host, why: str) -> None:
    if why.strip():
        host.ask(Request("pause", None, {"reason": why.strip()}))
    else:
        host.say("not paused: say why, all others will read it", "warn")


def acknowledge(host: Host, target: Target) -> None:
    """What is new on the screen: what fails or gets stuck meanwhile is new again."""
    if host.data.snapshot is None:
        return
    new = host.data.snapshot.new_failures
    if new or host.data.snapshot.alerts:
        words = f"what is new: {new}" if new else "what somebody was called for"
        host.ask(Request("acknowledge", None, {"upto": new.newest}), f"note that you have seen {words}")
    else:
        host.say("nothing new has failed or is stuck")
