"""The quick way of a repeated plain call: answers and refusals are those of the long way."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import trustfit
from trustfit import _quick as quick
from trustfit._chunks import Bucket

pytestmark = pytest.mark.usefixtures("by_programs")


def decay(x: Any, a: Any, b: Any) -> Any:
    return a * jnp.exp(-b * x)


def data(m: int) -> tuple[Any, Any]:
    x = np.linspace(0.0, 4.0, m)
    return x, 2.5 * np.exp(-1.3 * x) + 0.01 * np.cos(37 * np.arange(m))


@pytest.fixture(name="answered")
def count_answers(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Note of each plain call whether the quick way answered it."""
    answers: list[bool] = []
    original = quick.fit

    def fit(*args: Any) -> Any:
        answer = original(*args)
        answers.append(answer is not None)
        return answer

    monkeypatch.setattr(quick, "fit", fit)
    return answers


STARTS: list[Any] = [None, [1.0, 1.0], (1, 2), [np.float64(2.0), 1.0], np.array([1.0, 1.0])]


@pytest.mark.parametrize("m", [50, 128, 129, 1024, 1025, 40_000])
@pytest.mark.parametrize("absolute_sigma", [False, True])
@pytest.mark.parametrize("p0", STARTS, ids=["none", "floats", "ints", "scalars", "array"])
def test_it_answers_as_the_long_way(m: int, absolute_sigma: bool, p0: Any, answered: list[bool]):
    x, y = data(m)
    options: dict[str, Any] = {"absolute_sigma": absolute_sigma}
    first = trustfit.curve_fit(decay, x, y, p0, **options)
    found = trustfit.curve_fit(decay, x, y, p0, **options)
    assert answered[-1]
    long = trustfit.curve_fit(decay, x, y, p0, full_output=True, **options)
    for one, another, third in zip(first, found, long[:2], strict=True):
        np.testing.assert_array_equal(another, one)
        np.testing.assert_array_equal(another, third)
        assert another.flags.writeable


def test_other_data_and_starts_are_answered_too(answered: list[bool]):
    x, y = data(60)
    trustfit.curve_fit(decay, x, y)
    popt, _ = trustfit.curve_fit(decay, x + 0.1, 2 * y, [3.0, 1.0])
    assert answered == [False, True] or answered == [True, True]
    expected, *_ = trustfit.curve_fit(decay, x + 0.1, 2 * y, [3.0, 1.0], full_output=True)
    np.testing.assert_array_equal(popt, expected)


class Slow:
    """A result that is ready after some looks."""

    def __init__(self, looks: int) -> None:
        self.left = looks

    def is_ready(self) -> bool:
        self.left -= 1
        return self.left < 0


def test_a_result_is_looked_for_until_it_is_there_and_not_for_ever():
    soon, late = Slow(3), Slow(10**9)
    assert quick.soon(soon, 100) is soon
    assert soon.left == -1
    assert quick.soon(late, 100) is late
    assert late.left == 10**9 - 100


def test_looking_is_for_small_programs_on_another_thread(monkeypatch: pytest.MonkeyPatch):
    buckets = [Bucket(1 << 7, 1, 1, packed=True), Bucket(1 << 10, 1, 32, packed=True)]
    buckets += [Bucket(1 << 15, 1, 64)]
    monkeypatch.setattr(quick, "processors", lambda: 2)
    assert [quick.looks_for(bucket) > 0 for bucket in buckets] == [False, True, False]
    monkeypatch.setattr(quick, "processors", lambda: 1)
    assert not any(map(quick.looks_for, buckets))


def test_strided_and_read_only_data(answered: list[bool]):
    x, y = data(100)
    x.flags.writeable = False
    trustfit.curve_fit(decay, x[::2], y[::2])
    popt, _ = trustfit.curve_fit(decay, x[::2], y[::2])
    assert answered[-1]
    expected, _ = trustfit.curve_fit(decay, x[::2].copy(), y[::2].copy())
    np.testing.assert_array_equal(popt, expected)


def wrapped(f: Callable[..., Any], *, named: bool) -> Callable[..., Any]:
    def some(x: Any, *params: Any) -> Any:
        return f(x, *params)

    def every(*args: Any) -> Any:
        return f(*args)

    return functools.wraps(f)(some if named else every)


@pytest.mark.parametrize("named", [False, True])
def test_functions_around_others_are_left_to_the_long_way(named: bool, answered: list[bool]):
    x, y = data(40)
    expected, _ = trustfit.curve_fit(decay, x, y)
    answered.clear()
    for _ in range(2):
        popt, _ = trustfit.curve_fit(wrapped(decay, named=named), x, y)
        np.testing.assert_allclose(popt, expected, rtol=1e-12)
    assert not any(answered)


def test_without_names_the_number_of_parameters_is_asked_for():
    x, y = data(40)
    with pytest.raises(ValueError, match="`p0` is needed"):
        trustfit.curve_fit(lambda *args: args[1] * args[0], x, y)


@pytest.mark.parametrize("m", [30, 3000])
@pytest.mark.parametrize(
    "spoil", [(0, np.nan), (0, np.inf), (1, np.nan), (1, -np.inf), (1, 1e151)], ids=str
)
def test_what_the_long_way_refuses_is_refused_again(m: int, spoil: tuple[int, float]):
    for _ in range(2):
        trustfit.curve_fit(decay, *data(m))
    arrays = data(m)
    arrays[spoil[0]][7] = spoil[1]
    with pytest.raises(ValueError, match=("`xdata`", "`ydata`")[spoil[0]]):
        trustfit.curve_fit(decay, *arrays)


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_a_start_that_is_not_finite_is_refused_again(bad: float):
    x, y = data(30)
    for _ in range(2):
        trustfit.curve_fit(decay, x, y, [1.0, 1.0])
    with pytest.raises(ValueError, match="`p0` must be finite"):
        trustfit.curve_fit(decay, x, y, [1.0, bad])


@pytest.mark.parametrize("m", [20, 2000])
def test_sums_that_overflow_are_nobodys_business(m: int):
    x = np.linspace(0.5e306, 1e306, m)
    with np.errstate(all="raise"):
        for _ in range(3):
            popt, _ = trustfit.curve_fit(lambda x, a: a * (x / 1e306), x, x / 1e306)
            np.testing.assert_allclose(popt, [1.0], rtol=1e-9)


def test_no_convergence_is_told_again():
    def rooted(x: Any, a: Any) -> Any:
        return jnp.sqrt(a) + 0 * x

    x, y = np.linspace(0.0, 1.0, 50), np.zeros(50)
    for _ in range(2):
        trustfit.curve_fit(rooted, x, y + 2.0, [1.0])
    for _ in range(2):
        # Lowest where the root ends.
        with pytest.raises(RuntimeError, match="Optimal parameters not found"):
            trustfit.curve_fit(rooted, x, y - 1.0, [1.0])


def test_strict_settings_of_jax_are_left_to_the_long_way(answered: list[bool]):
    x, y = data(50)
    expected, _ = trustfit.curve_fit(decay, x, y)
    trustfit.curve_fit(decay, x, y)
    with jax.numpy_dtype_promotion("strict"):
        for _ in range(2):
            np.testing.assert_array_equal(trustfit.curve_fit(decay, x, y)[0], expected)
            assert not answered[-1]


def test_only_what_it_can_answer_is_learnt(monkeypatch: pytest.MonkeyPatch):
    x, y = data(50)
    kept: list[Any] = []
    monkeypatch.setattr(quick.Plans, "put", lambda *args: kept.append(args))
    trustfit.curve_fit(lambda x, a, b: 3 * a * x + b, x.tolist(), y)
    trustfit.curve_fit(lambda x, a, b: 3 * a * x + b, x.astype(np.float32), y)
    assert not kept
