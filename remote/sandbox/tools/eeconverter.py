"""Stand-in for the DDASToys eeconverter: fitted event file to ROOT file.

    eeconverter -s file://IN -f OUT.root [-e TYPES] [-m SKIP] [-c COUNT] [-F FORMAT]

Writes the tree `DDASFit` with one entry per physics event. It has flat branches in place of FRIB's classes; see
docs/root-files.md. As with the real one, a cut input gives fewer entries and a full disk a file that was never closed,
both with return code 0 and without a word.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import awkward
import numpy as np
import uproot
from numpy.typing import NDArray

from flowspec.ddas import NULL_EXTENSION
from flowspec.names import shown
from flowspec.ringframes import Buffer, ItemType, RingItemError, read_frame
from flowspec.ringitems import STATE_CHANGES, decode_state_change
from remote.sandbox.tools import disk
from remote.sandbox.tools.hits import SCHEME, Item, Place, decode, gather, map_file, places, walk
from remote.sandbox.tools.pulses import EXTENSION, FITS, PULSE_FIELDS, QUALITY

TREE = "DDASFit"
ITEMS_PER_BASKET = 20_000
NO_EXTENSION = (0, len(NULL_EXTENSION))
FITTED = (152, EXTENSION.itemsize)  # bytes; as DDASToys wrote them before version 6, and since: the fits come first


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    path = options.source.removeprefix(SCHEME)
    print(f"Filename in CEventProcessor: {shown(path, 400)}")
    try:
        buffer = map_file(path)
        print(f"Count is {options.count}")
        excluded = {int(kind) for kind in options.exclude.split(",") if kind}
        stop = options.skip + options.count if options.count else None
        items = islice((item for item in walk(buffer) if item.type not in excluded), options.skip, stop)
        convert(buffer, items, options.fileout)
    except (OSError, ValueError) as error:
        if disk.is_full(error):
            disk.leave_unclosed(Path(options.fileout))
            return 0
        print(f"eeconverter main caught an exception: {error}", file=sys.stderr)
        return 1
    return 0


def convert(buffer: Buffer, items: Iterator[Item], output: str) -> None:
    """Write the tree, tell of state changes on stdout. Raises RingItemError for an event that it cannot read."""
    with uproot.recreate(output) as file:
        nothing = _branches(buffer, [])
        types = {"timestamp": "uint64", "hit": nothing["hit"].type.content}
        tree = file.mktree(TREE, types, counter_name=lambda _: "hits", field_name=lambda _, field: field)
        while batch := list(islice(items, ITEMS_PER_BASKET)):
            for item in batch:
                if item.type in STATE_CHANGES:
                    print(_state_change(buffer, item))
            tree.extend(_branches(buffer, [item for item in batch if item.type == ItemType.PHYSICS_EVENT]))
    disk.need_room()


def _branches(buffer: Buffer, events: list[Item]) -> dict[str, Any]:
    """One entry per event: its time stamp, and for each of its hits the fields of `_fields`."""
    found = [places(buffer, event) for event in events]
    counts = np.array([len(hits) for hits in found], np.int64)
    fields = _fields(buffer, list(chain.from_iterable(found)))
    # The time stamp is the first word of the body header, 12 bytes into the item.
    starts = np.array([event.start + 12 for event in events], np.intp)
    return {
        "timestamp": gather(buffer, starts, 8).view("<u8")[:, 0],
        "hit": awkward.unflatten(awkward.zip(fields), counts),
    }


def _fields(buffer: Buffer, found: list[Place]) -> dict[str, NDArray[Any]]:
    hits = decode(buffer, found)
    length = np.array([place.end - place.hit_end for place in found], np.intp)
    fitted = np.isin(length, FITTED)
    unknown = ~fitted & ~np.isin(length, NO_EXTENSION)
    if unknown.any():
        raise RingItemError(f"a fit extension of {length[unknown.argmax()]} bytes; {FITTED[1]} were expected")
    fits = np.zeros(len(found), FITS)
    starts = np.array([place.hit_end for place in found], np.intp)[fitted]
    fits[fitted] = gather(buffer, starts, FITS.itemsize).view(FITS)[:, 0]
    fields = {
        "crate": hits.crate,
        "slot": hits.slot,
        "channel": hits.channel,
        "energy": hits.energy,
        "time": hits.time,
        "coarse_time": hits.coarse_time,
        "msps": hits.msps,
        "trace_length": hits.samples.astype(np.uint16),
        "fitted": fitted,
    }
    pulses = {"single": fits["single"]["pulse"]}
    pulses |= {f"double_{number}": fits["double"]["pulses"][:, number - 1] for number in (1, 2)}
    for fit, pulse in pulses.items():
        fields |= {f"{fit}_{name}": pulse[name] for name in PULSE_FIELDS}
    for fit in ("single", "double"):
        fields |= {f"{fit}_{name}": fits[fit][name] for name in QUALITY}
    return {name: np.ascontiguousarray(array) for name, array in fields.items()}


def _state_change(buffer: Buffer, item: Item) -> str:
    frame = read_frame(buffer, item.start)
    change = decode_state_change(frame.body)
    name = ItemType(item.type).name.replace("_RUN", "").capitalize() + " Run"
    source = 0 if frame.header is None else frame.header.source_id
    return (
        f"{name} item recorded for run {change.run} source ID {source}\n"
        f"Title: {shown(change.title)}\n"
        f"Occured at: {time.ctime(change.unixtime)}\n {change.elapsed:g} sec. into the run"
    )


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("eeconverter", description="Convert a fitted event file to a ROOT file.")
    parser.add_argument("-s", "--source", required=True, metavar="URL", help="event file to read, file://PATH")
    parser.add_argument("-f", "--fileout", required=True, metavar="OUT.root")
    parser.add_argument("-e", "--exclude", default="", metavar="TYPES", help="item types to leave out: 20,31")
    parser.add_argument("-m", "--skip", type=_count, default=0, metavar="N", help="items to skip first")
    parser.add_argument("-c", "--count", type=_count, default=0, metavar="N", help="items to convert; 0: all")
    parser.add_argument("-F", "--format", metavar="v12|v11|v10", help="accepted, and not used by the real one either")
    return parser.parse_args(arguments)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no count of items")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
