"""The DDASToys analytic fit of traces: one and two pulses on a constant.

f(x) = sum of A / (1 + exp(-k1 (x - x1))) * exp(-k2 (x - x1)), plus C; x counts samples. The sum of (f - y)^2 over the
unsaturated samples is minimised; Neyman's chi-square, sum of (y - f)^2 / y, is what is reported.
Parameter order: A of each pulse, then k1 of each, k2, x1, then C.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from remote.sandbox.tools.marquardt import Floats, Minima, minimise

Version = tuple[int, int]  # of DDASToys: (6, 4)

NEWEST: Version = (6, 4)
SINGLE_PARAMETERS, SINGLE_ITERATIONS = 5, 50
DOUBLE_PARAMETERS, DOUBLE_ITERATIONS = 9, 200
FALLBACK_SLOPE = 0.1
LEAST_EXPONENT, TINY = -160.0, 1e-70  # as good as 0, and no product of it is a denormal number: those are slow
CHUNK = 64  # traces per evaluation: their Jacobians (16 kB each) stay in the processor's cache

_PULSE = [("position", "<f8"), ("amplitude", "<f8"), ("steepness", "<f8"), ("decayTime", "<f8")]
PULSE = np.dtype(_PULSE)
PULSE_FIELDS = tuple(name for name, _ in _PULSE)
_QUALITY = [("chiSquare", "<f8"), ("offset", "<f8"), ("iterations", "<u4"), ("fitStatus", "<u4")]
QUALITY = tuple(name for name, _ in _QUALITY)
SINGLE = np.dtype([("pulse", PULSE), *_QUALITY])
DOUBLE = np.dtype([("pulses", PULSE, 2), *_QUALITY])
_FITS = [("single", SINGLE), ("double", DOUBLE)]
_SIZE = [("size", "<u4"), ("pad", "<u4")]
FITS = np.dtype(_FITS)  # 144 bytes, with which every extension begins
# FitInfo of DDASToys on x86-64, 152 bytes, and 168 from 6.0 on, with two probabilities that this fit leaves at 0.
LEGACY_EXTENSION = np.dtype([*_FITS, *_SIZE])
EXTENSION = np.dtype([*_FITS, ("rest", "<f8", 2), *_SIZE])
# Of fitted hits. 144 bytes no EventEditor writes, yet the unpackers of all versions take them.
EXTENSION_SIZES = (FITS.itemsize, LEGACY_EXTENSION.itemsize, EXTENSION.itemsize)


def blank_extensions(count: int, version: Version = NEWEST) -> NDArray[np.void]:
    """As that version of DDASToys leaves them on hits without a trace: zeros, and their own size."""
    extensions = np.zeros(count, EXTENSION if version >= (6, 0) else LEGACY_EXTENSION)
    extensions["size"] = extensions.itemsize
    return extensions


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
    def of(cls, traces: NDArray[np.uint16], window: Window, parameters: int = DOUBLE_PARAMETERS) -> "Points":
        """Raises TooFewPoints when a trace has fewer than `parameters`."""
        y = traces[:, window.low : window.high + 1].astype(np.float64)
        used = y < window.saturation
        fewest = int(used.sum(axis=1).min())
        if fewest < parameters:
            raise TooFewPoints(f"{fewest} unsaturated samples for {parameters} parameters")
        x = np.arange(window.low, window.low + y.shape[1], dtype=np.float64)
        return cls(x, y, None if used.all() else used.astype(np.float64))

    def gram(self, rows: NDArray[np.intp], parameters: Floats) -> Floats:
        """[J r]^T [J r] of the traces in `rows` at `parameters` (m, p), for `marquardt.minimise`."""
        m, p = parameters.shape
        products = np.zeros((m, p + 1, p + 1))
        for start in range(0, m, CHUNK):
            part = slice(start, start + CHUNK)
            basis = self._basis(rows[part], parameters[part])
            # Two views of different shape: numpy takes the much faster general product for them, not the symmetric one.
            np.matmul(basis[:p].transpose(1, 0, 2), basis.transpose(1, 2, 0), out=products[part, :p])
            np.vecdot(basis[p], basis[p], out=products[part, p, p])
        return _by_parameter(products, parameters)

    def _basis(self, rows: NDArray[np.intp], parameters: Floats) -> Floats:
        """(p + 1, m, N): what `_by_parameter` makes the derivatives of, and the residual last.

        That is e, e q u, e u and e q of each pulse, and 1: e = fall / (1 + unrisen), q = unrisen / (1 + unrisen),
        u = x - x1. Not finite where DDASToys' derivatives are not: a pulse too steep to be told from a step ends its
        fit.
        """
        m, p = parameters.shape
        pulses = (p - 1) // 4
        amplitude, _, _, x1 = by_kind = parameters[:, : p - 1].T.reshape(4, pulses, m)
        # Of each pulse u, -k1 u and -k2 u, which are straight lines in x: one product makes all of them.
        # Whole arrays are what numpy is fast at; a factor for each trace costs three times as much.
        lines = np.empty((3, pulses, m, 2))
        lines[0, ..., 1] = 1.0
        np.negative(by_kind[1:3], out=lines[1:, ..., 1])
        np.multiply(lines[..., 1], -x1, out=lines[..., 0])
        waves = (lines.reshape(-1, 2) @ self._straight).reshape(3, pulses, m, -1)
        u, unrisen, fall = waves
        np.maximum(waves[1:], LEAST_EXPONENT, out=waves[1:])
        np.exp(waves[1:], out=waves[1:])

        basis = np.empty((p + 1, m, self.x.size))
        e, equ, eu, eq = basis[: p - 1].reshape(4, pulses, m, -1)
        risen = np.add(unrisen, 1.0, out=e)
        np.reciprocal(risen, out=risen)
        unrisen *= risen
        e *= fall
        e += TINY
        np.multiply(e, unrisen, out=eq)
        np.multiply(e, u, out=eu)
        np.multiply(eq, u, out=equ)
        basis[p - 1] = 1.0
        residual = basis[p]
        np.matmul(amplitude.T[:, None], basis[:pulses].transpose(1, 0, 2), out=residual[:, None])
        residual -= self.y[rows]
        residual += parameters[:, p - 1 :]
        if self.weights is not None:
            basis *= self.weights[rows]
        return basis

    @cached_property
    def _straight(self) -> Floats:
        """What straight lines in x are made of (2, N)."""
        return np.stack([np.ones_like(self.x), self.x])

    def neyman(self, parameters: Floats) -> Floats:
        """Sum of (y - f)^2 / y over the fitted samples with y != 0; (n,)."""
        squares = (self.y - model(parameters, self.x)) ** 2
        if self.weights is not None:
            squares *= self.weights
        relative = np.divide(squares, self.y, out=np.zeros_like(squares), where=self.y != 0)
        total: Floats = relative.sum(axis=1)
        return total


def _by_parameter(products: Floats, parameters: Floats) -> Floats:
    """[J r]^T [J r] from the basis' own: J is e, A e q u, -A e u and A (k2 e - k1 e q) of each pulse, and 1."""
    m, p = parameters.shape
    pulses = (p - 1) // 4
    amplitude, k1, k2, _ = parameters[:, : p - 1].T.reshape(4, pulses, m)
    gram = products.transpose(1, 2, 0).copy()  # whole arrays again
    e, eq = slice(pulses), slice(3 * pulses, 4 * pulses)
    gram[eq] = k2[:, None] * gram[e] - k1[:, None] * gram[eq]
    gram[:, eq] = k2 * gram[:, e] - k1 * gram[:, eq]
    factors = np.ones((p + 1, m))
    factors[pulses : p - 1] = np.concatenate([amplitude, -amplitude, amplitude])
    gram *= factors[:, None]
    gram *= factors
    return np.ascontiguousarray(gram.transpose(2, 0, 1))


def model(parameters: Floats, x: Floats) -> Floats:
    """f of each trace (n, N) for parameters (n, 5) or (n, 9)."""
    value = np.repeat(parameters[:, -1:], x.size, axis=1)
    by_kind = parameters[:, :-1].T.reshape(4, -1, len(parameters), 1)
    for amplitude, k1, k2, x1 in by_kind.swapaxes(0, 1):
        u = x - x1
        value += amplitude / (1 + np.exp(-k1 * u)) * np.exp(-k2 * u)
    return value


def fit(traces: NDArray[np.uint16], window: Window, version: Version = NEWEST) -> NDArray[np.void]:
    """Fit one and two pulses to each trace (n, samples); returns n extensions, laid out as by that version of DDASToys.

    Samples that the window names and the trace does not have are left out; FRIB's program reads past the end there.
    Raises TooFewPoints.
    """
    extensions = blank_extensions(len(traces), version)
    # Trial steps may overflow; they are seen as not finite and rejected.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        points = Points.of(traces, window)
        single = minimise(points.gram, _guess_single(traces, window), SINGLE_ITERATIONS)
        guess = _guess_double(traces, window, points, single.parameters)
        double = minimise(points.gram, guess, DOUBLE_ITERATIONS)
        _store(extensions["single"], single, points)
        _store(extensions["double"], double, points)
    _store_pulse(extensions["single"]["pulse"], single.parameters[:, :4])
    one, two = double.parameters[:, 0:8:2], double.parameters[:, 1:8:2]
    swapped = (one[:, 3] > two[:, 3])[:, None]
    _store_pulse(extensions["double"]["pulses"][:, 0], np.where(swapped, two, one))
    _store_pulse(extensions["double"]["pulses"][:, 1], np.where(swapped, one, two))
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
    """The pulse's height and place from the largest sample, its slopes from where it passes 1/2 and 3/4 of that.

    DDASToys means to begin so; yet it takes an unsigned difference in its estimate of k2, which then always is 0.1.
    """
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
    amplitude, k1, k2, x1, offset = first.T
    return np.column_stack([amplitude, height, k1, k1, k2, k2, x1, points.x[at], offset])


def _fit_reversed(traces: NDArray[np.uint16], window: Window) -> Floats:
    """The single pulse from a fit of the trace backwards: the way out that DDASToys takes of a negative parameter."""
    samples = traces.shape[1]
    high = samples - window.low
    mirrored = Window(high - (window.high - window.low), high, window.saturation)
    backwards = np.ascontiguousarray(traces[:, ::-1])
    points = Points.of(backwards, mirrored, SINGLE_PARAMETERS)
    found = minimise(points.gram, _guess_single(backwards, mirrored), SINGLE_ITERATIONS).parameters
    found[:, 1:3] *= -1
    found[:, 3] = points.x.size - found[:, 3]
    return found
