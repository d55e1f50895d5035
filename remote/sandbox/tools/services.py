"""The endpoints through which EventEditor's threads talk to each other, as CZMQCommunicatorFactory reads them."""

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

NEEDED = (1, 2, 3)  # source to workers, workers to sorter, sorter to output
LONGEST_SOCKET_NAME = 107  # bytes of a path that a Unix socket can have
_IPC = "ipc://"


def check_services(environment: Mapping[str, str] = os.environ) -> None:
    """Raises ValueError with the sentence of the real program, or of ZeroMQ, when its threads cannot be connected.

    Not checked: whether a tcp port is free, and whether another job has the same endpoints.
    """
    endpoints = read_services(environment)
    for number in NEEDED:
        if number not in endpoints:
            raise ValueError(f"Failed to find endpoint: {number} in ZMQ endpoint lookup table")
        if endpoints[number].startswith(_IPC):
            path = endpoints[number].removeprefix(_IPC)
            if len(os.fsencode(path)) > LONGEST_SOCKET_NAME:
                raise ValueError("File name too long")
            if not path.startswith("@") and not Path(path).parent.is_dir():
                raise ValueError("No such file or directory")


def read_services(environment: Mapping[str, str]) -> dict[int, str]:
    """URIs by number; later files override earlier ones. A URI ends at its first blank, as C++ reads it."""
    files = [Path("zmqservices")]
    if "HOME" in environment:
        files.insert(0, Path(environment["HOME"], ".zmqservices"))
    if "ZMQ_SERVICES" in environment:
        files.append(Path(environment["ZMQ_SERVICES"]))
    endpoints = {}
    for file in files:
        with suppress(OSError):  # those that cannot be opened are passed over
            for line in file.read_text(errors="replace").splitlines():
                number, uri = [*line.split(), "", ""][:2]
                if not number or number.startswith("#"):
                    continue
                if not number.isdecimal() or not uri:
                    sys.exit(f"Failed to parse line zmq service file: {file} offending line: '{line}'")
                endpoints[int(number)] = uri
    return endpoints
