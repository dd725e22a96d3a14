"""Every check by itself, then the options; each refuses with one sentence and a way out."""

import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import trustfit
from scipy import optimize
from trustfit import _validation as v

from .cases import DECAY, decay

NONE = (-np.inf, np.inf)


def keyword_needed(x: Any, a: Any, b: Any, *, k: Any) -> Any:
    return a * x**k + b


@pytest.mark.parametrize(
    ("check", "arguments", "message"),
    [
        (v.convert_xdata, (["a"],), "`xdata` must be real numbers"),
        (v.convert_xdata, ([1j],), "`xdata` must be real numbers; got complex128"),
        (v.convert_ydata, ([[1], [2, 3]],), "`ydata` must be real numbers"),
        (v.convert_ydata, ([1j],), "`ydata` must be real numbers; got complex128"),
        (v.check_ydata_shape, (np.ones((3, 1)),), r"`ydata` must have shape \(m,\)"),
        (v.check_ydata_shape, (np.ones(0),), "`ydata` must not be empty"),
        (v.count_parameters, (lambda x, *p: x, None), "`p0` is needed"),
        (v.count_parameters, (lambda x: x, None), "`p0` is needed"),
        (v.check_parameter_count, (decay, 2), r"`p0` must have a value for each .* got 2"),
        (v.check_parameter_count, (decay, 0), "`p0` must have at least one"),
        (v.check_parameter_count, (keyword_needed, 2), "by position; .* keyword argument `k`"),
        (v.check_no_nan, (np.ones(2), np.array([np.inf, np.nan])), "`ydata` .* NaN; 1 of 2"),
        (
            v.check_finite_values,
            (np.array([1, np.nan]), np.ones(2)),
            "`xdata` must be finite; 1 of 2",
        ),
        (v.check_finite_values, (np.ones(2), np.array([np.inf, np.nan])), "`ydata` .* 2 of 2"),
        (v.check_initial_parameters, ([[1.0, 2], [3, 4]],), r"`p0` must have shape \(n,\)"),
        (v.check_initial_parameters, ([1, np.nan],), "`p0` must be finite"),
        (v.check_initial_parameters, ([],), "`p0` must have at least one"),
        (v.check_initial_parameters, ([1j],), "`p0` must be real"),
        (v.check_bounds, ((0, 1, 2), 1), "`bounds` must be a pair .* got 3 items"),
        (v.check_bounds, (None, 1), "`bounds` must be a pair .* got NoneType"),
        (v.check_bounds, (5, 1), "`bounds` must be a pair .* got int"),
        (v.check_bounds, (([0, 0], 1), 3), r"`bounds` must be numbers or arrays of shape \(3,\)"),
        (v.check_bounds, ((2, 1), 2), "`bounds` must have no lower bound above"),
        (v.check_bounds, ((0, np.nan), 2), "`bounds` must have no lower bound above"),
        (v.check_bounds, ((np.inf, np.inf), 2), "`bounds` must have no lower bound above"),
        (v.check_bounds, ((-np.inf, -np.inf), 2), "`bounds` must have no lower bound above"),
        (v.check_sigma, (np.ones(3), 4), r"`sigma` must have shape \(4,\)"),
        (v.check_sigma, (np.eye(4), 3), r"`sigma` must have shape \(3,\)"),
        (v.check_sigma, (-np.eye(4), 4), "must be a covariance matrix, finite and positive"),
        (v.check_sigma, (np.full((4, 4), np.nan), 4), "must be a covariance matrix, finite"),
        (v.check_sigma, ([1, 0, 1], 3), "`sigma` must be other than 0 and NaN"),
        (v.check_sigma, ([1, np.nan, 1], 3), "`sigma` must be other than 0 and NaN"),
        (v.check_sigma, ([np.inf] * 3, 3), "infinite throughout"),
        (v.check_sigma, (np.inf, 3), "infinite throughout"),
        (v.check_callable, (3,), "`f` must be a function; got int"),
        (v.check_data_quality, (np.array([1, -1e200]),), "`ydata` must be below 1e[+]150"),
    ],
)
def test_refuses(check: Any, arguments: Any, message: str):
    with pytest.raises(ValueError, match=message) as caught:
        check(*arguments)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_accepts():
    assert v.convert_ydata(np.array([1, 2], np.float32)).dtype == np.float64
    assert v.convert_ydata(3).shape == (1,)
    v.check_ydata_shape(np.ones(5))
    assert v.count_parameters(decay, None) == 3
    assert v.count_parameters(lambda x, *p: x, [1, 2]) == 2
    v.check_parameter_count(lambda x, *p: x, 7)
    assert v.count_parameters(lambda x, a, *p: x, None) == 1  # as SciPy counts
    v.check_finite_values(None, np.ones(2))
    v.check_finite_values(np.ones(2), np.ones(2))
    v.check_no_nan(np.ones(2), np.array([np.inf, 1]))
    assert v.check_initial_parameters(3).shape == (1,)
    bounds = v.check_bounds((0, [1, 2]), 2)
    np.testing.assert_array_equal(bounds.lb, [0, 0])
    np.testing.assert_array_equal(v.check_bounds((0, [0, 2]), 2).ub, [0, 2])
    np.testing.assert_array_equal(v.check_sigma(2.0, 3), [0.5, 0.5, 0.5])
    np.testing.assert_array_equal(v.check_sigma([1, np.inf, 4], 3), [1, 0, 0.25])
    W = v.check_sigma([[4.0, 2.0], [2.0, 5.0]], 2)
    np.testing.assert_allclose(np.linalg.inv(W.T @ W), [[4, 2], [2, 5]], rtol=1e-14)
    v.check_callable(decay)
    v.check_data_quality(np.array([1e149]))


@pytest.mark.parametrize(
    ("xdata", "as_array", "as_given"),
    [
        ([1, 2], True, False),
        ((1, 2), True, False),
        (np.array([1, 2]), True, False),
        (np.ma.masked_array([1.0, 2.0], [True, False]), True, False),
        (jnp.ones(3, np.float32), True, True),
        (jnp.ones((2, 3), np.float32), True, True),
        (2.0, True, True),
        (pd.Series([1, 2]), True, True),
        (pd.Series(["a", "b"]), False, True),
        (pd.DataFrame({"t": [1.0, 2.0]}), False, True),
        ({"t": np.ones(3)}, False, True),
        (None, False, True),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_models_are_handed_as_xdata(xdata: Any, as_array: bool, as_given: bool):
    """What SciPy makes an array, Python gets as one; everything else as it is."""
    converted = v.convert_xdata(xdata)
    assert (converted.array is not None) == as_array
    assert (converted.given is xdata) == as_given
    if converted.array is not None:
        assert converted.array.dtype == np.float64
        np.testing.assert_array_equal(converted.array, np.asarray(xdata))


def test_bounds_object_like_scipys():
    from scipy.optimize import Bounds

    np.testing.assert_array_equal(v.check_bounds(Bounds([0, 1], [2, 3]), 2).ub, [2, 3])  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"p0": [1, 2]}, "`p0` must have a value for each"),
        ({"p0": [9, 1, 1], "bounds": (0, 5)}, "`p0` must lie within `bounds`"),
        ({"sigma": [1, 2]}, "`sigma` must have shape"),
        ({"method": "ml"}, "`method` must be 'trf', 'dogbox' or 'lm'; got 'ml'"),
        ({"method": "lm", "bounds": (0, 5)}, "`method` 'lm' takes no bounds"),
        ({"jac": "4-point"}, "`jac` must be None, a function, '2-point', .* got '4-point'"),
        ({"nan_policy": "propagate"}, "`nan_policy` must be None, 'raise' or 'omit'"),
        ({"args": (1,)}, "`args` is not an option"),
        ({"diag": [1, 0, 1]}, "`diag` must be positive"),
        ({"factor": -1}, "`factor` must be positive"),
        ({"sigma": -np.eye(150)}, "`sigma` of shape .* must be a covariance matrix"),
        ({"dtype": "float16"}, "`dtype` must be None, `numpy.float64` or"),
        ({"dtype": "single precision"}, "`dtype` must be None, `numpy.float64` or"),
        ({"bounds": None}, "`bounds` must be a pair"),
        ({"max_nfev": "a"}, "`max_nfev` must be None or a positive integer"),
        ({"loss": "l1"}, "`loss` must be one of"),
        ({"callback": 3}, "`callback` must be a function"),
        ({"verbose": 3}, "`verbose` must be 0, 1 or 2"),
    ],
)
def test_curve_fit_refuses(options: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        trustfit.curve_fit(decay, *DECAY, **options)


def test_curve_fit_refuses_nan_unless_told_not_to_check():
    x, y = DECAY[0], np.where(DECAY[0] > 3, np.nan, DECAY[1])
    with pytest.raises(ValueError, match="`ydata` must be finite"):
        trustfit.curve_fit(decay, x, y)
    for check_finite in (None, False):
        with pytest.raises(ValueError, match="`ydata` must not hold NaN"):
            trustfit.curve_fit(decay, x, y, check_finite=check_finite, nan_policy="raise")
    with pytest.raises(ValueError, match="Residuals are not finite in the initial point"):
        trustfit.curve_fit(decay, x, y, check_finite=False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "newton"}, "`method` must be 'trf', 'dogbox' or 'lm'"),
        ({"method": "lm", "bounds": (-1, 1)}, "`method` 'lm' takes no bounds"),
        ({"jac": "5-point"}, "`jac` must be None, a function"),
        ({"jac": 3}, "`jac` must be a function"),
        ({"jac_sparsity": np.eye(3)}, r"`jac_sparsity` must have shape \(m, n\) = \(2, 2\)"),
        ({"jac_sparsity": np.eye(2), "tr_solver": "exact"}, "'exact' takes no `jac_sparsity`"),
        ({"jac": "2-point", "workers": 0}, "`workers` must be None"),
        ({"verbose": -1}, "`verbose` must be 0, 1 or 2"),
        ({"callback": 3}, "`callback` must be a function"),
        ({"tr_solver": "cg"}, "`tr_solver` must be None, 'exact' or 'lsmr'"),
        ({"tr_options": {"speed": 3}}, "`tr_options` knows"),
        ({"loss": lambda z: z}, r"`loss` must return an array of shape \(3, m\) = \(3, 2\)"),  # pyright: ignore[reportUnknownLambdaType]
        ({"f_scale": 0}, "`f_scale` must be a positive number"),
        ({"f_scale": "a"}, "`f_scale` must be a positive number"),
        ({"f_scale": np.inf}, "`f_scale` must be a positive number"),
        ({"f_scale": [1.0]}, "`f_scale` must be a positive number"),
        ({"x_scale": [1, -1]}, "`x_scale` must be"),
        ({"x_scale": "Jac"}, "`x_scale` must be"),
        ({"x_scale": [1, 1, 1]}, "`x_scale` must be"),
        ({"max_nfev": 0}, "`max_nfev` must be None or a positive integer"),
        ({"max_nfev": 2.5}, "`max_nfev` must be None or a positive integer"),
        ({"max_nfev": "a"}, "`max_nfev` must be None or a positive integer"),
        ({"max_nfev": np.nan}, "`max_nfev` must be None or a positive integer"),
        ({"max_nfev": -np.inf}, "`max_nfev` must be None or a positive integer"),
        ({"bounds": 5}, "`bounds` must be a pair"),
        ({"ftol": "a"}, "`ftol` must be a number"),
        ({"ftol": 0, "xtol": None, "gtol": 1e-17}, "must be at least 2.22e-16"),
        ({"bounds": (2, 3)}, "`x0` must lie within `bounds`"),
    ],
)
def test_least_squares_refuses(options: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        trustfit.least_squares(lambda x: x - 1, [0.0, 0.0], **options)


def test_tolerance_below_machine_epsilon_warns_at_the_users_line():
    with pytest.warns(UserWarning, match="`gtol` is below the machine epsilon") as caught:
        trustfit.least_squares(lambda x: x - 1, [0.0], gtol=1e-20)
    assert caught[0].filename == __file__
    with pytest.warns(UserWarning, match="`gtol` is below the machine epsilon") as caught:
        trustfit.curve_fit(decay, *DECAY, gtol=1e-20)
    assert caught[0].filename == __file__


def test_no_limit_on_evaluations():
    unlimited = trustfit.curve_fit(decay, *DECAY, max_nfev=np.inf)
    np.testing.assert_array_equal(unlimited[0], trustfit.curve_fit(decay, *DECAY)[0])


def test_lsmr_without_scipy(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "scipy", None)
    assert trustfit.least_squares(lambda x: x - 1, [0.0], tr_solver="exact").success
    with pytest.raises(ValueError, match="'lsmr' needs SciPy, which is not installed"):
        trustfit.least_squares(lambda x: x - 1, [0.0], tr_solver="lsmr")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    ("fun", "message"),
    [
        (lambda x: jnp.ones((2, 2)) * x, r"`fun` must return an array of shape \(m,\)"),
        (lambda x: x * 1j, "`fun` must return real numbers"),
        (lambda x: np.ones((2, 2)) * np.sin(x[0]), r"`fun` must return .* \(m,\); got \(2, 2\)"),
        (lambda x: np.exp(1j * x), "`fun` must return real numbers; got complex128"),
        (lambda x: [str(v) for v in np.sin(x)] + ["a"], "`fun` must return real numbers in an"),
        (lambda x: np.log(x - 3 + 0j).real / 0, "Residuals are not finite in the initial point"),
        (lambda x: np.zeros(0), "`fun` must return at least one residual"),
        (lambda x: jnp.log(x - 3), "Residuals are not finite in the initial point"),
    ],
)
def test_functions_that_cannot_be_fitted(fun: Any, message: str):
    with pytest.raises(ValueError, match=message):
        trustfit.least_squares(fun, [0.0, 0.0])


def test_a_jacobian_of_the_users_own_that_is_not_finite_at_the_start():
    with pytest.raises(ValueError, match="The Jacobian is not finite in the initial point"):
        trustfit.least_squares(jnp.sqrt, [0.0, 0.0], jac=lambda x: jnp.diag(0.5 / jnp.sqrt(x)))


def test_the_sign_of_sigma_is_the_residuals_only():
    np.testing.assert_array_equal(v.check_sigma([-2.0, 4.0], 2), [-0.5, 0.25])


def test_wrong_shapes_from_the_users_functions():
    with pytest.raises(ValueError, match=r"`f` must return an array of the shape of `ydata`"):
        trustfit.curve_fit(lambda x, a: a * x[:, None], np.arange(3.0), np.arange(3.0))
    with pytest.raises(
        ValueError, match=r"`jac` must return an array of shape \(m, n\) = \(2, 2\)"
    ):
        trustfit.least_squares(lambda x: x, [1.0, 2.0], jac=lambda x: jnp.ones((2, 3)))


@pytest.mark.parametrize("kind", [KeyError, TypeError, ValueError, ZeroDivisionError])
def test_errors_of_the_users_function_come_through(kind: Any):
    def broken(x: Any) -> Any:
        raise kind("mine")

    with pytest.raises(kind, match="mine"):
        trustfit.least_squares(broken, [1.0])


def test_unknown_arguments_are_type_errors_as_in_scipy():
    for curve_fit in (trustfit.curve_fit, optimize.curve_fit):
        with pytest.raises(TypeError, match="nonsense"):
            curve_fit(decay, *DECAY, nonsense=1)


def test_function_that_neither_jax_nor_numpy_can_run():
    def fun(x: Any) -> Any:
        return x.at[0].set(1.0) if x[0] > 0 else x

    with pytest.raises(AttributeError, match="at") as caught:
        trustfit.least_squares(fun, [1.0])
    assert "JAX could not trace `fun` either" in caught.value.__notes__[0]
    assert "TracerBoolConversionError" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"diff_step": "a"}, "`diff_step` must be None, a number or an array of shape"),
        ({"diff_step": [1e-6] * 3}, r"`diff_step` must be None, .* shape \(2,\)"),
        ({"diff_step": np.nan}, "`diff_step` must be None"),
        ({"workers": "all"}, "`workers` must be None, -1"),
        ({"workers": 0}, "`workers` must be None, -1"),
        ({"workers": -2}, "`workers` must be None, -1"),
        ({"workers": 1.5}, "`workers` must be .* Pass -1"),
        ({"args": 5}, "`args` must be a tuple; got int"),
        ({"kwargs": 3}, "`kwargs` must be a dictionary; got int"),
        ({"tr_options": 5}, "`tr_options` must be a dictionary; got int"),
        ({"bounds": ([0, 0], None)}, "`bounds` must be real numbers in an array; got NoneType"),
        ({"x0": None}, "`x0` must be real numbers in an array; got NoneType"),
        ({"method": "lm", "loss": "huber"}, "`method` 'lm' takes only `loss` 'linear'"),
        ({"method": "lm", "bounds": (-1, 1)}, "`method` 'lm' takes no bounds"),
    ],
)
def test_least_squares_refuses_before_any_work_and_any_warning(
    options: dict[str, Any], message: str
):
    def never(x: Any) -> Any:
        raise AssertionError

    arguments: dict[str, Any] = {"x0": [0.0, 0.0], **options}
    with pytest.raises(ValueError, match=message):
        trustfit.least_squares(never, **arguments)


def test_a_function_that_returns_nothing():
    with pytest.raises(ValueError, match="`fun` must return an array of numbers; got None"):
        trustfit.least_squares(lambda x: None, [0.0])


def test_more_parameters_than_points_are_refused_for_lm_without_a_warning():
    with pytest.raises(TypeError, match="at least as many points as parameters"):
        trustfit.curve_fit(lambda x, a, b: a + b * x, [1.0], [1.0], method="lm")


def test_strict_settings_of_jax_are_left_to_the_caller():
    x = np.linspace(0, 1, 9)
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        popt, _ = trustfit.curve_fit(lambda x, a, b: a + b * x, x, 1 + 2 * x)
    np.testing.assert_allclose(popt, [1, 2], rtol=1e-9)
