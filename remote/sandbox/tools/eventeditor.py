"""Stand-in for FRIBDAQ's EventEditor with the DDASToys analytic fit as its plug-in.

    EventEditor -s file://IN -S file://OUT -l LIB.so -n WORKERS -c CLUMP -p threaded|mpi

Same command line, same files, same ways to fail, to lose data without a word in the return code, and to hang (tests:
tests/remote/sandbox/tools/test_editor_ends.py). The library is not loaded, and WORKERS only makes a program with more
threads than clumps hang: one process fits all traces of a clump at once.
"""

import argparse
import os
import resource
import signal
import struct
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import IO, NoReturn

from flowspec.ddas import NULL_EXTENSION
from flowspec.ringframes import PREFIX, Buffer, ItemType
from remote.sandbox.tools import disk
from remote.sandbox.tools.fitconfig import Channel, read_fit_config, version_of
from remote.sandbox.tools.fragments import Crash, fragments_to_edit
from remote.sandbox.tools.hits import FRAGMENT_HEADER, SCHEME, Item, Place, decode, gather, map_file, walk
from remote.sandbox.tools.pulses import NEWEST, TooFewPoints, Version, Window, blank_extensions, fit
from remote.sandbox.tools.services import check_services

OUTPUT_MODE = 0o640
_WORD = struct.Struct("<I")


class Endless(Exception):
    """The real program does not end on these data."""


class NoBodyHeader(Exception):
    """A physics item without a body header."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    if options.p == "mpi" and not _is_first_rank(options.n):
        return 0
    try:
        if options.p == "threaded":
            check_services()
    except ValueError as error:
        _abort(f"terminate called after throwing an instance of 'std::invalid_argument'\n  what():  {error}")
    try:
        version = version_of(options.l)
        channels = read_fit_config(version=version)
    except (ValueError, OSError) as error:
        print(f"Error configuring FitEditor: {error}", file=sys.stderr)
        return 1
    try:
        buffer = map_file(options.s.removeprefix(SCHEME))
    except OSError as error:
        _abort(f"terminate called after throwing 'std::system_error': Opening the ring item file: {error.strerror}")
    sink = os.open(options.S.removeprefix(SCHEME), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OUTPUT_MODE)
    with open(sink, "wb") as output:
        try:
            for part in edit(buffer, channels, options.c, version):
                _write(output, part)
        except TooFewPoints:
            _abort("gsl: fdfsolver.c:37: ERROR: insufficient data points, n < p\nDefault GSL error handler invoked.")
        except NoBodyHeader:
            _abort(
                "terminate called after throwing 'std::invalid_argument': Physics ring item is missing a body header!"
            )
        except Crash:
            _die(signal.SIGSEGV)
        except Endless:
            if not buffer:
                print(" all ended", file=sys.stderr, flush=True)
            _hang()
    if options.p == "threaded" and options.n > _clumps(buffer, options.c):
        _hang()
    if options.p == "mpi":
        _tell_end(options.n)
    return 0


def edit(buffer: Buffer, channels: dict[Channel, Window], clump: int, version: Version = NEWEST) -> Iterator[bytes]:
    """The bytes of the fitted file, `clump` items at a time. Raises TooFewPoints, NoBodyHeader, Crash, and Endless at
    the end of a file that is empty or goes on with an item of no size."""
    items, end = walk(buffer), 0
    while batch := list(islice(items, clump)):
        yield b"".join(_edit_clump(buffer, batch, channels, version))
        end = batch[-1].start + batch[-1].size
    if not buffer or (end + PREFIX.size <= len(buffer) and _WORD.unpack_from(buffer, end)[0] < PREFIX.size):
        raise Endless


def _edit_clump(
    buffer: Buffer, items: list[Item], channels: dict[Channel, Window], version: Version
) -> Iterator[bytes | Buffer]:
    events: dict[int, list[Place] | None] = {}  # by the event's offset; None: dropped
    for item in items:
        if item.type == ItemType.PHYSICS_EVENT:
            if item.body == item.start + 12:
                raise NoBodyHeader
            events[item.start] = fragments_to_edit(buffer, item)
    every = [place for found in events.values() if found for place in found]
    extensions = iter(_extensions(buffer, every, channels, version))
    for item in items:
        if item.start not in events:
            yield buffer[item.start : item.start + item.size]
        elif (found := events[item.start]) is not None:
            fragments = b"".join(_with_extension(buffer, place, next(extensions)) for place in found)
            yield _WORD.pack(item.body - item.start + 4 + len(fragments))
            yield buffer[item.start + 4 : item.body]
            yield _WORD.pack(4 + len(fragments))
            yield fragments


def _with_extension(buffer: Buffer, place: Place, extension: bytes) -> bytes:
    """The fragment with `extension` behind its hit, in place of one that may be there, and its two sizes set."""
    size = _WORD.pack(place.hit_end - place.item + len(extension))
    timestamp_and_source = buffer[place.fragment : place.fragment + 12]
    barrier = buffer[place.fragment + 16 : place.fragment + FRAGMENT_HEADER.size]
    return b"".join((timestamp_and_source, size, barrier, size, buffer[place.item + 4 : place.hit_end], extension))


def _extensions(buffer: Buffer, found: list[Place], channels: dict[Channel, Window], version: Version) -> list[bytes]:
    """What to append to each hit: its fits, zeros if it has no trace, the null extension if it is not configured."""
    if not found:
        return []
    hits = decode(buffer, found)
    addresses = zip(hits.crate.tolist(), hits.slot.tolist(), hits.channel.tolist(), strict=True)
    windows = [channels.get(address) for address in addresses]
    blank = blank_extensions(1, version)[0].tobytes()
    result = [NULL_EXTENSION if window is None else blank for window in windows]
    alike: dict[tuple[Window, int], list[int]] = defaultdict(list)
    for number, (window, samples) in enumerate(zip(windows, hits.samples.tolist(), strict=True)):
        if window is not None and samples:
            alike[window, samples].append(number)
    for (window, samples), numbers in alike.items():
        traces = gather(buffer, hits.trace[numbers], 2 * samples).view("<u2")
        for number, record in zip(numbers, fit(traces, window, version), strict=True):
            result[number] = record.tobytes()
    return result


def _is_first_rank(workers: int) -> bool:
    """Under MPI the first rank does all the work. Exits as the real program does when there are too few."""
    ranks = int(os.environ.get("OMPI_COMM_WORLD_SIZE", "1"))
    if ranks < 4:
        sys.exit("This program needs at least 4 processes to run")
    first = os.environ.get("OMPI_COMM_WORLD_RANK", "0") == "0"
    if first and workers != ranks - 3:
        print(f"--workers = {workers}, but {ranks} MPI processes supports {ranks - 3} workers", file=sys.stderr)
    return first


def _tell_end(workers: int) -> None:
    """What the first rank says, and nothing else, when it has no more data for the workers."""
    print(f"MPI fanout transport end {workers} clients to end", file=sys.stderr)
    for done in range(workers):
        lines = f"End got request from {3 + done}", f"{workers - done} remaining", f"Removing {3 + done}"
        print(*lines, sep="\n", file=sys.stderr)
    print(" all ended", file=sys.stderr)


def _clumps(buffer: Buffer, clump: int) -> int:
    return -(-sum(1 for _ in walk(buffer)) // clump)


def _write(output: IO[bytes], part: bytes) -> None:
    """Does not return when the disk is full: the thread that writes is gone, and the others wait for it."""
    try:
        disk.need_room()
        output.write(part)
        output.flush()
    except OSError as error:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print(f"Output thread write failed: {error.strerror}", file=sys.stderr, flush=True)
        _hang()


def _hang() -> NoReturn:
    while True:
        signal.pause()


def _abort(message: str) -> NoReturn:
    """End as C++ does on an uncaught exception: SIGABRT, which a shell reports as 134."""
    print(message, file=sys.stderr, flush=True)
    _die(signal.SIGABRT)


def _die(how: signal.Signals) -> NoReturn:
    sys.stderr.flush()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(how, signal.SIG_DFL)
    os.kill(os.getpid(), how)
    raise AssertionError(f"outlived {how.name}")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("EventEditor", description="Fit the traces of an event file.")
    parser.add_argument("-s", required=True, metavar="URL", help="event file to read, file://PATH")
    parser.add_argument("-S", required=True, metavar="URL", help="event file to write, file://PATH")
    parser.add_argument("-l", required=True, metavar="LIB.so", help="the fit plug-in (accepted, not loaded)")
    parser.add_argument("-n", type=int, default=1, metavar="WORKERS")
    parser.add_argument("-c", type=int, default=2000, metavar="CLUMP", help="ring items per unit of work")
    parser.add_argument("-p", choices=("threaded", "mpi"), default="threaded")
    options = parser.parse_args(arguments)
    if options.c < 1:
        parser.error("-c must be at least 1")
    return options


if __name__ == "__main__":
    sys.exit(main())
