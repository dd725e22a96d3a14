"""Device time: programs whose scopes, work and transfers are known."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental.compilation_cache import compilation_cache
from jitscope import _jax_profiler
from jitscope.conversions import ConversionRecorder
from jitscope.device import DeviceRecorder
from jitscope.recording import DevicePass

X = np.linspace(0.0, 1.0, 200, dtype=np.float32)
ROTATION = np.linalg.qr(np.random.default_rng(0).normal(size=(500, 500)))[0].astype(np.float32)


def profiled(run: Callable[[], Any]) -> DevicePass:
    with DeviceRecorder() as recorder:
        jax.block_until_ready(run())
    device = recorder.device
    assert sum(op.time_ns for op in device.ops) == device.busy_ns <= device.wall_ns
    assert sum(scope.time_ns for scope in device.scopes) == device.busy_ns
    return device


def scopes_of(device: DevicePass, module: str) -> set[str]:
    return {scope.scope for scope in device.scopes if scope.module == module}


def planted(x: Any) -> Any:
    def body(state: Any) -> Any:
        step, y = state
        for times in (1, 2, 4):
            with jax.named_scope(f"work_{times}"):
                for _ in range(3 * times):
                    y = y @ ROTATION  # XLA fuses no products of matrices
        return step + 1, y

    return jax.lax.while_loop(lambda state: state[0] < 5, body, (0, x))[1]


def test_planted_work_of_1_2_4_comes_back_within_3_points():
    function, x = jax.jit(planted), np.eye(500, dtype=np.float32)
    jax.block_until_ready(function(x))
    shares: dict[str, list[float]] = {"work_1": [], "work_2": [], "work_4": []}
    for _ in range(7):  # medians, as another process may hold up any part of one run
        device = profiled(lambda: function(x))
        times = {s.scope: s.time_ns for s in device.scopes if s.scope.startswith("work_")}
        for scope, found in shares.items():
            found.append(times[scope] / sum(times.values()))
        assert sum(times.values()) > 0.8 * device.busy_ns
    for scope, share in (("work_1", 1 / 7), ("work_2", 2 / 7), ("work_4", 4 / 7)):
        assert median(shares[scope]) == pytest.approx(share, abs=0.03)


def test_a_fusion_of_two_scopes_is_mixed_and_names_both():
    def fused(x: Any) -> Any:
        with jax.named_scope("first"):
            y = jnp.sin(x) * 2
        with jax.named_scope("second"):
            return y * x + 1

    device = profiled(lambda: jax.jit(fused)(X))
    assert scopes_of(device, "jit_fused") == {"(mixed)"}
    [op] = [op for op in device.ops if op.module == "jit_fused"]
    assert (op.kind, op.scopes, op.count) == ("fusion", ("first", "second"), 1)


def test_nested_scopes_transformed_functions_and_unscoped_work_are_told_apart():
    def nested(x: Any) -> Any:
        with jax.named_scope("solve"):
            with jax.named_scope("step"):
                x = jax.vmap(jax.grad(jnp.sin))(x)
            x = jnp.sort(x)
        return jnp.cumsum(x)

    device = profiled(lambda: jax.jit(nested)(X))
    scopes = scopes_of(device, "jit_nested")
    assert {"solve", "solve/step", "(unscoped)"} <= scopes | {
        scope for op in device.ops for scope in op.scopes
    }
    assert "solve" in scopes


def test_modules_that_died_and_modules_of_one_name_are_known():
    def run() -> None:
        for scope in ("one", "two"):

            def f(x: Any, scope: str = scope) -> Any:
                with jax.named_scope(scope):
                    return jnp.sin(x) if scope == "one" else jnp.cos(x) * 2

            jax.block_until_ready(jax.jit(f)(X))
        jax.clear_caches()

    device = profiled(run)
    assert scopes_of(device, "jit_f") == {"one"}
    assert scopes_of(device, "jit_f (2)") == {"two"}


def test_other_threads_and_eager_code_are_seen_and_empty_code_is_nothing():
    thread = threading.Thread(target=lambda: jnp.tan(X).block_until_ready())

    def run() -> None:
        thread.start()
        thread.join()

    assert "jit_tan" in {op.module for op in profiled(run).ops}
    nothing = profiled(lambda: None)
    assert (nothing.ops, nothing.scopes, nothing.busy_ns) == ((), (), 0)


def test_the_profiler_witnesses_the_conversions_to_the_device():
    function = jax.jit(lambda x, factor: factor * x)
    ready = jnp.asarray(X)

    def run() -> None:
        for _ in range(5):
            function(X, 2.0)
        function(ready, X)
        jnp.asarray(X)
        jax.device_put((X, 1.0))
        np.asarray(ready)

    run()
    device = profiled(run)
    with ConversionRecorder() as recorder:
        run()
    counted = sum(site.count for site in recorder.sites if site.direction == "to_device")
    assert device.host_to_device == counted == 14


def test_scopes_that_were_renamed_are_not_read_from_the_disk_cache(tmp_path: Path):
    def function(scope: str) -> Any:
        def renamed(x: Any) -> Any:
            with jax.named_scope(scope):
                return jnp.sinh(x)

        return jax.jit(renamed)

    settings = {
        "jax_compilation_cache_dir": str(tmp_path),
        "jax_enable_compilation_cache": True,
        "jax_persistent_cache_min_compile_time_secs": 0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    before = {name: getattr(jax.config, name) for name in settings}
    try:
        for name, value in settings.items():
            jax.config.update(name, value)
        compilation_cache.reset_cache()
        jax.block_until_ready(function("old")(X))
        assert list(tmp_path.iterdir())
        device = profiled(lambda: function("new")(X))
        assert jax.config.jax_enable_compilation_cache  # type: ignore[attr-defined]
        loaded = function("newer")
        loaded(X)
        warm = profiled(lambda: loaded(X))
    finally:
        for name, value in before.items():
            jax.config.update(name, value)
        compilation_cache.reset_cache()
    assert scopes_of(device, "jit_renamed") == {"new"}
    assert "jit_renamed" in warm.maybe_stale


@pytest.mark.slow
def test_profiling_costs_little_where_programs_are_large():
    def fit(x: Any) -> Any:
        def body(state: Any) -> Any:
            step, y = state
            with jax.named_scope("model"):
                y = jnp.exp(-jnp.sin(y) * x)
            with jax.named_scope("scale"):
                return step + 1, y / jnp.sqrt(jnp.sum(y * y))

        return jax.lax.while_loop(lambda state: state[0] < 30, body, (0, x))[1]

    function, x = jax.jit(fit), jnp.linspace(0.1, 1.0, 20_000)
    function(x).block_until_ready()

    def calls() -> float:
        samples: list[float] = []
        for _ in range(15):
            start = time.perf_counter()
            function(x).block_until_ready()
            samples.append(time.perf_counter() - start)
        return median(samples)

    ratios: list[float] = []
    for _ in range(7):
        plain = calls()
        with DeviceRecorder():
            ratios.append(calls() / plain)
    print(f"ratios {sorted(ratios)}")
    # The claim is 10%; the bound leaves room for other work on the machine.
    assert median(ratios) < 1.3


def test_exceptions_pass_and_nothing_is_left_behind(hook_state: Any):
    before, error = hook_state(), KeyError("of the recorded code")
    recorder = DeviceRecorder()

    def fail() -> None:
        with recorder:
            jnp.tan(X).block_until_ready()
            raise error

    with pytest.raises(KeyError) as caught:
        fail()
    assert caught.value is error
    assert hook_state() == before
    assert recorder.device.ops
    assert profiled(lambda: None).ops == ()


@pytest.mark.parametrize("error", [None, KeyError("of the recorded code")])
def test_a_profiler_that_cannot_end_hides_no_exception(
    error: Exception | None, monkeypatch: pytest.MonkeyPatch, hook_state: Any
):
    before = hook_state()
    recorder = DeviceRecorder()
    stop = _jax_profiler.stop

    def fails(session: Any) -> bytes:
        stop(session)
        raise RuntimeError("another profiler is active")

    monkeypatch.setattr(_jax_profiler, "stop", fails)

    def run() -> None:
        with recorder:
            if error is not None:
                raise error

    with pytest.raises(KeyError if error else RuntimeError) as caught:
        run()
    assert caught.value is error or "another profiler" in str(caught.value)
    assert hook_state() == before
    with pytest.raises(RuntimeError, match="`with` block"):
        _ = recorder.device


def test_usage_errors_are_named(tmp_path: Path):
    recorder = DeviceRecorder()
    with pytest.raises(RuntimeError, match="`with` block"):
        _ = recorder.device
    with recorder, pytest.raises(RuntimeError, match="recorder is active already"):
        DeviceRecorder().__enter__()
    with jax.profiler.trace(str(tmp_path)), pytest.raises(RuntimeError, match="another profiler"):
        DeviceRecorder().__enter__()
    assert profiled(lambda: None).busy_ns == 0
