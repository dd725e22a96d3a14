"""The tool's own cost: the interval's arithmetic, and that a dearer recorder shows."""

import math
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest
from jitscope import overhead
from jitscope.conversions import ConversionRecorder
from jitscope.overhead import Cost, calibrate, median_cost, verdict


def test_median_and_interval_of_known_samples():
    # n = 15: P(fewer than 4 successes of 15) = 576 / 2**15 = 1.8%, of fewer than 5 5.9%.
    cost = median_cost([float(sample) for sample in reversed(range(1, 16))])
    assert cost == Cost(median_ns=8.0, low_ns=4.0, high_ns=12.0, n=15)


@pytest.mark.parametrize("n", range(6, 40))
def test_interval_covers_the_median_with_95_percent_and_no_smaller_one_does(n: int):
    cost = median_cost([float(sample) for sample in range(n)])
    below = int(cost.low_ns)  # so many samples are smaller than the lower end
    assert cost.high_ns == n - 1 - below

    def coverage(k: int) -> float:
        return 1 - 2 * sum(math.comb(n, successes) for successes in range(k + 1)) / 2**n

    assert coverage(below) >= 0.95 > coverage(below + 1)


def test_too_few_samples_have_no_interval():
    with pytest.raises(ValueError, match="at least 6 samples; got 5"):
        median_cost([1.0] * 5)


@pytest.mark.parametrize(
    ("most", "expected"), [(9.5, "met"), (9.0, "undecided"), (8.0, "undecided"), (7.9, "missed")]
)
def test_the_whole_interval_decides(most: float, expected: str):
    assert verdict(8.0, 9.5, most) == expected


def test_costs_are_measured_and_nothing_is_left_behind(hook_state: Callable[[], Any]):
    before = hook_state()
    cost = calibrate()
    assert hook_state() == before
    host_call = cost.per_host_call_ns
    assert host_call is not None
    for part in (cost.per_jit_call_ns, host_call, cost.per_conversion_ns, cost.per_span_ns):
        assert 0 < part.low_ns <= part.median_ns <= part.high_ns
        assert part.n == 15
    assert host_call.median_ns > cost.per_jit_call_ns.median_ns > cost.per_span_ns.median_ns


def test_what_is_calibrated_is_found_without_a_walk_up_the_stack():
    array = jax.device_put(np.ones(3, np.float32))
    convert = vars(overhead)["_of_the_user"](lambda: np.asarray(array))
    with ConversionRecorder() as recorder:
        assert convert().tolist() == [1, 1, 1]
    assert [(site.file, site.count) for site in recorder.sites] == [("<calibration>", 1)]


def test_a_dearer_span_shows(monkeypatch: pytest.MonkeyPatch):
    enter_span = vars(overhead)["_enter_span"]

    def enter_slow_span(recorder: Any) -> None:
        time.sleep(0.0005)
        enter_span(recorder)

    monkeypatch.setattr(overhead, "_enter_span", enter_slow_span)
    assert calibrate().per_span_ns.low_ns > 500_000
