from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray

from remote.sandbox.tools.pulses import (
    EXTENSION_SIZES,
    FITS,
    PULSE_FIELDS,
    Points,
    TooFewPoints,
    Version,
    Window,
    blank_extensions,
    fit,
    model,
)

SAMPLES = 130
WINDOW = Window(0, SAMPLES - 1, 65530)
COUNT = 1000
LIMIT = 0xFFFFFFFE

# What a parameter may be. A place lies in the trace, a height within 16 bits. No slope can be told from a step that
# takes a pulse from less than one count to all of 16 bits within half a sample.
STEEPEST = math.log(65536) / 0.5
RANGES = {"position": SAMPLES, "amplitude": 65536, "steepness": STEEPEST, "decayTime": STEEPEST}


def simulated(pulses: int) -> NDArray[np.uint16]:
    """Traces like those on which FRIB's program was seen: noise of 3 counts, a second pulse 12 to 60 samples later."""
    rng = np.random.default_rng(2024)

    def column(low: float, high: float) -> NDArray[np.float64]:
        return rng.uniform(low, high, COUNT)

    line, continuum = rng.choice([1173.2, 1332.5, 2505.7], COUNT), rng.exponential(900, COUNT) + 100
    height = 4 * np.where(rng.random(COUNT) < 0.5, line, continuum)
    steepness, decay, position, offset = column(0.5, 1.2), column(0.02, 0.05), column(30, 42), column(380, 420)
    second = height * column(0.2, 1.0) * (pulses - 1)
    later = position + column(12, 60)
    truth = np.column_stack([height, second, steepness, steepness, decay, decay, position, later, offset])
    clean = model(truth, np.arange(SAMPLES, dtype=np.float64))
    return np.rint(clean + rng.normal(0, 3, clean.shape)).astype(np.uint16)


@pytest.fixture(scope="module")
def singles() -> NDArray[np.void]:
    return fit(simulated(1), WINDOW)


@pytest.fixture(scope="module")
def doubles() -> NDArray[np.void]:
    return fit(simulated(2), WINDOW)


def test_what_converged_is_within_ten_times_its_range(singles: NDArray[np.void], doubles: NDArray[np.void]) -> None:
    for fits in (singles["single"], singles["double"], doubles["single"], doubles["double"]):
        pulses = fits["pulse" if "pulse" in fits.dtype.names else "pulses"]
        assert np.isfinite(pulses["position"]).all()
        good = fits["fitStatus"] == 0
        for name in PULSE_FIELDS:
            assert np.abs(pulses[name][good]).max() <= 10 * RANGES[name], name
        assert np.abs(fits["offset"][good]).max() <= 10 * RANGES["amplitude"]


def test_two_pulses_on_a_single_one_end_as_often_as_fribs(singles: NDArray[np.void]) -> None:
    """FRIB's: of 972, 276 with status 0, 425 with 27 (or its kin of the last digit), 270 at the limit."""
    found = Counter(singles["double"]["fitStatus"].tolist())
    shares = [found[0], found[27] + found[29] + found[30] + found[31], found[LIMIT]]
    assert np.array(shares) / COUNT == pytest.approx(np.array([276, 426, 270]) / 972, abs=0.05)
    assert set(singles["single"]["fitStatus"].tolist()) == {0}


def test_two_pulses_are_fitted_down_to_the_noise(doubles: NDArray[np.void]) -> None:
    """Nearly all of them: a sum of squares per sample of the noise's, 9, and of what rounding adds."""
    converged = doubles["double"]["fitStatus"] == 0
    assert converged.mean() > 0.97
    positions = doubles["double"]["pulses"]["position"]
    misfit = doubles["double"]["chiSquare"] * 400 / SAMPLES  # the baseline is 400 in most samples; an upper limit
    assert (positions[:, 0] <= positions[:, 1]).all()
    assert (misfit < 12).mean() > 0.95


def test_a_fit_does_not_depend_on_its_batch(doubles: NDArray[np.void], singles: NDArray[np.void]) -> None:
    """Not even where a flat valley would make a lot of the last digit."""
    for pulses, together in ((1, singles), (2, doubles)):
        traces = simulated(pulses)[300:320]
        alone = np.concatenate([fit(traces[i : i + 1], WINDOW) for i in range(len(traces))])
        for kind in ("single", "double"):
            assert (alone[kind]["fitStatus"] == together[kind]["fitStatus"][300:320]).all()
            assert alone[kind]["chiSquare"] == pytest.approx(together[kind]["chiSquare"][300:320], rel=1e-9)


@pytest.mark.parametrize("saturated", [False, True])
@pytest.mark.parametrize(
    "at",
    [[900.0, 0.8, 0.03, 40.3, 400.0], [900.0, -300.0, 0.8, 1.5, 0.03, 0.4, 40.3, 70.8, 400.0]],
    ids=["one pulse", "two pulses"],
)
def test_the_fit_goes_by_the_derivatives_of_the_model(at: list[float], saturated: bool) -> None:
    traces, x, here = simulated(1)[:1], np.arange(SAMPLES, dtype=np.float64), np.array([at])
    saturation = int(traces.max()) // 2 if saturated else 65530
    used = traces[0] < saturation
    steps = 1e-5 * np.diag(at)
    ahead, behind = model(here + steps, x), model(here - steps, x)
    jacobian = ((ahead - behind).T / (2 * np.diag(steps)))[used]
    design = np.column_stack([jacobian, (model(here, x) - traces)[0, used]])
    expected, norms = design.T @ design, np.linalg.norm(design, axis=0)
    found = Points.of(traces, Window(0, SAMPLES - 1, saturation)).gram(np.arange(1), here)[0]
    found[-1, :-1] = expected[-1, :-1]  # not used, nor set
    assert found / norms / norms[:, None] == pytest.approx(expected / norms / norms[:, None], abs=1e-6)


def test_a_pulse_as_steep_as_a_step_ends_the_fit_without_progress() -> None:
    """DDASToys' derivatives overflow there, which GSL answers with 27."""
    trace = np.full((1, SAMPLES), 400, np.uint16)
    trace[0, 60:] = 3000
    found = fit(trace, WINDOW)[0]["single"]
    assert found["fitStatus"] == 27
    assert found["pulse"]["steepness"] > 5
    assert found["pulse"]["position"] == pytest.approx(59.5, abs=0.6)


@pytest.mark.parametrize(("version", "size"), [((4, 0), 152), ((5, 1), 152), ((6, 0), 168), ((6, 4), 168)])
def test_each_version_has_its_own_extension(version: Version, size: int) -> None:
    traces = simulated(1)[:2]
    for extensions in (fit(traces, WINDOW, version), blank_extensions(2, version)):
        data = extensions.tobytes()
        assert len(data) == 2 * size
        ends = 144 if size == 152 else 160
        assert data[ends : ends + 4] == size.to_bytes(4, "little")
        assert size in EXTENSION_SIZES
    assert not blank_extensions(2, version)["double"]["iterations"].any()
    here, newest = fit(traces, WINDOW, version), fit(traces, WINDOW)
    for name in FITS.names or ():
        assert here[name].tobytes() == newest[name].tobytes()


def test_samples_between_limits_that_are_not_there_are_too_few() -> None:
    for window in (Window(130, 0, 129), Window(200, 300, 65530), Window(0, 7, 65530)):
        with pytest.raises(TooFewPoints):
            fit(simulated(1)[:3], window)


def test_as_many_samples_as_parameters_are_enough_whatever_is_in_them() -> None:
    """Also where a parameter is negative and the trace is fitted backwards, which leaves out one sample."""
    noise = np.random.default_rng(3).integers(300, 5000, (50, 9)).astype(np.uint16)
    found = fit(noise, Window(0, 8, 65530))
    assert any((found["single"]["pulse"][name] < 0).any() for name in PULSE_FIELDS)
    assert set(found["double"]["fitStatus"].tolist()) <= {0, 27, 29, 30, 31, LIMIT}
