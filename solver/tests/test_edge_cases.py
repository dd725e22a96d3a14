"""Where problems are degenerate, and where models fail."""

import warnings
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import trustfit
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from .cases import DECAY, GAUSSIAN, decay, gaussian

T, Y = DECAY
INF = np.inf
numpy_model = pytest.mark.filterwarnings("ignore::trustfit.UnacceleratedWarning")


def decay_np(x: Any, a: Any, b: Any, c: Any) -> Any:
    return a * np.exp(-b * x) + c


both_models = pytest.mark.parametrize("model", [decay, decay_np], ids=["jax", "numpy"])
FREE, _ = trustfit.curve_fit(decay, T, Y)


# Bounds.


@both_models
@numpy_model
@pytest.mark.parametrize("distance", [0.0, 1e-300, 1e-16, 1e-12, 1e-8])
@pytest.mark.parametrize("side", ["lower", "upper", "both"])
def test_start_on_a_bound_or_near(model: Any, side: str, distance: float):
    lb, ub = np.array([0.5, 0.2, -1.0]), np.array([6.0, 4.0, 3.0])
    start = {
        "lower": lb + distance,
        "upper": ub - distance,
        "both": np.array([lb[0] + distance, ub[1] - distance, lb[2]]),
    }[side]
    popt, _ = trustfit.curve_fit(model, T, Y, start, bounds=(lb, ub))
    np.testing.assert_allclose(popt, FREE, rtol=1e-5)


@both_models
@numpy_model
@pytest.mark.parametrize(
    ("lb", "ub"),
    [
        ([3, -INF, -INF], [INF, INF, INF]),
        ([-INF, -INF, -INF], [INF, 1.2, INF]),
        ([-INF, 0, -INF], [2.0, INF, INF]),
        ([0, 0, 0.6], [10, 10, 10]),
    ],
    ids=str,
)
def test_bounds_on_one_side_as_in_scipy(model: Any, lb: Any, ub: Any):
    options: dict[str, Any] = {"ftol": 1e-14, "xtol": 1e-14, "gtol": 1e-9, "bounds": (lb, ub)}
    start = np.clip([4.0, 1.0, 1.0], lb, ub)
    popt, pcov = trustfit.curve_fit(model, T, Y, start, **options)
    expected = optimize.curve_fit(decay_np, T, Y, start, **options)
    np.testing.assert_allclose(popt, expected[0], rtol=1e-5)
    np.testing.assert_allclose(pcov, expected[1], rtol=1e-3)
    assert np.all((popt >= lb) & (popt <= ub))


@both_models
@numpy_model
@pytest.mark.parametrize("fixed", [0, 1, 2])
def test_equal_bounds_fix_a_parameter(model: Any, fixed: int):
    """The others are fitted as if the fixed one were a number in the model."""
    lb, ub = np.full(3, -9.0), np.full(3, 9.0)
    lb[fixed] = ub[fixed] = [2.0, 1.0, 0.4][fixed]
    free = np.delete(np.arange(3), fixed)

    def reduced(x: Any, p: Any, q: Any) -> Any:
        params = [p, q]
        params.insert(fixed, lb[fixed])
        return decay(x, *params)

    tight: dict[str, Any] = {"ftol": 1e-14, "xtol": 1e-14, "gtol": 1e-12}
    start = np.where(lb == ub, lb, 1.0)
    popt, pcov = trustfit.curve_fit(model, T, Y, start, bounds=(lb, ub), **tight)
    expected = trustfit.curve_fit(reduced, T, Y, bounds=(-9, 9), p0=[1.0, 1.0], **tight)
    assert popt[fixed] == lb[fixed]
    np.testing.assert_allclose(popt[free], expected[0], rtol=1e-6)
    np.testing.assert_allclose(pcov[np.ix_(free, free)], expected[1], rtol=1e-4)
    assert not np.any(pcov[fixed])
    assert not np.any(pcov[:, fixed])


@both_models
@numpy_model
def test_all_parameters_fixed(model: Any):
    popt, pcov = trustfit.curve_fit(model, T, Y, bounds=([2, 1, 0], [2, 1, 0]))
    np.testing.assert_array_equal(popt, [2, 1, 0])
    assert not np.any(pcov)


@settings(max_examples=30, deadline=None)
@given(
    fixed=st.lists(st.booleans(), min_size=3, max_size=3),
    where=st.lists(st.floats(0, 1), min_size=3, max_size=3),
    lower=st.lists(st.sampled_from([-INF, -1.0, 0.3]), min_size=3, max_size=3),
    width=st.lists(st.sampled_from([1e-9, 1.0, INF]), min_size=3, max_size=3),
)
def test_never_outside_any_bounds(fixed: Any, where: Any, lower: Any, width: Any):
    lb = np.array(lower)
    ub = np.where(np.isfinite(lb), lb, 0.5) + np.array(width)
    ub = np.where(np.array(fixed) & np.isfinite(lb), lb, ub)
    low, high = np.maximum(lb, -3), np.minimum(ub, 3)
    start = np.clip(low + (high - low) * np.array(where), lb, ub)
    result = trustfit.least_squares(
        lambda p, t, y: decay(t, *p) - y, start, args=DECAY, bounds=(lb, ub), max_nfev=15
    )
    assert np.all((result.x >= lb) & (result.x <= ub))
    assert np.all(result.x[lb == ub] == lb[lb == ub])
    assert result.cost <= 0.5 * np.sum((decay_np(T, *start) - Y) ** 2) * (1 + 1e-9)


@pytest.mark.parametrize("jac", ["2-point", "3-point"])
@pytest.mark.parametrize("model", [decay, decay_np], ids=["jax", "numpy"])
@numpy_model
def test_finite_differences_stay_within_the_bounds(model: Any, jac: Any):
    """At the solution two of them are active."""
    lb, ub = np.array([0.0, 1.5, -1.0]), np.array([2.0, 4.0, 5.0])
    seen: list[Any] = []

    def watched(x: Any, *params: Any) -> Any:
        if not isinstance(x, jax.Array):
            seen.append(params)
        return model(x, *params)

    # A map of one's own gets the function as it was written.
    start = [1.0, 2.0, 0.0]
    trustfit.curve_fit(watched, T, Y, start, jac=jac, bounds=(lb, ub), workers=map)
    assert len(seen) > 10
    assert np.all((np.array(seen) >= lb) & (np.array(seen) <= ub))


def test_bounds_so_narrow_that_nothing_lies_between():
    above = np.nextafter(1.0, 2.0)
    result = trustfit.least_squares(lambda x: x - 3, [1.0], bounds=(1.0, above))
    assert result.x in (1.0, above)


# Shapes and ranks.


@both_models
@numpy_model
def test_rank_deficient_jacobian(model: Any):
    def redundant(x: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
        return model(x, a + d, b, c)

    with pytest.warns(trustfit.OptimizeWarning, match="could not be estimated") as caught:
        popt, pcov = trustfit.curve_fit(redundant, T, Y)
    assert [w.filename for w in caught if w.category is trustfit.OptimizeWarning] == [__file__]
    assert np.all(np.isposinf(pcov))
    np.testing.assert_allclose(popt[0] + popt[3], FREE[0], rtol=1e-5)


@both_models
@numpy_model
def test_a_parameter_without_influence(model: Any):
    with pytest.warns(trustfit.OptimizeWarning, match="could not be estimated"):
        popt, pcov = trustfit.curve_fit(lambda x, a, b, c, d: model(x, a, b, c) + 0 * d, T, Y)
    np.testing.assert_allclose(popt, [*FREE, 1.0], rtol=1e-5)
    assert np.all(np.isposinf(pcov))


@both_models
@numpy_model
@pytest.mark.parametrize("bounds", [(-INF, INF), (-9, 9)], ids=["free", "box"])
def test_zero_residual(model: Any, bounds: Any):
    y = np.asarray(decay_np(T, 2.0, 1.0, 0.5))
    popt, pcov = trustfit.curve_fit(model, T, y, bounds=bounds)
    np.testing.assert_allclose(popt, [2, 1, 0.5], rtol=1e-7)
    assert np.all(np.abs(pcov) < 1e-10)
    popt, _ = trustfit.curve_fit(model, T, y, [2.0, 1.0, 0.5], bounds=bounds)
    np.testing.assert_allclose(popt, [2, 1, 0.5], rtol=1e-9)


@numpy_model
def test_fewer_residuals_than_variables():
    row = np.array([1.0, 2.0, 3.0])
    for fun in (lambda x: jnp.dot(row, x) - 6, lambda x: [float(row @ x) - 6.0]):
        result = trustfit.least_squares(fun, [0.0, 0.0, 0.0])
        assert result.success
        np.testing.assert_allclose(result.x, row * 6 / 14, rtol=1e-8)
        assert result.jac.shape == (1, 3)


@both_models
@numpy_model
def test_one_parameter(model: Any):
    (found,), variance = trustfit.curve_fit(lambda x, a: model(x, a, 1.3, 0.5), T, Y, 0.1)
    x, y = decay_np(T, 1.0, 1.3, 0.0), Y - 0.5
    np.testing.assert_allclose(found, x @ y / (x @ x), rtol=1e-9)
    expected = np.sum((found * x - y) ** 2) / (T.size - 1) / (x @ x)
    np.testing.assert_allclose(variance, [[expected]], rtol=1e-6)


def test_one_point():
    with pytest.warns(trustfit.OptimizeWarning, match="could not be estimated"):
        popt, _ = trustfit.curve_fit(lambda x, a: a * x, [2.0], [3.0])
    np.testing.assert_allclose(popt, [1.5], rtol=1e-12)


@pytest.mark.parametrize("data", [([], []), (np.empty((2, 0)), np.empty(0)), ([1.0], [])])
def test_no_data(data: Any):
    with pytest.raises(ValueError, match="`ydata` must not be empty"):
        trustfit.curve_fit(decay, *data)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("xdata", T * 1j),
        ("ydata", Y * 1j),
        ("sigma", Y * 1j),
        ("p0", [1j, 1, 1]),
        ("bounds", ([-1j] * 3, 5)),
    ],
)
def test_complex_input(name: str, value: Any):
    arguments: dict[str, Any] = {"xdata": T, "ydata": Y, "p0": [1.0, 1, 1], name: value}
    with pytest.raises(ValueError, match=f"`{name}` must be real numbers; got complex128"):
        trustfit.curve_fit(decay, **arguments)


def test_complex_start():
    with pytest.raises(ValueError, match="`x0` must be real numbers; got complex128"):
        trustfit.least_squares(lambda x: x, [1j])


@pytest.mark.parametrize("place", ["xdata", "ydata"])
@pytest.mark.parametrize("value", [np.nan, INF, -INF])
def test_data_that_are_not_finite(place: str, value: float):
    arguments = {"xdata": T.copy(), "ydata": Y.copy()}
    arguments[place][7] = value
    with pytest.raises(ValueError, match=f"`{place}` must be finite; 1 of 150"):
        trustfit.curve_fit(decay, **arguments)


# Models that fail on the way.


def fails(xp: Any, value: float) -> Any:
    """Return residuals with their minimum at 1, not finite below 0.5 where a full step leads."""

    def fun(x: Any) -> Any:
        return xp.where(x < 0.5, value, xp.log(xp.maximum(x, 1e-3)) * xp.exp(-0.02 * x) * 3)

    return fun


@numpy_model
@pytest.mark.parametrize("value", [np.nan, INF, -INF])
@pytest.mark.parametrize("xp", [jnp, np], ids=["jax", "numpy"])
@pytest.mark.parametrize("bounds", [(-INF, INF), (-100, 100)], ids=["free", "box"])
def test_residuals_not_finite_in_mid_solve_shorten_the_step(xp: Any, value: float, bounds: Any):
    result = trustfit.least_squares(fails(xp, value), [4.0, 6.0], bounds=bounds)
    assert result.success
    assert result.nfev > result.njev  # a trial did fall where the model fails
    np.testing.assert_allclose(result.x, [1, 1], rtol=1e-6)


@numpy_model
@pytest.mark.parametrize("value", [np.nan, INF])
@pytest.mark.parametrize("xp", [jnp, np], ids=["jax", "numpy"])
def test_residuals_not_finite_at_the_start(xp: Any, value: float):
    with pytest.raises(ValueError, match="Residuals are not finite in the initial point"):
        trustfit.least_squares(fails(xp, value), [0.1, 2.0])


@numpy_model
@pytest.mark.parametrize("xp", [jnp, np], ids=["jax", "numpy"])
def test_a_wall_of_nan_in_front_of_the_minimum_ends_with_a_status(xp: Any):
    def fun(x: Any) -> Any:
        return xp.where(x > 2, x, xp.nan)

    result = trustfit.least_squares(fun, [5.0])
    assert result.status in (-4, -3)
    assert not result.success
    assert 2 < result.x[0] < 2.1
    assert "not finite" in result.message


@both_models
@numpy_model
@pytest.mark.parametrize("max_nfev", [1, 2, 3])
def test_max_nfev_reached(model: Any, max_nfev: int):
    calls: list[int] = []

    def fun(p: Any) -> Any:
        calls.append(1)
        return model(T, *p) - Y

    result = trustfit.least_squares(fun, [0.1, 3.0, 3.0], max_nfev=max_nfev)
    assert (result.status, result.success, result.nfev) == (0, False, max_nfev)
    assert "maximum number" in result.message
    assert np.all(np.isfinite(result.x))


@numpy_model
@pytest.mark.parametrize("xp", [jnp, np], ids=["jax", "numpy"])
def test_overflow_of_the_cost_is_not_finite(xp: Any):
    with pytest.raises(ValueError, match="Residuals are not finite in the initial point"):
        trustfit.least_squares(lambda x: 1e200 * xp.exp(x), [1.0])


# Nothing is compiled for models of NumPy.


@contextmanager
def compilations() -> Generator[list[str]]:
    events: list[str] = []

    def listener(event: str, duration_secs: float, **kwargs: str | int) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            events.append(event)

    trustfit.wait_until_compiled()  # for what other tests began
    jax.monitoring.register_event_duration_secs_listener(listener)
    try:
        yield events
    finally:
        jax.monitoring.unregister_event_duration_listener(listener)


@numpy_model
@pytest.mark.parametrize(
    "options",
    [{}, {"bounds": (0, 9)}, {"loss": "cauchy"}, {"sigma": np.diag(0.1 + T)}, {"x_scale": "jac"}],
    ids=lambda options: ", ".join(options) or "defaults",
)
def test_a_numpy_model_compiles_nothing(options: dict[str, Any]):
    with compilations() as events:
        trustfit.curve_fit(decay_np, T, Y, **options)
    assert events == []


@pytest.mark.usefixtures("by_programs")
def test_compilations_are_seen():
    with compilations() as events:
        trustfit.curve_fit(lambda x, a: a * jnp.sqrt(x + 1.2345), T, Y)
    assert events


def test_a_large_sigma_matrix_is_the_same_as_whitened_data():
    rng = np.random.default_rng(4)
    x, y = GAUSSIAN
    A = rng.normal(size=(x.size, x.size)) * 0.05 + np.eye(x.size)
    popt, pcov = trustfit.curve_fit(
        gaussian, x, y, p0=[1.0, 0.7, 1.0], sigma=A @ A.T, absolute_sigma=True
    )
    W = np.linalg.inv(np.linalg.cholesky(A @ A.T))
    result = trustfit.least_squares(lambda p: W @ (gaussian(x, *p) - y), [1.0, 0.7, 1.0])
    np.testing.assert_allclose(popt, result.x, rtol=1e-9)
    np.testing.assert_allclose(pcov, np.linalg.inv(result.jac.T @ result.jac), rtol=1e-7)


@pytest.mark.usefixtures("settings_untouched")
def test_nothing_warns_where_nothing_is_wrong():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trustfit.curve_fit(decay, T, Y, sigma=np.full(T.size, 2.0), bounds=(0, 9), full_output=True)
        trustfit.least_squares(lambda x: x - 1, [0.0], verbose=0, jac=lambda x: jnp.eye(1))
