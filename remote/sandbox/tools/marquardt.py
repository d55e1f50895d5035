"""Levenberg-Marquardt least squares with a trust region, for many small problems at once.

The method is that of Moré, "The Levenberg-Marquardt algorithm: implementation and theory" (1978), which `lmder` of
MINPACK and `lmsder` of GSL follow: of all steps p with |D p| <= radius, that which minimises |r + J p|. D holds the
largest norm each column of the Jacobian J has had; the radius follows how well the last steps were predicted. Numbers,
stopping rules and status codes are GSL's, as DDASToys uses it.

All problems advance together, one trial step each, and a problem that is done drops out of the batch.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Status = NDArray[np.int64]

# (numbers of the problems (m,), their parameters (m, p)) -> [J r]^T [J r] there (m, p + 1, p + 1), r being residuals.
# Of its last row only the corner, the sum of their squares, is used. Not finite where J is not.
Evaluate = Callable[[NDArray[np.intp], Floats], Floats]

SUCCESS = 0
NO_PROGRESS = 27  # ten trial steps in a row were no better, or J is not finite
SAME_COST, SAME_PARAMETERS, NO_GRADIENT = 29, 30, 31  # no better, and to the last digit there is nothing to gain
CONTINUE = 0xFFFFFFFE  # GSL_CONTINUE (-2) in an unsigned field: the iteration limit was hit
RUNNING = -1

TOLERANCE = 1e-4  # absolute and relative, per parameter
MAX_REJECTED = 10
FIRST_RADIUS = 100.0  # times |D x|
MIN_GAIN = 1e-4  # actual over predicted reduction of the sum of squares that makes a step acceptable
SLACK = 0.1  # of the radius: how closely a damped step has to reach it
MAX_DAMPINGS = 10  # tried for one step
USUAL_POWER = 0.9  # of the damping, to which a step's length goes inversely
RIDGE = 1e-14  # least damping: one exactly singular matrix would spoil the batch
EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Minima:
    """One entry per problem: parameters (n, p), iterations used (n,), GSL status code (n,)."""

    parameters: Floats
    iterations: NDArray[np.uint32]
    status: NDArray[np.uint32]


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # what is not finite is seen to, and no better
def minimise(evaluate: Evaluate, guess: Floats, max_iterations: int) -> Minima:
    """Minimise the sum of squared residuals of n problems, starting at `guess` (n, p)."""
    n, p = guess.shape
    result = Minima(guess.copy(), np.zeros(n, np.uint32), np.full(n, CONTINUE, np.uint32))
    live, x = np.arange(n), guess.copy()
    gram = evaluate(live, x)
    scale = _column_norms(gram)
    scale[~(scale > 0)] = 1
    reach = _norm(scale * x)
    radius = FIRST_RADIUS * np.where(reach > 0, reach, 1)
    damping = np.zeros(n)
    iterations, rejected = np.ones(n, np.intp), np.zeros(n, np.intp)
    while live.size:
        cost = gram[:, p, p]
        step, length, damping = damped_steps(gram[:, :p], scale, radius, damping)
        np.minimum(radius, length, out=radius, where=iterations == 1)
        trial = x + step
        there = evaluate(live, trial)

        slope = np.vecdot(step, gram[:, :p, p]) / cost
        predicted = damping * length * length / cost - slope
        actual = 1 - there[:, p, p] / cost
        actual[there[:, p, p] >= 100 * cost] = -np.inf
        actual[np.isnan(actual)] = -1.0  # an overflow on the way
        gain = np.where(predicted > 0, actual / predicted, 0.0)
        good = gain >= MIN_GAIN
        radius, damping = _adapt(radius, damping, length, gain, actual, slope)
        close = (np.abs(step) < TOLERANCE + TOLERANCE * np.abs(trial)).all(axis=1)
        rejected = np.where(good, 0, rejected + 1)
        status = np.where(rejected < MAX_REJECTED, RUNNING, NO_PROGRESS)
        status[good & (iterations >= max_iterations)] = CONTINUE
        bad = np.flatnonzero(~good)
        if bad.size:
            trial[bad], there[bad] = x[bad], gram[bad]
            flat = bad[np.abs(actual[bad]) <= 4 * EPSILON]
            if flat.size:
                reach = _norm(scale * x)
                status[flat] = _at_precision(actual, predicted, gram, scale, radius, reach, status)[flat]
        x, gram = trial, there
        scale = np.maximum(scale, _column_norms(gram))
        # An accepted step to where J is not finite is the last one: GSL spends an iteration on finding no other.
        if not np.isfinite(scale.sum()):
            lost = (status == RUNNING) & ~(close & good) & ~np.isfinite(scale.sum(axis=1))
            status[lost] = NO_PROGRESS
            iterations += good & lost
        status[close & good | (cost == 0)] = SUCCESS
        done = status != RUNNING
        iterations += good & ~done
        if done.any():
            ended, keep = live[done], ~done
            result.parameters[ended] = x[done]
            result.iterations[ended] = iterations[done]
            result.status[ended] = status[done]
            live, x, gram, scale = live[keep], x[keep], gram[keep], scale[keep]
            radius, damping = radius[keep], damping[keep]
            iterations, rejected = iterations[keep], rejected[keep]
    return result


def _at_precision(
    actual: Floats, predicted: Floats, gram: Floats, scale: Floats, radius: Floats, reach: Floats, status: Status
) -> Status:
    """`status` of rejected steps, or what says that the numbers have no more digits."""
    same_cost = (np.abs(actual) <= EPSILON) & (predicted <= EPSILON) & (actual <= 2 * predicted)
    no_gradient = np.abs(gram[:, :-1, -1] / scale).max(axis=1) <= EPSILON * np.sqrt(gram[:, -1, -1])
    same_parameters = radius <= EPSILON * reach
    return np.select([same_cost, same_parameters, no_gradient], [SAME_COST, SAME_PARAMETERS, NO_GRADIENT], status)


def _adapt(
    radius: Floats, damping: Floats, length: Floats, gain: Floats, actual: Floats, slope: Floats
) -> tuple[Floats, Floats]:
    """Radius and damping after a step of that length. `slope` is the cost's along it, relative to the cost."""
    shrink = ~(gain > 0.25)
    grow = (gain >= 0.75) | (~shrink & (damping == 0))
    factor = np.where(actual >= 0, 0.5, np.maximum(0.5 * slope / (slope + 0.5 * actual), 0.1))
    smaller = factor * np.minimum(radius, 10 * length)
    radius = np.where(grow, 2 * length, np.where(shrink, smaller, radius))
    return radius, damping * length / radius


def damped_steps(gram: Floats, scale: Floats, radius: Floats, damping: Floats) -> tuple[Floats, Floats, Floats]:
    """Steps (m, p), their scaled lengths, and the damping that makes them, 0 for a Newton step (m,).

    `gram` is J^T [J r] (m, p, p + 1). A step is the solution of (J^T J + damping D^2) step = -J^T r. The damping is
    sought, from the last one on, by secants of the reciprocal of the length, which is nearly a straight line.
    """
    damping = damping.copy()
    squares = scale * scale
    steps, length = _solve(gram, squares, damping)
    rest = np.flatnonzero(_misses(length, radius, damping))
    if not rest.size:
        return steps, length, damping
    gram, squares, goal = gram[rest], squares[rest], radius[rest]
    reach, shift = length[rest], damping[rest]
    pull = _norm(gram[:, :, -1] / scale[rest])
    low = np.where(reach > goal, np.maximum(shift, RIDGE), 0.0)
    high = np.where(reach < goal, shift, pull / goal)
    # Of the reciprocal, per damping: as is mostly found; for a Newton step, as if it lay along one eigenvector.
    slope = np.vecdot(steps[rest], gram[:, :, -1])
    rise = np.where(shift > 0, USUAL_POWER / (reach * np.maximum(shift, RIDGE)), -reach / slope)
    for _ in range(MAX_DAMPINGS):
        last_reach, last_shift = reach, shift
        shift = shift + (1 / goal - 1 / reach) / rise
        shift = np.where(shift > low, np.minimum(shift, high), np.sqrt(low * high))
        step, reach = _solve(gram, squares, shift)
        steps[rest], length[rest], damping[rest] = step, reach, shift
        going = _misses(reach, goal, shift)
        if not going.any():
            break
        secant = (1 / reach - 1 / last_reach) / (shift - last_shift)
        rise = np.where(shift > 0, secant, -reach / np.vecdot(step, gram[:, :, -1]))
        low = np.where(reach > goal, np.maximum(shift, RIDGE), low)
        high = np.where(reach < goal, shift, high)
        if not going.all():
            rest, gram, squares, goal = rest[going], gram[going], squares[going], goal[going]
            reach, shift, low, high, rise = reach[going], shift[going], low[going], high[going], rise[going]
    return steps, length, damping


def _misses(length: Floats, radius: Floats, damping: Floats) -> Bools:
    """Whether a step ends too far from the radius; one without damping may be shorter."""
    excess = length - radius
    missing: Bools = np.where(damping > 0, np.abs(excess), excess) > SLACK * radius
    return missing


def _solve(gram: Floats, squares: Floats, damping: Floats) -> tuple[Floats, Floats]:
    """Steps, and their lengths scaled by the roots of `squares`."""
    damped = gram[:, :, :-1].copy()
    np.einsum("mii->mi", damped)[...] += np.maximum(damping, RIDGE)[:, None] * squares
    step = -np.linalg.solve(damped, gram[:, :, -1:])[:, :, 0]
    return step, np.sqrt(np.vecdot(squares * step, step))


def _norm(vectors: Floats) -> Floats:
    norm: Floats = np.sqrt(np.vecdot(vectors, vectors))
    return norm


def _column_norms(gram: Floats) -> Floats:
    """Norms (m, p) of the Jacobian's columns."""
    norms: Floats = np.sqrt(np.diagonal(gram, axis1=1, axis2=2)[:, :-1])
    return norms
