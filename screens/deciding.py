"""What an operator decides about a segment: do without it, or take it as it is; the reason is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from console.reading.detail import RunDetail
from flowspec import permits
from flowspec.decisions import Acceptance, Decision, Waiver
from screens.host import Host
from screens.question import Question
from screens.requests import Request
from screens.widgets.prompt import Prompt


@dataclass(frozen=True)
class Deciding:
    """A kind of decision in words: what is done, asked when it is taken back, and wanted as the reason."""

    verb: str
    take_back: str
    taken_back: str
    hint: str
    decided: Callable[[RunDetail], tuple[Decision, ...]]
    refusal: Callable[[RunDetail, int, Mapping[int, Decision]], str | None]


def _may_waive(detail: RunDetail, segment: int, waived: Mapping[int, Decision]) -> str | None:
    known = {s: decision for s, decision in waived.items() if isinstance(decision, Waiver)}
    return permits.waive(detail.run.run, segment, detail.run.members, known, undo=segment in waived)


def _may_accept(detail: RunDetail, segment: int, accepted: Mapping[int, Decision]) -> str | None:
    known = {s: decision for s, decision in accepted.items() if isinstance(decision, Acceptance)}
    return permits.accept(detail.run.run, segment, detail.lossy, known, undo=segment in accepted)


WAIVE = Deciding(
    "waive",
    "Make the result of run {run} with segment {segment:02d} after all?",
    "take back that segment {segment:02d} is waived",
    "why the result is made without it; enter waives it, esc goes back",
    lambda detail: detail.waived,
    _may_waive,
)
ACCEPT = Deciding(
    "accept",
    "Do not use segment {segment:02d} of run {run} as it is after all?",
    "take back that segment {segment:02d} is accepted",
    "why it is used although hits were lost; enter accepts it, esc goes back",
    lambda detail: detail.accepted,
    _may_accept,
)


def decide(
    host: Host, kind: Deciding, detail: RunDetail | None, segment: int | None, open_prompt: Callable[[Prompt], None]
) -> None:
    if detail is None or segment is None:
        host.say("no segment here: go to one with 1", "warn")
        return
    run, decided = detail.run.run, {decision.segment: decision for decision in kind.decided(detail)}
    refusal = kind.refusal(detail, segment, decided)
    named = {"run": run, "segment": segment}
    if refusal is not None:
        host.say(refusal, "warn")
    elif segment in decided:
        now = (f"Now: segment {decided[segment]}",)
        undo = Request(kind.verb, run, {"segment": segment, "undo": True})
        host.confirm(
            Question(kind.take_back.format(**named), now, "Yes, take it back"),
            lambda: host.ask(undo, kind.taken_back.format(**named)),
        )
    else:

        def given(why: str) -> None:
            request = Request(kind.verb, run, {"segment": segment, "reason": why})
            host.ask(request, f"{kind.verb} segment {segment:02d} of run {run}")

        open_prompt(Prompt(f"{kind.verb} {segment:02d}: ", kind.hint, lambda words: None, done=given))
