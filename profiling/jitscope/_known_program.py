"""A small program of which it is known what every recorder must find, for the self-test.

It goes by every private interface of JAX that the recorders rely on. Importing this imports JAX.
"""

from __future__ import annotations

import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np
from jax.experimental.compilation_cache import compilation_cache
from jax.extend.core import jaxpr_as_fun

from jitscope import _jax_dispatch as dispatch
from jitscope._jax_backend import backend_starts
from jitscope._jax_calls import jitted_calls
from jitscope.conversions import ConversionRecorder
from jitscope.counters import CounterRecorder
from jitscope.device import UNKNOWN, DeviceRecorder
from jitscope.phases import PhaseRecorder

_CACHE_SETTINGS = {
    "jax_enable_compilation_cache": True,
    "jax_persistent_cache_min_compile_time_secs": 0,
    "jax_persistent_cache_min_entry_size_bytes": -1,
}


def count_known_program() -> dict[str, int]:
    """Run it under every recorder; warms the process.

    Returns
    -------
    dict
        The counts, by the keys of `jitscope.selftest.EXPECTED`.
    """
    return {
        **_starts(),
        **_counters(),
        **_conversions(),
        **_phases(),
        **_fast_path(),
        **_causes(),
        **_device(),
        **_disk_cache(),
    }


def _starts() -> dict[str, int]:
    """Return whether a start of JAX's backends was seen: unless there had been one before."""
    starts: list[Callable[[], Any]] = []

    def started(start: Callable[[], Any]) -> Any:
        starts.append(start)
        return start()

    with backend_starts(started):
        jax.devices()
    return {"first starts of backends": min(len(starts), 1)}  # one for each platform tried


def _values() -> np.ndarray:
    return np.ones(3, np.float32)


def _counters() -> dict[str, int]:
    doubled, array = jax.jit(lambda x: x + x), jax.device_put(_values())
    scalar = jax.device_put(np.float32(1))
    with CounterRecorder() as recorder:
        doubled(array).block_until_ready()
        jax.block_until_ready([array, scalar])
        float(scalar)
    counters = recorder.counters
    known = [one for one in counters.modules if one.hlo_instructions and one.peak_bytes is not None]
    return {
        "traces": counters.traces,
        "modules compiled": counters.compiled,
        "modules of known size": len(known),
        "jaxpr equations": counters.jaxpr_equations or 0,
        "operations on numbers": int(counters.flops or 0),
        "host syncs": counters.host_syncs or 0,
    }


def _conversions() -> dict[str, int]:
    values, scaled = _values(), jax.jit(lambda x, factor: factor * x)
    result = scaled(values, 2.0)
    compiled = jax.jit(lambda x: x - 1).lower(values).compile()
    scalar = jax.device_put(np.float32(1))
    with ConversionRecorder() as recorder:
        scaled(values, 2.0)
        compiled(values)
        jax.device_put(values + 1)
        np.asarray(result)
        np.add(result, result)
        result.tolist()
        np.from_dlpack(result)
        jax.device_get((scalar, result))
        float(scalar)
    to_host = [site for site in recorder.sites if site.direction == "to_host"]
    to_device = [site for site in recorder.sites if site.direction == "to_device"]
    return {
        "conversions to the host": sum(site.count for site in to_host),
        "bytes to the host": sum(site.bytes for site in to_host),
        "conversions to the device": sum(site.count for site in to_device),
        "bytes to the device": sum(site.bytes for site in to_device),
    }


def _phases() -> dict[str, int]:
    values, scaled = _values(), jax.jit(lambda x, factor: factor * x)
    result = scaled(values, 2.0)
    compiled = jax.jit(lambda x: x - 1).lower(values).compile()
    elsewhere = threading.Thread(target=jax.jit(lambda x: x - 2), args=(values,))
    with PhaseRecorder() as recorder:
        scaled(values, 2.0)
        compiled(values)
        jax.jit(lambda x: x + 1)(values)
        np.asarray(result)
        elsewhere.start()
        elsewhere.join()
    calls, threads = recorder.record.calls, recorder.phases_pass.threads
    return {
        "compilations among the phases": len(recorder.record.modules),
        "executions among the phases": calls["dispatch"],
        "copies to the device among the phases": calls["to_device"],
        "copies to the host among the phases": calls["to_host"],
        "waits among the phases": calls["device_wait"],
        "threads that compiled": sum(bool(one.phases_ns.get("compile")) for one in threads),
        "arguments handled": _around(dispatch.argument_handling, 1, lambda: scaled(values, 2.0)),
        "parts of a jitted call": _around(jitted_calls, 2, lambda: scaled(values, 2.0)),
    }


def _around(hook: Callable[..., Any], parts: int, call: Callable[[], Any]) -> int:
    # By the hook itself: among the phases it shows as a time alone.
    seen: list[Any] = []

    def around(*call: Any) -> Any:
        run, *args = call[isinstance(call[0], str) :]  # after a name, if there is one
        seen.append(run)
        return run(*args)

    with dispatch.watched_dispatch(), hook(*[around] * parts):
        call()
    return len(seen)


def _fast_path() -> dict[str, int]:
    function, array = jax.jit(lambda x: x * 2 + 1), jax.device_put(_values())
    evaluated = jaxpr_as_fun(jax.make_jaxpr(function)(array))
    found: list[bool] = []

    def around(_: str, run: dispatch.FastCall, *args: Any) -> Any:
        outputs, executed = run(*args)
        found.append(executed)
        return outputs

    with dispatch.watched_dispatch(around):
        for _ in range(3):
            function(array)
            evaluated(array)
    del found[:-4]  # the first round compiles
    return {"calls with arrays": len(found), "calls on the fast path": sum(found)}


def _causes() -> dict[str, int]:
    function = jax.jit(lambda x, times: x * times, static_argnames="times")
    values, longer = _values(), np.ones(4, np.float32)
    with PhaseRecorder() as recorder:
        function(values, times=2)
        function(longer, times=2)
        function(longer.astype(np.int32), times=2)
        function(longer, times=3)
        function(longer, times=3)
        for _ in range(2):
            jax.jit(lambda x: x + 1)(values)
        jax.jit(lambda x: x - 1).lower(values).compile()
    found: Counter[str] = Counter()
    for one in recorder.phases_pass.requests:
        found[f"requests: {one.cause or one.outcome}"] += one.count
    return dict(found)


def _device() -> dict[str, int]:
    def scoped(x: Any) -> Any:
        with jax.named_scope("known"):
            return x @ x

    function, square = jax.jit(scoped), np.ones((20, 20), np.float32)
    with DeviceRecorder() as recorder:
        # Who holds no result has nothing to wait for.
        result = function(jax.device_put(square))
    del result
    device = recorder.device
    named = [one for one in device.scopes if one.scope == "known" and one.time_ns > 0]
    return {
        "scopes of the device": len(named),
        "scopes that are unknown": sum(one.scope == UNKNOWN for one in device.scopes),
        "arrays put on the device": device.host_to_device or 0,
    }


def _disk_cache() -> dict[str, int]:
    values = _values()

    def cached(x: Any) -> Any:
        return x * 7

    with _caching():
        jax.jit(cached)(values)
        jax.clear_caches()
        with CounterRecorder() as counters:
            held = jax.jit(cached)
            held(values)
        with DeviceRecorder() as device:
            held(values)
    return {
        "modules loaded from disk": counters.counters.loaded,
        "modules of uncertain scopes": sum("cached" in one for one in device.device.maybe_stale),
    }


@contextmanager
def _caching() -> Generator[None, None, None]:
    with tempfile.TemporaryDirectory() as folder:
        settings = {**_CACHE_SETTINGS, "jax_compilation_cache_dir": folder}
        before = {name: getattr(jax.config, name) for name in settings}
        try:
            _configure(settings)
            yield
        finally:
            _configure(before)


def _configure(settings: dict[str, Any]) -> None:
    for name, value in settings.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()  # JAX remembers whether it uses one
