"""`console preview RUN`: the spectra of its result against those of the run before it, drawn with characters."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from console.cli.asking import Failure, print_outcome, settings_of
from console.disk.spectra import NoSpectra
from console.ledger.store import Ledger
from console.reading.preview import compared, read
from console.reading.preview_page import draw, plots

WIDTH, HEIGHT = 78, 14  # cells and lines of a plot
NONE = "none"


def preview(options: argparse.Namespace) -> int:
    ledger = Ledger(settings_of(options).ledger, read_only=True)
    alone = options.previous == NONE
    try:
        found = read(compared(ledger, options.run, None if alone else options.previous, alone=alone))
    except NoSpectra as error:
        raise Failure(str(error)) from None
    document = {
        "run": found.compared.run,
        "path": str(found.compared.path),
        "previous": found.compared.before,
        "problem": found.problem,
        "spectra": [
            {**asdict(one), "previous": asdict(before) if (before := found.before.get(one.name)) else None}
            for one in found.spectra
        ],
        "rates": [{**rate._asdict(), "per_second": rate.per_second} for rate in found.compared.rates],
    }
    drawn = ["\n".join((one.title, one.words, one.marks, *draw(one, WIDTH, HEIGHT))) for one in plots(found)]
    return print_outcome(options, document, "\n\n".join(drawn))
