"""Run directories of a few ring items, as `flowspec.readiness` gets to see them, and how they are judged."""

from __future__ import annotations

import json
import stat
from collections.abc import Collection, Mapping
from dataclasses import replace

from flowspec.catalogue.readiness import DOUBTS, LACKS, OVER
from flowspec.conditions import reason
from flowspec.itemwalk import walk_on
from flowspec.readiness import Entry, Judgement, SegmentFacts, Verdict, judge
from flowspec.ringframes import BodyHeader, Frame, ItemType
from flowspec.ringitems import RingFormat, StateChange

RUN = 1217
SETTLE, STALLED = 1.0, 900.0
CHANGED = 5000.0
LONG_AGO, MOMENT = CHANGED + STALLED + 1, CHANGED + SETTLE / 2
QUIET = CHANGED + 60

# The codes that belong to a verdict.
DOUBTED = {f"run.incomplete.{kind}" for kind in DOUBTS}
CODES = {
    Verdict.TAKING: {"run.recording", *(f"run.recording.{kind}" for kind in DOUBTS)},
    Verdict.ARRIVING: {
        "run.arriving.settling", "run.arriving.logger", *(f"run.arriving.{kind}" for kind in {**DOUBTS, **LACKS}),
    },
    Verdict.READY: {"run.complete"},
    Verdict.INCOMPLETE: {
        "run.incomplete.claimed", *DOUBTED, *(f"run.incomplete.{kind}{how}" for kind in LACKS for how in OVER),
    },
    Verdict.ABNORMAL: {"run.abnormal"},
}  # fmt: skip


STARTED, SECONDS = 1_700_000_000, 3600


def state(kind: int, run: int = RUN, started: int = STARTED, title: str = "decay of ¹⁵⁶Eu\x1b[2J") -> bytes:
    """BEGIN_RUN, END_RUN, PAUSE_RUN or RESUME_RUN of the take that began at `started`."""
    seconds = 0 if kind == ItemType.BEGIN_RUN else SECONDS
    change = StateChange(run, 1000 * seconds, started + seconds, 1000, title, 0)
    return Frame(kind, change.encode(), BodyHeader()).encode()


FORMAT = Frame(ItemType.RING_FORMAT, RingFormat(12).encode()).encode()
BEGIN, END = state(ItemType.BEGIN_RUN), state(ItemType.END_RUN)
EVENT = Frame(ItemType.PHYSICS_EVENT, b"x" * 40, BodyHeader(5)).encode()


def scaler(at: int, header: BodyHeader | None = None, kind: ItemType = ItemType.PERIODIC_SCALERS) -> bytes:
    """PERIODIC_SCALERS or PHYSICS_EVENT_COUNT of the unix time `at`."""
    return Frame(kind, bytes(8) + at.to_bytes(4, "little") + bytes(16), header).encode()


SCALER = scaler(0, BodyHeader())
ABNORMAL = Frame(ItemType.ABNORMAL_ENDRUN, b"").encode()

WHOLE = {
    "run-1217-00.evt": FORMAT + BEGIN + FORMAT + BEGIN + EVENT * 3,
    "run-1217-01.evt": EVENT * 4 + SCALER,
    "run-1217-02.evt": EVENT * 2 + END + END,
}
MARKERS = {".started": b"", ".exited": b"", "run-1217.sha512": b"ab\n"}


def entry(name: str, size: int = 0, mode: int = stat.S_IFREG | 0o640, inode: int = 7) -> Entry:
    return Entry(name, size, 1, inode, mode, stat.S_ISDIR(mode))


def facts_of(files: Mapping[str, bytes]) -> dict[str, SegmentFacts]:
    start = SegmentFacts(inode=7, mtime_ns=1)
    return {name: walk_on(start, data, base=0, size=len(data)) for name, data in files.items() if name.endswith(".evt")}


def judged(
    files: Mapping[str, bytes],
    *extra: Entry,
    now: float = QUIET,
    mode: int = 0o640,
    sources: int | None = None,
    facts: Mapping[str, SegmentFacts] | None = None,
    later: int | None = None,
    still: Collection[str] = (),
) -> Judgement:
    entries = [entry(name, len(data), stat.S_IFREG | mode) for name, data in files.items()]
    judgement = judge(
        "run1217", [*entries, *extra], facts_of(files) if facts is None else facts,
        changed_at=CHANGED, now=now, settle=SETTLE, stalled_after=STALLED, sources=sources, later=later,
        still=still,
    )  # fmt: skip
    assert_is_told(judgement)
    assert "?" not in judgement.sentence, "a parameter is missing"
    return judgement


def assert_is_told(judgement: Judgement) -> None:
    """The reason belongs to the verdict, is short, harmless JSON, and has words."""
    found = judgement.reason
    assert found.code in CODES[judgement.verdict]
    assert json.loads(found.dump()) == dict(found.parameters)
    assert all(value.isprintable() for value in found.parameters.values() if isinstance(value, str))
    assert judgement.sentence.isprintable()
    assert len(judgement.sentence) <= 240


def without(name: str) -> dict[str, bytes]:
    return {key: data for key, data in WHOLE.items() if key != name}


def changed(name: str, data: bytes) -> dict[str, bytes]:
    return {**WHOLE, name: data}


LACKING = [
    ({}, "no segment is there"),
    ({"notes.txt": b"x"}, "no segment is there"),
    (without("run-1217-00.evt"), "run-1217-00.evt is missing"),
    (without("run-1217-01.evt"), "run-1217-01.evt is missing"),
    (without("run-1217-02.evt"), "no END_RUN at the end of run-1217-01.evt"),
    (changed("run-1217-01.evt", b""), "run-1217-01.evt is empty"),
    ({"run-1217-00.evt": b""}, "run-1217-00.evt is empty"),
    (changed("run-1217-01.evt", WHOLE["run-1217-01.evt"][:-5]), "run-1217-01.evt (323 bytes) cut inside an item"),
    (changed("run-1217-02.evt", WHOLE["run-1217-02.evt"][:-5]), "cut inside an item at offset 265"),
    (changed("run-1217-01.evt", EVENT + bytes(100)), "no ring item at offset 68"),
    (changed("run-1217-02.evt", EVENT + END), "1 END_RUN for 2 sources at the end of run-1217-02.evt"),
    (changed("run-1217-01.evt", EVENT + b"\0" * 3), "(71 bytes) cut inside an item header at offset 68: 3 bytes are"),
    (
        changed("run-1217-01.evt", Frame(ItemType.BEGIN_RUN, b"").encode()),
        "BEGIN_RUN at offset 0 cannot be read: state",
    ),
]


PROBLEMS = [  # of a segment, that the reading and not the walk finds
    reason("unreadable", words="Input/output error"),
    reason("cut-while-read", offset=9),
    reason("no-file-now"),
]


DOUBTFUL = [
    (entry("run-1218-00.evt", 5), "run-1218-00.evt belongs to run 1218"),
    (entry("run-01217-00.evt", 5), "run-01217-00.evt looks like a segment"),
    (entry("run-1217-3.evt", 5), "run-1217-3.evt looks like a segment"),
    (entry("run-1217-00.evt\n\x1b[31m.evt", 5), "run-1217-00.evt\\n\\x1b[31m.evt looks like"),
    (entry("run-1217-\udcff.evt", 5), "run-1217-\\udcff.evt looks like"),
    (entry("run-1217-" + "9" * 230 + ".evt", 5), "999… looks like"),
    (entry("run-1217-03.evt", 4096, stat.S_IFDIR | 0o755), "run-1217-03.evt is a directory"),
    (entry("run-1217-03.evt", 0, stat.S_IFIFO | 0o644), "run-1217-03.evt is no regular file"),
    (replace(entry("run-1217-03.evt"), problem="cannot be looked at: Input/output error"), "Input/output error"),
    (replace(entry("."), problem="cannot be listed: Permission denied"), "directory cannot be listed: Permission"),
]


CONTENTS = [
    ("run-1217-00.evt", EVENT + BEGIN + BEGIN, "run-1217-00.evt does not begin with BEGIN_RUN"),
    ("run-1217-00.evt", state(1, 1218) * 2, "run-1217-00.evt holds data of run 1218"),
    ("run-1217-02.evt", END + state(2, 1218), "run-1217-02.evt holds data of run 1218"),
]


# Three segments of two sources, with something of another take of the same run: what is said of them.
ANOTHER = {"started": STARTED + 86_400, "title": "calibration"}
BEGIN_OTHER, END_OTHER = state(ItemType.BEGIN_RUN, **ANOTHER), state(ItemType.END_RUN, **ANOTHER)
END_OLD = state(ItemType.END_RUN, started=STARTED - 86_400)
COUNT_OLD = scaler(STARTED - 3600, BodyHeader(), ItemType.PHYSICS_EVENT_COUNT)
_HEAD, _MIDDLE, _LAST = WHOLE.values()
TAKES = [
    ((_HEAD, _MIDDLE + END * 2, EVENT + END * 2), "ends in run-1217-01.evt, and run-1217-02.evt has more data"),
    ((_HEAD, _MIDDLE + END * 2, EVENT), "ends in run-1217-01.evt, and run-1217-02.evt has more data"),
    ((_HEAD, _MIDDLE + END * 2, END), "ends in run-1217-01.evt, and run-1217-02.evt has more data"),
    ((_HEAD + END * 2, _MIDDLE, _LAST), "ends in run-1217-00.evt, and run-1217-01.evt has more data"),
    ((_HEAD + END * 2, SCALER, _LAST), "ends in run-1217-00.evt, and run-1217-02.evt has more data"),
    ((_HEAD + END * 2 + EVENT, _MIDDLE, _LAST), "events follow the last END_RUN in run-1217-00.evt (1)"),
    ((_HEAD, _MIDDLE + END * 2 + EVENT, _LAST), "events follow the last END_RUN in run-1217-01.evt (1)"),
    ((_HEAD, _MIDDLE, _LAST + EVENT), "events follow the last END_RUN in run-1217-02.evt (1)"),
    ((_HEAD, BEGIN_OTHER + EVENT + END_OTHER, _LAST), "run-1217-01.evt has a BEGIN_RUN of another take"),
    ((_HEAD, FORMAT + BEGIN, _LAST), "run-1217-01.evt has a BEGIN_RUN of another take"),
    ((_HEAD, _MIDDLE, BEGIN + _LAST + END), "run-1217-02.evt has a BEGIN_RUN of another take"),
    ((_HEAD + END + BEGIN, _MIDDLE, _LAST), "run-1217-00.evt has a BEGIN_RUN of another take"),
    ((_HEAD + BEGIN_OTHER, _MIDDLE, END + _LAST), "run-1217-00.evt has a BEGIN_RUN of another take"),
    (
        (_HEAD, _MIDDLE + END, _LAST),
        "run-1217-02.evt has an END_RUN too many (3 instead of 2); keep one take",
    ),
    ((_HEAD, _MIDDLE + END * 3, EVENT), "run-1217-01.evt has an END_RUN too many (3 instead of 2); keep one take"),
    (
        (_HEAD, _MIDDLE, EVENT + END + EVENT + END + EVENT + END),
        "run-1217-02.evt has an END_RUN too many (3 instead of 2); keep one take",
    ),
    (
        (_HEAD, _MIDDLE + scaler(STARTED - 3600), _LAST),
        "run-1217-01.evt has scalers of before the BEGIN_RUN of this run",
    ),
    ((_HEAD, _MIDDLE, COUNT_OLD + _LAST), "run-1217-02.evt has scalers of before the BEGIN_RUN of this run"),
    ((_HEAD, _MIDDLE, EVENT + END_OLD * 2), "the END_RUN in run-1217-02.evt is older than the BEGIN_RUN of this run"),
    ((_HEAD, _MIDDLE + END_OLD, EVENT), "the END_RUN in run-1217-01.evt is older than the BEGIN_RUN of this run"),
]


def segments(*contents: bytes) -> dict[str, bytes]:
    return {f"run-1217-{number:02d}.evt": data for number, data in enumerate(contents)}
