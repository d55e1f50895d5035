"""Levenberg-Marquardt least squares for many small problems at once.

All problems advance together: one batched solve of the damped normal equations per step, and a problem that is done
drops out of the batch. Stopping rules and status codes are those of GSL's `lmsder` as DDASToys uses it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class NormalEquations:
    """Of m problems with p parameters: J^T J with J^T r as its last column (m, p, p + 1), and r^T r (m,)."""

    gram: Floats
    cost: Floats


# (numbers of the problems (m,), their parameters (m, p)) -> their normal equations there
Evaluate = Callable[[NDArray[np.intp], Floats], NormalEquations]

SUCCESS = 0
NO_PROGRESS = 27
CONTINUE = 0xFFFFFFFE  # GSL_CONTINUE (-2) in an unsigned field: the iteration limit was hit

TOLERANCE = 1e-4  # absolute and relative, per parameter
MAX_REJECTED = 6  # steps in a row that did not lower the sum of squares; by then they are 2^42 times damped
MIN_GAIN = 1e-4  # actual over predicted reduction that makes a step acceptable
FIRST_DAMPING = 0.1
GROWTH = 4.0  # of the damping after a rejected step, and of this factor itself


@dataclass(frozen=True)
class Minima:
    """One entry per problem: parameters (n, p), iterations used (n,), GSL status code (n,)."""

    parameters: Floats
    iterations: NDArray[np.uint32]
    status: NDArray[np.uint32]


def minimise(evaluate: Evaluate, guess: Floats, max_iterations: int) -> Minima:
    """Minimise the sum of squared residuals of n problems, starting at `guess` (n, p)."""
    n = len(guess)
    result = Minima(guess.copy(), np.zeros(n, np.uint32), np.full(n, CONTINUE, np.uint32))
    live = np.arange(n)
    x = guess.copy()
    here = evaluate(live, x)
    gram, cost = here.gram, here.cost
    damping = np.full(n, FIRST_DAMPING)
    growth = np.full(n, GROWTH)
    iterations = np.zeros(n, np.uint32)
    rejected = np.zeros(n, np.intp)
    while live.size:
        step, predicted = _damped_step(gram, damping)
        trial = x + step
        there = evaluate(live, trial)
        # NaN (an overflow on the way) compares false, that is, it is a rejected step.
        gain = (cost - there.cost) / predicted
        good = (gain > MIN_GAIN) & np.isfinite(_diagonal(there.gram)).all(axis=1)
        x[good], gram[good], cost[good] = trial[good], there.gram[good], there.cost[good]

        # Nielsen's rule: relax the damping by how well the step was predicted, tighten it ever faster otherwise.
        relax = np.maximum(1 / 3, 1 - (2 * gain - 1) ** 3)
        damping = np.clip(damping * np.where(good, relax, growth), 1e-15, 1e300)
        growth = np.where(good, GROWTH, growth * GROWTH)
        rejected = np.where(good, 0, rejected + 1)

        stuck = rejected >= MAX_REJECTED
        iterations += good | stuck
        converged = good & (np.abs(step) < TOLERANCE + TOLERANCE * np.abs(x)).all(axis=1)
        done = stuck | converged | (iterations >= max_iterations)
        if done.any():
            ended, keep = live[done], ~done
            result.parameters[ended] = x[done]
            result.iterations[ended] = iterations[done]
            result.status[ended] = np.select([converged[done], stuck[done]], [SUCCESS, NO_PROGRESS], CONTINUE)
            live, x, gram, cost = live[keep], x[keep], gram[keep], cost[keep]
            damping, growth = damping[keep], growth[keep]
            iterations, rejected = iterations[keep], rejected[keep]
    return result


def _diagonal(gram: Floats) -> Floats:
    """Squared norms (m, p) of the Jacobian's columns."""
    return np.diagonal(gram, axis1=1, axis2=2)


def _damped_step(gram: Floats, damping: Floats) -> tuple[Floats, Floats]:
    """The step of each problem (m, p), and the reduction of the sum of squares that the linear model predicts (m,)."""
    p = gram.shape[1]
    squares = _diagonal(gram)
    # Parameters differ by many orders of magnitude (an amplitude, a slope): solve in units of their influence.
    scale = 1 / np.sqrt(np.where(squares > 0, squares, 1.0))
    matrix = gram[:, :, :p] * scale[:, :, None]
    matrix *= scale[:, None, :]
    matrix[:, np.arange(p), np.arange(p)] += damping[:, None]
    downhill = -gram[:, :, p] * scale
    try:
        scaled = np.linalg.solve(matrix, downhill[:, :, None])[:, :, 0]
    except np.linalg.LinAlgError:  # one exactly singular matrix spoils the batch: steepest descent this once
        scaled = downhill / (1 + damping[:, None])
    predicted = (scaled * (damping[:, None] * scaled + downhill)).sum(axis=1)
    return scaled * scale, predicted
