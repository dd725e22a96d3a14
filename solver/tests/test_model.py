"""Compiled functions are reused, and never when that could give a stale answer."""

import functools
import types
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import trustfit

from .cases import DECAY, decay

X = np.linspace(1, 2, 5)
OFFSET: Any = 1.0
HELPER: Any = None


def fit(f: Callable[..., Any]) -> float:
    """Return the parameter for which f(x, a) = 12 everywhere."""
    popt, _ = trustfit.curve_fit(f, X, np.full(5, 12.0), p0=[1.0])
    return float(popt[0])


def compilations(run: Callable[[], Any]) -> int:
    count = 0

    def listener(event: str, duration_secs: float, **_: Any) -> None:
        nonlocal count
        count += event == "/jax/core/compile/backend_compile_duration"

    jax.monitoring.register_event_duration_secs_listener(listener)
    try:
        run()
    finally:
        jax.monitoring.unregister_event_duration_listener(listener)
    return count


def reads_global(x: Any, a: Any) -> Any:
    return a + OFFSET + 0 * x


def calls_helper(x: Any, a: Any) -> Any:
    return HELPER(a) + 0 * x


@pytest.mark.usefixtures("by_programs")
def test_new_data_of_the_same_shape_compiles_nothing():
    def of_this_test_alone(x: Any, a: Any, b: Any) -> Any:
        # Any test of the same process may have compiled a simpler model.
        return jnp.tanh(a * jnp.arctan(x)) - b * jnp.log1p(jnp.cosh(x))

    x, y = DECAY
    assert compilations(lambda: trustfit.curve_fit(of_this_test_alone, x, y)) > 0
    trustfit.curve_fit(decay, x, y)
    assert compilations(lambda: trustfit.curve_fit(decay, x + 0.01, y * 1.1)) == 0
    trustfit.curve_fit(decay, x, y, sigma=y + 10)
    assert compilations(lambda: trustfit.curve_fit(decay, x, y, sigma=y + 9)) == 0


def test_a_function_made_anew_with_the_same_content_compiles_nothing():
    def make(k: float) -> Callable[..., Any]:
        return lambda x, a: a * k + 0 * x

    assert fit(make(3.0)) == pytest.approx(4)
    assert compilations(lambda: fit(make(3.0))) == 0
    assert fit(make(4.0)) == pytest.approx(3)


def test_least_squares_arguments_are_data():
    def fun(x: Any, t: Any, power: int, *, y: Any) -> Any:
        return x[0] * t**power - y

    def solve(scale: float, power: int) -> float:
        return trustfit.least_squares(fun, [1.0], args=(X, power), kwargs={"y": scale * X}).x[0]

    assert solve(3.0, 1) == pytest.approx(3)
    assert compilations(lambda: solve(4.0, 1)) == 0
    assert solve(4.0, 1) == pytest.approx(4)
    assert solve(4.0, 2) != pytest.approx(4, rel=1e-3)


@pytest.mark.parametrize("values", [(1.0, 2.0), (2, 7), (1.0, np.ones(5)), ((1.0,) * 2, [1.0] * 2)])
def test_rebound_global(values: Any, monkeypatch: pytest.MonkeyPatch):
    for value in values:
        monkeypatch.setitem(globals(), "OFFSET", jnp.sum(jnp.asarray(value)))
        assert fit(reads_global) == pytest.approx(12 - np.sum(value))
    monkeypatch.setitem(globals(), "OFFSET", 1.0)
    assert fit(reads_global) == pytest.approx(11)
    monkeypatch.setitem(globals(), "OFFSET", 2.0)
    assert fit(reads_global) == pytest.approx(10)


def test_mutated_closure_cell():
    k = 1.0

    def f(x: Any, a: Any) -> Any:
        return a + k + 0 * x

    assert fit(f) == pytest.approx(11)
    k = 5.0
    assert fit(f) == pytest.approx(7)


def test_mutated_array_list_dict_and_object():
    array, items, table, box = np.ones(5), [1.0], {"k": 1.0}, types.SimpleNamespace(k=1.0)
    functions: list[Callable[..., Any]] = [
        lambda x, a: a + array,
        lambda x, a: a + items[0] + 0 * x,
        lambda x, a: a + table["k"] + 0 * x,
        lambda x, a: a + box.k + 0 * x,
    ]
    assert [fit(f) for f in functions] == pytest.approx([11] * 4)
    array[:], items[0], table["k"], box.k = 2, 3.0, 4.0, 5.0
    assert [fit(f) for f in functions] == pytest.approx([10, 9, 8, 7])


def test_mutated_defaults():
    def f(x: Any, a: Any, k: float = 1.0, *, j: float = 0.0) -> Any:
        return a + k + j + 0 * x

    assert fit(f) == pytest.approx(11)
    f.__defaults__ = (2.0,)
    assert fit(f) == pytest.approx(10)
    f.__kwdefaults__ = {"j": 3.0}
    assert fit(f) == pytest.approx(7)


def test_replaced_helper_and_replaced_code(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(globals(), "HELPER", lambda a: 2 * a)
    assert fit(calls_helper) == pytest.approx(6)
    monkeypatch.setitem(globals(), "HELPER", lambda a: 3 * a)
    assert fit(calls_helper) == pytest.approx(4)

    def f(x: Any, a: Any) -> Any:
        return a + 0 * x

    assert fit(f) == pytest.approx(12)
    f.__code__ = (lambda x, a: 2 * a + 0 * x).__code__
    assert fit(f) == pytest.approx(6)


def test_function_attribute_partial_method_and_jitted():
    def f(x: Any, a: Any) -> Any:
        return a + getattr(f, "k", 0.0) + 0 * x

    assert fit(f) == pytest.approx(12)
    f.k = 2.0  # pyright: ignore[reportFunctionMemberAccess]
    assert fit(f) == pytest.approx(10)

    class Offset:
        k = 1.0

        def model(self, x: Any, a: Any) -> Any:
            return a + self.k + 0 * x

    offset = Offset()
    assert fit(offset.model) == pytest.approx(11)
    offset.k = 2.0
    assert fit(offset.model) == pytest.approx(10)
    assert fit(functools.partial(lambda k, x, a: a + k + 0 * x, 3.0)) == pytest.approx(9)
    assert fit(jax.jit(lambda x, a: a * 2 + 0 * x)) == pytest.approx(6)


def test_new_shape_is_traced_from_the_function_at_hand():
    """An equal key was seen before, but the function that it came from has changed since."""

    def make(k: float) -> tuple[Callable[..., Any], Callable[[float], None]]:
        def change(value: float) -> None:
            nonlocal k
            k = value

        return (lambda x, a: a + k + 0 * x), change

    first, change = make(1.0)
    assert fit(first) == pytest.approx(11)
    change(100.0)
    second, _ = make(1.0)
    popt, _ = trustfit.curve_fit(second, np.arange(9.0), np.full(9, 12.0), p0=[1.0])
    assert popt[0] == pytest.approx(11)
