"""Overhead in percent: exact on a fake clock, and that what it is measured on does happen."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
from jitscope import shares
from jitscope.device import DeviceRecorder
from jitscope.overhead import Share
from jitscope.phases import PhaseRecorder

from .conftest import Clock


def test_a_recorder_that_adds_a_quarter_adds_25_percent(clock: Clock):
    added_ns = 0

    @contextmanager
    def recorder() -> Generator[None]:
        nonlocal added_ns
        clock.advance(5_000_000)  # entering it and leaving it are no part of the call
        added_ns = 250
        yield
        added_ns = 0
        clock.advance(5_000_000)

    measured = shares.share_of(
        lambda: clock.advance(1000 + added_ns), recorder, rounds=7, calls=3, clock=clock
    )
    assert measured == Share(25.0, 25.0, 25.0, 7)


def test_the_first_round_and_each_first_call_warm_up(clock: Clock):
    durations_ns = iter([9_000, 1000, 7_000, 5_000] + [9_000, 1000, 8_000, 1100] * 6)
    measured = shares.share_of(
        lambda: clock.advance(next(durations_ns)), nullcontext, rounds=6, clock=clock
    )
    assert measured.median_percent == pytest.approx(10)
    assert measured.high_percent == measured.low_percent
    assert next(durations_ns, None) is None


def test_light_mode_is_measured_on_calls_that_compile(monkeypatch: pytest.MonkeyPatch):
    recorders: list[PhaseRecorder] = []

    def light(mode: Any) -> PhaseRecorder:
        recorders.append(PhaseRecorder(mode=mode))
        return recorders[-1]

    monkeypatch.setattr(shares, "PhaseRecorder", light)
    monkeypatch.setattr(shares, "_LIGHT_ROUNDS", 6)
    assert shares.light_share().n == 6
    for recorder in recorders:
        compiled = [module.fun_name for module in recorder.record.modules]
        assert compiled == ["wave", "wave"]
        assert recorder.record.phases_ns["device_wait"] is None  # as in light mode


def test_the_device_is_measured_in_a_loop_of_single_operations(monkeypatch: pytest.MonkeyPatch):
    recorders: list[DeviceRecorder] = []

    def device() -> DeviceRecorder:
        recorders.append(DeviceRecorder())
        return recorders[-1]

    monkeypatch.setattr(shares, "DeviceRecorder", device)
    monkeypatch.setattr(shares, "_DEVICE_ROUNDS", 6)
    assert shares.device_share().n == 6
    last = recorders[-1].device
    assert max(op.count for op in last.ops) >= 16 * 20


def test_an_operation_costs_what_its_event_does(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shares, "_DEVICE_ROUNDS", 6)
    cost = shares.operation_cost()
    assert cost.n == 6
    assert 20 < cost.median_ns < 20_000
    enter = DeviceRecorder.__enter__
    loops = vars(shares)["_light_operations"]

    def slower() -> Callable[[], object]:
        loop = loops()
        return lambda: (loop(), time.sleep(0.01 if recording else 0))

    recording: list[bool] = []

    def entered(self: DeviceRecorder) -> DeviceRecorder:
        recording.append(True)
        return enter(self)

    def left(self: DeviceRecorder, *error: Any) -> None:
        leave(self, *error)
        recording.clear()

    leave = DeviceRecorder.__exit__
    monkeypatch.setattr(DeviceRecorder, "__enter__", entered)
    monkeypatch.setattr(DeviceRecorder, "__exit__", left)
    monkeypatch.setattr(shares, "_light_operations", slower)
    # 10 ms over some 600 operations.
    assert shares.operation_cost().low_ns > 12_000


def test_nothing_is_left_behind(hook_state: Callable[[], Any], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shares, "_DEVICE_ROUNDS", 6)
    before = hook_state()
    shares.device_share()
    assert hook_state() == before


def test_the_interval_is_that_of_the_median():
    measured = shares.median_share([float(n) for n in range(1, 16)])
    assert measured == Share(8.0, 4.0, 12.0, 15)
