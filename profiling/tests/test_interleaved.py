from collections.abc import Callable
from typing import Any

import pytest
from jitscope import adapters, fresh, interleaved
from jitscope.interleaved import MAX_ROUNDS, MIN_ROUNDS, time_rounds

from .conftest import Clock


def taking(clock: Clock, duration_ns: int, name: str, seen: list[str]) -> Callable[[], None]:
    def call() -> None:
        seen.append(name)
        clock.advance(duration_ns)

    return call


def test_each_call_has_its_own_time_whatever_the_order(clock: Clock):
    seen: list[str] = []
    calls = {name: taking(clock, ns, name, seen) for name, ns in (("a", 3), ("b", 50), ("c", 7))}
    found = time_rounds(calls, budget_s=1e-6, clock=clock)
    rounds = len(found["a"])
    assert found == {"a": [3] * rounds, "b": [50] * rounds, "c": [7] * rounds}
    # 60 ns a round, 1,000 ns of budget.
    assert rounds == 17
    orders = {tuple(seen[start : start + 3]) for start in range(0, len(seen), 3)}
    assert all(sorted(order) == ["a", "b", "c"] for order in orders)
    assert len(orders) > 2


def test_slow_calls_get_their_rounds_and_fast_ones_end(clock: Clock):
    seen: list[str] = []
    slow = time_rounds({"a": taking(clock, 10**9, "a", seen)}, budget_s=0.1, clock=clock)
    assert len(slow["a"]) == MIN_ROUNDS
    fast = time_rounds({"a": taking(clock, 1, "a", seen)}, budget_s=1e9, clock=clock)
    assert len(fast["a"]) == MAX_ROUNDS


class Wrong:
    """A solver that answers at once, and wrongly."""

    def __init__(self, adapter: Any) -> None:
        self._adapter = adapter

    def __getattr__(self, name: str) -> Any:
        return getattr(self._adapter, name)

    def result(self) -> adapters.FitResult:
        return adapters.FitResult((0.0, 0.0), 1e9, None, None, True, "")


def test_a_wrong_answer_takes_no_part(monkeypatch: pytest.MonkeyPatch):
    real = adapters.get
    monkeypatch.setattr(
        adapters, "get", lambda name: Wrong(real(name)) if name == "scipy" else real(name)
    )
    found = interleaved.measure("linear_100", ["scipy", "scipy_lm"], budget_s=0.0)
    assert list(found.calls_ns) == ["scipy_lm"]
    assert "wrong answer for linear_100" in found.failures["scipy"]


def test_in_a_process_of_its_own():
    arguments = ["--problem", "linear_100", "--budget", "0"]
    solvers = ["--solver", "scipy_lm", "--solver", "scipy"]
    found = fresh.run_child("jitscope.interleaved", [*arguments, *solvers], what="the run")
    assert {name: len(calls) for name, calls in found["calls_ns"].items()} == {
        "scipy_lm": MIN_ROUNDS,
        "scipy": MIN_ROUNDS,
    }
    assert found["failures"] == {}
