# ruff: noqa: UP006, UP035, UP045
"""Is a ROOT file whole, and how many entries has a tree in it? Without ROOT.

Layouts: ROOT, io/doc/TFile: all big-endian, and with 64 bit offsets where a version says so. The rule of what is whole
is that of the console's flowspec/rootfile.py. Standard library only, Python 3.6 or newer, as job.py.
"""

import importlib
import lzma
import os
import struct
import zlib
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Optional, Tuple

HEADER_BYTES = 64
BIG_FILE, BIG_VERSION = 1000000, 1000  # from these on, versions of a file and of a record say: 64 bit offsets
# fEND, fSeekFree, fNbytesFree, nfree, fNbytesName, fUnits, fCompress, fSeekInfo
SMALL_FIELDS, BIG_FIELDS = struct.Struct(">iiiiiBii"), struct.Struct(">qqiiiBiq")
TREE_VERSION = 16  # of TTree, from which on the number of entries is a whole number
BYTE_COUNT = 0x40000000  # the flag of a word that counts the bytes of what follows
HEAD = 1 << 16  # bytes of a stored tree that are read, and made of it: the entries stand in front


class Odd(Exception):
    """The bytes are not what they should be."""


class Header(NamedTuple):
    begin: int
    end: int
    seek_free: int
    name_bytes: int
    seek_info: int


class Key(NamedTuple):
    size: int  # bytes of the record, with its header
    object_size: int  # of the object, uncompressed
    header_size: int
    cycle: int
    seek: int
    class_name: bytes
    name: bytes


class Cursor:
    """Reads one field after the other. Raises Odd where the bytes end."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, form: str) -> Tuple[Any, ...]:
        size = struct.calcsize(form)
        self.skip(size)
        return struct.unpack_from(form, self.data, self.at - size)

    def skip(self, size: int) -> None:
        self.at += size
        if self.at > len(self.data):
            raise Odd("the bytes end here")

    def text(self) -> bytes:
        (size,) = self.take(">B")
        if size == 255:
            (size,) = self.take(">I")
        self.skip(size)
        return self.data[self.at - size : self.at]

    def skip_counted(self) -> None:
        (count,) = self.take(">I")
        if not count & BYTE_COUNT:
            raise Odd("no byte count")
        self.skip(count & ~BYTE_COUNT)


def problem_of(path: Path) -> Optional[str]:
    """What is wrong with a file, to be said behind its name; None: it is a whole ROOT file. Raises OSError."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(HEADER_BYTES)
    header = header_of(head)
    if header is None:
        return f"of {size} bytes is no ROOT file"
    if header.end > size:
        return f"is cut: {size} of {header.end} bytes"
    if header.end < size or not header.seek_free or not header.seek_info:
        return f"of {size} bytes was never closed, as after a full disk"
    return None


def header_of(head: bytes) -> Optional[Header]:
    if head[:4] != b"root" or len(head) < HEADER_BYTES:
        return None
    version, begin = struct.unpack_from(">ii", head, 4)
    fields = BIG_FIELDS if version >= BIG_FILE else SMALL_FIELDS
    end, seek_free, _, _, name_bytes, _, _, seek_info = fields.unpack_from(head, 12)
    return Header(begin, end, seek_free, name_bytes, seek_info)


def entries_of(path: Path, tree: str) -> Optional[int]:
    """The entries of a TTree in the top directory, 0 when there is none of that name, None when it cannot be told.

    Raises OSError.
    """
    with path.open("rb") as file:
        try:
            key = find(file, tree.encode())
            if key is None:
                return 0
            stored = read_at(file, key.seek + key.header_size, min(key.size - key.header_size, HEAD))
            compressed = key.object_size > key.size - key.header_size
            if compressed and stored[:2] in (b"L4", b"ZS"):  # LZ4, Zstandard
                return by_uproot(path, tree)
            return entries_in(uncompressed(stored) if compressed else stored)
        except (Odd, zlib.error, lzma.LZMAError):
            return None


def find(file: BinaryIO, name: bytes) -> Optional[Key]:
    """The newest cycle of the tree with this name."""
    header = header_of(read_at(file, 0, HEADER_BYTES))
    if header is None:
        raise Odd("no ROOT file")
    directory = Cursor(read_at(file, header.begin + header.name_bytes, 42))
    version, _, _, keys_bytes, _ = directory.take(">hIIii")
    _, _, seek_keys = directory.take(">qqq" if version > BIG_VERSION else ">iii")
    listing = Cursor(read_at(file, seek_keys, keys_bytes))
    take_key(listing)  # the list's own
    (count,) = listing.take(">i")
    keys = [key for key in (take_key(listing) for _ in range(count)) if key.name == name]
    newest = max(keys, key=lambda key: key.cycle) if keys else None
    if newest is not None and newest.class_name != b"TTree":
        raise Odd("no TTree")
    return newest


def take_key(cursor: Cursor) -> Key:
    size, version, object_size, _, header_size, cycle = cursor.take(">ihiIhh")
    seek, _ = cursor.take(">qq" if version > BIG_VERSION else ">ii")
    class_name, name, _ = cursor.text(), cursor.text(), cursor.text()
    return Key(size, object_size, header_size, cycle, seek, class_name, name)


def read_at(file: BinaryIO, offset: int, count: int) -> bytes:
    if offset < 0 or count < 0 or offset + count > os.fstat(file.fileno()).st_size:
        raise Odd("beyond the file")
    file.seek(offset)
    return file.read(count)


def uncompressed(stored: bytes) -> bytes:
    """The beginning of an object. Each block has a header of 9 bytes."""
    if stored[:2] == b"ZL":
        return zlib.decompressobj().decompress(stored[9:], HEAD)
    if stored[:2] == b"XZ":
        return lzma.LZMADecompressor(memlimit=1 << 28).decompress(stored[9:], HEAD)
    raise Odd("unknown compression")


def entries_in(tree: bytes) -> int:
    """fEntries of a TTree: behind TNamed, TAttLine, TAttFill and TAttMarker."""
    cursor = Cursor(tree)
    _, version = cursor.take(">IH")
    if version < TREE_VERSION:
        raise Odd("an old TTree")
    for _ in range(4):
        cursor.skip_counted()
    entries = cursor.take(">q")[0]  # type: int
    if entries < 0:
        raise Odd("a negative number of entries")
    return entries


def by_uproot(path: Path, tree: str) -> Optional[int]:
    """The same where the standard library has no such compression, if the site's Python has uproot."""
    try:
        with importlib.import_module("uproot").open(str(path)) as file:
            return int(file[tree].num_entries)
    except Exception:  # no uproot, no decompression for it, or whatever it raises on bytes that are damaged
        return None
