"""Tests that models are fitted as SciPy fits them, whether they take points one by one or not."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
import trustfit
from jax.scipy import special

LENGTHS = (50, 500, 3000)


def _fft(x: Any, a: Any, b: Any) -> Any:
    return jnp.real(jnp.fft.ifft(jnp.fft.fft(a * jnp.exp(-b * x)) * 0.5))


MODELS: dict[str, Callable[..., Any]] = {
    "minus mean": lambda x, a, b: a * (x - x.mean()) + b * x**2,
    "over length": lambda x, a, b: 50 * a * x / len(x) + b,
    "over size": lambda x, a, b: 50 * a * x / x.size + b * x.shape[0] / 100,
    "cumsum": lambda x, a, b: jnp.cumsum(jnp.exp(-a * x)) / len(x) + b * x,
    "sort": lambda x, a, b: a * jnp.sort(jnp.sin(9 * x)) + b * x,
    "fft": _fft,
    "interp": lambda x, a, b: a * jnp.interp(x, x[::2], x[::2] ** 2) + b,
    "interp in table": lambda x, a, b: (
        a * jnp.interp(x, jnp.linspace(0, 1, 7), jnp.linspace(0, 1, 7) ** 2) + b
    ),
    "reversed": lambda x, a, b: a * x[::-1] + b * x**2,
    "first point": lambda x, a, b: a * (x - x[0]) + b * x**2,
    "maximum": lambda x, a, b: a * x / jnp.max(x) + b * x**2,
    "numbered": lambda x, a, b: a * x + b * jnp.arange(len(x)) ** 2 / len(x) ** 2,
    "differences": lambda x, a, b: a * jnp.gradient(x**2) * len(x) + b,
    "convolution": lambda x, a, b: (
        jnp.convolve(jnp.exp(-a * x), jnp.array([0.25, 0.5, 0.25]), mode="same") + b * x
    ),
    "rolled": lambda x, a, b: jnp.roll(a * x, 1) + b * x**2,
    "normalised": lambda x, a, b: a * jnp.exp(-b * x) / jnp.sum(jnp.exp(-b * x)) * len(x),
    "scan": lambda x, a, b: jax.lax.scan(lambda c, t: (0.5 * c + t, c), 0.0, a * x)[1] + b * x**2,
    "halves": lambda x, a, b: jnp.concatenate([a * x[: len(x) // 2], b * x[len(x) // 2 :]]),
    "loops for each point": lambda x, a, b: a * special.exp1(b * (x + 0.1)),
    "row-wise": lambda x, a, b: a * jnp.exp(-b * x),
}


def _points(m: int) -> tuple[Any, Any]:
    return np.linspace(0.0, 1.0, m), 0.01 * np.cos(37.0 * np.arange(m))


def _in_double(function: Callable[..., Any]) -> Callable[..., Any]:
    compiled = jax.jit(function)

    def call(*args: Any) -> Any:
        with jax.enable_x64(True):
            return np.asarray(compiled(*args), float)

    return call


@pytest.mark.parametrize("m", LENGTHS)
@pytest.mark.parametrize("name", MODELS)
def test_curve_fit(name: str, m: int):
    x, noise = _points(m)
    model = _in_double(MODELS[name])
    y = model(x, 1.3, 0.7) + noise
    expected = scipy.optimize.curve_fit(model, x, y, [1.0, 1.0], xtol=1e-12, ftol=1e-12)
    for _ in range(2):
        popt, pcov = trustfit.curve_fit(MODELS[name], x, y, [1.0, 1.0])
        np.testing.assert_allclose(popt, expected[0], 1e-6)
        np.testing.assert_allclose(pcov, expected[1], 1e-4, 1e-5 * abs(expected[1]).max())


@pytest.mark.parametrize("m", LENGTHS)
@pytest.mark.parametrize("name", MODELS)
def test_residuals_that_close_over_arrays(name: str, m: int):
    x, noise = _points(m)
    f, model = MODELS[name], _in_double(MODELS[name])
    y, weights = model(x, 1.3, 0.7) + noise, 1 + 0.5 * np.sin(np.arange(m))

    def residual(p: Any) -> Any:
        return weights * (f(jnp.asarray(x), p[0], p[1]) - y)

    def plain(p: Any) -> Any:
        return weights * (model(x, p[0], p[1]) - y)

    expected = scipy.optimize.least_squares(
        plain, [1.0, 1.0], jac="3-point", xtol=1e-13, ftol=1e-13, gtol=1e-13
    )
    for _ in range(2):
        result = trustfit.least_squares(residual, [1.0, 1.0])
        np.testing.assert_allclose(result.x, expected.x, 1e-6, 1e-7)
        np.testing.assert_allclose(result.cost, expected.cost, 1e-9)
        np.testing.assert_allclose(result.fun, expected.fun, 1e-6, 1e-6)
        np.testing.assert_allclose(result.jac, expected.jac, 1e-5, 1e-5)
    y *= 2  # in place
    expected = scipy.optimize.least_squares(
        plain, [1.0, 1.0], jac="3-point", xtol=1e-13, ftol=1e-13, gtol=1e-13
    )
    # Twice the data leave large residuals, and some parameters undetermined to many digits.
    found = trustfit.least_squares(residual, [1.0, 1.0])
    np.testing.assert_allclose(found.cost, expected.cost, 1e-7)
