"""What callbacks are given and when they stop a solve; the printed table against SciPy's."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import optimize
from trustfit._progress import (
    Iteration,
    callback_monitor,
    closing_lines,
    compose,
    printer,
    table_header,
    table_row,
)
from trustfit._result import OptimizeResult


def state(iteration: int = 1, **changes: Any) -> Iteration:
    first = iteration == 0
    return Iteration(
        iteration=iteration,
        nfev=iteration + 1,
        x=np.array([1.0, 2.0]),
        cost=0.5,
        fun=np.array([1.0, 0.0, 0.0]),
        cost_reduction=None if first else 0.25,
        step_norm=None if first else 0.1,
        optimality=1e-3,
    )._replace(**changes)


class Method:
    """A callable object, and a bound method."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def __call__(self, intermediate_result: Any) -> None:
        self.seen.append(intermediate_result)

    def by_point(self, x: Any) -> None:
        self.seen.append(x)


def stops(callback: Callable[..., Any], at: Iteration | None = None) -> bool:
    monitor = callback_monitor(callback)
    assert monitor is not None
    return monitor(at or state())


def test_the_parameters_name_decides():
    seen: list[Any] = []
    recorder = Method()

    def only_by_name(*, intermediate_result: Any) -> None:
        seen.append(intermediate_result)

    def one_more(intermediate_result: Any, other: Any = None) -> None:
        seen.append(intermediate_result)

    assert not stops(only_by_name)
    assert not stops(one_more)
    assert not stops(seen.append)
    assert not stops(recorder)
    assert not stops(recorder.by_point)
    kinds = [type(value) for value in [*seen, *recorder.seen]]
    assert kinds == [OptimizeResult, np.ndarray, np.ndarray, OptimizeResult, np.ndarray]
    result = seen[0]
    assert set(result) == {"x", "fun", "nit", "nfev", "cost"}
    assert (result.nit, result.nfev, result.cost) == (1, 2, 0.5)
    np.testing.assert_array_equal(result.x, [1, 2])
    np.testing.assert_array_equal(result.fun, [1, 0, 0])


def test_a_callback_without_a_signature_gets_x():
    class Opaque:
        __signature__ = "not one"

        def __call__(self, x: Any) -> bool:
            return isinstance(x, np.ndarray)

    assert stops(Opaque())


def test_a_callback_may_keep_and_change_what_it_gets():
    kept: list[Any] = []

    def by_point(x: Any) -> None:
        kept.append(x)
        x[:] = 0

    def by_result(intermediate_result: Any) -> None:
        kept.append(intermediate_result.x)
        intermediate_result.x[:] = 0
        intermediate_result.fun[:] = 7

    at = state()
    frozen = at._replace(x=at.x.copy(), fun=at.fun.copy())
    for array in (at.x, at.fun):
        array.flags.writeable = False
    for callback in (by_point, by_result):
        stops(callback, at)
    assert not any(np.shares_memory(x, at.x) for x in kept)
    np.testing.assert_array_equal(at.x, frozen.x)
    np.testing.assert_array_equal(at.fun, frozen.fun)


def test_what_stops_a_solve():
    def raises(x: Any) -> None:
        raise StopIteration

    assert stops(raises)
    for answer in (True, np.True_):
        assert stops(lambda _, answer=answer: answer)
    for answer in (None, False, 1, "stop", np.array([1.0, 2.0])):
        assert not stops(lambda _, answer=answer: answer)


def test_other_errors_come_through():
    def fails(x: Any) -> None:
        raise KeyError("planted")

    with pytest.raises(KeyError, match="planted"):
        stops(fails)


def test_the_callback_is_not_called_at_the_start():
    calls: list[Any] = []
    assert not stops(calls.append, state(0))
    assert calls == []


def test_all_monitors_are_called():
    order: list[str] = []

    def monitor(name: str, answer: bool) -> Callable[[Iteration], bool]:
        def call(_: Iteration) -> bool:
            order.append(name)
            return answer

        return call

    for answers in ([False, False], [True, False], [False, True]):
        order.clear()
        pair = [monitor(name, answer) for name, answer in zip("ab", answers, strict=True)]
        both = compose([pair[0], None, pair[1]])
        assert both is not None
        assert both(state()) == any(answers)
        assert order == ["a", "b"]
        assert compose([None, pair[0]]) is pair[0]
    assert compose([None, None]) is None


def test_silence_needs_no_monitor():
    assert printer(0) is None
    assert printer(1) is None
    assert callback_monitor(None) is None


def test_the_table_is_scipys(capsys: pytest.CaptureFixture[str]):
    """Print what SciPy printed, from the numbers that its callback and its table gave."""
    seen: list[Any] = []

    def callback(intermediate_result: Any) -> None:
        seen.append(intermediate_result)

    optimize.least_squares(
        lambda x: np.array([10 * (x[1] - x[0] ** 2), 1 - x[0]]),
        [-1.2, 1],
        verbose=2,
        callback=callback,  # pyright: ignore[reportCallIssue]
    )
    header, *rows = capsys.readouterr().out.splitlines()[:-2]
    assert table_header() == header
    assert len(rows) == len(seen) + 1 > 5
    monitor = printer(2)
    assert monitor is not None
    for number, row in enumerate(rows):
        iteration, nfev, cost, *rest = row.split()
        reduction, norm = (None, None) if number == 0 else (float(rest[0]), float(rest[1]))
        if number:
            assert (seen[number - 1].nit, seen[number - 1].nfev) == (int(iteration), int(nfev))
        at = state(
            int(iteration),
            nfev=int(nfev),
            cost=float(cost),
            cost_reduction=reduction,
            step_norm=norm,
            optimality=float(rest[-1]),
        )
        assert not monitor(at)
        assert table_row(at) == row
    assert capsys.readouterr().out.splitlines() == [header, *rows]


def test_the_closing_lines():
    first, second = closing_lines("Done.", 7, 0.5, 1e-9, 24.2).splitlines()
    assert first == "Done."
    assert re.findall(r"\d\S*\d|\d", second) == ["2.4200e+01", "5.0000e-01", "1.00e-09", "7"]
    assert "start" not in closing_lines("Done.", 7, 0.5, 1e-9)
