"""The DDASToys analytic fit of traces: one and two pulses on a constant.

f(x) = sum of A / (1 + exp(-k1 (x - x1))) * exp(-k2 (x - x1)), plus C; x counts samples. The sum of (f - y)^2 over the
unsaturated samples is minimised; Neyman's chi-square, sum of (y - f)^2 / y, is what is reported.
Parameter order: A, k1, k2, x1 of each pulse, then C.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from remote.sandbox.tools.marquardt import Floats, Minima, NormalEquations, minimise

SINGLE_PARAMETERS, SINGLE_ITERATIONS = 5, 50
DOUBLE_PARAMETERS, DOUBLE_ITERATIONS = 9, 200
FALLBACK_SLOPE = 0.1
CHUNK = 64  # traces per evaluation: their Jacobians (10 kB each) stay in the processor's cache
MAX_EXPONENT = 300.0

_PULSE = [("position", "<f8"), ("amplitude", "<f8"), ("steepness", "<f8"), ("decayTime", "<f8")]
PULSE = np.dtype(_PULSE)
PULSE_FIELDS = tuple(name for name, _ in _PULSE)
_QUALITY = [("chiSquare", "<f8"), ("offset", "<f8"), ("iterations", "<u4"), ("fitStatus", "<u4")]
QUALITY = tuple(name for name, _ in _QUALITY)
SINGLE = np.dtype([("pulse", PULSE), *_QUALITY])
DOUBLE = np.dtype([("pulses", PULSE, 2), *_QUALITY])
_FITS = [("single", SINGLE), ("double", DOUBLE)]
FITS = np.dtype(_FITS)  # 144 bytes
# FitInfo of DDASToys 6 on x86-64, 168 bytes: the fits, two probabilities that this fit leaves at 0, the size.
EXTENSION = np.dtype([*_FITS, ("rest", "<f8", 2), ("size", "<u4"), ("pad", "<u4")])


class TooFewPoints(Exception):
    """Fewer unsaturated samples than parameters; FRIB's program aborts on it."""


@dataclass(frozen=True)
class Window:
    """What to fit of a trace: samples `low` to `high` inclusive, those at or above `saturation` left out."""

    low: int
    high: int
    saturation: int


@dataclass(frozen=True)
class Points:
    """The samples to fit of n traces: positions x (N,), values y (n, N), weights 0 or 1 (n, N) or None if all are 1."""

    x: Floats
    y: Floats
    weights: Floats | None

    @classmethod
    def of(cls, traces: NDArray[np.uint16], window: Window) -> "Points":
        y = traces[:, window.low : window.high + 1].astype(np.float64)
        used = y < window.saturation
        fewest = int(used.sum(axis=1).min())
        if fewest < DOUBLE_PARAMETERS:
            raise TooFewPoints(f"{fewest} unsaturated samples for {DOUBLE_PARAMETERS} parameters")
        x = np.arange(window.low, window.low + y.shape[1], dtype=np.float64)
        return cls(x, y, None if used.all() else used.astype(np.float64))

    def normal_equations(self, rows: NDArray[np.intp], parameters: Floats) -> NormalEquations:
        """The problems of the traces in `rows` at `parameters` (m, p), for `marquardt.minimise`."""
        m, p = parameters.shape
        gram, cost = np.empty((m, p, p + 1)), np.empty(m)
        for start in range(0, m, CHUNK):
            part = slice(start, start + CHUNK)
            design = self._design(rows[part], parameters[part])
            # Two views of different shape: numpy takes the much faster general product for them, not the symmetric one.
            np.matmul(design[:p].transpose(1, 0, 2), design.transpose(1, 2, 0), out=gram[part])
            np.einsum("ij,ij->i", design[p], design[p], out=cost[part])
        return NormalEquations(gram, cost)

    def _design(self, rows: NDArray[np.intp], parameters: Floats) -> Floats:
        """(p + 1, m, N): the derivatives by each parameter, and the residual last."""
        m, p = parameters.shape
        design = np.empty((p + 1, m, self.x.size))
        residual = design[p]
        np.subtract(parameters[:, p - 1 :], self.y[rows], out=residual)
        design[p - 1] = 1.0
        for first in range(0, p - 1, 4):
            amplitude, k1, k2, x1 = (parameters[:, first + i, None] for i in range(4))
            by_amplitude, by_k1, by_k2, by_x1 = design[first : first + 4]
            u = self.x - x1
            _shape(u, k1, k2, by_amplitude, by_k1)
            pulse = amplitude * by_amplitude
            residual += pulse
            np.multiply(by_k1, -k1, out=by_x1)
            by_x1 += k2
            by_x1 *= pulse
            pulse *= u
            by_k1 *= pulse
            np.negative(pulse, out=by_k2)
        if self.weights is not None:
            design *= self.weights[rows]
        return design

    def neyman(self, parameters: Floats) -> Floats:
        """Sum of (y - f)^2 / y over the fitted samples with y != 0; (n,)."""
        squares = (self.y - model(parameters, self.x)) ** 2
        if self.weights is not None:
            squares *= self.weights
        relative = np.divide(squares, self.y, out=np.zeros_like(squares), where=self.y != 0)
        total: Floats = relative.sum(axis=1)
        return total


def _shape(u: Floats, k1: Floats, k2: Floats, shape: Floats, unrisen: Floats) -> None:
    """Fill `shape` with exp(-k2 u) / (1 + exp(-k1 u)) and `unrisen` with 1 - 1 / (1 + exp(-k1 u))."""
    fall = k2 * u
    np.multiply(k2 - k1, u, out=unrisen)
    # Bounded, because inf * 0 is not a number; exp(300) is far beyond any sample.
    np.minimum(unrisen, MAX_EXPONENT, out=unrisen)
    np.exp(unrisen, out=unrisen)
    np.exp(fall, out=fall)
    fall += unrisen
    np.reciprocal(fall, out=shape)
    unrisen *= shape


def model(parameters: Floats, x: Floats) -> Floats:
    """f of each trace (n, N) for parameters (n, 5) or (n, 9)."""
    value = np.repeat(parameters[:, -1:], x.size, axis=1)
    shape, unrisen = np.empty_like(value), np.empty_like(value)
    for first in range(0, parameters.shape[1] - 1, 4):
        amplitude, k1, k2, x1 = (parameters[:, first + i, None] for i in range(4))
        _shape(x - x1, k1, k2, shape, unrisen)
        value += amplitude * shape
    return value


def fit(traces: NDArray[np.uint16], window: Window) -> NDArray[np.void]:
    """Fit one and two pulses to each trace (n, samples); returns n records of `EXTENSION`.

    Samples that the window names and the trace does not have are left out; FRIB's program reads past the end there.
    Raises TooFewPoints.
    """
    extensions = np.zeros(len(traces), EXTENSION)
    extensions["size"] = EXTENSION.itemsize
    # Trial steps may overflow; they are seen as not finite and rejected.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        points = Points.of(traces, window)
        single = minimise(points.normal_equations, _guess_single(traces, window), SINGLE_ITERATIONS)
        guess = _guess_double(traces, window, points, single.parameters)
        double = minimise(points.normal_equations, guess, DOUBLE_ITERATIONS)
        _store(extensions["single"], single, points)
        _store(extensions["double"], double, points)
    pulses = extensions["single"]["pulse"]
    _store_pulse(pulses, single.parameters[:, 0:4])
    later_first = double.parameters[:, 3] > double.parameters[:, 7]
    one, two = double.parameters[:, 0:4], double.parameters[:, 4:8]
    _store_pulse(extensions["double"]["pulses"][:, 0], np.where(later_first[:, None], two, one))
    _store_pulse(extensions["double"]["pulses"][:, 1], np.where(later_first[:, None], one, two))
    return extensions


def _store(record: NDArray[np.void], minima: Minima, points: Points) -> None:
    record["chiSquare"] = points.neyman(minima.parameters)
    record["offset"] = minima.parameters[:, -1]
    record["iterations"] = minima.iterations
    record["fitStatus"] = minima.status


def _store_pulse(record: NDArray[np.void], parameters: Floats) -> None:
    for column, name in enumerate(("amplitude", "steepness", "decayTime", "position")):
        record[name] = parameters[:, column]


def _guess_single(traces: NDArray[np.uint16], window: Window) -> Floats:
    """The pulse's height and place from the largest sample, its slopes from where it passes 1/2 and 3/4 of that."""
    inside = traces[:, window.low : window.high + 1]
    offset = np.minimum(inside[:, 0], inside[:, -1]).astype(np.float64)
    top = inside.argmax(axis=1) + window.low
    amplitude = traces[np.arange(len(traces)), top] - offset
    sample = np.arange(traces.shape[1])
    height = traces - offset[:, None]
    below_half = height < 0.5 * amplitude[:, None]
    after = sample >= top[:, None]

    rise = top - _last(below_half & ~after)
    k1 = np.where((below_half & ~after).any(axis=1), np.log(9) / np.maximum(rise, 1), FALLBACK_SLOPE)

    low_half, low_three_quarters = below_half & after, (height < 0.75 * amplitude[:, None]) & after
    at_half = np.log(2) / np.maximum(low_half.argmax(axis=1) - top, 1)
    at_three_quarters = np.log(4 / 3) / np.maximum(low_three_quarters.argmax(axis=1) - top, 1)
    k2 = np.select(
        [low_half.any(axis=1), low_three_quarters.any(axis=1)],
        [0.5 * (at_half + at_three_quarters), at_three_quarters],
        FALLBACK_SLOPE,
    )
    return np.column_stack([amplitude, k1, k2, top, offset])


def _last(mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    last: NDArray[np.intp] = mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=1)
    return last


def _guess_double(traces: NDArray[np.uint16], window: Window, points: Points, single: Floats) -> Floats:
    """The single pulse, and a second of the same slopes where the trace exceeds it most."""
    first = single.copy()
    unphysical = (single[:, :4] < 0).any(axis=1)
    if unphysical.any():
        first[unphysical] = _fit_reversed(traces[unphysical], window)
    excess = points.y - model(first, points.x)
    at = np.nan_to_num(excess, nan=-np.inf).argmax(axis=1)
    height = excess[np.arange(len(excess)), at]
    return np.column_stack([first[:, :4], height, first[:, 1], first[:, 2], points.x[at], first[:, 4]])


def _fit_reversed(traces: NDArray[np.uint16], window: Window) -> Floats:
    """The single pulse from a fit of the trace backwards: the way out that DDASToys takes of a negative parameter."""
    samples = traces.shape[1]
    high = samples - window.low
    mirrored = Window(high - (window.high - window.low), high, window.saturation)
    backwards = np.ascontiguousarray(traces[:, ::-1])
    points = Points.of(backwards, mirrored)
    found = minimise(points.normal_equations, _guess_single(backwards, mirrored), SINGLE_ITERATIONS).parameters
    found[:, 1:3] *= -1
    found[:, 3] = points.x.size - found[:, 3]
    return found
