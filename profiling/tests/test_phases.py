"""Phases: planted durations, real runs, and no hook left behind."""

import sys
import threading
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jitscope.phases import PHASES, PhaseRecord, PhaseRecorder

State = Callable[[], dict[str, Any]]

TRACE = "/jax/core/compile/jaxpr_trace_duration"
LOWER = "/jax/core/compile/jaxpr_to_mlir_module_duration"
COMPILE = "/jax/core/compile/backend_compile_duration"


def planted(event: str, name: str, clock: Any, duration_ns: int, inside: Any = None) -> None:
    """Report one compile step as JAX does, with `inside` called in the middle of it."""
    jax.monitoring.record_scalar(event, 0.0, fun_name=name)
    clock.advance(duration_ns)
    if inside is not None:
        inside()
    jax.monitoring.record_event_duration_secs(event, 0.0, fun_name=name)


def measured(record: PhaseRecord) -> dict[str, int]:
    """Return the phases that took time."""
    return {phase: own_ns for phase, own_ns in record.phases_ns.items() if own_ns}


def slow_function() -> Callable[[Any], Any]:
    """Return a jitted function that keeps the device busy for some 100 ms."""

    def slow(x: Any) -> Any:
        return jax.lax.fori_loop(0, 60, lambda _, y: jnp.tanh(y @ x), x)

    return jax.jit(slow)


def test_planted_compile_steps_come_back_exactly(clock: Any):
    with PhaseRecorder(clock=clock) as recorder:
        clock.advance(1)
        planted(TRACE, "f", clock, 20)
        planted(LOWER, "jit(f)", clock, 300)
        planted(COMPILE, "jit(f)", clock, 4_000)
        with recorder.span("import"):
            clock.advance(50_000)
    record = recorder.record
    assert measured(record) == {
        "host": 1,
        "trace": 20,
        "lower": 300,
        "compile": 4_000,
        "import": 50_000,
    }
    assert record.wall_ns == 54_321
    [module] = record.modules
    assert (module.fun_name, module.trace_ns, module.lower_ns) == ("f", 20, 300)
    assert (module.compile_ns, module.cache_hit) == (4_000, False)
    assert record.calls["compile"] == record.calls["trace"] == record.calls["import"] == 1


def test_nested_compiles_are_counted_once(clock: Any):
    def compile_inner() -> None:
        planted(COMPILE, "jit(inner)", clock, 500)
        clock.advance(2)

    with PhaseRecorder(clock=clock) as recorder:
        planted(TRACE, "outer", clock, 10, inside=compile_inner)
    assert measured(recorder.record) == {"trace": 12, "compile": 500}
    assert [module.trace_ns for module in recorder.record.modules] == [None]


def test_trace_time_of_a_real_function_with_a_compile_inside(clock: Any):
    @jax.jit
    def inner(x: Any) -> Any:
        clock.advance(3)
        return x + 1

    @jax.jit
    def outer(x: Any) -> Any:
        clock.advance(10)
        with jax.ensure_compile_time_eval():
            offset = inner(np.float32(2))
        return x + offset

    with PhaseRecorder(clock=clock) as recorder:
        result = outer(np.float32(1))
    assert float(result) == 4
    assert measured(recorder.record) == {"trace": 13}
    assert sorted(module.fun_name for module in recorder.record.modules) == ["inner", "outer"]


def test_a_cache_hit_is_a_load_not_a_compile(clock: Any):
    def hit() -> None:
        jax.monitoring.record_event("/jax/compilation_cache/cache_hits")

    with PhaseRecorder(mode="light", clock=clock) as recorder:
        planted(COMPILE, "jit(f)", clock, 7, inside=hit)
        planted(COMPILE, "jit(g)", clock, 90)
    assert measured(recorder.record) == {"cache_load": 7, "compile": 90}
    assert [module.cache_hit for module in recorder.record.modules] == [True, False]


@pytest.fixture
def solver(clock: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[ModuleType, Any]:
    module = ModuleType("a_solver")

    def factorise() -> None:
        clock.advance(5)
        planted(COMPILE, "jit(qr)", clock, 40)

    def inner_loop() -> None:
        clock.advance(7)
        vars(module)["factorise"]()

    vars(module).update(factorise=factorise, inner_loop=inner_loop)
    monkeypatch.setitem(sys.modules, "a_solver", module)
    return module, clock


STAGES = {"a_solver:factorise": "factorisation", "a_solver:inner_loop": "inner loop"}


def test_stages_split_the_same_time(solver: tuple[ModuleType, Any]):
    module, clock = solver
    original = module.factorise
    with PhaseRecorder(stages=STAGES, clock=clock) as recorder:
        clock.advance(1)
        module.inner_loop()
        module.factorise()
    record = recorder.record
    assert record.by_stage_ns == {
        "": {"host": 1},
        "inner loop": {"host": 7},
        "factorisation": {"host": 10, "compile": 80},
    }
    assert record.calls["stage:factorisation"] == 2
    assert record.calls["function:a_solver:inner_loop"] == 1
    assert module.factorise is original


def test_a_stage_that_does_not_exist_is_named(solver: tuple[ModuleType, Any], hook_state: State):
    before = hook_state()
    recorder = PhaseRecorder(stages={"a_solver:factorize": "factorisation"})
    with pytest.raises(ValueError, match="`a_solver:factorize` does not exist"):
        recorder.__enter__()
    assert hook_state() == before


def test_a_stage_imported_during_the_recording_is_found(
    solver: tuple[ModuleType, Any], monkeypatch: pytest.MonkeyPatch
):
    module, clock = solver
    monkeypatch.delitem(sys.modules, "a_solver")
    with PhaseRecorder(stages=STAGES, clock=clock) as recorder:
        with recorder.span("import"):
            monkeypatch.setitem(sys.modules, "a_solver", module)
        module.inner_loop()
    assert recorder.record.calls["stage:inner loop"] == 1


def test_every_real_phase_is_seen_and_an_independent_clock_agrees():
    slow, x = slow_function(), np.full((500, 500), 0.001, np.float32)
    with PhaseRecorder() as recorder:
        start_ns = time.monotonic_ns()  # not the recorder's own clock
        y = slow(x)
        time.sleep(0.05)
        np.asarray(y)
        wall_ns = time.monotonic_ns() - start_ns
    record = recorder.record
    phases_ns = measured(record)
    assert record.wall_ns == sum(phases_ns.values())
    assert record.wall_ns == pytest.approx(wall_ns, rel=0.01)
    assert set(phases_ns) == set(PHASES) - {"import", "backend", "cache_load"}
    assert phases_ns["host"] > 50e6
    assert phases_ns["device_wait"] > 10 * phases_ns["to_host"]
    assert record.calls["dispatch"] == record.calls["to_device"] == record.calls["to_host"] == 1
    assert [module.fun_name for module in record.modules] == ["slow"]


def test_waiting_for_a_pending_result_is_not_copying():
    slow, x = slow_function(), jnp.full((500, 500), 0.001, jnp.float32)
    slow(x).block_until_ready()
    pending = slow(x)
    with PhaseRecorder() as recorder:
        np.asarray(pending)
    phases_ns = measured(recorder.record)
    assert phases_ns["device_wait"] > 10 * phases_ns["to_host"]


def test_a_conversion_that_the_array_refuses_at_first_is_one():
    x = jnp.ones(2, jnp.bfloat16)  # has no buffer; NumPy asks for it first, then for `__array__`
    with PhaseRecorder() as recorder:
        assert np.asarray(x).dtype == jnp.bfloat16
    assert recorder.record.calls["to_host"] == recorder.record.calls["device_wait"] == 1


def test_each_execution_is_waited_for():
    slow, x = slow_function(), jnp.full((500, 500), 0.001, jnp.float32)
    slow(x).block_until_ready()
    with PhaseRecorder() as recorder:
        slow(x)
    record = recorder.record
    phases_ns = measured(record)
    assert record.calls["dispatch"] == record.calls["device_wait"] == 1
    assert phases_ns["device_wait"] > 0.5 * record.wall_ns


def test_host_sleep_is_host():
    with PhaseRecorder() as recorder:
        time.sleep(0.02)
    assert 20_000_000 <= recorder.record.wall_ns == recorder.record.phases_ns["host"]


def test_warm_functions_are_seen_and_compile_nothing():
    double = jax.jit(lambda x: 2 * x)
    triple = jax.jit(lambda x: 3 * x).lower(np.float32(1)).compile()
    for _ in range(3):
        double(np.float32(1))
        triple(np.float32(1))
    with PhaseRecorder() as recorder:
        results = [double(np.float32(1)) for _ in range(5)]
        results.append(triple(np.float32(1)))
    assert [float(result) for result in results] == [2, 2, 2, 2, 2, 3]
    record = recorder.record
    assert record.calls["dispatch"] == record.calls["to_device"] == 6
    assert record.modules == ()
    assert record.phases_ns["trace"] == record.phases_ns["compile"] == 0


def test_light_mode_does_not_claim_what_it_cannot_see():
    with PhaseRecorder(mode="light") as recorder:
        np.asarray(jax.jit(lambda x: 5 * x)(np.ones(3)))
    phases_ns = recorder.record.phases_ns
    unseen = {phase for phase, own_ns in phases_ns.items() if own_ns is None}
    assert unseen == {"import", "backend", "to_device", "dispatch", "device_wait", "to_host"}
    assert recorder.record.wall_ns == sum(own_ns or 0 for own_ns in phases_ns.values())
    assert len(recorder.record.modules) == 1
    assert not unseen & set(recorder.record.calls)


@pytest.mark.parametrize("mode", ["full", "light"])
def test_nothing_is_left_behind(mode: Any, hook_state: State):
    jax.jit(lambda x: x - 7)(np.ones(3))
    before = hook_state()
    with PhaseRecorder(mode=mode):
        jax.jit(lambda x: x - 8)(np.ones(3))
    assert hook_state() == before
    assert bytes(memoryview(jnp.zeros(2, jnp.int8))) == b"\0\0"


def test_exceptions_pass_unchanged_and_the_record_survives(hook_state: State):
    before = hook_state()
    error = KeyError("of the recorded code")
    recorder = PhaseRecorder()

    def failing(x: Any) -> Any:
        raise error

    with pytest.raises(KeyError) as caught, recorder, recorder.span("backend"):
        jax.jit(failing)(np.ones(3))
    assert caught.value is error
    assert hook_state() == before
    record = recorder.record
    assert record.wall_ns == sum(measured(record).values())
    assert record.phases_ns["backend"]
    assert record.phases_ns["trace"]


def test_nested_recorders_are_refused(hook_state: State):
    before = hook_state()
    with (
        PhaseRecorder(mode="light") as outer,
        pytest.raises(RuntimeError, match="recorder is active already"),
    ):
        PhaseRecorder().__enter__()
    assert hook_state() == before
    with pytest.raises(RuntimeError, match="records once"):
        outer.__enter__()


def test_other_threads_are_not_mixed_in():
    def work() -> None:
        np.asarray(jax.jit(lambda x: x - 9)(np.ones(3)))

    with PhaseRecorder() as recorder:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert set(measured(recorder.record)) == {"host"}
    assert recorder.record.modules == ()


def test_results_and_their_types_are_unchanged():
    def compute() -> list[Any]:
        x = jnp.linspace(0.0, 1.0, 7)
        return [
            np.asarray(x),
            np.array(x, dtype=np.float16),
            float(x[1]),
            x.tolist(),
            np.asarray(jnp.ones(2, jnp.bfloat16)),
            jnp.asarray([1, 2, 3]).sum().item(),
        ]

    expected = compute()
    with PhaseRecorder():
        observed = compute()
    for one, other in zip(expected, observed, strict=True):
        assert type(one) is type(other)
        np.testing.assert_array_equal(one, other)


def test_a_recording_that_begins_inside_a_trace_counts_what_it_saw():
    recorder = PhaseRecorder()

    def function(x: Any) -> Any:
        recorder.__enter__()
        return x + 1

    jax.jit(function)(np.ones(3, np.float32))
    recorder.__exit__(None, None, None)
    record = recorder.record
    assert [(one.fun_name, one.trace_ns) for one in record.modules] == [("function", None)]
    assert record.modules[0].compile_ns > 0
    assert sum(ns for ns in record.phases_ns.values() if ns is not None) == record.wall_ns


def test_a_recording_that_begins_while_another_thread_traces_sees_the_rest():
    recorder = PhaseRecorder()
    tracing, recording = threading.Event(), threading.Event()

    def function(x: Any) -> Any:
        tracing.set()
        assert recording.wait(60)
        return x + 1

    thread = threading.Thread(target=jax.jit(function), args=(np.ones(3, np.float32),))
    thread.start()
    assert tracing.wait(60)
    with recorder:
        recording.set()
        thread.join()
    [other] = recorder.phases_pass.threads
    assert other.phases_ns["compile"] > 0
    assert not other.phases_ns.get("trace")


def test_what_a_stage_does_in_another_thread_is_not_timed(solver: tuple[ModuleType, Any]):
    module, _ = solver
    with PhaseRecorder(stages={f"{module.__name__}:factorise": "factorisation"}) as recorder:
        recorder.attach_jax()
        thread = threading.Thread(target=module.factorise)
        thread.start()
        thread.join()
        module.factorise()
    assert recorder.record.calls["stage:factorisation"] == 1


def test_jax_that_was_imported_unseen_is_unmeasured(monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as without_jax:
        without_jax.delitem(sys.modules, "jax")
        recorder = PhaseRecorder().__enter__()
    recorder.__exit__(None, None, None)
    assert set(measured(recorder.record)) == {"host"}
    assert recorder.record.phases_ns["compile"] is None
    assert recorder.record.phases_ns["dispatch"] is None
