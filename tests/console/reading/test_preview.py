"""What is previewed of a run: against which other run, in which words, drawn how."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from console.disk import spectra
from console.disk.spectra import NoSpectra, Spectrum
from console.ledger import evidence, results
from console.ledger.results import Rate
from console.reading.preview import Compared, Preview, compared, read
from console.reading.preview_page import Plot, draw, plots
from flowspec.conditions import reason
from flowspec.progress import Evidence, Says, Witness
from flowspec.stages import Stage
from tests.ledger_fixture import DemoLedger, demo_ledger, stand

ENERGY = Spectrum("energy", "Energy", 0, 40, (0, 10, 20, 10), 12_345, 812.3, 0)
COMPARED = Compared(1217, Path("/r/1217.root"), 1216, Path("/r/1216.root"), ())


@pytest.fixture
def demo(tmp_path: Path) -> DemoLedger:
    return demo_ledger(tmp_path / "ledger.db")


def only(preview: Preview) -> Plot:
    (plot,) = plots(preview)
    return plot


# ---- which runs


def test_the_run_before_is_the_last_one_that_is_done(demo: DemoLedger) -> None:
    found = compared(demo.ledger, 1215)
    before = found.before
    assert before == max(run for run in results.back(demo.ledger) if run < 1215)
    assert str(found.path_before).endswith(f"run-{before}-sorted.root")
    assert compared(demo.ledger, 1215, 1205).before == 1205
    assert compared(demo.ledger, 1215, alone=True).path_before is None


@pytest.mark.parametrize(("run", "before"), [(1217, None), (99, None), (1215, 1217)])
def test_what_has_no_result_is_said(demo: DemoLedger, run: int, before: int | None) -> None:
    with pytest.raises(NoSpectra, match=f"run {before or run} has no result"):
        compared(demo.ledger, run, before)


def test_rates_are_of_runs_that_are_done_and_known_only_when_all_jobs_told(demo: DemoLedger) -> None:
    told = [
        Evidence(Stage.CONVERT, s, Witness.TASK, Says.DONE, reason("task.done", stage="convert", **entries), 1, demo.at)
        for s, entries in enumerate([{"entries": 900}] * 2 + [{}])
    ]
    evidence.record_evidence(demo.ledger, 1215, told[:2])
    stand(demo.ledger, 1215, started=demo.at - 600, ended=demo.at)
    *earlier, newest = results.rates(demo.ledger, 1215, 3)
    assert newest == Rate(1215, 1800, 600.0)
    assert newest.per_second == 3.0
    assert [rate.run for rate in earlier] == results.back(demo.ledger)[2:0:-1]
    assert earlier[0].per_second is None
    evidence.record_evidence(demo.ledger, 1215, told)
    assert results.rates(demo.ledger, 1215, 1) == [Rate(1215, None, 600.0)]


def test_another_result_that_cannot_be_read_hides_nothing_of_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def reading(path: Path) -> tuple[Spectrum, ...]:
        if path == COMPARED.path_before:
            raise NoSpectra(f"{path} is not there")
        return (ENERGY,)

    monkeypatch.setattr(spectra, "read", reading)
    found = read(COMPARED)
    assert found.spectra == (ENERGY,)
    assert only(found).words.endswith("; nothing to compare with: /r/1216.root is not there")


# ---- in words


def test_the_difference_is_told_in_words() -> None:
    before = replace(ENERGY, entries=10_000, mean=640.1, outside=3)
    plot = only(Preview(COMPARED, (ENERGY,), {"energy": before}))
    assert plot.words == (
        "entries 12,345, run 1216: 10,000 (23.4 % more); mean 812.3, run 1216: 640.1 (26.9 % more); "
        "beyond the axis 0, run 1216: 3 (100 % less)"
    )
    assert plot.marks == "# run 1217   o run 1216, drawn with as many counts"
    same = only(Preview(COMPARED, (ENERGY,), {"energy": ENERGY})).words
    assert same == "entries 12,345, run 1216: 12,345 (the same); mean 812.3, run 1216: 812.3 (the same)"


def test_a_spectrum_that_the_other_run_lacks_stands_alone() -> None:
    plot = only(Preview(COMPARED, (replace(ENERGY, mean=None),), {}))
    assert plot.words == "entries 12,345; mean not known; run 1216 has no energy"
    assert plot.marks == "# run 1217"


def test_the_trend_compares_with_the_runs_before() -> None:
    rates = (Rate(1214, 100, 10.0), Rate(1215, None, None), Rate(1216, 300, 10.0), Rate(1217, 100, 20.0))
    _, per_second, entries = plots(Preview(replace(COMPARED, rates=rates), (ENERGY,), {}))
    assert per_second.words == "run 1217: 5 entries per second; median of the 2 before it: 20 (75 % less)"
    assert entries.words == "run 1217: 100 entries; median of the 2 before it: 200 (50 % less)"
    assert draw(entries, 23, 5) == [
        "      300 |      ###",
        "          |      ###",
        "          |###   ######",
        "        0 +------------",
        "           1214    1217",
    ]


# ---- drawn


def test_one_run_is_filled_and_the_other_an_outline_with_as_many_counts() -> None:
    before = replace(ENERGY, counts=(0, 0, 1, 3))
    plot = only(Preview(COMPARED, (ENERGY,), {"energy": before}))
    assert draw(plot, 19, 8) == [
        "       30 |      oo",
        "          |      o",
        "          |    ##o",
        "          |    ##o",
        "          |  ##oo##",
        "          |  ##o###",
        "        0 +--------",
        "           0     40",
    ]


def test_spectra_of_different_axes_are_laid_over_one_another() -> None:
    before = Spectrum("energy", "", 20, 80, (10, 10), 20, 50, 0)
    lines = draw(only(Preview(COMPARED, (ENERGY,), {"energy": before})), 27, 6)
    assert lines[-1].split() == ["0", "80"]
    assert max(line.rfind("o") for line in lines) > max(line.rfind("#") for line in lines)


@pytest.mark.parametrize("counts", [(0, 0), (1e15,), (5.0,) * 256], ids=["zeros", "one", "many"])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (40, 5), (78, 14), (300, 80)])
def test_it_is_ascii_and_fits(counts: tuple[float, ...], width: int, height: int) -> None:
    plot = only(Preview(COMPARED, (replace(ENERGY, counts=counts),), {"energy": ENERGY}))
    lines = draw(plot, width, height)
    assert all(line.isascii() for line in lines)
    if width >= 40:
        assert max(map(len, lines)) <= width
        assert len(lines) == height
