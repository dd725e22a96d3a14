"""What the recorders themselves cost, measured here and now, so that reports can state it."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median

import numpy as np

from jitscope.conversions import ConversionRecorder
from jitscope.phases import PhaseRecorder

_ROUNDS = 15
_CALLS = 20


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
    """

    per_jit_call_ns: Cost
    per_conversion_ns: Cost
    per_span_ns: Cost
    per_light_call_ns: Cost | None = None


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

    identity, array = jax.jit(lambda x: x), jax.device_put(np.ones(8, np.float32))

    def call() -> None:
        identity(array)

    def convert() -> None:
        np.asarray(array)

    def nothing() -> None:
        pass

    phases, conversions, spans, light = [], [], [], []
    # The first round warms up and is dropped.
    for _ in range(_ROUNDS + 1):
        plain_ns = _ns_per_call(call)
        with PhaseRecorder():
            phases.append(_ns_per_call(call) - plain_ns)
        plain_ns = _ns_per_call(convert)
        with ConversionRecorder():
            conversions.append(_ns_per_call(convert) - plain_ns)
        plain_ns = _ns_per_call(nothing)
        with PhaseRecorder(mode="light") as recorder:
            spans.append(_ns_per_call(partial(_enter_span, recorder)) - plain_ns)
        plain_ns = _ns_per_call(call)
        with PhaseRecorder(mode="light"):
            light.append(_ns_per_call(call) - plain_ns)
    return Overhead(*(median_cost(costs[1:]) for costs in (phases, conversions, spans, light)))


def _enter_span(recorder: PhaseRecorder) -> None:
    with recorder.span("host"):
        pass


def _ns_per_call(function: Callable[[], None]) -> float:
    function()  # JAX takes its slow path once after each change of hooks
    start_ns = time.perf_counter_ns()
    for _ in range(_CALLS):
        function()
    return (time.perf_counter_ns() - start_ns) / _CALLS


def median_cost(samples_ns: Sequence[float]) -> Cost:
    """Return the median of independent samples and its interval of at least 95%.

    The interval goes from the k-th smallest to the k-th largest sample, k being the largest
    number for which the binomial distribution gives it that coverage (David and Nagaraja,
    Order Statistics, 2003, section 7.1).

    Raises
    ------
    ValueError
        Fewer than 6 samples: no two of them enclose the median with that coverage.
    """
    n, ordered = len(samples_ns), sorted(samples_ns)
    if n < 6:
        raise ValueError(f"`samples_ns` must have at least 6 entries; got {n}.")
    k, below = 0, 0.0
    while 2 * (below + math.comb(n, k) / 2**n) <= 0.05:
        below += math.comb(n, k) / 2**n
        k += 1
    return Cost(median(ordered), ordered[k - 1], ordered[n - k], n)
