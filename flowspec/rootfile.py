"""Is a ROOT file whole? Its header says so, without ROOT.

Layout of the header: ROOT, io/doc/TFile (32 bit numbers, from 2 GB on 64 bit ones, big-endian). A file that was not
closed, because its disk was full or its program died, has the magic and no directory: fSeekFree and fSeekInfo are 0.
The kit at the site judges by the same rule (remote/site/kit/rootfile.py).
"""

from __future__ import annotations

import struct

from flowspec.conditions import Reason, reason

HEADER_BYTES = 64
MAGIC = b"root"
_BIG = 1_000_000  # fVersion of a file with 64 bit numbers
# fEND, fSeekFree, fNbytesFree, nfree, fNbytesName, fUnits, fCompress, fSeekInfo
_SMALL_FIELDS, _BIG_FIELDS = struct.Struct(">iiiiiBii"), struct.Struct(">qqiiiBiq")


def problem_of(head: bytes, size: int) -> Reason | None:
    """Why a file of `size` bytes that begins with `head` (HEADER_BYTES of it) is no whole ROOT file; None: it is."""
    if head[:4] != MAGIC or len(head) < HEADER_BYTES:
        return reason("root.not", size=size)
    version = int.from_bytes(head[4:8], "big", signed=True)
    fields = _BIG_FIELDS if version >= _BIG else _SMALL_FIELDS
    end, seek_free, _, _, _, _, _, seek_info = fields.unpack_from(head, 12)
    if end > size:
        return reason("root.cut", size=size, end=end)
    if end < size or not seek_free or not seek_info:
        return reason("root.unclosed", size=size)
    return None
