"""The console's driver stands on internals of Textual. When one of them changes, somebody has to read it again."""

from __future__ import annotations

import hashlib
import inspect
from importlib.metadata import version
from typing import Any

import pytest
from textual import _ansi_sequences, _keyboard_protocol
from textual._parser import Parser
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.driver import Driver
from textual.drivers._writer_thread import WriterThread
from textual.drivers.linux_driver import LinuxDriver

READ_AGAIN = """
{name} is not what the driver was written for. Read it again: what of it does screens/terminal/ or screens/app.py use,
and is that still true? Then put the new digest {digest!r} here, and the new version into the docstrings there."""

PINNED = "8.2.8"
DIGESTS: dict[Any, str] = {
    LinuxDriver.__init__: "671887bbf938d1d8",
    LinuxDriver._get_terminal_size: "7e80e59356c609c4",
    LinuxDriver._query_in_band_window_resize: "6281785be6a988fd",
    LinuxDriver.start_application_mode: "7c41f5ba11a8ef05",
    LinuxDriver.disable_input: "6154c5a7c1743fe9",
    LinuxDriver.stop_application_mode: "9a7e99c8d4bdbd3b",
    LinuxDriver._run_input_thread: "d2ef22cc2c97a9eb",
    LinuxDriver.run_input_thread: "d796af6d69db337d",
    LinuxDriver.process_message: "685f4c56ecfc3fe2",
    Driver.process_message: "af9cb0baaf150940",
    Driver.send_message: "4ecf73a431b20ace",
    WriterThread: "411a9202bed5a877",
    Parser: "5e97a0be1bb08455",
    XTermParser: "fc1e32fb7a4ae5a0",
    App._handle_exception: "baea2e7f88e7ac52",
    App._fatal_error: "2474616cec7fa94d",
    App._close_messages_no_wait: "f5db7e8fd40afc56",
    App._shutdown: "c264035bcb6202ee",
    _ansi_sequences: "0b4037a3f36997ca",
    _keyboard_protocol: "a82e341351e82128",
}


def digest(thing: Any) -> str:
    return hashlib.sha256(inspect.getsource(thing).encode()).hexdigest()[:16]


def test_textual_is_the_version_whose_internals_the_driver_uses() -> None:
    assert version("textual") == PINNED


@pytest.mark.parametrize("thing", DIGESTS, ids=lambda thing: getattr(thing, "__qualname__", thing.__name__))
def test_what_the_driver_uses_of_textual_is_as_it_was(thing: Any) -> None:
    assert digest(thing) == DIGESTS[thing], READ_AGAIN.format(name=thing, digest=digest(thing))
