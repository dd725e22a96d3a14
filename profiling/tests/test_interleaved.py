from collections.abc import Callable
from typing import Any

import pytest
from jitscope import adapters, fresh, interleaved
from jitscope.interleaved import MAX_ROUNDS, MIN_CALLS, MIN_ROUNDS, TURN_S, time_rounds

from .conftest import Clock


def taking(clock: Clock, duration_ns: int, name: str, seen: list[str]) -> Callable[[], None]:
    def call() -> None:
        seen.append(name)
        clock.advance(duration_ns)

    return call


MS = 10**6


def test_each_call_has_its_own_time_whatever_the_order(clock: Clock):
    seen: list[str] = []
    durations = {"a": 8 * MS, "b": 50 * MS, "c": 30 * MS}
    calls = {name: taking(clock, ns, name, seen) for name, ns in durations.items()}
    found = time_rounds(calls, budget_s=3.0, clock=clock)
    turns = len(found["a"])
    for name, ns in durations.items():
        assert found[name] == [[ns] * MIN_CALLS] * turns
    # Three calls each, 264 ms a round.
    assert turns == 12
    size = 3 * MIN_CALLS
    orders = {tuple(seen[start : start + size : 3]) for start in range(0, len(seen), size)}
    assert all(sorted(order) == ["a", "b", "c"] for order in orders)
    assert len(orders) > 2


def test_fast_calls_fill_their_turn(clock: Clock):
    found = time_rounds({"a": taking(clock, MS, "a", [])}, budget_s=1.0, clock=clock)
    assert found["a"][0] == [MS] * int(TURN_S * 1e3)


def test_slow_calls_get_their_rounds_and_fast_ones_end(clock: Clock):
    slow = time_rounds({"a": taking(clock, 10**9, "a", [])}, budget_s=0.1, clock=clock)
    assert len(slow["a"]) == MIN_ROUNDS
    fast = time_rounds({"a": taking(clock, MS, "a", [])}, budget_s=1e9, clock=clock)
    assert len(fast["a"]) == MAX_ROUNDS


def test_the_first_call_of_a_turn_stands_apart(monkeypatch: pytest.MonkeyPatch):
    turns = {"scipy": [[9, 2, 4, 3], [7, 1, 1]]}
    monkeypatch.setattr(interleaved, "time_rounds", lambda *_, **__: turns)
    found = interleaved.measure("linear_100", ["scipy"], budget_s=0.0)
    assert found.first_ns == {"scipy": [9, 7]}
    assert found.repeated_ns == {"scipy": [3, 1]}


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
    assert list(found.repeated_ns) == ["scipy_lm"]
    assert "wrong answer for linear_100" in found.failures["scipy"]


def test_in_a_process_of_its_own():
    arguments = ["--problem", "linear_100", "--budget", "0"]
    solvers = ["--solver", "scipy_lm", "--solver", "scipy"]
    found = fresh.run_child("jitscope.interleaved", [*arguments, *solvers], what="the run")
    for turns in (found["first_ns"], found["repeated_ns"]):
        lengths = {name: len(calls_ns) for name, calls_ns in turns.items()}
        assert lengths == {"scipy_lm": MIN_ROUNDS, "scipy": MIN_ROUNDS}
    assert found["failures"] == {}
