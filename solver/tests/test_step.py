"""The model's values along lines, evaluated together and one by one."""

from importlib import import_module
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from trustfit._bounds import Bounds
from trustfit._gram import Gram
from trustfit._scaling import Scaling
from trustfit._step import (
    Range,
    minimize_quadratic_1d,
    trial_step,
)

LOCAL = Gram(jnp, 20)
scipys_select_step = import_module("scipy.optimize._lsq.trf").select_step


def random_space(seed: int) -> tuple[Any, Any]:
    """Return J_h and the scaled space, with gradients that can be steep or gentle."""
    rng = np.random.default_rng(seed)
    J_h = rng.normal(size=(20, 3)) * 10 ** rng.uniform(-1, 1, 3)
    d, diag_h, g_h = rng.uniform(0.5, 2, 3), rng.uniform(0, 1, 3), rng.normal(size=3)
    g_norm = np.array(10 ** rng.uniform(-4, 0))
    return J_h, Scaling(*(np.asarray(v) for v in (d, diag_h, g_h, g_norm)))  # pyright: ignore[reportArgumentType]


def model_of(J_h: Any, scaling: Any) -> Any:
    return J_h.T @ J_h + np.diag(scaling.diag_h)


def value(J_h: Any, scaling: Any, p_h: Any) -> float:
    p_h = np.asarray(p_h)
    return 0.5 * np.sum((J_h @ p_h) ** 2) + np.sum(
        0.5 * scaling.diag_h * p_h**2 + scaling.g_h * p_h
    )


def test_quadratic_on_a_span():
    with jax.enable_x64(True):
        J_h, scaling = random_space(0)
        directions = np.random.default_rng(1).normal(size=(3, 2))
        S, b = model_of(J_h, scaling), directions.T @ scaling.g_h
        B = Gram(jnp, 20).restrict(S, jnp.asarray(directions))
        t = np.array([0.3, -2.0])
        expected = value(J_h, scaling, directions @ t)
        np.testing.assert_allclose(0.5 * t @ np.asarray(B) @ t + np.asarray(b) @ t, expected)


def test_least_values_of_several_quadratics():
    with jax.enable_x64(True):
        # Within the range, at its ends, a straight line, an empty range.
        a, b, c = jnp.array([1.0, 1, 1, 0, 1]), jnp.array([-2.0, -20, 20, 3, 0]), jnp.arange(5.0)
        low, high = jnp.array([0.0, 0, 0, -1, 1]), jnp.array([5.0, 5, 5, 2, 0])
        t, values = minimize_quadratic_1d(jnp, a, b, c, Range(low, high))
        np.testing.assert_array_equal(t[:4], [1, 5, 0, -1])
        np.testing.assert_array_equal(values, [-1, -74, 2, 0, np.inf])


def test_a_step_that_is_not_a_number_or_too_small_stays():
    with jax.enable_x64(True):
        J_h, scaling = random_space(0)
        x = np.ones(3)
        for bounds in (None, Bounds(np.zeros(3), np.full(3, 2.0))):
            for p_h, moved in [([0.1, np.nan, 0.1], 0), ([1e-18] * 3, 0), ([1e-18, 0, 1e-3], 1)]:
                S = model_of(J_h, scaling)
                trial = trial_step(jnp, x, np.array(p_h), LOCAL, S, scaling, 1.0, bounds)
                assert np.array_equal(trial.x, x) == (not moved)


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
        S = model_of(J_h, scaling)
        for xp in (np, jnp):
            trial = trial_step(xp, x, p_h, Gram(xp, 20), S, scaling, length, bounds)
            np.testing.assert_allclose(trial.x, x + step, rtol=1e-9)
            norms = [np.linalg.norm(v) for v in (step, step_h)]
            np.testing.assert_allclose(trial[1:4], [reduction, *norms], rtol=1e-9)
            assert np.all((bounds.lb < trial.x) & (trial.x < bounds.ub))
            assert trial.cut == (not np.array_equal(step_h, p_h))


def test_a_length_that_hardly_depends_on_alpha_gives_a_step_all_the_same():
    # Brown's almost linear function: one small singular value and a plateau at the region's edge.
    n = 10
    J = np.vstack([np.eye(n)[:-1] + 1, np.full(n, 0.5**9)])
    f = np.append(np.full(n - 1, -5.5), 0.5**10 - 1)
    Delta = np.array(0.5 * n**0.5)
    with jax.enable_x64(True):
        for xp in (np, jnp):
            S, g = Gram(xp, n).scaled(xp.asarray(M_of(J, f)), np.ones(n), np.zeros(n)), J.T @ f
            p, alpha, *_ = Gram(xp, n).trust_region_step(S, xp.asarray(g), Delta, np.array(0.0))
            assert alpha >= 0
            assert 0.9 * Delta < np.linalg.norm(p) < 1.1 * Delta
            assert np.sum((f + J @ np.asarray(p)) ** 2) < 0.01 * np.sum(f**2)


def M_of(J: Any, f: Any) -> Any:
    rows = np.vstack([J.T, f])
    return rows @ rows.T


def test_a_step_as_long_as_the_region_fits_whichever_way_it_is_rounded():
    with jax.enable_x64(True), np.errstate(all="ignore"):
        for xp in (np, jnp):
            for length in (np.nextafter(1, 0), 1.0, np.nextafter(1, 2)):
                S, g = Gram(xp, 2).scaled(xp.eye(3), np.ones(2), np.zeros(2)), xp.array([0, length])
                _, alpha, *_ = Gram(xp, 2).trust_region_step(S, g, np.array(1.0), np.array(0.0))
                assert alpha == 0
