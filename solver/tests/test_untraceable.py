"""Which driver solves a problem, and what becomes of functions that JAX cannot trace."""

import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import trustfit
from trustfit._driver import Needs, choose
from trustfit._untraceable import trace_call


@pytest.mark.parametrize(
    ("needs", "driver"),
    [
        (Needs(), "fused"),
        (Needs(watched=True), "stepped"),
        (Needs(differences=True), "stepped"),
        (Needs(lsmr=True), "stepped"),
        (Needs(callable_loss=True), "stepped"),
        (Needs(traceable=False), "stepped"),
        (Needs(watched=True, lsmr=True), "stepped"),
    ],
)
def test_fused_unless_something_needs_the_host(needs: Needs, driver: str):
    assert choose(needs) == driver


def fill(x: Any) -> Any:
    f = np.zeros(2)
    f[0] = x[0] - 1
    return f


@pytest.mark.parametrize(
    ("function", "args", "error"),
    [
        (lambda x: x - 1, (), None),
        (lambda x: [x[0], 2 * x[1], 3.0], (), None),
        (lambda x, t: jnp.exp(t) * x[0], (np.ones(3),), None),
        (lambda x, t: np.exp(t) * x[0], (1.0,), None),
        (lambda x, t: np.exp(t) * x[0], (np.ones(3),), "TracerArrayConversionError"),
        (lambda x: np.sin(x), (), "TracerArrayConversionError"),
        (lambda x: np.array([x[0] - 1, x[1]]), (), "TracerArrayConversionError"),
        (lambda x: float(x[0]) * np.ones(2), (), "ConcretizationTypeError"),
        (lambda x: x if x[0] > 0 else -x, (), "TracerBoolConversionError"),
        (lambda x: x[x > 0], (), "NonConcreteBooleanIndexError"),
        (fill, (), "ValueError"),
        (lambda x: x["first"], (), "TypeError"),
        (lambda x: x.tolist(), (), "ConcretizationTypeError"),
        (lambda x: {x[0]: 1}, (), "TypeError"),
    ],
)
@pytest.mark.usefixtures("settings_untouched")
def test_tracing_tells_functions_of_jax_from_others(function: Any, args: Any, error: str | None):
    trace = trace_call(function, np.ones(2), args, {})
    assert error is None if trace.error is None else type(trace.error).__name__ == error


def test_tracing_tells_the_precision_of_what_is_returned():
    for dtype in (np.float32, np.float64):
        assert trace_call(lambda x, d=dtype: x.astype(d), np.ones(2), (), {}).dtype == dtype
    assert trace_call(lambda x: [1, 2], np.ones(2), (), {}).dtype == np.float64


def sine(x: Any, a: Any, b: Any) -> Any:
    return a * np.sin(b * x)


X = np.linspace(0, 3, 40)
Y = sine(X, 2.0, 1.3) + 0.01 * np.cos(40 * X)


def test_a_numpy_model_warns_once_at_the_users_line_and_says_what_to_do():
    with pytest.warns(trustfit.UnacceleratedWarning) as caught:
        trustfit.curve_fit(sine, X, Y)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert "`f` runs unaccelerated" in str(caught[0].message)
    assert "`jax.numpy`" in str(caught[0].message)
    assert "(TracerArrayConversionError)" in str(caught[0].message)
    with pytest.warns(trustfit.UnacceleratedWarning, match="`fun` runs unaccelerated") as caught:
        trustfit.least_squares(lambda x: np.sin(x), [0.5])
    assert len(caught) == 1


def test_a_numpy_jacobian_of_a_jax_model_is_used_with_a_warning():
    calls: list[float] = []

    def jac(x: Any) -> Any:
        calls.append(float(x[0]))  # where JAX traces it, it stops here
        return np.diag(np.exp(x))

    with pytest.warns(trustfit.UnacceleratedWarning, match=r"`jac` runs .* Leave it out") as caught:
        result = trustfit.least_squares(lambda x: jnp.exp(x) - 2, [0.5, 0.7], jac=jac)
    assert len(caught) == 1
    assert len(calls) == result.njev
    np.testing.assert_allclose(result.x, np.log(2), rtol=1e-12)


def test_a_jax_jacobian_of_a_numpy_model_is_used():
    with pytest.warns(trustfit.UnacceleratedWarning, match="`fun` runs unaccelerated"):
        result = trustfit.least_squares(
            lambda x: np.exp(x) - 2, [0.5, 0.7], jac=lambda x: jnp.diag(jnp.exp(x))
        )
    np.testing.assert_allclose(result.x, np.log(2), rtol=1e-12)


def test_a_model_of_jax_does_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trustfit.least_squares(lambda x: jnp.sin(x), [0.5])


def test_the_model_gets_an_array_of_its_own_in_double_precision():
    seen: list[Any] = []

    def fun(x: Any) -> Any:
        if not isinstance(x, jax.Array):
            seen.append((type(x), x.dtype, jnp.ones(1).dtype))
        f = np.sin(x) - 0.3
        x[:] = np.nan
        return f

    with pytest.warns(trustfit.UnacceleratedWarning):
        result = trustfit.least_squares(fun, [0.5])
    assert set(seen) == {(np.ndarray, np.dtype(np.float64), np.dtype(np.float64))}
    np.testing.assert_allclose(result.x, np.arcsin(0.3), rtol=1e-10)


def test_a_number_of_residuals_that_changes_is_refused():
    values = iter([2, 2, 2, 3])  # at the start, for its differences, at the first trial

    def fun(x: Any) -> Any:
        sines = np.sin(x) - 0.3  # where JAX traces it, it stops here
        return np.resize(sines, next(values))

    with (
        pytest.warns(trustfit.UnacceleratedWarning),
        pytest.raises(ValueError, match="`fun` must return as many values at each call; got 3"),
    ):
        trustfit.least_squares(fun, [0.5, 0.6])


def test_a_model_that_catches_every_error_is_no_constant():
    t = np.linspace(0, 2, 30)
    y = np.exp(-1.7 * t)

    def fun(p: Any) -> Any:
        try:
            return np.exp(-p[0] * t) - y
        except Exception:  # noqa: BLE001 - as users do, to survive overflow
            return np.full(t.size, 1e6)

    with pytest.warns(trustfit.UnacceleratedWarning):
        result = trustfit.least_squares(fun, [1.0])
    np.testing.assert_allclose(result.x, [1.7], rtol=1e-7)
    with pytest.warns(trustfit.UnacceleratedWarning):
        popt, _ = trustfit.curve_fit(lambda x, a: fun([a]) + y, t, y, p0=[1.0])
    np.testing.assert_allclose(popt, [1.7], rtol=1e-7)


def test_a_model_that_asserts_what_it_is_given():
    t = np.linspace(0, 2, 30)

    def model(x: Any, a: Any) -> Any:
        assert isinstance(x, np.ndarray)
        return np.exp(-a * x)

    with pytest.warns(trustfit.UnacceleratedWarning):
        popt, _ = trustfit.curve_fit(model, t, np.exp(-1.7 * t))
    np.testing.assert_allclose(popt, [1.7], rtol=1e-7)
