"""The model's values along lines, evaluated together and one by one."""

from importlib import import_module
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from trustfit._bounds import Bounds
from trustfit._kernels import Scaling
from trustfit._step import (
    Range,
    minimize_quadratic_1d,
    restrict_quadratic,
    trial_step,
)

scipys_select_step = import_module("scipy.optimize._lsq.trf").select_step


def random_space(seed: int) -> tuple[Any, Any]:
    """Return J_h and the scaled space, with gradients that can be steep or gentle."""
    rng = np.random.default_rng(seed)
    J_h = rng.normal(size=(20, 3)) * 10 ** rng.uniform(-1, 1, 3)
    d, diag_h, g_h = rng.uniform(0.5, 2, 3), rng.uniform(0, 1, 3), rng.normal(size=3)
    g_norm = np.array(10 ** rng.uniform(-4, 0))
    return J_h, Scaling(*(np.asarray(v) for v in (d, diag_h, g_h, g_norm)))  # pyright: ignore[reportArgumentType]


def value(J_h: Any, scaling: Any, p_h: Any) -> float:
    p_h = np.asarray(p_h)
    return 0.5 * np.sum((J_h @ p_h) ** 2) + np.sum(
        0.5 * scaling.diag_h * p_h**2 + scaling.g_h * p_h
    )


def test_quadratic_on_a_span():
    with jax.enable_x64(True):
        J_h, scaling = random_space(0)
        directions = np.random.default_rng(1).normal(size=(3, 2))
        B, b = restrict_quadratic(J_h, scaling, jnp.asarray(directions))
        t = np.array([0.3, -2.0])
        expected = value(J_h, scaling, directions @ t)
        np.testing.assert_allclose(0.5 * t @ np.asarray(B) @ t + np.asarray(b) @ t, expected)


def test_least_values_of_several_quadratics():
    with jax.enable_x64(True):
        # Within the range, at its ends, a straight line, an empty range.
        a, b, c = jnp.array([1.0, 1, 1, 0, 1]), jnp.array([-2.0, -20, 20, 3, 0]), jnp.arange(5.0)
        low, high = jnp.array([0.0, 0, 0, -1, 1]), jnp.array([5.0, 5, 5, 2, 0])
        t, values = minimize_quadratic_1d(a, b, c, Range(low, high))
        np.testing.assert_array_equal(t[:4], [1, 5, 0, -1])
        np.testing.assert_array_equal(values, [-1, -74, 2, 0, np.inf])


def test_a_step_that_is_not_a_number_or_too_small_stays():
    with jax.enable_x64(True):
        J_h, scaling = random_space(0)
        x = np.ones(3)
        for bounds in (None, Bounds(np.zeros(3), np.full(3, 2.0))):
            for p_h, moved in [([0.1, np.nan, 0.1], 0), ([1e-18] * 3, 0), ([1e-18, 0, 1e-3], 1)]:
                x_new, decisive = trial_step(x, np.array(p_h), J_h, scaling, 1.0, bounds)  # pyright: ignore[reportArgumentType]
                assert decisive[-1] == moved
                assert np.array_equal(x_new, x) == (not moved)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), length=st.floats(0.05, 2))
def test_the_step_taken_is_scipys(seed: int, length: float):
    rng = np.random.default_rng(seed)
    J_h, scaling = random_space(seed)
    d, diag_h, g_h, g_norm = scaling
    x, bounds = rng.uniform(-0.1, 0.1, 3), Bounds(-rng.uniform(0.1, 1, 3), rng.uniform(0.1, 1, 3))
    p_h = np.linalg.solve(J_h.T @ J_h + np.diag(diag_h), -g_h)
    p_h *= length / np.linalg.norm(p_h)
    theta = max(0.995, 1 - g_norm)
    step, step_h, reduction = scipys_select_step(
        x, J_h, diag_h, g_h, d * p_h, p_h.copy(), d, length, *bounds, theta
    )
    with jax.enable_x64(True):
        x_new, decisive = (np.asarray(v) for v in trial_step(x, p_h, J_h, scaling, length, bounds))
    np.testing.assert_allclose(x_new, x + step, rtol=1e-9)
    norms = [np.linalg.norm(v) for v in (step, step_h, x)]
    np.testing.assert_allclose(decisive, np.array([reduction, *norms, 1.0]), rtol=1e-9)
    assert np.all((bounds.lb < x_new) & (x_new < bounds.ub))
