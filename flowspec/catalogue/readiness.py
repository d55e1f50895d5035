"""Words of what lies in a run directory. The code is `run.<verdict>.<kind>`: the same kind may keep a run that is still
recorded, that arrives, and that nobody brings any more. How one knows that nobody does may follow.
"""

from __future__ import annotations

from flowspec.catalogue.entry import Entry
from flowspec.conditions import Owner, Severity

_STUCK, _DAQ, _OPERATOR = Severity.STUCK, Owner.DAQ, Owner.OPERATOR

# What time does not mend: it is open what belongs to the run.
DOUBTS = {
    "unlisted": "its directory {words}",
    "unseen": "{file} {words}",
    "misnamed": "{file} looks like a segment but is not named as one",
    "foreign": "{file} belongs to run {other}",
    "directory": "{file} is a directory",
    "no-file": "{file} is no regular file",
    "foreign-data": "{file} holds data of run {other}",
    "no-begin": "{file} does not begin with BEGIN_RUN",
    "begin-again": "{file} has a BEGIN_RUN of another take of this run: keep one take",
    "early-end": "the run ends in {file}, but {later} has more data: keep one take",
    "many-ends": "{file} has an END_RUN too many ({ends} instead of {sources}): keep one take",
    "after-end": "events follow the last END_RUN in {file} ({events})",
    "old-end": "the END_RUN in {file} is older than the BEGIN_RUN of this run: copy it again",
    "old-data": "{file} has scalers of before the BEGIN_RUN of this run: copy it again",
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
    **{kind: f"{{file}} ({{size}} bytes) {words}" for kind, words in _SEGMENT.items()},
    "unexamined": "{file} has not been examined yet",
    "outdated": "{file} has changed since it was examined",
    "part-examined": "{file} ({size} bytes) was examined only up to offset {offset}",
    "no-end": "no END_RUN at the end of {file}",
    "few-ends": "{ends} END_RUN for {sources} sources at the end of {file}",
}

# Why what lacks is not waited for any more.
OVER = {
    "": "nothing new for {minutes} min",
    ".stopped": "its DAQ has stopped: .started was left behind, nothing new for {minutes} min",
    ".overtaken": "its DAQ has stopped: .started was left behind, and run {later} has begun",
}

_RECORDING = "is being taken: .started is there and .exited is not"


def _complete(segments: int, file: str) -> str:
    return f"is complete: {segments} segment{'s' if segments > 1 else ''} of whole items, END_RUN in {file}"


TABLE: tuple[Entry, ...] = (
    Entry("run.recording", _RECORDING, owner=_DAQ),
    *(Entry(f"run.recording.{kind}", f"{_RECORDING}; but {words}", _STUCK, _DAQ) for kind, words in DOUBTS.items()),
    Entry("run.arriving.settling", "is arriving: late items may follow", owner=_DAQ, row="late items may follow"),
    Entry("run.arriving.logger", "has its END_RUN: waiting for .exited, the end of the logger", owner=_DAQ),
    *(
        Entry(f"run.arriving.{kind}", f"is arriving: {words}", owner=_DAQ, row=words)
        for kind, words in {**DOUBTS, **LACKS}.items()
    ),
    *(
        Entry(f"run.incomplete.{kind}", f"is not launched by itself: {words}", _STUCK, _DAQ)
        for kind, words in DOUBTS.items()
    ),
    *(
        Entry(f"run.incomplete.{kind}{how}", f"is incomplete: {words}; {over}", _STUCK, _DAQ, f"{words}; {over}")
        for kind, words in LACKS.items()
        for how, over in OVER.items()
    ),
    Entry("run.incomplete.claimed", "is claimed by {directories}: rename or move all but one", _STUCK, _OPERATOR),
    Entry("run.abnormal", "ended abnormally: ABNORMAL_ENDRUN in {file}", _STUCK, _OPERATOR),
    Entry("run.complete", _complete, owner=_OPERATOR),
    Entry("run.gone", "the run directory is no longer there", owner=_DAQ),
)
