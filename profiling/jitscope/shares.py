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
from jitscope.overhead import POINTS, Cost, Share, median_cost, median_share
from jitscope.phases import PhaseRecorder

_ITERATIONS = 20
_LIGHT_ITERATIONS = 200
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
    """Measure what a `DeviceRecorder` adds to a compiled fit of `POINTS` points.

    It is a loop of Gauss-Newton steps: a model and its derivatives, their products, a solved
    system. Starting the profiler and reading the profile are no part of the figure.

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


def operation_cost() -> Cost:
    """Measure what a `DeviceRecorder` adds to each operation in a compiled loop.

    Returns
    -------
    Cost
        Of a loop whose operations take hardly longer than that.

    Raises
    ------
    RuntimeError
        A recorder or another profiler is active, or this JAX is not supported.
    """
    loop, added_ns = _light_operations(), list[float]()
    for _ in range(_DEVICE_ROUNDS + 1):
        plain_ns = _timed_ns(loop, nullcontext(), _CALLS, time.perf_counter_ns)
        recorder = DeviceRecorder()
        recorded_ns = _timed_ns(loop, recorder, _CALLS, time.perf_counter_ns)
        per_call = sum(op.count for op in recorder.device.ops) / (_CALLS + 1)
        added_ns.append((recorded_ns - plain_ns) / _CALLS / per_call)
    return median_cost(added_ns[1:])


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
        plain_ns = _timed_ns(call, nullcontext(), calls, clock)
        recorded_ns = _timed_ns(call, recorder(), calls, clock)
        percents.append(100 * (recorded_ns / plain_ns - 1))
    return median_share(percents[1:])


def _timed_ns(
    call: Callable[[], object],
    recorder: AbstractContextManager[Any],
    calls: int,
    clock: Callable[[], int],
) -> int:
    with recorder:
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

    def model(p: Any) -> Any:
        return p[0] * jnp.exp(-(((x - p[1]) / p[2]) ** 2))

    y = model(jnp.asarray([2.0, 1.5, 0.6], jnp.float32))

    def step(_: Any, p: Any) -> Any:
        residuals, slopes = model(p) - y, jax.jacfwd(model)(p)
        return p - 0.1 * jnp.linalg.solve(slopes.T @ slopes, slopes.T @ residuals)

    fit = jax.jit(lambda start: jax.lax.fori_loop(0, _ITERATIONS, step, start))
    start = jax.device_put(np.array([1.8, 1.4, 0.7], np.float32))
    return lambda: fit(start).block_until_ready()


def _light_operations() -> Callable[[], object]:
    import jax
    import numpy as np

    def step(_: Any, p: Any) -> Any:
        return p @ p  # large enough for XLA to leave it an operation of its own

    loop = jax.jit(lambda start: jax.lax.fori_loop(0, _LIGHT_ITERATIONS, step, start))
    start = jax.device_put(np.eye(16, dtype=np.float32))
    return lambda: loop(start).block_until_ready()
