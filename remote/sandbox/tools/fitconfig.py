"""The file that $FIT_CONFIGFILE names: which channels are fitted, and how much of their traces.

One channel per line, `crate slot channel trace_length low high saturation "model" "template"`; '#' begins a comment
line. The two paths serve other fits than ours, yet DDASToys 6 insists on them.
"""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from remote.sandbox.tools.pulses import Window

Channel = tuple[int, int, int]  # crate, slot, channel


def read_fit_config(environment: Mapping[str, str] = os.environ) -> dict[Channel, Window]:
    """Raises ValueError or OSError with a sentence that says what is wrong with the file."""
    name = environment.get("FIT_CONFIGFILE")
    if not name:
        raise ValueError("FIT_CONFIGFILE is not set; let it name the file that lists the channels to fit")
    channels = {}
    for number, line in enumerate(Path(name).read_text(errors="replace").splitlines(), 1):
        if not line.strip() or line.strip().startswith("#"):
            continue
        try:
            fields = shlex.split(line)
            crate, slot, channel, _length, low, high, saturation = map(int, fields[:7])
            _model, _template = fields[7:9]
        except ValueError:
            raise ValueError(f"Error processing line {number} in configuration file {name}: '{line}'") from None
        channels[crate, slot, channel] = Window(low, high, saturation)
    return channels
