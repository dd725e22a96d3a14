"""What the recorders themselves cost, measured here and now, so that reports can state it."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from types import FunctionType
from typing import Literal

from jitscope.conversions import ConversionRecorder
from jitscope.phases import PhaseRecorder

_ROUNDS = 15
_CALLS = 20

POINTS = 20_000
"""Length of the data in the compiled fit of `Overhead.device_share`."""
Verdict = Literal["met", "missed", "undecided"]


@dataclass(frozen=True)
class Cost:
    """A median over rounds with an interval of at least 95%, in nanoseconds.

    Attributes
    ----------
    median_ns, low_ns, high_ns : float
        The interval is that of the median, from order statistics: it assumes independent
        rounds and no distribution. A small cost may come out negative.
    n : int
        Number of rounds.
    """

    median_ns: float
    low_ns: float
    high_ns: float
    n: int


@dataclass(frozen=True)
class Share:
    """A median over rounds with an interval of at least 95%, in percent; otherwise as `Cost`.

    Attributes
    ----------
    median_percent, low_percent, high_percent : float
        Of the same call without the recorder.
    n : int
        Number of rounds.
    """

    median_percent: float
    low_percent: float
    high_percent: float
    n: int


@dataclass(frozen=True)
class Overhead:
    """What recording adds, in nanoseconds; what is not listed here adds less than a span.

    Attributes
    ----------
    per_jit_call_ns : Cost
        To a jitted call with one JAX array, by a full `PhaseRecorder`.
    per_conversion_ns : Cost
        To ``np.asarray`` of a small array that is ready, by a `ConversionRecorder`.
    per_span_ns : Cost
        To a block under `PhaseRecorder.span`.
    per_light_call_ns : Cost or None
        To a jitted call with one JAX array, by a light `PhaseRecorder`; None in records from
        before it was measured.
    light_share : Share or None
        Added to a call that compiles, by a light `PhaseRecorder`. None where it was not measured:
        `calibrate` leaves it to `jitscope.shares`.
    device_share : Share or None
        Added to a compiled fit of `POINTS` float32, by a `DeviceRecorder`; None likewise.
    per_host_call_ns : Cost or None
        To a jitted call with one small NumPy array, its conversion included, by a full
        `PhaseRecorder`; None in records from before it was measured.
    per_operation_ns : Cost or None
        To an operation in a compiled loop, by a `DeviceRecorder`; None as `device_share` is.
    """

    per_jit_call_ns: Cost
    per_conversion_ns: Cost
    per_span_ns: Cost
    per_light_call_ns: Cost | None = None
    light_share: Share | None = None
    device_share: Share | None = None
    per_host_call_ns: Cost | None = None
    per_operation_ns: Cost | None = None

    def in_words(self) -> str:
        """Return the sentence that every report of a recording ends with."""
        words = (
            f"Recording costs {self.per_jit_call_ns.median_ns / 1e3:.0f} µs a jitted call, "
            f"{self.per_conversion_ns.median_ns / 1e3:.0f} µs a conversion, "
            f"{self.per_span_ns.median_ns / 1e3:.1f} µs a span here"
        )
        if self.device_share is None:
            return f"{words}."
        percent = self.device_share.median_percent
        return f"{words}; profiling the device {percent:.1f}% of a fit of {POINTS:,} points."


def calibrate() -> Overhead:
    """Measure the recorders' own cost in this process, in less than a second.

    It compiles a module, and it makes JAX forget its C++ fast paths: call it after what is to
    be measured, or in a process of its own.

    Returns
    -------
    Overhead
        From rounds that alternate between with and without the recorder.

    Raises
    ------
    RuntimeError
        A recorder is active, or this JAX is not supported.
    """
    import jax
    import numpy as np

    identity, values = jax.jit(lambda x: x), np.ones(8, np.float32)
    array = jax.device_put(values)

    call = _of_the_user(lambda: identity(array))
    call_with_host_value = _of_the_user(lambda: identity(values))
    convert = _of_the_user(lambda: np.asarray(array))

    def nothing() -> None:
        pass

    phases, host, conversions, spans, light = [], [], [], [], []
    # The first round warms up and is dropped.
    for _ in range(_ROUNDS + 1):
        plain_ns = _ns_per_call(call)
        with PhaseRecorder():
            phases.append(_ns_per_call(call) - plain_ns)
        plain_ns = _ns_per_call(call_with_host_value)
        with PhaseRecorder():
            host.append(_ns_per_call(call_with_host_value) - plain_ns)
        plain_ns = _ns_per_call(convert)
        with ConversionRecorder():
            conversions.append(_ns_per_call(convert) - plain_ns)
        plain_ns = _ns_per_call(nothing)
        with PhaseRecorder(mode="light") as recorder:
            spans.append(_ns_per_call(partial(_enter_span, recorder)) - plain_ns)
        plain_ns = _ns_per_call(call)
        with PhaseRecorder(mode="light"):
            light.append(_ns_per_call(call) - plain_ns)
    return Overhead(
        median_cost(phases[1:]),
        median_cost(conversions[1:]),
        median_cost(spans[1:]),
        median_cost(light[1:]),
        per_host_call_ns=median_cost(host[1:]),
    )


def _of_the_user(function: Callable[[], object]) -> Callable[[], object]:
    """Return a function that stands in no file of jitscope's.

    A recorder looks for the user's line, and would go on past this module to whoever calibrates:
    that takes longer the deeper the stack is, and no user's call has such a stack in between.
    """
    code = function.__code__.replace(co_filename="<calibration>")
    return FunctionType(code, function.__globals__, closure=function.__closure__)


def _enter_span(recorder: PhaseRecorder) -> None:
    with recorder.span("host"):
        pass


def _ns_per_call(function: Callable[[], object]) -> float:
    function()  # JAX takes its slow path once after each change of hooks
    start_ns = time.perf_counter_ns()
    for _ in range(_CALLS):
        function()
    return (time.perf_counter_ns() - start_ns) / _CALLS


def median_cost(samples_ns: Sequence[float]) -> Cost:
    """Return the median of independent samples in nanoseconds, and its interval.

    Raises
    ------
    ValueError
        Fewer than 6 samples.
    """
    return Cost(*_median_and_interval(samples_ns), len(samples_ns))


def median_share(samples_percent: Sequence[float]) -> Share:
    """Return the same of samples in percent."""
    return Share(*_median_and_interval(samples_percent), len(samples_percent))


def verdict(low: float, high: float, most: float) -> Verdict:
    """Return whether all of an interval keeps a budget, breaks it, or neither.

    Parameters
    ----------
    low, high : float
        Ends of the interval.
    most : float
        The budget, in the same unit; what equals it keeps it.
    """
    if high <= most:
        return "met"
    return "missed" if low > most else "undecided"


def _median_and_interval(samples: Sequence[float]) -> tuple[float, float, float]:
    """Return the median of independent samples and its interval of at least 95%.

    The interval goes from the k-th smallest to the k-th largest sample, k being the largest
    number for which the binomial distribution gives it that coverage (David and Nagaraja,
    Order Statistics, 2003, section 7.1).

    Raises
    ------
    ValueError
        Fewer than 6 samples: no two of them enclose the median with that coverage.
    """
    n, ordered = len(samples), sorted(samples)
    if n < 6:
        raise ValueError(f"a median with an interval needs at least 6 samples; got {n}.")
    k, below = 0, 0.0
    while 2 * (below + math.comb(n, k) / 2**n) <= 0.05:
        below += math.comb(n, k) / 2**n
        k += 1
    return median(ordered), ordered[k - 1], ordered[n - k]
