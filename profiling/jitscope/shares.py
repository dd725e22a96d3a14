"""What recording adds to calls that take milliseconds, as a share of them.

Both budgets that are a share are measured here: of light mode, whose events come with compiling,
and of the device's profiler, whose events come with each operation of a compiled loop.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

from jitscope.device import DeviceRecorder
from jitscope.overhead import POINTS, Share, median_share
from jitscope.phases import PhaseRecorder

_ITERATIONS = 50
_CALLS = 15
_DEVICE_ROUNDS = 15
_LIGHT_ROUNDS = 41


def light_share() -> Share:
    """Measure what a light `PhaseRecorder` adds to a first call: trace, lowering, compilation.

    Returns
    -------
    Share
        Of pairs of first calls of the same function made anew, one of them recorded.

    Raises
    ------
    RuntimeError
        A recorder is active, or this JAX is not supported.
    """
    import numpy as np

    values = np.ones(8, np.float32)
    return share_of(
        partial(_first_call, values), partial(PhaseRecorder, mode="light"), rounds=_LIGHT_ROUNDS
    )


def device_share() -> Share:
    """Measure what a `DeviceRecorder` adds to a compiled loop over arrays of `POINTS` numbers.

    The loop does what a fit does: it evaluates a model, and reduces residuals to a step. Starting
    the profiler and reading the profile are no part of the figure.

    Returns
    -------
    Share
        Of rounds that alternate between with and without the recorder.

    Raises
    ------
    RuntimeError
        A recorder or another profiler is active, or this JAX is not supported.
    """
    return share_of(_fit_in_a_loop(), DeviceRecorder, rounds=_DEVICE_ROUNDS, calls=_CALLS)


def share_of(
    call: Callable[[], object],
    recorder: Callable[[], AbstractContextManager[Any]],
    *,
    rounds: int,
    calls: int = 1,
    clock: Callable[[], int] = time.perf_counter_ns,
) -> Share:
    """Measure what a recorder adds to a call.

    Parameters
    ----------
    call : callable
        Waits for its result.
    recorder : callable
        Returns a new recorder.
    rounds, calls : int
        Rounds of so many calls without and as many with the recorder. One more round, and one
        more call each time, warm up.
    clock : callable, optional
        Returns integer nanoseconds.
    """
    percents: list[float] = []
    for _ in range(rounds + 1):
        plain_ns = _timed_ns(call, nullcontext, calls, clock)
        recorded_ns = _timed_ns(call, recorder, calls, clock)
        percents.append(100 * (recorded_ns / plain_ns - 1))
    return median_share(percents[1:])


def _timed_ns(
    call: Callable[[], object],
    recorder: Callable[[], AbstractContextManager[Any]],
    calls: int,
    clock: Callable[[], int],
) -> int:
    with recorder():
        call()
        start_ns = clock()
        for _ in range(calls):
            call()
        return clock() - start_ns


def _first_call(values: Any) -> None:
    import jax
    import jax.numpy as jnp

    def wave(x: Any) -> Any:
        for _ in range(4):
            x = jnp.sin(x) * x + 1
        return jnp.sum(x)

    jax.jit(wave)(values).block_until_ready()


def _fit_in_a_loop() -> Callable[[], object]:
    import jax
    import jax.numpy as jnp
    import numpy as np

    x = jax.device_put(np.linspace(0, 4, POINTS, dtype=np.float32))
    y = jnp.exp(-x)

    def step(_: Any, p: Any) -> Any:
        residuals = p[0] * jnp.exp(-p[1] * x) - y
        return p - jnp.stack([jnp.sum(residuals), jnp.sum(residuals * x)]) / (100 * POINTS)

    fit = jax.jit(lambda start: jax.lax.fori_loop(0, _ITERATIONS, step, start))
    start = jax.device_put(np.full(2, 0.9, np.float32))
    return lambda: fit(start).block_until_ready()
