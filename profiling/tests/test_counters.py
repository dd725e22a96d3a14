"""Counters: programs whose modules, equations and instructions are known."""

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental.compilation_cache import compilation_cache
from jitscope.counters import CounterRecorder, Counters

X = np.ones(4, np.float32)


def counted(run: Callable[[], Any]) -> Counters:
    with CounterRecorder() as recorder:
        run()
    return recorder.counters


def test_one_function_is_one_module_with_its_equations():
    def polynomial(x: Any) -> Any:
        return x * x + 3.0 * x - 1.0  # mul, mul, add, sub

    counters = counted(lambda: jax.jit(polynomial)(X))
    [module] = counters.modules
    assert (module.name, module.jaxpr_equations, module.cache_hit) == ("polynomial", 4, False)
    assert (counters.traces, counters.compiled, counters.loaded) == (1, 1, 0)
    assert counters.jaxpr_equations == len(jax.make_jaxpr(polynomial)(X).eqns)


def test_nested_equations_are_counted():
    def body(_: Any, y: Any) -> Any:
        return jnp.sin(y) * 2.0  # sin, mul

    def looped(x: Any) -> Any:
        # while: lt in its condition; sin, mul and the counter's add in its body.
        return jax.lax.while_loop(lambda s: s[0] < 10, lambda s: (s[0] + 1, body(0, s[1])), (0, x))

    [module] = counted(lambda: jax.jit(looped)(X)).modules
    assert module.jaxpr_equations == 1 + 1 + 3


def test_instructions_are_those_of_the_optimised_module():
    def add_one(x: Any) -> Any:
        return x + np.float32(1)

    function = jax.jit(add_one)
    [module] = counted(lambda: function(X)).modules
    text = function.lower(X).compile().as_text()
    assert text is not None
    assert module.hlo_instructions == text.count(" = ") > 0


def test_temporary_memory_is_what_the_compiler_reports():
    def products(x: Any) -> Any:
        return jnp.linalg.inv(x @ x.T) @ x

    function, square = jax.jit(products), np.eye(40, dtype=np.float32)
    counters = counted(lambda: function(square))
    [module] = counters.modules
    analysis = function.lower(square).compile().memory_analysis()
    assert analysis is not None
    assert module.temp_bytes == counters.temp_bytes == analysis.temp_size_in_bytes > 0


def test_a_warm_function_counts_nothing_and_a_new_length_one_module():
    def total(x: Any) -> Any:
        return x.sum()

    function = jax.jit(total)
    function(X)
    assert counted(lambda: function(X + 1)) == Counters((), 0, 0)
    again = counted(lambda: function(np.ones(5, np.float32)))
    assert [module.name for module in again.modules] == ["total"]
    renewed = counted(lambda: [jax.jit(partial(jnp.add, step))(X) for step in (1, 2, 3)])
    assert (renewed.compiled, renewed.traces) == (3, 3)


def test_operations_outside_jit_are_modules_of_their_own():
    x = jnp.zeros((3, 7))
    counters = counted(lambda: jnp.tan(x))
    assert [module.name for module in counters.modules] == ["tan"]


def test_lowered_before_the_recording_is_unknown_not_zero():
    lowered = jax.jit(lambda x: x + 11).lower(X)
    counters = counted(lowered.compile)
    [module] = counters.modules
    assert module.jaxpr_equations is None
    assert counters.jaxpr_equations is None
    assert counters.hlo_instructions


def test_two_lowered_functions_of_one_name_are_kept_apart():
    def run() -> None:
        def f(x: Any) -> Any:
            return x + 1 if x.shape == (4,) else x * x + 1

        first, second = jax.jit(f).lower(X), jax.jit(f).lower(X[:2])
        second.compile()
        first.compile()

    assert [module.jaxpr_equations for module in counted(run).modules] == [2, 1]


def test_loading_from_the_persistent_cache_is_not_compiling(tmp_path: Path):
    def run() -> Any:
        return jax.jit(lambda x: jnp.cosh(x) - 13)(X)

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
        cold = counted(run)
        warm = counted(run)
    finally:
        for name, value in before.items():
            jax.config.update(name, value)
        compilation_cache.reset_cache()
    assert (cold.compiled, cold.loaded) == (1, 0)
    assert (warm.compiled, warm.loaded) == (0, 1)
    assert cold.hlo_instructions == warm.hlo_instructions


def test_counts_repeat():
    def run() -> Any:
        return jax.jit(lambda x: jax.jacfwd(lambda p: jnp.exp(-p * x).sum())(2.0))(X)

    first, second = counted(run), counted(run)
    assert first == second
    assert first.compiled == 1


def test_nothing_is_left_behind_and_exceptions_pass(hook_state: Any):
    before = hook_state()
    error = KeyError("of the recorded code")
    recorder = CounterRecorder()

    def fail() -> None:
        with recorder:
            jax.jit(lambda x: x + 17)(X)
            raise error

    with pytest.raises(KeyError) as caught:
        fail()
    assert caught.value is error
    assert hook_state() == before
    assert recorder.counters.compiled == 1


def test_other_threads_are_not_mixed_in():
    def run() -> None:
        thread = threading.Thread(target=lambda: jax.jit(lambda x: x + 19)(X))
        thread.start()
        thread.join()

    assert counted(run) == Counters((), 0, 0)


def test_kinds_flops_and_memory_of_a_module_without_loops():
    def product(x: Any) -> Any:
        return jnp.sin(x @ x) + 1

    [module] = counted(lambda: jax.jit(product)(np.ones((20, 20), np.float32))).modules
    assert module.kinds is not None
    assert module.flops is not None
    assert sum(module.kinds.values()) == module.hlo_instructions
    assert module.kinds["sine"] == 1
    assert module.fused_kernels == module.kinds.get("fusion", 0) > 0
    assert 2 * 20**3 <= module.flops <= 2.5 * 20**3
    assert module.bytes_accessed is not None
    assert module.bytes_accessed >= 2 * 1600
    assert module.peak_bytes is not None
    assert module.peak_bytes >= 2 * 1600


def test_a_program_that_only_moves_numbers_has_no_flops():
    with CounterRecorder() as recorder:
        jax.jit(jnp.transpose)(np.ones((3, 4), np.float32))
    [module] = recorder.counters.modules
    assert module.flops == 0
    assert module.bytes_accessed == 2 * 48


def test_flops_of_loops_are_unknown():
    def looped(x: Any) -> Any:
        return jax.lax.while_loop(lambda y: y.sum() > 1, lambda y: y * 0.5, x)

    counters = counted(lambda: [jax.jit(looped)(X), jax.jit(lambda x: x + 23)(X)])
    assert (counters.flops, counters.bytes_accessed) == (None, None)
    assert counters.modules[1].flops == 4
    assert counters.kinds is not None
    assert counters.kinds["while"] == 1


def test_host_syncs_are_conversions_and_waits():
    function, ready = jax.jit(lambda x: x * 2), jnp.ones(3)
    function(ready)

    def run() -> None:
        y = function(ready)
        y.block_until_ready()  # 1
        jax.block_until_ready(y)  # 2
        jax.block_until_ready([y, ready])  # 3
        np.asarray(y)  # 4
        float(y[0])  # 5
        if y[1] > 1:  # 6
            function(y)

    run()
    assert counted(run).host_syncs == 6
    assert counted(lambda: function(ready)).host_syncs == 0
    refuses_its_buffer = jnp.ones(2, jnp.bfloat16)
    assert counted(lambda: np.asarray(refuses_its_buffer)).host_syncs == 1


def test_usage_errors_are_named():
    recorder = CounterRecorder()
    with pytest.raises(RuntimeError, match="`with` block"):
        _ = recorder.counters
    with recorder, pytest.raises(RuntimeError, match="recorder is active already"):
        CounterRecorder().__enter__()
