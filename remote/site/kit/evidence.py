# ruff: noqa: UP006, UP035, UP045
"""Does a file look like what a stage should leave behind? A return code is not proof; a whole and plausible output is.

Standard library only, Python 3.6 or newer, as job.py.
"""

import hashlib
import struct
from pathlib import Path
from typing import Any, Dict, NamedTuple, Optional, Tuple

SMALLEST_ROOT_FILE = 300  # bytes
BLOCK = 1 << 22
PHYSICS_EVENT, END_RUN = 30, 2


class Items(NamedTuple):
    """What a file of ring items holds; `whole` if its last byte is the last of an item."""

    physics: int
    ends: int
    whole: bool
    size: int
    sha256: str


class Fault(NamedTuple):
    """What went wrong: a code of the console's catalogue, a sentence about it, the parameters that the code has."""

    code: str
    cause: str
    parameters: Dict[str, Any]


def fault(code: str, cause: str, **parameters: Any) -> Fault:
    return Fault("failed." + code, cause, parameters)


def judge(stage: str, given: Path, made: Path) -> Tuple[Optional[Fault], Dict[str, Any]]:
    """What is wrong with the output `made` from the input `given`, or None; and facts for the report."""
    if stage != "fit":
        return judge_root(made), {"sha256": digest_of(made)}
    items, fitted = read_items(given), read_items(made)
    facts = {"sha256": fitted.sha256, "input_whole": items.whole, "physics_events": fitted.physics}
    return compare_items(items, fitted, made.name), facts


def compare_items(given: Items, made: Items, name: str) -> Optional[Fault]:
    """A fitted file has the items of its input (whose cut tail does not count), and each hit has grown."""
    if not made.whole:
        return fault("spoilt", f"output {name} is cut inside a ring item")
    if made.physics != given.physics:
        cause = f"output {name} has {made.physics} of {given.physics} physics events"
        return fault("short", cause, events=made.physics, given=given.physics)
    if made.ends != given.ends:
        cause = f"output {name} has {made.ends} END_RUN items, its input {given.ends}"
        return fault("short", cause, ends=made.ends, given=given.ends)
    if given.physics and given.whole and made.size <= given.size:
        cause = f"output {name} is no larger than its input: no fits in it"
        return fault("short", cause, bytes=made.size, given=given.size)
    return None


def judge_root(path: Path) -> Optional[Fault]:
    with path.open("rb") as file:
        head = file.read(20)
    size = path.stat().st_size
    if head[:4] != b"root" or size < SMALLEST_ROOT_FILE:
        return fault("spoilt", f"output {path.name} of {size} bytes is no ROOT file", bytes=size)
    version = struct.unpack(">i", head[4:8])[0]
    # The header says where the file ends; in files of more than 2 GB with 8 bytes.
    end = struct.unpack(">q", head[12:20])[0] if version >= 1000000 else struct.unpack(">i", head[12:16])[0]
    if end > size:
        return fault("spoilt", f"output {path.name} is cut: {size} of {end} bytes", bytes=size, given=end)
    return None


def read_items(path: Path) -> Items:
    """Walk the item headers of a file and digest it, in one pass. Anything that is no item ends the walk: not whole."""
    header, digest = struct.Struct("<II"), hashlib.sha256()
    counts = {PHYSICS_EVENT: 0, END_RUN: 0}
    rest, skip, kind, size = b"", 0, 0, 0
    garbage = False
    with path.open("rb") as file:
        for block in iter(lambda: file.read(BLOCK), b""):
            digest.update(block)
            size += len(block)
            if garbage:
                continue
            block, here = rest + block, skip
            last = len(block) - header.size
            while here <= last:
                length, kind = header.unpack_from(block, here)
                if length < header.size:
                    garbage = True
                    break
                here += length
                if kind in counts:
                    counts[kind] += 1
            rest, skip = block[here:], max(0, here - len(block))
    if skip and kind in counts:  # the last item is cut
        counts[kind] -= 1
    whole = not (garbage or rest or skip)
    return Items(counts[PHYSICS_EVENT], counts[END_RUN], whole, size, digest.hexdigest())


def digest_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(BLOCK), b""):
            digest.update(block)
    return digest.hexdigest()
