"""Words of what lies in a run directory. The code is `run.<verdict>.<kind>`: the same kind may keep a run that is still
recorded, that arrives, and that nobody brings any more. How one knows that nobody does may follow.
"""

from __future__ import annotations

from flowspec.catalogue.entry import Entry
from flowspec.conditions import Owner, Severity

_STUCK, _DAQ, _OPERATOR = Severity.STUCK, Owner.DAQ, Owner.OPERATOR
_OUT, _ONE, _AGAIN = "move it out", "keep one take", "copy it again"

# What time does not mend, and what to do: it is open what belongs to the run.
DOUBTS = {
    "unlisted": ("its directory {words}", "mend it"),
    "unseen": ("{file} {words}", "mend it"),
    "misnamed": ("{file} looks like a segment but is not named as one", _OUT),
    "foreign": ("{file} belongs to run {other}", _OUT),
    "directory": ("{file} is a directory", _OUT),
    "no-file": ("{file} is no regular file", _OUT),
    "foreign-data": ("{file} holds data of run {other}", "find out which is right"),
    "no-begin": ("{file} does not begin with BEGIN_RUN", "find the real first segment"),
    "begin-again": ("{file} has a BEGIN_RUN of another take of this run", _ONE),
    "early-end": ("the run ends in {file}, and {later} has more data", _ONE),
    "many-ends": ("{file} has an END_RUN too many ({ends} instead of {sources})", _ONE),
    "after-end": ("events follow the last END_RUN in {file} ({events})", "find out which take it is of"),
    "old-end": ("the END_RUN in {file} is older than the BEGIN_RUN of this run", _AGAIN),
    "old-data": ("{file} has scalers of before the BEGIN_RUN of this run", _AGAIN),
}

# What is wrong with the bytes of one segment: `flowspec.itemwalk` and whoever reads the file find it.
_SEGMENT = {
    "cut": "cut inside an item at offset {offset}: it has {item} bytes, {there} are there",
    "cut-header": "cut inside an item header at offset {offset}: {there} bytes are there",
    "cut-while-read": "was cut near offset {offset} while it was read",
    "no-item": "no ring item at offset {offset}: {words}",
    "bad-item": "{item} at offset {offset} cannot be read: {words}",
    "unreadable": "cannot be read: {words}",
    "no-file-now": "is no regular file",
}

# What is not there, or not yet: it may still come.
LACKS = {
    "temporary": "{file} is being written or was left behind",
    "no-segment": "no segment is there",
    "missing": "{file} is missing",
    "empty": "{file} is empty",
    **{kind: f"{{file}} ({{size:,}} bytes) {words}" for kind, words in _SEGMENT.items()},
    "unexamined": "{file} has not been examined yet",
    "outdated": "{file} has changed since it was examined",
    "part-examined": "{file} ({size:,} bytes) was examined only up to offset {offset}",
    "no-end": "no END_RUN at the end of {file}",
    "few-ends": "{ends} END_RUN for {sources} sources at the end of {file}",
}

NOTHING = "no-segment"
_BROUGHT_ANEW = {"missing", "empty", *_SEGMENT}  # what a further copy mends

# Why what lacks is not waited for any more.
OVER = {
    "": "nothing new for {minutes} min",
    ".stopped": "the recording died: .started was left behind, nothing new for {minutes} min",
    ".overtaken": "the recording died: .started was left behind, and run {later} has begun",
}

_RECORDING = "is being recorded: .started is there and .exited is not"
_LAUNCHES = "l launches it all the same"


def _complete(segments: int, file: str) -> str:
    return f"is complete: {_counted(segments)} of whole items, END_RUN in {file}"


def _key(kind: str) -> str:
    return _AGAIN if kind == NOTHING else "l"  # what is not there cannot be launched


def _way(kind: str) -> str:
    if kind == NOTHING:
        return _AGAIN
    return f"{_AGAIN}, or {_LAUNCHES}" if kind in _BROUGHT_ANEW else _LAUNCHES


def _counted(segments: int) -> str:
    return f"{segments} segment{'s' if segments > 1 else ''}"


TABLE: tuple[Entry, ...] = (
    Entry("run.recording", _RECORDING, owner=_DAQ, row="the DAQ is writing it"),
    *(
        Entry(f"run.recording.{kind}", f"{_RECORDING}; but {words}: {deed}", _STUCK, _DAQ, f"{deed}: {words}")
        for kind, (words, deed) in DOUBTS.items()
    ),
    Entry(
        "run.arriving.settling",
        "has just ended: waiting for stragglers",
        owner=_DAQ,
        row="just ended, waiting for stragglers",
    ),
    Entry(
        "run.arriving.logger",
        "is finishing: it has its END_RUN, and .exited is not there yet, which the logger writes last",
        owner=_DAQ,
        row="finishing: the logger has not ended yet",
    ),
    *(
        Entry(f"run.arriving.{kind}", f"is arriving: {words}", owner=_DAQ, row=words)
        for kind, words in {**{kind: words for kind, (words, _) in DOUBTS.items()}, **LACKS}.items()
    ),
    *(
        Entry(
            f"run.incomplete.{kind}",
            f"is not launched by itself: {words}",
            _STUCK,
            _DAQ,
            f"l: {words}: {deed}",
            f"{deed}, or {_LAUNCHES}",
        )
        for kind, (words, deed) in DOUBTS.items()
    ),
    *(
        Entry(
            f"run.incomplete.{kind}{how}",
            f"is incomplete: {words}; {over}",
            _STUCK,
            _DAQ,
            f"{_key(kind)}: {'recording died? ' if how else ''}{words}{'' if how else f'; {over}'}",
            _way(kind),
        )
        for kind, words in LACKS.items()
        for how, over in OVER.items()
    ),
    Entry(
        "run.incomplete.claimed",
        "is claimed by {directories}: rename or move all but one",
        _STUCK,
        _OPERATOR,
        "rename all but one: {directories}",
    ),
    Entry(
        "run.abnormal",
        "ended abnormally: ABNORMAL_ENDRUN in {file}",
        _STUCK,
        _OPERATOR,
        "l: ended abnormally, ABNORMAL_ENDRUN in {file}",
        _LAUNCHES,
    ),
    Entry(
        "run.complete", _complete, owner=_OPERATOR, row=lambda segments, **others: f"l: complete, {_counted(segments)}"
    ),
    Entry("run.gone", "the run directory is no longer there", owner=_DAQ, row="its directory is gone"),
)
