# ruff: noqa: UP006, UP035, UP045
"""Does a file look like what a stage should be given, or should leave behind?

A return code is not proof; a whole and plausible output is. Standard library only, Python 3.6 or newer, as job.py.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, Dict, NamedTuple, Optional, Tuple

import rootfile
from ringfile import BLOCK, Items, is_fitted, read_items, state_of

TREE = "DDASFit"  # of eeconverter: one entry for each physics event
TOLERATED = 1e-4


class Rules(NamedTuple):
    """What an output is judged by: the part of its hits that a fit may lose, whether it adds something to each hit, and
    the tree that has an entry for each physics event ('': none has). In site.conf: FIT_LOSS_TOLERATED and its like."""

    tolerated: float = TOLERATED
    grows: bool = True
    tree: str = TREE


# What EventEditor prints when it loses something and yet ends with 0: a hit, the rest of an event, a whole event.
LOSSES = (b"This fragment will be removed from the output", b"Going on to the next event", b"Skipping this event")
# The facts that the reply of a good job tells, by stage, where they are known.
TOLD = {"fit": ("hits", "events", "accepted", "cut"), "convert": ("entries",), "analyze": ("sha256",)}

Facts = Dict[str, Any]


class Fault(NamedTuple):
    """What went wrong: a code of the console's catalogue, a sentence about it, the parameters that the code has."""

    code: str
    cause: str
    parameters: Dict[str, Any]


def fault(code: str, cause: str, **parameters: Any) -> Fault:
    return Fault("failed." + code, cause, parameters)


# ---- before a job is started


def look(stage: str, inputs: Dict[int, Path]) -> Tuple[Optional[Fault], Facts]:
    """What makes it useless to start a job, or None; and facts for the report. `inputs` by segment."""
    if stage == "analyze":
        return look_at_converted(inputs)
    (path,) = inputs.values()
    given = read_items(path)
    return (look_at_raw if stage == "fit" else look_at_fitted)(path.name, given), {"given": given._asdict()}


def look_at_raw(name: str, given: Items) -> Optional[Fault]:
    """EventEditor does not end on an empty or zero-filled segment. It drops a tail that is cut, which is only told."""
    if not given.size:
        return fault("empty", f"input {name} is empty", file=name)
    if given.none:
        return fault("garbage", f"input {name} holds no ring item", offset=0, size=given.size)
    if given.garbage is not None:
        cause = f"input {name} has no ring item at offset {given.garbage}"
        return fault("garbage", cause, offset=given.garbage, size=given.size)
    return None


def look_at_fitted(name: str, given: Items) -> Optional[Fault]:
    """eeconverter would make less of a cut file, and end with 0."""
    if given.whole and given.size:
        return None
    cut = "is empty" if not given.size else f"is not whole: only {given.events} physics events can be read"
    return fault("input", f"input {name} {cut}", file=name, events=given.events)


def look_at_converted(inputs: Dict[int, Path]) -> Tuple[Optional[Fault], Facts]:
    found = ((segment, rootfile.problem_of(path)) for segment, path in sorted(inputs.items()))
    spoilt = {segment: problem for segment, problem in found if problem}
    if not spoilt:
        return None, {}
    first = min(spoilt)
    cause = f"{len(spoilt)} of {len(inputs)} converted segments spoilt: {inputs[first].name} {spoilt[first]}"
    return fault("input", cause), {"missing": list(spoilt)}


# ---- after it


def judge(stage: str, given: Path, made: Path, seen: Facts, rules: Rules) -> Tuple[Optional[Fault], Facts]:
    """What is wrong with the output `made` from the input `given`, or None; and facts for the report.

    `seen` are the facts of the look; an input that has changed since is read again.
    """
    if stage == "analyze":
        return judge_root(made), {"sha256": digest_of(made)}
    items = Items(**seen["given"])
    if state_of(given) != (items.size, items.mtime):
        items = read_items(given)
    if stage == "convert":
        wrong, entries = judge_root(made), None
        if wrong is None and rules.tree:
            entries = rootfile.entries_of(made, rules.tree)
            wrong = compare_entries(items.events, entries, made.name)
        return wrong, {"given": items._asdict(), "entries": entries, "sha256": digest_of(made)}
    fitted = read_items(made, digested=True)
    facts = {"given": items._asdict(), "made": fitted._asdict(), "sha256": fitted.sha256}  # type: Facts
    facts.update(hits=[items.hits, fitted.hits], events=[items.events, fitted.events])
    if items.tail:
        facts["cut"] = items.tail
    wrong = compare_items(items, fitted, made.name, rules)
    # With hits lost the sizes do not tell.
    lossy = rules.grows and fitted.hits and fitted.hits < items.hits and fitted.event_bytes <= items.event_bytes
    return (no_fits(items, fitted, made.name) if wrong is None and lossy and not is_fitted(made) else wrong), facts


def compare_items(given: Items, made: Items, name: str, rules: Rules) -> Optional[Fault]:
    """A fitted file has the items of its input (whose cut tail does not count), and each hit has grown."""
    if made.garbage is not None:
        return fault("spoilt", f"output {name} has no ring item at offset {made.garbage}", offset=made.garbage)
    if not made.whole:
        return fault("spoilt", f"output {name} is cut inside a ring item")
    if made.ends != given.ends:
        cause = f"output {name} has {made.ends} END_RUN items, its input {given.ends}"
        return fault("short", cause, ends=made.ends, given=given.ends)
    if made.others != given.others:
        cause = f"output {name} has {made.others} items beside physics events and END_RUN, its input {given.others}"
        return fault("short", cause, items=made.others, given=given.others)
    if made.events > given.events or made.hits > given.hits:
        cause = f"output {name} has {made.hits} hits in {made.events} events, its input {given.hits} in {given.events}"
        return fault("short", cause, hits=made.hits, events=made.events)
    # A whole event counts as one hit at least: nobody knows what was in one that cannot be walked.
    events = given.events - made.events
    lost, of = max(given.hits - made.hits, events), max(given.hits, given.events)
    if not lost <= rules.tolerated * of:  # so also when that is no number
        among = f"{events:,} of {given.events:,} events are gone" if events else "no whole event is gone"
        cause = f"{lost:,} of {of:,} hits lost (tolerated: {rules.tolerated:g}): {among}"
        return fault("losses", cause, lost=lost, hits=of, events=events)
    # Even a hit of a channel that is not fitted grows. What was never built has no hits, and need not grow.
    if rules.grows and not lost and given.hits and made.event_bytes == given.event_bytes:
        return no_fits(given, made, name)
    if not lost and made.event_bytes < given.event_bytes:
        cause = f"the events of output {name} have shrunk from {given.event_bytes} to {made.event_bytes} bytes"
        return fault("short", cause, bytes=made.event_bytes, given=given.event_bytes)
    return None


def no_fits(given: Items, made: Items, name: str) -> Fault:
    cause = f"output {name} is no larger than its input: no fits in it"
    return fault("short", cause, bytes=made.size, given=given.size)


def compare_entries(events: int, entries: Optional[int], name: str) -> Optional[Fault]:
    if entries is None or entries == events:
        return None
    cause = f"output {name} has {entries} entries, its input {events} physics events"
    return fault("short", cause, entries=entries, events=events)


def judge_root(path: Path) -> Optional[Fault]:
    problem = rootfile.problem_of(path)
    return fault("spoilt", f"output {path.name} {problem}", bytes=path.stat().st_size) if problem else None


def losses_in(log: Path) -> Dict[str, int]:
    """How often a log tells of each kind of loss."""
    counts = dict.fromkeys(LOSSES, 0)
    with log.open("rb") as lines:
        for line in lines:
            for words in LOSSES:
                counts[words] += words in line
    return {words.decode(): count for words, count in counts.items()}


def kept_of(report: Path, given: Path, made: Path) -> Optional[Facts]:
    """What the report of an earlier attempt tells of the output `made`, which it found to have lost too much.

    None unless that is the file, and the input is the one that it was made from.
    """
    try:
        facts = json.loads(report.read_text())  # type: Facts
        if facts["code"] != "failed.losses":
            return None
        for path, items in ((given, facts["given"]), (made, facts["made"])):
            if state_of(path) != (items["size"], items["mtime"]):
                return None
        told = ("given", "made", "sha256", "hits", "events", "cut", "losses_logged", "tail")
        return {name: facts[name] for name in told if name in facts}
    except (OSError, ValueError, LookupError, TypeError):  # no report, or none of this kit
        return None


def digest_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(BLOCK), b""):
            digest.update(block)
    return digest.hexdigest()
