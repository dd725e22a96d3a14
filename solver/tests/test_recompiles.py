"""Tests of what compiles a program anew, and that no answer is that of an older function."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
import trustfit

pytestmark = pytest.mark.usefixtures("by_programs")

LENGTHS = (50, 500, 3000)
FACTOR: Any = 1.0


@contextmanager
def compilations() -> Generator[SimpleNamespace]:
    found = SimpleNamespace(count=0)

    def listener(event: str, duration_secs: float, **_: Any) -> None:
        found.count += event == "/jax/core/compile/backend_compile_duration"

    jax.monitoring.register_event_duration_secs_listener(listener)
    try:
        yield found
    finally:
        jax.monitoring.unregister_event_duration_listener(listener)


def _data(m: int, scale: float = 1.3) -> tuple[Any, Any]:
    x = np.linspace(0.0, 1.0, m)
    return x, scale * np.exp(-0.7 * x) + 0.01 * np.cos(37.0 * np.arange(m))


def _curve_fit(f: Callable[..., Any], x: Any, y: Any) -> Any:
    return trustfit.curve_fit(f, x, y, [1.0, 1.0])[0]


def _least_squares(f: Callable[..., Any], x: Any, y: Any) -> Any:
    """Fit by a new lambda with data in its closure."""
    return trustfit.least_squares(lambda p: f(jnp.asarray(x), p[0], p[1]) - y, [1.0, 1.0]).x


def _by_args(f: Callable[..., Any], x: Any, y: Any) -> Any:
    fun: Any = lambda p, x, y: f(x, p[0], p[1]) - y  # noqa: E731
    return trustfit.least_squares(fun, [1.0, 1.0], args=(x, y)).x


FITS = (_curve_fit, _least_squares, _by_args)


def _scipy(f: Callable[..., Any], x: Any, y: Any) -> Any:
    def model(x: Any, *p: Any) -> Any:
        with jax.enable_x64(True):
            return np.asarray(f(jnp.asarray(x), *p), float)

    return scipy.optimize.curve_fit(model, x, y, [1.0, 1.0], xtol=1e-12, ftol=1e-12)[0]


def _check(fit: Callable[..., Any], f: Callable[..., Any], x: Any, y: Any) -> None:
    """Compare the first calls with SciPy's answer."""
    expected = _scipy(f, x, y)
    for _ in range(3):
        np.testing.assert_allclose(fit(f, x, y), expected, 1e-6)


def _with_number(k: Any) -> Callable[..., Any]:
    return lambda x, a, b: a * jnp.exp(-b * x) * k


def _with_array(k: Any) -> Callable[..., Any]:
    return lambda x, a, b: a * jnp.exp(-b * x) * k + 0.01 * x * jnp.asarray(k) ** 2


@pytest.mark.parametrize("m", LENGTHS)
@pytest.mark.parametrize("fit", FITS)
def test_a_fit_compiles_two_modules_at_most(fit: Callable[..., Any], m: int):
    k = 1.0 + m / 7
    with compilations() as found:
        fit(lambda x, a, b: a * jnp.exp(-b * x) + k * jnp.tanh(x) ** 7, *_data(m))
    assert found.count <= 2


@pytest.mark.parametrize("m", LENGTHS)
@pytest.mark.parametrize("fit", FITS)
def test_a_new_lambda_with_the_same_code(fit: Callable[..., Any], m: int):
    def make() -> Callable[..., Any]:
        return lambda x, a, b: a * jnp.exp(-b * x)

    _check(fit, make(), *_data(m))
    with compilations() as found:
        answers = [fit(make(), *_data(m)) for _ in range(3)]
    assert found.count == 0
    np.testing.assert_allclose(answers, [_scipy(make(), *_data(m))] * 3, 1e-6)


@pytest.mark.parametrize("m", LENGTHS)
@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("make", [_with_number, _with_array])
def test_changed_content_of_a_closure(make: Callable[..., Any], fit: Callable[..., Any], m: int):
    contents: list[Any] = [0.7, 1.9, 3.2]
    if make is _with_array:
        contents = [k * (1 + np.linspace(0, 1, m)) for k in contents]
    _check(fit, make(contents[0]), *_data(m))
    for k in contents[1:]:
        expected = _scipy(make(k), *_data(m))
        with compilations() as found:
            answers = [fit(make(k), *_data(m)) for _ in range(3)]
        assert found.count == 0
        np.testing.assert_allclose(answers, [expected] * 3, 1e-6)


@pytest.mark.parametrize("lengths", [(50, 50, 90), (500, 500, 900), (3000, 3000, 5000)])
@pytest.mark.parametrize("fit", FITS)
def test_new_data_and_lengths(fit: Callable[..., Any], lengths: tuple[int, ...]):
    f = _with_number(1.0)
    _check(fit, f, *_data(lengths[0]))
    for m in lengths[1:]:
        x, y = _data(m, 2.1)
        expected = _scipy(f, x, y)
        with compilations() as found:
            answers = [fit(f, x, y) for _ in range(3)]
        assert found.count == 0
        np.testing.assert_allclose(answers, [expected] * 3, 1e-6)


def _reads_global(x: Any, a: Any, b: Any) -> Any:
    return a * jnp.exp(-b * x) * FACTOR


class _Curve:
    def __init__(self, factor: Any) -> None:
        self.factor = factor

    def __call__(self, x: Any, a: Any, b: Any) -> Any:
        return a * jnp.exp(-b * x) * self.factor

    def curve(self, x: Any, a: Any, b: Any) -> Any:
        return self(x, a, b)


@pytest.mark.parametrize("m", LENGTHS)
@pytest.mark.parametrize("fit", FITS)
def test_a_global(fit: Callable[..., Any], m: int, monkeypatch: pytest.MonkeyPatch):
    for value in (1.0, 2.0, 3, np.float32(1.5), np.full(m, 4.0), (5.0,), 1.0):
        value = jnp.asarray(value) if isinstance(value, tuple) else value
        monkeypatch.setitem(globals(), "FACTOR", value)
        _check(fit, _reads_global, *_data(m))


@pytest.mark.parametrize("m", LENGTHS)
@pytest.mark.parametrize("fit", FITS)
def test_arrays_changed_in_place(fit: Callable[..., Any], m: int):
    k, (x, y) = np.ones(m), _data(m)
    scale = np.array(1.0)
    f: Any = lambda x, a, b: a * jnp.exp(-b * x) * k * scale  # noqa: E731
    _check(fit, f, x, y)
    k *= 2
    _check(fit, f, x, y)
    k[m // 2 :] *= 3
    _check(fit, f, x, y)
    scale[()] = 5.0
    _check(fit, f, x, y)
    y *= 2
    _check(fit, f, x, y)
    x += 0.5
    _check(fit, f, x, y)


@pytest.mark.parametrize("fit", FITS)
def test_lists_and_dictionaries_changed_in_place(fit: Callable[..., Any]):
    numbers, names = [1.0], {"k": 1.0}
    f: Any = lambda x, a, b: a * jnp.exp(-b * x) * numbers[0] * names["k"]  # noqa: E731
    _check(fit, f, *_data(50))
    numbers[0] = 2.0
    _check(fit, f, *_data(50))
    names["k"] = 3.0
    _check(fit, f, *_data(50))


@pytest.mark.parametrize("m", LENGTHS)
@pytest.mark.parametrize("fit", FITS)
def test_defaults_and_cells(fit: Callable[..., Any], m: int):
    def f(x: Any, a: Any, b: Any, k: Any = 1.0, *, c: Any = 1.0) -> Any:
        return a * jnp.exp(-b * x) * k * c * cell

    for k, c, cell in ((1.0, 1.0, 1.0), (2.0, 1.0, 1.0), (2.0, 3.0, 1.0), (2.0, 3.0, 4.0)):  # noqa: B007
        f.__defaults__ = (k,)
        f.__kwdefaults__ = {"c": c}
        _check(fit, f, *_data(m))


@pytest.mark.parametrize("fit", FITS)
def test_code(fit: Callable[..., Any]):
    f: Any = lambda x, a, b: a * jnp.exp(-b * x)  # noqa: E731
    _check(fit, f, *_data(50))
    f.__code__ = (lambda x, a, b: 2 * a * jnp.exp(-3 * b * x)).__code__
    _check(fit, f, *_data(50))


@pytest.mark.parametrize("m", LENGTHS)
@pytest.mark.parametrize("fit", FITS)
def test_partials(fit: Callable[..., Any], m: int):
    def f(k: Any, x: Any, a: Any, b: Any) -> Any:
        return a * jnp.exp(-b * x) * k

    for k in (1.0, 2.0, 3, np.full(m, 2.0)):
        _check(fit, partial(f, k), *_data(m))
    k = np.full(m, 2.0)
    one = partial(f, k)
    _check(fit, one, *_data(m))
    k *= 2
    _check(fit, one, *_data(m))


@pytest.mark.parametrize("m", LENGTHS)
@pytest.mark.parametrize("fit", FITS)
def test_objects(fit: Callable[..., Any], m: int):
    one = _Curve(1.0)
    for factor in (1.0, 2.0, np.full(m, 3.0)):
        one.factor = factor
        _check(fit, one.curve, *_data(m))
        _check(fit, one, *_data(m))
        _check(fit, partial(_Curve.curve, one), *_data(m))
    one.factor *= 2
    _check(fit, one.curve, *_data(m))
