"""Programs written for SciPy's `curve_fit`, after changing their import."""

import warnings
from typing import Any

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import trustfit
from scipy import optimize

from .cases import decay
from .test_drop_in import (
    COVARIANCE,
    RNG,
    SIGMA,
    T,
    Y,
    assert_same_fit,
    both,
    decay_jac,
    decay_np,
    numpy_model,
)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"sigma": COVARIANCE},
        {"sigma": COVARIANCE, "absolute_sigma": True},
        {"sigma": COVARIANCE, "bounds": (0, [2.0, 5.0, 5.0])},
        {"sigma": COVARIANCE, "jac": decay_jac},
        {"sigma": 0.3, "absolute_sigma": True},
        {"jac": "2-point", "method": "trf"},
        {"jac": "3-point", "method": "trf"},
        {"jac": "cs", "method": "trf"},
        {"jac": decay_jac},
        {"maxfev": 0},
        {"maxfev": 500, "ftol": 1e-10, "xtol": 1e-10},
        {"epsfcn": 1e-12},
        {"diag": [1.0, 2.0, 0.5]},
        {"jac": lambda *args: decay_jac(*args).T, "col_deriv": True},
        {"p0": (2, 1, 0)},
    ],
    ids=lambda options: ", ".join(options) or "defaults",
)
@pytest.mark.parametrize("model", [decay, decay_np], ids=["jax", "numpy"])
@numpy_model
def test_curve_fit_finds_scipys_parameters(model: Any, options: dict[str, Any]):
    found = trustfit.curve_fit(model, T, Y, **options)
    assert_same_fit(found, optimize.curve_fit(decay_np, T, Y, **options), 1e-5)


@numpy_model
@pytest.mark.parametrize("jac", [None, decay_jac], ids=["", "jac"])
@pytest.mark.parametrize("model", [decay, decay_np], ids=["jax", "numpy"])
def test_full_output_without_bounds_is_leastsqs(model: Any, jac: Any):
    popt, _, info, message, ier = trustfit.curve_fit(model, T, Y, jac=jac, full_output=True)
    expected: Any = optimize.curve_fit(decay_np, T, Y, jac=jac, full_output=True)
    assert set(info) == {*expected[2], "driver"}
    for name, value in expected[2].items():
        assert np.shape(info[name]) == np.shape(value), name
        assert np.asarray(info[name]).dtype.kind == np.asarray(value).dtype.kind, name
    np.testing.assert_array_equal(info["ipvt"], expected[2]["ipvt"])
    np.testing.assert_allclose(info["fvec"], expected[2]["fvec"], atol=1e-6)
    R = np.triu(info["fjac"].T[:3])
    np.testing.assert_allclose(R, np.triu(expected[2]["fjac"].T[:3]), rtol=1e-3, atol=1e-4)
    J = decay_jac(T, *popt)[:, info["ipvt"]]
    np.testing.assert_allclose(R.T @ R, J.T @ J, rtol=1e-5)
    np.testing.assert_allclose(R.T @ info["qtf"], J.T @ info["fvec"], atol=1e-5)
    assert isinstance(message, str)
    assert ier in (1, 2, 3, 4)


def test_ier_has_minpacks_meaning_without_bounds():
    def ier(**options: Any) -> int:
        return trustfit.curve_fit(decay, T, Y, full_output=True, polish=False, **options)[4]

    off: dict[str, Any] = {"ftol": None, "xtol": None, "gtol": None}
    for name, minpack, trf in (("ftol", 1, 2), ("xtol", 2, 3), ("gtol", 4, 1)):
        assert ier(**{**off, name: 1e-6}) == minpack
        assert ier(**{**off, name: 1e-6}, method="trf") == trf
        assert ier(**{**off, name: 1e-6}, bounds=(-9, 9)) == trf


def test_explicit_lm_warns_and_none_does_not():
    with pytest.warns(trustfit.OptimizeWarning, match="'lm' is answered by 'trf'"):
        explicit = trustfit.curve_fit(decay, T, Y, method="lm", full_output=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        silent = trustfit.curve_fit(decay, T, Y, full_output=True)
    np.testing.assert_allclose(explicit[0], silent[0], rtol=1e-6)
    assert set(explicit[2]) == set(silent[2])


def test_explicit_lm_scales_by_the_jacobian_as_leastsq_does():
    def fvec(**options: Any) -> Any:
        found = trustfit.curve_fit(
            decay, T, Y, [0.1, 0.1, 4], full_output=True, ftol=1e-2, **options
        )
        return found[2]["fvec"]

    with pytest.warns(trustfit.OptimizeWarning):
        as_lm = fvec(method="lm", polish=False)
    np.testing.assert_array_equal(as_lm, fvec(x_scale="jac", polish=False))
    assert np.any(as_lm != fvec(polish=False))


def test_fewer_points_than_parameters_is_a_type_error_without_bounds():
    for module in (optimize, trustfit):
        for method in (None, "lm"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with pytest.raises(TypeError, match=r"number of func parameters|as many points as"):
                    module.curve_fit(decay_np, T[:2], Y[:2], method=method)
    with pytest.warns(trustfit.OptimizeWarning, match="Covariance"):
        popt, pcov = trustfit.curve_fit(decay, T[:2], Y[:2], method="trf")
    np.testing.assert_allclose(decay_np(T[:2], *popt), Y[:2], atol=1e-6)
    assert np.all(np.isinf(pcov))


def test_factor_is_ignored_with_a_warning():
    with pytest.warns(trustfit.OptimizeWarning, match="`factor` has no effect"):
        found = trustfit.curve_fit(decay, T, Y, factor=0.1)
    np.testing.assert_array_equal(found[0], trustfit.curve_fit(decay, T, Y, factor=100)[0])


def test_unconverged_fit_is_a_runtime_error():
    for module, model in ((optimize, decay_np), (trustfit, decay)):
        with pytest.raises(RuntimeError, match="Optimal parameters not found: "):
            module.curve_fit(model, T, Y, maxfev=2)


@pytest.mark.parametrize(
    "convert",
    [
        list,
        tuple,
        lambda a: a.astype(">f8"),
        lambda a: np.repeat(a, 2)[::2],
        lambda a: a[::-1][::-1],
        lambda a: pd.Series(a, index=np.arange(a.size) + 7),
        jnp.asarray,
        lambda a: np.ma.masked_array(a),
        lambda a: memoryview(a),
    ],
    ids=["list", "tuple", "big-endian", "strided", "reversed", "Series", "jax", "masked", "buffer"],
)
@pytest.mark.parametrize("model", [decay, decay_np], ids=["jax", "numpy"])
@numpy_model
def test_data_of_every_kind(model: Any, convert: Any):
    data = [convert(array.astype(np.float32).astype(float)) for array in (T, Y)]
    expected = trustfit.curve_fit(decay, *(a.astype(np.float32).astype(float) for a in (T, Y)))
    if not isinstance(data[0], memoryview):
        np.testing.assert_allclose(trustfit.curve_fit(model, *data)[0], expected[0], rtol=1e-5)
    np.testing.assert_allclose(
        trustfit.curve_fit(model, T.astype(np.float32), data[1])[0], expected[0], rtol=1e-5
    )


@numpy_model
def test_read_only_and_integer_data():
    x = np.arange(10)
    y = 3 * x + np.array([1, 0, 2, 1, 0, 1, 2, 0, 1, 2])
    for array in (x, y):
        array.flags.writeable = False
    for model in (lambda x, a, b: a * x + b, lambda x, a, b: np.add(np.multiply(a, x), b)):
        found, expected = both("curve_fit", model, x, y)
        assert_same_fit(found, expected)


def test_tables_and_dictionaries_are_handed_on_as_they_are():
    table = pd.DataFrame({"t": T, "u": T**2})
    y = decay_np(T, 2.0, 1.1, 0.3) + 0.2 * T**2

    def model(data: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
        return decay_np(data["t"], a, b, c) + d * data["u"]

    expected = optimize.curve_fit(model, table, y)
    for data in (table, {"t": T, "u": T**2}):
        with pytest.warns(trustfit.UnacceleratedWarning, match="`f` runs unaccelerated"):
            found = trustfit.curve_fit(model, data, y)
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-5)


def test_xdata_and_ydata_may_differ_in_length():
    def two_curves(xp: Any) -> Any:
        return lambda t, a, b: xp.concatenate([a * t, b * t + a])

    y = np.concatenate([2 * T, 3 * T + 2]) + 0.01 * RNG.normal(size=2 * T.size)
    found = trustfit.curve_fit(two_curves(jnp), T, y)
    assert_same_fit(found, optimize.curve_fit(two_curves(np), T, y))


@numpy_model
def test_a_single_ordinate_is_subtracted_from_every_value():
    x = np.array([1.0, 2.0, 4.0])
    for model in (lambda x, a: a * x, lambda x, a: np.multiply(a, x)):
        found, expected = both("curve_fit", model, x, [3.0])
        assert_same_fit(found, expected)
        assert_same_fit(*both("curve_fit", model, x, [3.0], sigma=0.5, absolute_sigma=True))


@pytest.mark.parametrize("two_predictors", [False, True], ids=["1-D", "2-D"])
@pytest.mark.parametrize("sigma", [None, SIGMA, COVARIANCE], ids=["", "sigma", "covariance"])
def test_nan_policy_omit(sigma: Any, two_predictors: bool):
    x, y = T.copy(), Y.copy()
    x[3] = y[10] = y[77] = np.nan
    if two_predictors:
        x = np.stack([x, np.where(np.arange(T.size) == 20, np.nan, 1.0)])
        models = [lambda x, *p, f=f: f(x[0], *p) * x[1] for f in (decay, decay_np)]
    else:
        models = [decay, decay_np]
    options: dict[str, Any] = {"sigma": sigma, "nan_policy": "omit", "p0": [2, 1, 0]}
    found = trustfit.curve_fit(models[0], x, y, **options)
    assert_same_fit(found, optimize.curve_fit(models[1], x, y, **options), 1e-5)
    as_series = pd.Series(x) if x.ndim == 1 else x
    again = trustfit.curve_fit(models[0], as_series, y, **options)
    np.testing.assert_array_equal(found[0], again[0])


def test_nan_policy_omit_needs_points_that_can_be_left_out():
    y = np.where(T > 3, np.nan, Y)
    for x, sentence in ((pd.DataFrame({"t": T}), "as an array"), (T[:5], "for each of the 150")):
        with pytest.raises(ValueError, match=sentence):
            trustfit.curve_fit(decay, x, y, nan_policy="omit")
    with pytest.raises(ValueError, match="`ydata` must not be empty"):
        trustfit.curve_fit(decay, T, np.full(T.size, np.nan), nan_policy="omit")


@pytest.mark.parametrize("model", [decay, decay_np], ids=["jax", "numpy"])
@numpy_model
def test_single_precision_when_asked(model: Any):
    """The model sees float32 alone; the parameters found differ by its rounding and no more."""
    seen: list[Any] = []

    def watched(x: Any, *params: Any) -> Any:
        value = model(x, *params)
        seen.extend(array.dtype for array in (x, *params, value))
        return value

    single, covariance = trustfit.curve_fit(watched, T, Y, p0=[1, 1, 1], dtype=np.float32)
    assert set(seen) == {np.dtype(np.float32)}
    double, expected = trustfit.curve_fit(decay, T, Y)
    np.testing.assert_allclose(single, double, rtol=1e-3)
    np.testing.assert_allclose(covariance, expected, rtol=1e-2)
    assert single.dtype == np.float64


@numpy_model
def test_user_functions_in_single_precision_get_steps_to_match():
    """Where the model rounds to float32, finite differences must not resolve less."""

    def coarse(x: Any, a: Any, b: Any, c: Any) -> Any:
        return decay_np(x.astype(np.float32), np.float32(a), np.float32(b), np.float32(c))

    popt, _ = trustfit.curve_fit(coarse, T, Y, ftol=1e-6, xtol=1e-6, gtol=1e-6)
    np.testing.assert_allclose(popt, trustfit.curve_fit(decay, T, Y)[0], rtol=1e-2)
