"""Stand-in for betasort, the user's analysis: converted segments of a run to histograms.

    betasort INDIR/ OUTDIR/ RUN NSEGS

Reads run-NNNN-SS-fitted.root of segments 0 to NSEGS - 1 (0 means the first one) and writes run-NNNN-sorted.root. As
with the real ones it stops at the first file that is not there, a file that was never closed adds nothing, and a full
disk leaves such a file: all with return code 0 and without a word.
"""

import argparse
import sys
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

import awkward
import numpy as np
import uproot
from numpy.typing import NDArray
from uproot.writing.identify import to_TAxis, to_TH1x

from flowspec import rootfile
from flowspec.names import converted_file, sorted_file
from remote.sandbox.tools import disk
from remote.sandbox.tools.eeconverter import TREE

BRANCHES = (
    *("timestamp", "hits", "crate", "slot", "channel", "energy", "time", "fitted"),
    *("single_chiSquare", "double_chiSquare", "double_fitStatus", "double_1_position", "double_2_position"),
)


class Histogram:
    """Counts in equal bins from low to high, with ROOT's underflow and overflow bin."""

    def __init__(self, title: str, axis: str, bins: int, low: float, high: float) -> None:
        self.title, self.axis, self.bins, self.low, self.high = title, axis, bins, low, high
        self.counts = np.zeros(bins + 2)
        self.moments = np.zeros(3)  # of what lies in range: number, sum of x, sum of x^2

    def fill(self, values: NDArray[Any]) -> None:
        x = np.asarray(values, np.float64)
        x = x[~np.isnan(x)]
        bins = 1 + np.floor((x - self.low) / (self.high - self.low) * self.bins)
        bins = np.clip(bins, 0, self.bins + 1).astype(np.intp)
        self.counts += np.bincount(bins, minlength=self.bins + 2)
        inside = x[(bins > 0) & (bins <= self.bins)]
        self.moments += (inside.size, inside.sum(), np.square(inside).sum())

    def to_root(self, name: str) -> Any:
        number, total, squares = self.moments
        axis = to_TAxis("xaxis", self.axis, self.bins, self.low, self.high)
        entries = self.counts.sum()
        return to_TH1x(name, self.title, self.counts, entries, number, number, total, squares, self.counts, axis)


def sort(segments: Sequence[Path]) -> dict[str, Histogram]:
    """The histograms of a run, by name; energies also per channel, as `energy_CRATE_SLOT_CHANNEL`."""
    histograms = {
        "energy": _energy("all channels"),
        "chisquare_single": Histogram("Fits of one pulse", "Neyman chi-square", 1000, 0, 10_000),
        "chisquare_double": Histogram("Fits of two pulses", "Neyman chi-square", 1000, 0, 10_000),
        "time_difference": Histogram("Later hits of an event", "ns after the first hit", 1000, 0, 5000),
        "event_interval": Histogram("Consecutive events", "interval (us)", 2000, 0, 20_000),
        "pulse_separation": Histogram("Second pulse of converged fits", "samples after the first", 500, 0, 500),
    }
    for path in takewhile(Path.exists, segments):
        with path.open("rb") as file:
            if rootfile.problem_of(file.read(rootfile.HEADER_BYTES), path.stat().st_size):
                continue
        with uproot.open({path: TREE}) as tree:
            for part in tree.iterate(BRANCHES, library="ak"):
                _fill(histograms, part)
    return histograms


def _fill(histograms: dict[str, Histogram], part: Any) -> None:
    hits = {name: awkward.to_numpy(awkward.flatten(part[name])) for name in BRANCHES[2:]}
    histograms["energy"].fill(hits["energy"])
    for place in np.unique(np.stack([hits[name] for name in ("crate", "slot", "channel")]), axis=1).T:
        crate, slot, channel = place.tolist()
        here = (hits["crate"] == crate) & (hits["slot"] == slot) & (hits["channel"] == channel)
        name = f"energy_{crate}_{slot}_{channel}"
        histograms.setdefault(name, _energy(f"crate {crate} slot {slot} channel {channel}"))
        histograms[name].fill(hits["energy"][here])
    # A fitted channel's hit without a trace has fits of zeros.
    fitted = hits["fitted"] & (hits["single_chiSquare"] + hits["double_chiSquare"] > 0)
    histograms["chisquare_single"].fill(hits["single_chiSquare"][fitted])
    histograms["chisquare_double"].fill(hits["double_chiSquare"][fitted])
    converged = fitted & (hits["double_fitStatus"] == 0)
    histograms["pulse_separation"].fill((hits["double_2_position"] - hits["double_1_position"])[converged])
    after_first = part["time"] - awkward.firsts(part["time"])
    histograms["time_difference"].fill(awkward.to_numpy(awkward.flatten(after_first[:, 1:])))
    histograms["event_interval"].fill(np.diff(part["timestamp"].to_numpy().astype(np.float64)) / 1000)


def _energy(of: str) -> Histogram:
    return Histogram(f"Energy, {of}", "energy (ADC units)", 4096, 0, 65_536)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser("betasort", description="Sort the converted segments of a run into histograms.")
    parser.add_argument("input", type=Path, metavar="INDIR/")
    parser.add_argument("output", type=Path, metavar="OUTDIR/")
    parser.add_argument("run", type=int, metavar="RUN")
    parser.add_argument("segments", type=int, metavar="NSEGS", help="number of segments; 0: only the first")
    options = parser.parse_args(arguments)
    files = [options.input / converted_file(options.run, number) for number in range(max(options.segments, 1))]
    result = options.output / sorted_file(options.run)
    try:
        histograms = sort(files)
        disk.need_room()
        with uproot.recreate(result) as output:
            for name, histogram in histograms.items():
                output[name] = histogram.to_root(name)
    except (OSError, ValueError, KeyError) as error:
        if disk.is_full(error):
            disk.leave_unclosed(result)
            return 0
        print(f"betasort: run {options.run}: {error}", file=sys.stderr)
        return 1
    print(f"betasort: run {options.run}: {histograms['energy'].counts.sum():.0f} hits sorted")
    return 0


if __name__ == "__main__":
    sys.exit(main())
