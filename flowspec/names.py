"""Names of directories and files, from the DAQ to the result; every other module asks here.

Names come from a directory listing, so a name may be anything: the parsers answer None for what is not ours and
never raise. A name counts as ours only if we would write the very same name, because the other end builds names
from numbers: `run-01217-00.evt` would be looked for as `run-1217-00.evt`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

LARGEST_NUMBER = 0xFFFF_FFFF  # run numbers are u32 in the ring items

_RUN_DIRECTORY = re.compile(r"run0*([0-9]{1,10})", re.ASCII)
_SEGMENT_PRODUCT = re.compile(r"run-([0-9]{4,10})-([0-9]{2,10})(\.evt|-fitted\.evt|-fitted\.root)", re.ASCII)
_SORTED = re.compile(r"run-([0-9]{4,10})-sorted\.root", re.ASCII)
_JOB_MARK = re.compile(
    r"(?:(fit|convert)-([0-9]{2,10})|analyze)\.(copying|working|delivering)(?:-([0-9]{1,3})-([0-9]{0,9}))?", re.ASCII
)
_RSYNC_TEMPORARY = re.compile(r"\.run-[0-9]+-[0-9]+\.evt\.[A-Za-z0-9]{6}", re.ASCII)
_RESEMBLES_SEGMENT = re.compile(r"run[-_ ]?[0-9].*\.evt", re.ASCII | re.IGNORECASE | re.DOTALL)

RSYNC_DELAYED_DIRECTORY = ".~tmp~"  # rsync --delay-updates keeps finished files here until all are there
STARTED = ".started"  # eventlog is recording ...
EXITED = ".exited"  # ... and has ended


class Segment(NamedTuple):
    """One file of a run; sorts by number, so that segment 100 comes after 99."""

    run: int
    segment: int


def run_directory(run: int) -> str:
    return f"run{run}"


def segment_file(run: int, segment: int) -> str:
    return f"run-{run:04d}-{segment:02d}.evt"


def fitted_file(run: int, segment: int) -> str:
    return f"run-{run:04d}-{segment:02d}-fitted.evt"


def converted_file(run: int, segment: int) -> str:
    return f"run-{run:04d}-{segment:02d}-fitted.root"


def sorted_file(run: int) -> str:
    return f"run-{run:04d}-sorted.root"


def job_files(stage: str, segment: int | None) -> tuple[str, str]:
    """What a job leaves at the site: its report, and its log."""
    job = stage if segment is None else f"{stage}-{segment:02d}"
    return f"{job}.json", f"{job}.log"


def progress_file(stage: str, segment: int | None) -> str:
    """What a job has beside its log while it runs."""
    return job_files(stage, segment)[0].replace(".json", ".progress.json")


class JobMark(NamedTuple):
    """What the name of a job's mark says: whose it is, the phase, how much of that is done, and seconds left."""

    stage: str
    segment: int | None
    phase: str
    percent: int | None
    left: int | None


def parse_mark(name: str) -> JobMark | None:
    """Of `fit-07.working-62-240`, which a job has beside its log while it runs."""
    match = _JOB_MARK.fullmatch(name)
    if match is None:
        return None
    segment = int(match[2]) if match[2] else None
    stage = "analyze" if match[1] is None else match[1]
    found = JobMark(stage, segment, match[3], *(int(told) if told else None for told in match.group(4, 5)))
    return found if found.percent is None or found.percent <= 100 else None


def logs_below_results(run: int) -> str:
    """Where reports and logs are brought to, in the folder of the results."""
    return f"logs/run{run}"


def checksum_file(run: int) -> str:
    """Holds the SHA-512 of all segments of the run, concatenated in order."""
    return f"run-{run:04d}.sha512"


def parse_run_directory(name: str) -> int | None:
    """The run number of `run1217` or `run01217`; the DAQ does not pad, people do."""
    match = _RUN_DIRECTORY.fullmatch(name)
    if match is None or int(match[1]) > LARGEST_NUMBER:
        return None
    return int(match[1])


def parse_segment(name: str) -> Segment | None:
    return _parse_product(name, ".evt")


def parse_fitted(name: str) -> Segment | None:
    return _parse_product(name, "-fitted.evt")


def parse_converted(name: str) -> Segment | None:
    return _parse_product(name, "-fitted.root")


def parse_sorted(name: str) -> int | None:
    match = _SORTED.fullmatch(name)
    if match is None or int(match[1]) > LARGEST_NUMBER or sorted_file(int(match[1])) != name:
        return None
    return int(match[1])


def is_temporary(name: str) -> bool:
    """A file that rsync is still writing, or its directory of delayed updates."""
    return name == RSYNC_DELAYED_DIRECTORY or _RSYNC_TEMPORARY.fullmatch(name) is not None


def resembles_segment(name: str) -> bool:
    """Someone could take this for a segment: it leaves doubt about what belongs to the run."""
    return _RESEMBLES_SEGMENT.fullmatch(name) is not None


def shown(text: str, limit: int = 80) -> str:
    """Outside text as one printable line of at most `limit` characters.

    Control and escape characters, line breaks, and bytes that are not UTF-8 become backslash escapes.
    """
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _parse_product(name: str, suffix: str) -> Segment | None:
    match = _SEGMENT_PRODUCT.fullmatch(name)
    if match is None or match[3] != suffix:
        return None
    found = Segment(int(match[1]), int(match[2]))
    if found.run > LARGEST_NUMBER or segment_file(*found) != f"run-{match[1]}-{match[2]}.evt":
        return None
    return found
