from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from remote.sandbox.tools.marquardt import RIDGE, Evaluate, Floats, damped_steps, minimise

Problem = Callable[[Floats], tuple[Floats, Floats]]  # of parameters (p,): residuals (N,) and Jacobian (N, p)


def batch_of(*problems: Problem) -> Evaluate:
    def evaluate(rows: np.ndarray, parameters: Floats) -> Floats:
        designs = []
        for row, x in zip(rows, parameters, strict=True):
            residuals, jacobian = problems[row](x)
            designs.append(np.column_stack([jacobian, residuals]))
        design = np.array(designs)
        return design.transpose(0, 2, 1) @ design

    return evaluate


def rosenbrock(x: Floats) -> tuple[Floats, Floats]:
    return np.array([10 * (x[1] - x[0] ** 2), 1 - x[0]]), np.array([[-20 * x[0], 10], [-1, 0]])


def away_from_zero(x: Floats) -> tuple[Floats, Floats]:
    """Ever less, as the parameter grows: there is no minimum."""
    return np.exp(-x), -np.exp(-x)[:, None]


def of_nothing(x: Floats) -> tuple[Floats, Floats]:
    return np.ones(1), np.zeros((1, 1))


def edge(x: Floats) -> tuple[Floats, Floats]:
    """A derivative that points the wrong way: every step makes it worse."""
    return 1 + np.abs(x), np.ones((1, 1))


def undefined_beyond_half(x: Floats) -> tuple[Floats, Floats]:
    return x - 1, np.array([[1.0 if x[0] < 0.5 else np.inf]])


def test_a_curved_valley_is_followed_to_its_lowest_point() -> None:
    found = minimise(batch_of(rosenbrock, rosenbrock), np.array([[-1.2, 1.0], [3.0, -20.0]]), 100)
    assert found.parameters == pytest.approx(np.ones((2, 2)), abs=1e-6)
    assert found.status.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("problem", "start", "status", "iterations"),
    [
        (away_from_zero, 1.0, 0xFFFFFFFE, 20),
        (edge, 0.0, 27, 1),
        (undefined_beyond_half, 0.0, 27, 2),
        (lambda x: (x - x, np.ones((1, 1))), 3.0, 0, 1),
    ],
)
def test_how_a_problem_ended_is_told_as_gsl_tells_it(
    problem: Problem, start: float, status: int, iterations: int
) -> None:
    found = minimise(batch_of(problem), np.array([[start]]), 20)
    assert (found.status[0], found.iterations[0]) == (status, iterations)
    assert np.isfinite(found.parameters).all()


def test_where_there_is_no_slope_there_is_no_step() -> None:
    found = minimise(batch_of(of_nothing), np.array([[1.0]]), 20)
    assert found.status[0] in (29, 30, 31)
    assert found.parameters[0] == 1.0


@given(st.integers(0, 10_000), st.floats(1e-6, 1e6), st.sampled_from([0.0, 1e-9, 1.0, 1e9]), st.booleans())
def test_a_step_is_the_best_within_its_radius(seed: int, radius: float, damping: float, singular: bool) -> None:
    rng = np.random.default_rng(seed)
    jacobian = rng.normal(size=(12, 5)) * 10.0 ** rng.uniform(-3, 3, 5)
    if singular:
        jacobian[:, 0] = jacobian[:, 1]
    scale = np.linalg.norm(jacobian, axis=0)
    gram = jacobian.T @ np.column_stack([jacobian, rng.normal(size=12)])
    steps, lengths, dampings = damped_steps(gram[None], scale[None], np.array([radius]), np.array([damping]))
    step, length, used = scale * steps[0], lengths[0], dampings[0]
    assert length == pytest.approx(np.linalg.norm(step))
    assert length <= 1.1 * radius
    assert used == 0 or length >= 0.9 * radius
    # What tells the best one; where the Jacobian is singular, steps that differ a lot may be as good.
    matrix, gradient = gram[:, :5] / scale / scale[:, None], gram[:, 5] / scale
    damped = matrix + max(used, RIDGE) * np.eye(5)
    assert damped @ step == pytest.approx(-gradient, rel=0, abs=1e-9 * np.linalg.norm(damped) * length)
