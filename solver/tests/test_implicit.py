"""Derivatives of a fit: against formulas, against finite differences, in every mode."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import trustfit
from hypothesis import given, settings
from hypothesis import strategies as st

from .cases import DECAY, decay

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("settings_untouched")]

A = np.random.default_rng(1).normal(size=(12, 3))
Y = np.random.default_rng(2).normal(size=12)
T, D = DECAY[0][::5], DECAY[1][::5]


def linear(y: Any, matrix: Any = A) -> Any:
    return trustfit.minimize(lambda x, y: matrix @ x - y, jnp.zeros(3), y).params


def curved(theta: Any, **options: Any) -> Any:
    """Fit a decay; theta bends the abscissae and shifts some of the data."""

    def residual(p: Any) -> Any:
        return decay(T + theta[0] * T**2, *p) - D - theta[1] * jnp.sin(3 * T)

    tight = {"ftol": 1e-14, "xtol": 1e-14, "gtol": 1e-14}
    return trustfit.minimize(residual, jnp.array([2.0, 1.0, 0.3]), **tight, **options)


THETA = np.array([0.05, 0.1])


def differences(function: Callable[[Any], Any], at: Any, h: float = 1e-4) -> Any:
    """Return the derivative of a function of a vector by central differences of fourth order."""

    def one(e: Any) -> Any:
        values = [np.asarray(function(at + k * h * e)) for k in (-2, -1, 1, 2)]
        return (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * h)

    return np.stack([one(e) for e in np.eye(len(at))], axis=-1)


MODES: dict[str, Callable[[Any], Any]] = {
    "jacfwd inside jit": lambda f: jax.jit(jax.jacfwd(f)),
    "jacrev inside jit": lambda f: jax.jit(jax.jacrev(f)),
    "jacfwd of jit": lambda f: jax.jacfwd(jax.jit(f)),
    "jacrev of jit": lambda f: jax.jacrev(jax.jit(f)),
    "without jit": jax.jacrev,
}


@pytest.mark.parametrize("mode", MODES)
def test_a_linear_fit_has_the_derivative_of_the_pseudoinverse(mode: str):
    y = Y.astype(np.float32)
    found = MODES[mode](linear)(y)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.linalg.pinv(A), atol=2e-7)


def test_in_double_the_derivative_is_exact_to_rounding():
    with jax.enable_x64(True):
        for mode in ("jacfwd of jit", "jacrev inside jit"):
            np.testing.assert_allclose(MODES[mode](linear)(Y), np.linalg.pinv(A), atol=1e-13)
        # With respect to the matrix, by the formula of Golub and Pereyra.
        x, f = np.linalg.pinv(A) @ Y, A @ np.linalg.pinv(A) @ Y - Y
        inverse, dA = np.linalg.inv(A.T @ A), np.cos(A)
        _, dx = jax.jvp(lambda matrix: linear(Y, matrix), (A,), (dA,))
        np.testing.assert_allclose(dx, -inverse @ (A.T @ dA @ x + dA.T @ f), atol=1e-12)


@pytest.mark.parametrize("loss", ["linear", "soft_l1", "cauchy"])
def test_a_nonlinear_fit_agrees_with_differences(loss: Any):
    def fit(theta: Any) -> Any:
        found = curved(theta, loss=loss, f_scale=0.05)
        return jnp.append(found.params, found.cost)

    with jax.enable_x64(True):
        expected = differences(jax.jit(fit), THETA)
        for mode in ("jacfwd of jit", "jacrev inside jit"):
            # Gauss-Newton steps of a robust fit close in slowly: its differences are less exact.
            rtol = 1e-4 if loss == "cauchy" else 1e-6
            np.testing.assert_allclose(MODES[mode](fit)(THETA), expected, rtol=rtol, atol=1e-7)
        # The residuals are large and bent enough that Gauss-Newton's Hessian would not do.
        assert np.max(np.abs(expected)) > 0.1


def test_the_scale_of_a_loss_has_a_derivative():
    def fit(f_scale: Any) -> Any:
        return curved(THETA, loss="soft_l1", f_scale=f_scale[0]).params

    with jax.enable_x64(True):
        at = np.array([0.05])
        np.testing.assert_allclose(
            jax.jacfwd(fit)(at), differences(jax.jit(fit), at), rtol=1e-5, atol=1e-8
        )


@pytest.mark.parametrize("bound", [1.0, 0.9], ids=["barely", "firmly"])
def test_a_parameter_on_its_bound_moves_with_the_bound_only(bound: float):
    def fit(theta: Any, bound: Any = bound) -> Any:
        upper = jnp.stack([jnp.inf, bound, jnp.inf])
        return curved(theta, bounds=(jnp.full(3, -9.0), upper)).params

    def held(theta: Any, bound: Any = bound) -> Any:
        def residual(p: Any) -> Any:
            curve = decay(T + theta[0] * T**2, p[0], bound, p[1])
            return curve - D - theta[1] * jnp.sin(3 * T)

        return trustfit.minimize(residual, jnp.array([2.0, 0.3])).params

    with jax.enable_x64(True):
        assert abs(jax.jit(fit)(THETA)[1] - bound) < 1e-6
        for free, fixed in [
            (jax.jacrev(fit)(THETA), jax.jacfwd(held)(THETA)),
            (jax.jacfwd(fit, 1)(THETA, bound), jax.jacrev(held, 1)(THETA, bound)),
        ]:
            np.testing.assert_allclose(free[np.array([0, 2])], fixed, atol=1e-5)
        np.testing.assert_allclose(jax.jacrev(fit)(THETA)[1], 0, atol=1e-6)
        np.testing.assert_allclose(jax.jacfwd(fit, 1)(THETA, bound)[1], 1, atol=1e-6)


def test_bounds_that_are_not_active_change_nothing():
    with jax.enable_x64(True):
        free = jax.jacrev(lambda theta: curved(theta).params)(THETA)
        boxed = jax.jacrev(lambda theta: curved(theta, bounds=(-9.0, 9.0)).params)(THETA)
        np.testing.assert_allclose(boxed, free, rtol=1e-7)


def test_a_fixed_parameter_moves_with_where_it_is_fixed():
    def fit(value: Any) -> Any:
        lower = jnp.stack([-jnp.inf, value[0], -jnp.inf])
        upper = jnp.stack([jnp.inf, value[0], jnp.inf])
        return curved(THETA, bounds=(lower, upper)).params

    with jax.enable_x64(True):
        at = np.array([1.1])
        expected = differences(jax.jit(fit), at)
        assert expected[1, 0] == pytest.approx(1)
        np.testing.assert_allclose(jax.jacrev(fit)(at), expected, rtol=1e-6)
        np.testing.assert_allclose(jax.jacfwd(fit)(at), expected, rtol=1e-6)


def test_second_derivatives_in_double():
    def rate(theta: Any) -> Any:
        return curved(theta, bounds=(-9.0, 9.0)).params[1]

    with jax.enable_x64(True):
        expected = differences(jax.jit(jax.grad(rate)), THETA)
        assert np.min(np.abs(expected)) > 1e-4
        for hessian in (
            jax.hessian(rate),
            jax.jacrev(jax.grad(rate)),
            jax.jacfwd(jax.jacfwd(rate)),
        ):
            np.testing.assert_allclose(hessian(THETA), expected, rtol=1e-5)


def with_a_scan(x: Any, y: Any) -> Any:
    def body(carry: Any, value: Any) -> Any:
        carry = carry * jnp.cos(0.1 * x[0]) + value
        return carry, carry * x[1]

    return jax.lax.scan(body, 0.0 * x[0], y)[1] - 1


def with_a_solve(x: Any, y: Any) -> Any:
    matrix = jnp.diag(2 + x[0] ** 2 * jnp.arange(8.0)) + jnp.outer(y, y) / 9
    return jnp.linalg.solve(matrix, y * x[1]) - y / jnp.arange(2.0, 10.0)


@pytest.mark.parametrize("residual", [with_a_scan, with_a_solve])
def test_batches_of_gradients_in_single_precision_jax(residual: Any):
    """Programs that JAX batches or transposes later, outside of the solve's double precision."""
    rng = np.random.default_rng(4)
    ys = jnp.asarray(rng.uniform(0.5, 1.5, (3, 8)), np.float32)
    weights = jnp.array([1.0, 2.0])

    def loss(y: Any) -> Any:
        return weights @ trustfit.minimize(residual, jnp.array([1.1, 0.7]), y).params

    one = jax.jit(jax.grad(loss))
    expected = np.stack([one(y) for y in ys])
    with jax.enable_x64(True):
        exact = jax.jit(jax.grad(loss))(ys[0].astype(float))
    np.testing.assert_allclose(expected[0], exact, rtol=1e-4, atol=1e-6)
    for many in (
        jax.jit(jax.vmap(jax.grad(loss))),
        jax.vmap(jax.grad(jax.jit(loss))),
        jax.grad(lambda ys: jnp.sum(jax.vmap(jax.jit(loss))(ys))),
    ):
        np.testing.assert_allclose(many(ys), expected, rtol=1e-4, atol=1e-6)


def test_start_values_and_tolerances_have_no_influence():
    def fit(start: Any, tol: Any) -> Any:
        return trustfit.minimize(lambda x: A @ x - Y, start, ftol=tol, x_scale=start + 2).params

    start, tol = jnp.ones(3), jnp.float32(1e-8)
    by_start, by_tol = jax.jit(jax.jacrev(fit, (0, 1)))(start, tol)
    assert not np.any(by_start)
    assert not np.any(by_tol)
    assert not np.any(jax.jacfwd(fit)(start, tol))


def test_integers_have_none_and_complex_data_have_theirs():
    z = jnp.asarray(Y[:6] + 1j * Y[6:], np.complex64)
    counts = jnp.arange(1, 7)

    def level(z: Any, counts: Any) -> Any:
        def residual(x: Any, z: Any, counts: Any) -> Any:
            r = jnp.sqrt(counts) * (x[0] + 1j * x[1] - z)
            return r.real, r.imag

        return trustfit.minimize(residual, jnp.zeros(2), z, counts).params

    _, dot = jax.jvp(level, (z, counts), (1j * z, np.zeros(6, jax.dtypes.float0)))
    expected = np.sum(counts * 1j * z) / 21
    np.testing.assert_allclose(dot, [expected.real, expected.imag], atol=1e-6)
    gradient = jax.grad(lambda z: level(z, counts)[1])(z)
    by_formula = jax.grad(lambda z: jnp.imag(jnp.sum(counts * z)) / 21)(z)
    np.testing.assert_allclose(gradient, by_formula, atol=1e-6)


def test_lanes_without_a_fit_do_not_spoil_what_the_others_share():
    ys = jnp.asarray(np.stack([D, np.where(T > 2, np.nan, D)]), np.float32)

    def loss(stretch: Any) -> Any:
        def one(y: Any) -> Any:
            fit = trustfit.minimize(lambda p: decay(stretch * T, *p) - y, jnp.ones(3))
            return jnp.where(fit.success, jnp.sum(fit.params), 0.0)

        return jnp.sum(jax.vmap(one)(ys))

    def alone(stretch: Any) -> Any:
        fit = trustfit.minimize(lambda p: decay(stretch * T, *p) - ys[0], jnp.ones(3))
        return jnp.sum(fit.params)

    expected = jax.jit(jax.grad(alone))(1.0)
    assert expected < -0.1
    np.testing.assert_allclose(jax.jit(jax.grad(loss))(1.0), expected, rtol=1e-4)
    np.testing.assert_allclose(jax.jvp(jax.jit(loss), (1.0,), (1.0,))[1], expected, rtol=1e-4)


def test_no_derivative_where_the_minimum_is_not_isolated():
    def fit(y: Any, residual: Any) -> Any:
        return trustfit.minimize(residual, jnp.array([1.0, 2.0]), y).params

    y = jnp.float32(3.0)
    assert np.all(np.isnan(jax.jacfwd(fit)(y, lambda x, y: x[0] + x[1] - jnp.stack([y, -y]))))
    # A parameter that nothing depends on stays at its start, whatever the data.
    np.testing.assert_allclose(
        jax.jacrev(fit)(y, lambda x, y: x[0] - jnp.stack([y, 2 * y])), [1.5, 0], atol=1e-6
    )


def value_and_gradient(matrix: Any, y: Any, c: Any) -> Any:
    def loss(y: Any) -> Any:
        return c @ trustfit.minimize(lambda x: matrix @ x - y, jnp.zeros(2)).params

    return jax.grad(loss)(y)


VALUE_AND_GRADIENT = jax.jit(value_and_gradient)
NUMBERS = st.lists(st.floats(-2, 2, width=32), min_size=5, max_size=5)


@settings(max_examples=40, deadline=None)
@given(NUMBERS, NUMBERS, st.floats(-3, 3, width=32))
def test_any_linear_fit_has_the_gradient_of_the_pseudoinverse(column: Any, y: Any, c: float):
    matrix = np.stack([np.arange(1.0, 6), np.add(column, [4, 0, 0, 0, -4])], axis=1)
    matrix, y = matrix.astype(np.float32), np.array(y, np.float32)
    weights = np.array([1.0, c], np.float32)
    expected = weights @ np.linalg.pinv(matrix.astype(float))
    np.testing.assert_allclose(VALUE_AND_GRADIENT(matrix, y, weights), expected, atol=1e-5)


def test_fits_that_end_on_a_bound_to_the_last_digit_have_derivatives():
    """Polishing may take a parameter right onto its bound, where its distance to it is zero."""
    rng = np.random.default_rng(0)
    matrices = rng.normal(size=(60, 8, 3))
    ys = rng.normal(size=(60, 8))

    def fit(y: Any, matrix: Any) -> Any:
        def residual(x: Any) -> Any:
            return matrix @ x + 0.05 * jnp.sum(x**2) - y

        return trustfit.minimize(residual, 0.1 * jnp.ones(3), bounds=(-0.2, 0.3)).params

    with jax.enable_x64(True):
        x = np.asarray(jax.jit(jax.vmap(fit))(ys, matrices))
        jacobians = np.asarray(jax.jit(jax.vmap(jax.jacrev(fit)))(ys, matrices))
    on_bound = np.any((x == -0.2) | (x == 0.3), axis=1)
    assert 5 < np.sum(on_bound) < 60
    assert np.all(np.isfinite(jacobians))
    for lane in np.flatnonzero(on_bound)[:10]:
        free = (x[lane] > -0.2 + 1e-6) & (x[lane] < 0.3 - 1e-6)
        np.testing.assert_allclose(jacobians[lane][~free], 0, atol=1e-5)
        J = (matrices[lane] + 0.1 * x[lane])[:, free]
        f = matrices[lane] @ x[lane] + 0.05 * x[lane] @ x[lane] - ys[lane]
        H = J.T @ J + 0.1 * np.sum(f) * np.eye(J.shape[1])
        np.testing.assert_allclose(jacobians[lane][free], np.linalg.solve(H, J.T), atol=1e-5)


def test_no_tracer_outlives_its_transformation():
    def rate(y: Any) -> Any:
        return trustfit.minimize(lambda p: p[0] * jnp.exp(-p[1] * T) - y, jnp.ones(2)).params[1]

    with jax.checking_leaks():
        gradients = jax.jit(jax.vmap(jax.grad(rate)))(np.stack([D, D + 0.1]))
    assert np.all(np.isfinite(gradients))
