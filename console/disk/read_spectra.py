"""The process that reads the spectra of a ROOT file for `console.disk.spectra`: prints them, or a problem, as JSON."""

from __future__ import annotations

import json
import re
import resource
import sys
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from console.disk.spectra import NoSpectra, Spectrum
from flowspec import text

MEMORY = 2 << 30  # bytes that it may have
MOST = 200  # spectra of a file
BINS = 256  # more than any terminal has columns
TAIL = 0.001  # of the counts, on each side: so far out the axis is cut off
TREE_ENTRIES, TREE_BINS, BRANCHES = 100_000, 128, 24  # of a file without histograms
NAME, TITLE, CAUSE = 60, 100, 120  # cells
NO_UPROOT = "the package uproot is not installed: pip install 'frib-flow-console[preview]'"


def spectra(path: str) -> list[Spectrum]:
    """Raises NoSpectra, and whatever a broken file makes uproot raise."""
    try:
        import uproot
    except ImportError:
        raise NoSpectra(NO_UPROOT) from None
    with uproot.open({path: None}) as file:
        classes = file.classnames(cycle=False)
        histograms = [name for name, kind in classes.items() if re.fullmatch("TH1[A-Z]", kind)]
        trees = [name for name, kind in classes.items() if kind == "TTree"]
        if histograms:
            found = _each((name, file[name]) for name in histograms[:MOST])
        else:
            found = _each((name, branch) for tree in trees[:1] for name, branch in _numeric(uproot, file[tree]))
    if not found:
        raise NoSpectra(f"{path} has neither histograms nor a tree with numbers")
    return found


def _numeric(uproot: Any, tree: Any) -> Iterable[tuple[str, Any]]:
    numbers = uproot.interpretation.numerical.AsDtype, uproot.interpretation.jagged.AsJagged
    return [(name, branch) for name, branch in tree.items() if isinstance(branch.interpretation, numbers)][:BRANCHES]


def _each(items: Iterable[tuple[str, Any]]) -> list[Spectrum]:
    """What is broken is left out; raises what was wrong when nothing is left."""
    found, problem = [], None
    for name, item in items:
        try:
            found.append(_of_branch(name, item) if hasattr(item, "interpretation") else _of_histogram(name, item))
        except Exception as error:  # whatever it is: others may be whole
            problem = error
    if problem is not None and not found:
        raise problem
    return found


def _of_histogram(name: str, histogram: Any) -> Spectrum:
    counts = histogram.values(flow=True)
    edges, entries = histogram.axis().edges(), histogram.member("fEntries")
    return _spectrum(name, histogram.title, counts[1:-1], edges, entries, counts[0] + counts[-1])


def _of_branch(name: str, branch: Any) -> Spectrum:
    import awkward
    import numpy as np

    found = awkward.flatten(branch.array(entry_stop=TREE_ENTRIES, library="ak"), axis=None)
    values = awkward.to_numpy(found).astype(np.float64)
    counts, edges = np.histogram(values[np.isfinite(values)], TREE_BINS)
    first = f", the first {TREE_ENTRIES:,} entries" if branch.num_entries > TREE_ENTRIES else ""
    return _spectrum(name, f"branch {name}{first}", counts, edges, values.size, values.size - counts.sum())


def _spectrum(name: str, title: str, counts: Any, edges: Any, entries: float, outside: float) -> Spectrum:
    import numpy as np

    counts = np.maximum(np.asarray(counts, np.float64), 0)
    sums = np.concatenate(([0.0], np.cumsum(counts)))
    total = sums[-1]
    if not (counts.size and np.isfinite([*edges, entries, outside, total]).all() and (np.diff(edges) > 0).all()):
        raise ValueError(f"{name} has a broken axis or counts that are no numbers")
    has = np.flatnonzero((sums[1:] > total * TAIL) & (sums[:-1] < total * (1 - TAIL)))
    first, last = (has[0], has[-1] + 1) if has.size else (0, counts.size)
    grid = np.linspace(edges[first], edges[last], min(BINS, last - first) + 1)
    rebinned = np.diff(np.interp(grid, edges, sums))
    mean = float(np.average((edges[1:] + edges[:-1]) / 2, weights=counts)) if total else None
    return Spectrum(
        text.clean(name, NAME), text.clean(title, TITLE), float(grid[0]), float(grid[-1]),
        tuple(rebinned.round(3).tolist()), float(entries), mean, float(outside),
    )  # fmt: skip


def main(path: str) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    try:
        document = json.dumps({"spectra": [asdict(spectrum) for spectrum in spectra(path)]}, allow_nan=False)
    except NoSpectra as error:
        document = json.dumps({"problem": str(error)})
    except Exception as error:  # whatever a broken file makes of it
        cause = text.clean(f"{type(error).__name__} {str(error).strip().partition(chr(10))[0]}", CAUSE)
        document = json.dumps({"problem": f"{text.clean(path)} cannot be read: {cause}"})
    print(document)


if __name__ == "__main__":
    main(sys.argv[1])
