"""Functions whose trace is another function than a plain call of them."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import trustfit
from jax import core
from trustfit._inspection import MOST_COMPILED, MOST_FUSED, count_equations, is_doubtful

X = np.linspace(0, 4, 30)
SHUFFLED = np.random.default_rng(0).permutation(X)


def by_type(x: Any, a: Any, b: Any) -> Any:
    if isinstance(x, np.ndarray):
        return a * jnp.exp(-b * x)
    return a * (1 - b * x)


def by_scalar(x: Any, a: Any, b: Any) -> Any:
    return a * jnp.exp(-b * x) if bool(np.isscalar(a)) else a * x + b


def with_penalty(x: Any, a: Any, b: Any) -> Any:
    try:
        return a * np.exp(-b * x)
    except Exception:  # noqa: BLE001 - as users do, to survive overflow
        return 1e10 * (x + 1)


def through_a_view(x: Any, a: Any, b: Any) -> Any:
    y = a + 0 * b * x
    upper = y[15:]
    upper += b * (x[15:] - x[15])
    return y


def sorted_in_place(x: Any, a: Any, b: Any) -> Any:
    s = x.copy()
    s.sort()
    return a * s + b


def through_another(x: Any, a: Any, b: Any) -> Any:
    return sorted_in_place(x, a, b)


DRIVERS: tuple[dict[str, Any], ...] = ({}, {"callback": lambda x: None})
DIFFERENT = (by_type, by_scalar, with_penalty, through_a_view, sorted_in_place, through_another)


@pytest.mark.parametrize("options", DRIVERS, ids=["fused", "stepped"])
@pytest.mark.parametrize("model", DIFFERENT)
def test_the_function_that_is_fitted_is_the_one_that_numpy_calls(model: Any, options: Any):
    y = np.asarray(model(SHUFFLED, 2.0, 1.3))
    with pytest.warns(trustfit.UnacceleratedWarning):
        popt, _ = trustfit.curve_fit(model, SHUFFLED, y, p0=[1.0, 1.0], **options)
    np.testing.assert_allclose(popt, [2.0, 1.3], rtol=1e-6)


@pytest.mark.parametrize(
    "call", [trustfit.least_squares, partial(trustfit.least_squares, ftol=None)]
)
def test_an_index_out_of_range_is_an_error(call: Any):
    with pytest.raises(IndexError, match="out of bounds"):
        call(lambda p: X - p[0] - p[1] * X - p[3] * X**2, [1.0, 1.0, 1.0])
    with pytest.raises(IndexError, match="out of bounds"):
        trustfit.curve_fit(lambda t, a: a * t[2], np.stack([X, X]), X)
    result = trustfit.least_squares(lambda p: jnp.stack([p[0] - 1, p[-3] - 2, p[2]]), [0.0, 0, 0])
    assert result.cost == pytest.approx(0.25)


def euler(p: Any, steps: int) -> Any:
    v, path = 1.0, []
    for _ in range(steps):
        v = v - 0.04 * p[0] * v * (1 - v / p[1])
        path.append(v)
    return path


@pytest.mark.parametrize("options", DRIVERS, ids=["fused", "stepped"])
def test_a_loop_of_middling_length_is_compiled_in_parts(options: Any):
    steps = 40
    traced = jax.make_jaxpr(lambda p: jnp.stack(euler(p, steps)))(jnp.ones(2))
    assert MOST_FUSED < count_equations(traced.jaxpr) < MOST_COMPILED
    y = np.array(euler([1.5, 2.5], steps))
    result = trustfit.least_squares(lambda p: jnp.stack(euler(p, steps)) - y, [1.0, 3.0], **options)
    np.testing.assert_allclose(result.x, [1.5, 2.5], rtol=1e-8)


def test_a_long_loop_is_called_from_python():
    y = np.array(euler([1.5, 2.5], 500))
    with pytest.warns(trustfit.UnacceleratedWarning, match="runs unaccelerated"):
        result = trustfit.least_squares(lambda p: np.subtract(euler(p, 500), y), [1.0, 3.0])
    np.testing.assert_allclose(result.x, [1.5, 2.5], rtol=1e-6)
    with pytest.warns(trustfit.UnacceleratedWarning, match="runs unaccelerated"):
        result = trustfit.least_squares(
            lambda p: [v - one for v, one in zip(euler(p, 500), y, strict=True)], [1.0, 3.0]
        )
    np.testing.assert_allclose(result.x, [1.5, 2.5], rtol=1e-6)


class Strange(Exception):
    """What no list of exceptions would hold."""


def test_a_function_may_raise_anything_on_tracers():
    def model(x: Any, a: Any) -> Any:
        if not isinstance(x, np.ndarray):
            raise Strange
        return np.exp(-a * x)

    with pytest.warns(trustfit.UnacceleratedWarning, match="Strange"):
        popt, _ = trustfit.curve_fit(model, X, np.exp(-1.7 * X))
    np.testing.assert_allclose(popt, [1.7], rtol=1e-7)

    def broken(x: Any, a: Any) -> Any:
        raise Strange

    with pytest.raises(Strange):
        trustfit.curve_fit(broken, X, X)


def test_a_derivative_that_is_not_finite_at_the_start_is_taken_by_differences():
    def power(x: Any, a: Any, x0: Any, p: Any) -> Any:
        return a * jnp.abs(x - x0) ** p

    x = np.linspace(-2, 2, 21)
    y = 2 * np.abs(x - 0.3) ** 1.7
    with pytest.warns(trustfit.OptimizeWarning, match="not finite at the start"):
        popt, _ = trustfit.curve_fit(power, x, y, p0=[1, 0, 0.5])
    assert np.all(np.isfinite(popt))
    for one in DRIVERS:
        options: dict[str, Any] = one
        with pytest.warns(trustfit.OptimizeWarning, match="derivative of `fun`"):
            result = trustfit.least_squares(
                lambda c: jnp.sqrt(c[0] * (x + 2)) - jnp.sqrt(3 * (x + 2)), [0.0], **options
            )
        np.testing.assert_allclose(result.x, [3.0], rtol=1e-6)


def clean(x: Any, a: Any, b: Any) -> Any:
    scale = jnp.sqrt(a)
    with jax.named_scope("a scope"):
        return sum([scale * jnp.exp(-b * x + k) for k in range(3)])


class Callable_:
    def __call__(self, x: Any, a: Any) -> Any:
        return a * x


@pytest.mark.parametrize("function", [*DIFFERENT, partial(by_type, 1), Callable_(), "".join])
def test_code_that_may_tell_tracers_apart_is_doubtful(function: Callable[..., Any]):
    assert is_doubtful(function) == (function != "".join)


@pytest.mark.parametrize("function", [clean, jax.jit(clean), jnp.exp, lambda p: clean(X, *p)])
def test_code_of_array_functions_alone_is_not(function: Callable[..., Any]):
    assert not is_doubtful(function)


def test_a_clean_function_is_never_called_with_arrays():
    seen: list[type] = []

    def fun(p: Any) -> Any:
        seen.append(p.__class__)
        return jnp.exp(p) - 2

    trustfit.least_squares(fun, [0.5])
    assert all(issubclass(kind, core.Tracer) for kind in seen)


def test_a_function_is_traced_once_a_program():
    calls: list[Any] = []

    def fun(p: Any, t: Any) -> Any:
        calls.append(p)
        return jnp.exp(-p[0] * t) - 0.5

    result = trustfit.least_squares(fun, [1.0], args=(X,))
    assert result.nfev > 2
    assert len(calls) == 1


def test_a_trace_that_was_found_out_is_not_trusted_at_the_next_call():
    def f(x: Any, a: Any, b: Any) -> Any:
        return a * x + (b if isinstance(x, np.ndarray) else b**2)

    x = np.linspace(0, 1, 20)
    for b in (3.0, 0.5):
        with pytest.warns(trustfit.UnacceleratedWarning):
            popt, _ = trustfit.curve_fit(f, x, 2 * x + b)
        np.testing.assert_allclose(popt, [2, b], rtol=1e-6)


def test_a_function_of_no_module_is_fitted():
    namespace: dict[str, Any] = {}
    exec("def f(x, a, b):\n    return a * x + b", namespace)
    namespace["f"].__module__ = None
    x = np.linspace(0, 1, 10)
    popt, _ = trustfit.curve_fit(namespace["f"], x, 2 * x + 1)
    np.testing.assert_allclose(popt, [2, 1], rtol=1e-8)
