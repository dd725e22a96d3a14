"""`curve_fit` against SciPy's, and what is particular to it."""

import warnings
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
import trustfit
from scipy import optimize
from trustfit._curve_fit import feasible_start
from trustfit._validation import check_bounds

from .cases import DECAY, GAUSSIAN, decay, gaussian

SIGMA = np.linspace(0.02, 0.2, DECAY[0].size)


def decay_np(x: Any, a: Any, b: Any, c: Any) -> Any:
    return a * np.exp(-b * x) + c


def decay_jac(xp: Any) -> Any:
    def jac(x: Any, a: Any, b: Any, c: Any) -> Any:
        e = xp.exp(-b * x)
        return xp.stack([e, -a * x * e, xp.ones_like(x)], 1)

    return jac


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"p0": [1.0, 0.5, 0.2]},
        {"sigma": SIGMA},
        {"sigma": SIGMA, "absolute_sigma": True},
        {"sigma": np.full(150, 0.3), "absolute_sigma": True},
        {"bounds": (0, [2.0, 5.0, 5.0])},
        {"bounds": ([0, 1.5, -np.inf], [np.inf, 3.0, np.inf]), "sigma": SIGMA},
        {"loss": "soft_l1", "f_scale": 0.1, "maxfev": 200},
        {"x_scale": "jac", "ftol": 1e-12, "xtol": 1e-12, "gtol": 1e-12},
    ],
    ids=lambda options: ", ".join(options) or "defaults",
)
def test_agrees_with_scipy(options: dict[str, Any]):
    popt, pcov = trustfit.curve_fit(decay, *DECAY, **options, polish=False)
    expected = optimize.curve_fit(
        decay_np,
        *DECAY,
        method="trf",
        jac=decay_jac(np),
        **options,
    )
    np.testing.assert_allclose(popt, expected[0], rtol=1e-8)
    np.testing.assert_allclose(pcov, expected[1], rtol=1e-6)


def test_sigma_may_be_a_number():
    expected = trustfit.curve_fit(decay, *DECAY, sigma=np.full(150, 0.3), absolute_sigma=True)
    found = trustfit.curve_fit(decay, *DECAY, sigma=0.3, absolute_sigma=True)
    np.testing.assert_array_equal(found[1], expected[1])


def test_full_output():
    _, _, infodict, message, ier = trustfit.curve_fit(
        decay, *DECAY, method="trf", polish=False, full_output=True
    )
    assert set(infodict) == {"nfev", "fvec", "driver"}
    expected = optimize.curve_fit(
        decay_np, *DECAY, method="trf", jac=decay_jac(np), full_output=True
    )
    assert infodict["nfev"] == expected[2]["nfev"]
    np.testing.assert_allclose(infodict["fvec"], expected[2]["fvec"], atol=1e-10)
    assert (message, ier) == expected[3:]


def test_own_jacobian_is_used_and_weighted():
    calls: list[int] = []

    def jac(*args: Any) -> Any:
        calls.append(1)
        return decay_jac(jnp)(*args)

    popt, pcov = trustfit.curve_fit(decay, *DECAY, jac=jac, sigma=SIGMA)
    expected = trustfit.curve_fit(decay, *DECAY, sigma=SIGMA)
    assert calls
    np.testing.assert_allclose(popt, expected[0], rtol=1e-10)
    np.testing.assert_allclose(pcov, expected[1], rtol=1e-8)


def test_float32_and_lists_are_fitted_in_float64():
    x, y = (array.astype(np.float32) for array in DECAY)
    popt, _ = trustfit.curve_fit(decay, x, y)
    expected, _ = trustfit.curve_fit(decay, x.astype(float), y.astype(float))
    as_lists, _ = trustfit.curve_fit(decay, x.tolist(), y.tolist())
    assert popt.dtype == np.float64
    np.testing.assert_array_equal(popt, expected)
    np.testing.assert_array_equal(as_lists, expected)


def test_two_predictors():
    x = np.stack([np.linspace(0, 1, 40), np.linspace(3, 2, 40) ** 2])
    popt, _ = trustfit.curve_fit(lambda x, a, b: a * x[0] + b * x[1], x, 2 * x[0] - 3 * x[1])
    np.testing.assert_allclose(popt, [2, -3], rtol=1e-10)


def surface(xp: Any) -> Any:
    def f(xy: Any, a: Any, b: Any, c: Any, width: Any) -> Any:
        distance2 = (xy[0] - b) ** 2 + (xy[1] - c) ** 2
        return (a * xp.exp(-0.5 * distance2 / width**2)).ravel()

    return f


def test_a_surface_over_a_grid_agrees_with_scipy():
    grid = np.array(np.meshgrid(np.linspace(-2, 2, 21), np.linspace(-1, 3, 17)))
    z = surface(np)(grid, 3.0, 0.3, 0.8, 0.9)
    z += np.random.default_rng(3).normal(size=z.size, scale=0.1)
    tight: dict[str, Any] = {"ftol": 1e-13, "xtol": 1e-13, "gtol": 1e-10}
    popt, pcov = trustfit.curve_fit(surface(jnp), grid, z, **tight)
    expected = optimize.curve_fit(surface(np), grid, z, method="trf", **tight)
    np.testing.assert_allclose(popt, expected[0], rtol=1e-6)
    np.testing.assert_allclose(pcov, expected[1], rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("absolute", [True, False])
def test_points_of_infinite_sigma_have_no_weight_as_in_scipy(absolute: bool):
    sigma = np.where(DECAY[0] > 3, np.inf, SIGMA)
    y = np.where(DECAY[0] > 3, 100.0, DECAY[1])
    options: dict[str, Any] = {"sigma": sigma, "absolute_sigma": absolute}
    popt, pcov = trustfit.curve_fit(decay, DECAY[0], y, polish=False, **options)
    expected = optimize.curve_fit(
        decay_np,
        DECAY[0],
        y,
        method="trf",
        jac=decay_jac(np),
        **options,
    )
    np.testing.assert_allclose(popt, expected[0], rtol=1e-8)
    np.testing.assert_allclose(pcov, expected[1], rtol=1e-6)


def test_nan_policy_raise_lets_infinity_pass_as_in_scipy():
    def saturation(x: Any, a: Any, b: Any) -> Any:
        return a / (1 + x) + b

    x = np.append(np.linspace(0, 5, 20), np.inf)
    y = saturation(x, 2.0, 0.5) + 0.1 * np.cos(np.arange(21))
    popt, _ = trustfit.curve_fit(saturation, x, y, nan_policy="raise")
    expected, _ = optimize.curve_fit(saturation, x, y, method="trf", nan_policy="raise")
    np.testing.assert_allclose(popt, expected, rtol=1e-6)
    for curve_fit in (trustfit.curve_fit, optimize.curve_fit):
        with pytest.raises(ValueError, match=r"must be finite|infs or NaNs"):
            curve_fit(saturation, x, y, check_finite=True, nan_policy="raise")


def test_unconverged_fit_raises():
    with pytest.raises(RuntimeError, match="Optimal parameters not found: The maximum number"):
        trustfit.curve_fit(gaussian, *GAUSSIAN, p0=[0.3, 2.5, 1.9], max_nfev=2)


def test_rank_deficient_covariance_is_infinite_with_a_warning():
    with pytest.warns(trustfit.OptimizeWarning, match="Covariance"):
        _, pcov = trustfit.curve_fit(lambda x, a, b: (a + b) * x, [1.0, 2, 3], [2.0, 4, 7])
    assert np.all(np.isinf(pcov))


def test_no_degree_of_freedom_left():
    def line(x: Any, a: Any, b: Any) -> Any:
        return a + b * x

    with pytest.warns(trustfit.OptimizeWarning, match="Covariance"):
        popt, pcov = trustfit.curve_fit(line, [1.0, 2], [3.0, 5])
    np.testing.assert_allclose(popt, [1, 2], rtol=1e-8)
    assert np.all(np.isinf(pcov))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, pcov = trustfit.curve_fit(line, [1.0, 2], [3.0, 5], sigma=[1, 1], absolute_sigma=True)
    np.testing.assert_allclose(pcov, [[5, -3], [-3, 2]], rtol=1e-10)


def test_start_values_without_p0():
    for bounds, start in [
        ((-np.inf, np.inf), 1.0),
        ((2, 4), 3.0),
        ((2, np.inf), 3.0),
        ((-np.inf, 5), 4.0),
    ]:
        np.testing.assert_array_equal(feasible_start(check_bounds(bounds, 2)), [start, start])
