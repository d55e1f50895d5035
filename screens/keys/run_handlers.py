"""What the keys ask the driver to do."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from console.ledger.endpoints import EndpointRow
from console.ledger.presence import actor
from console.reading.snapshot import Answer, RunRow
from flowspec import catalogue, permits, text
from flowspec.conditions import reason
from flowspec.numbers import ranges
from flowspec.plan import Wish
from flowspec.stages import STAGES
from screens.keys.action import Handler, Target
from screens.keys.rules import before_auto
from screens.question import Question, plan_lines
from screens.requests import Request, about_each
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


def retry(host: Host, target: Target) -> None:
    """What has ended is planned first, and the plan is shown; an attempt under way was asked about."""
    if target.run is None:
        return
    run, segments = target.run, target.sections.marked_segments() if target.sections else ()
    if run.inactive or run.suspected:
        host.ask(Request("retry", run.run, {"state": run.state.value}))
    elif (alike := _alike(host, run)) and not segments:
        consequence = (
            f"Run {run.run}: {run.because}",
            f"Alike: {ranges((row.run for row in alike), 1)}.",
            "All of them wait for their turn, and get a new attempt of what is missing then.",
        )
        one, several = f"Only run {run.run}", f"All {len(alike)} alike"
        host.confirm(
            Question(
                f"Retry run {run.run}, or all {len(alike)} that failed alike?", consequence, one, others=(several,)
            ),
            lambda: _plan(host, run.run, Wish()),
            lambda: host.ask(about_each("retry", alike)),
        )
    else:
        _plan(host, run.run, Wish(segments=segments or None))


def _alike(host: Host, run: RunRow) -> Sequence[RunRow]:
    """The runs that failed as this one did and are not done again by themselves; none when there is no other."""
    snapshot = host.data.snapshot
    alike = [row for row in snapshot.alike(run) if row.again_at is None or row is run] if snapshot else []
    return alike if len(alike) > 1 else ()


def _plan(host: Host, run: int, wish: Wish) -> None:
    """Have the driver plan a retry; its answer comes to `confirm_plan`."""
    wished = {"wish": wish.to_json()} if wish.to_json() else {}
    host.ask(Request("retry", run, {"dry": True, **wished}), f"plan a retry of run {run}")


def confirm_plan(host: Host, planned: Request, answer: Answer) -> None:
    """A retry is carried out as it was shown, or not at all: the driver compares the digest."""
    plan: dict[str, Any] = json.loads(answer.answer)
    if planned.run is None:
        return
    run, lines, wish = planned.run, plan_lines(plan["lines"]), Wish.from_json(planned.args.get("wish", {}))
    what = f"segment {ranges(wish.segments)} of run {run}" if wish.segments else f"run {run}"
    if plan["plan"] is None:
        _confirm_stage(host, run, wish, f"Do {what} again from a stage on?", lines)
        return
    request = Request("retry", run, {"shown": plan["digest"], **{k: v for k, v in planned.args.items() if k == "wish"}})
    question = Question(f"Retry {what}?", lines, f"Yes, retry run {run}", others=("From another stage",))
    host.confirm(
        question,
        lambda: host.ask(request),
        lambda: _confirm_stage(host, run, wish, f"Retry {what} from which stage?", ()),
    )


def _confirm_stage(host: Host, run: int, wish: Wish, title: str, lines: Sequence[str]) -> None:
    """Which stage and those after it are done again; the plan of that is shown before it is carried out."""
    again = "That stage and those after it are done again, also where they went well. The plan is shown first."
    question = Question(title, (*lines, again), "", "Back", others=tuple(stage.value for stage in STAGES))
    host.confirm(question, *(partial(_plan, host, run, replace(wish, from_stage=stage)) for stage in STAGES))


@on_run
def cancel(host: Host, run: RunRow) -> None:
    host.ask(Request("cancel", run.run, {"state": run.state.value}))


@on_run
def hold_or_release(host: Host, run: RunRow) -> None:
    host.ask(Request("release" if run.held_by else "hold", run.run))


@on_run
def stream_or_not(host: Host, run: RunRow) -> None:
    host.ask(Request("unstream" if run.streams else "stream", run.run))


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


@on_run
def open_preview(host: Host, run: RunRow) -> None:
    host.open_preview(run.run)


def switch_auto(host: Host, target: Target) -> None:
    if host.data.snapshot is not None:
        ask_or_confirm(host, Request("auto", None, {"on": not host.data.snapshot.auto}))


def undo(host: Host, target: Target) -> None:
    """What undoes a switch of auto-launch launches as well, and is asked about as that is."""
    request = host.last_undone_by()
    if request is None:
        host.say("nothing to undo: u undoes your last launch, hold, release, stream, pause or auto-launch here")
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
                f"Runs that wait in the queue: {snapshot.night.waiting + snapshot.night.held}.",
            ),
            "Yes, resume launching",
        )
        host.confirm(question, lambda: host.ask(Request("resume", None, {"was": paused.why})))
    else:
        hint = "enter pauses, esc goes back"
        target.panes.open_prompt(Prompt("pause, why? ", hint, lambda words: None, done=partial(_pause, host)))


def _pause(host: Host, why: str) -> None:
    if why.strip():
        host.ask(Request("pause", None, {"reason": why.strip()}))
    else:
        host.say("not paused: say why, all others will read it", "warn")


def restart_endpoint(host: Host, target: Target) -> None:
    """Where the site takes that. The reason is read there too."""
    row, snapshot = target.panes.endpoint(), host.data.snapshot
    if row is None or snapshot is None:
        host.say("no endpoint is shown here: E is for the main screen", "warn")
    elif row.endpoint not in snapshot.restarts.offered:
        host.say(catalogue.sentence(reason("restart.not-offered", endpoint=row.name)), "warn")
    else:
        lost = "it is online: what runs there may be lost; " if row.online else ""
        hint = f"{lost}enter restarts it at the site, esc goes back"
        done = partial(_restart, host, row)
        target.panes.open_prompt(Prompt(f"restart {text.clean(row.name)}, why? ", hint, lambda words: None, done=done))


def _restart(host: Host, row: EndpointRow, why: str) -> None:
    if why.strip():
        request = Request("restart-endpoint", None, {"endpoint": row.endpoint, "reason": why.strip()})
        host.ask(request, f"restart {row.name}")
    else:
        host.say("not restarted: say why", "warn")


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
