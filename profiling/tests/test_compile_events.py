"""Requests that no jitted call makes or shows, work in other threads, and what runs in a trace."""

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jitscope.phases import PhaseRecorder
from jitscope.recording import PhasesPass
from jitscope.requests import Signature, cause_of, reference

TRACE = "/jax/core/compile/jaxpr_trace_duration"
COMPILE = "/jax/core/compile/backend_compile_duration"
HIT = "/jax/compilation_cache/cache_hits"
ONES = np.ones(3, np.float32)
MORE = np.ones(5, np.float32)


def recorded(
    run: Callable[[], object], mode: Literal["full", "light"] = "full", **options: Any
) -> PhasesPass:
    with PhaseRecorder(mode=mode, **options) as recorder:
        run()
    return recorder.phases_pass


def causes(found: PhasesPass) -> list[tuple[str, str | None, str | None]]:
    return [(one.function, one.cause, one.changed) for one in found.requests if one.cause]


def calls(found: PhasesPass) -> dict[str, int]:
    return {one.name: one.calls for one in found.functions}


def halved() -> Callable[..., Any]:
    def halve(x: Any) -> Any:
        return x / 2

    return jax.jit(halve)


def test_light_mode_names_causes_and_lines_but_sees_no_memory_hits():
    function = halved()
    found = recorded(lambda: (function(ONES), function(ONES), function(MORE)), "light")
    assert causes(found) == [
        ("jit(halve)", "first call", None),
        ("jit(halve)", "new shape", "x: float32[3] -> float32[5]"),
    ]
    assert {one.outcome for one in found.requests} == {"cold"}
    assert {one.file for one in found.requests} == {str(Path(__file__).resolve())}


@pytest.mark.parametrize("mode", ["full", "light"])
def test_compiling_ahead_of_time_is_a_request(mode: Any):
    function = halved()
    found = recorded(lambda: [function.lower(x).compile() for x in (ONES, MORE)], mode)  # type: ignore[attr-defined]
    assert causes(found) == [
        ("jit(halve)", "first call", None),
        ("jit(halve)", "new shape", "x: float32[3] -> float32[5]"),
    ]


def test_a_trace_lowered_later_is_compared_by_its_source():
    function = halved()
    found = recorded(lambda: [function.trace(x).lower().compile() for x in (ONES, MORE)])  # type: ignore[attr-defined]
    assert causes(found)[1] == ("jit(halve)", "new shape", "x: float32[3] -> float32[5]")


def test_running_what_was_compiled_ahead_of_time_is_a_call_of_its_function():
    compiled = halved().lower(ONES).compile()  # type: ignore[attr-defined]
    found = recorded(lambda: [compiled(ONES) for _ in range(3)])
    assert calls(found) == {"jit(halve)": 3}


def test_operations_outside_jit_are_told_apart_and_their_parameters_named():
    jax.clear_caches()  # other tests may have compiled the same operations
    found = recorded(lambda: (jax.lax.iota("int32", 5), jax.lax.iota("int32", 6), jnp.ones(7)))
    iota = [one[1:] for one in causes(found) if one[0] == "jit(iota)"]
    assert iota == [("first call", None), ("new static argument", "shape: (5,) -> (6,)")]
    # All primitives are called by one and the same wrapper, of which nobody has made two.
    assert "new function object" not in {one.cause for one in found.requests}
    assert ("jit(broadcast_in_dim)", "first call", None) in causes(found)


def test_what_is_compiled_and_executed_in_a_trace_is_not_the_traced_function():
    jax.clear_caches()

    @jax.jit
    def shifted(x: Any) -> Any:
        with jax.ensure_compile_time_eval():
            shift = jnp.sin(jnp.float32(0.5))
        return x + shift

    found = recorded(lambda: shifted(ONES))
    assert calls(found)["jit(shifted)"] == calls(found)["jit(sin)"] == 1
    assert ("jit(sin)", "first call", None) in causes(found)


def test_arguments_that_are_tracers_are_let_be():
    function = halved()
    found = recorded(lambda: (jax.vmap(function)(ONES), jax.grad(lambda x: function(x))(1.0)))
    assert found.wall_ns == sum(ns or 0 for ns in found.phases_ns.values())


def test_arrays_placed_elsewhere_are_named():
    function = halved()
    mesh = jax.make_mesh((1,), ("rows",))
    rows = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("rows"))
    placed = jax.device_put(ONES, rows)
    found = recorded(lambda: (function(ONES), function(placed), function(placed)))
    (_, (_, cause, changed)) = causes(found)
    assert cause == "other"
    assert changed is not None
    assert changed.startswith("x: anywhere -> devices [0] as P")
    assert [one.count for one in found.requests if one.outcome == "memory hit"] == [1]
    assert calls(found) == {"jit(halve)": 3}


class Jealous:
    """A callable that does not let itself be compared."""

    def __call__(self, x: Any) -> Any:
        return x + 1

    def __eq__(self, other: object) -> bool:
        if other is not self:
            raise AssertionError("compared")
        return True

    def __hash__(self) -> int:
        return id(self)


def test_functions_are_never_asked_whether_they_are_equal():
    functions = [Jealous(), Jealous()]
    first, second = (
        Signature(reference(one), None, {}, {}, {"function": str(i)})
        for i, one in enumerate(functions)
    )
    assert cause_of(second, [first]) == ("first call", None)
    again = Signature(reference(functions[0]), None, {}, {}, {"function": "2"})
    assert cause_of(again, [first, second]) == ("new settings", "function: 0 -> 2")


def test_what_is_only_traced_is_no_request():
    jax.clear_caches()
    function = halved()

    def run() -> None:
        jax.lax.scan(lambda total, x: (function(total) + x, total), 0.0, ONES)
        jax.jvp(function, (ONES,), (ONES,))
        jax.eval_shape(function, ONES)

    again = recorded(lambda: (run(), run()))
    hits = [one for one in again.requests if one.outcome == "memory hit"]
    # Derivatives are evaluated here, not traced: the first compiles, the second finds it.
    assert calls(again)["jit(halve)"] == 2
    assert [one.count for one in hits if one.function == "jit(halve)"] == [1]
    assert sum(one.count for one in again.requests) == sum(calls(again).values())


class Adder:
    def __call__(self, x: Any) -> Any:
        return x + 1


def test_callable_objects_and_partials_of_the_same_code_are_known():
    def add(x: Any, y: float) -> Any:
        return x + y

    found = recorded(
        lambda: (
            [jax.jit(Adder())(ONES) for _ in range(2)],
            [jax.jit(partial(add, y=y))(ONES) for y in (1.0, 2.0)],
        )
    )
    assert [one[1] for one in causes(found)] == ["first call", "new function object"] * 2


def test_an_async_function_is_the_callers():
    function = halved()

    async def one(x: Any) -> Any:
        await asyncio.sleep(0)
        return function(x)

    async def both() -> None:
        await asyncio.gather(one(ONES), one(MORE))

    found = recorded(lambda: asyncio.run(both()))
    assert calls(found) == {"jit(halve)": 2}
    assert [one[1] for one in causes(found)] == ["first call", "new shape"]
    assert found.threads == ()


@pytest.mark.parametrize("mode", ["full", "light"])
def test_nothing_at_all(mode: Any):
    found = recorded(lambda: None, mode)
    assert (found.functions, found.requests, found.threads) == ((), (), ())
    assert found.phases_ns["host"] == found.wall_ns > 0


def begin(event: str) -> None:
    jax.monitoring.record_scalar(event, 0.0, fun_name="f")


def end(event: str) -> None:
    jax.monitoring.record_event_duration_secs(event, 0.0, fun_name="f")


def in_turns(*steps: Callable[[], object], names: tuple[str, str]) -> None:
    """Run the steps one after the other, in two threads that take turns."""
    turns = [threading.Event() for _ in range(len(steps) + 1)]

    def work(first: int) -> None:
        for i in range(first, len(steps), 2):
            assert turns[i].wait(20)
            steps[i]()
            turns[i + 1].set()

    threads = [threading.Thread(target=work, args=(i,), name=names[i]) for i in range(2)]
    for one in threads:
        one.start()
    turns[0].set()
    for one in threads:
        one.join()


@pytest.mark.parametrize("names", [("one", "two"), ("worker", "worker")])
def test_threads_do_not_disturb_each_other(clock: Any, names: tuple[str, str]):
    steps = (
        lambda: begin(TRACE),
        lambda: (clock.advance(5), begin(COMPILE)),
        lambda: (clock.advance(70), end(TRACE)),
        lambda: (clock.advance(300), end(COMPILE)),
    )
    found = recorded(lambda: in_turns(*steps, names=names), clock=clock)
    total = {"trace": 75, "compile": 370}
    if names[0] == names[1]:
        assert {one.name: one.phases_ns for one in found.threads} == {"worker": total}
    else:
        by_name = {one.name: dict(one.phases_ns) for one in found.threads}
        assert by_name == {"one": {"trace": 75}, "two": {"compile": 370}}
    assert found.phases_ns["host"] == found.wall_ns == 375


def test_a_disk_hit_in_another_thread_is_a_load(clock: Any):
    def work() -> None:
        begin(COMPILE)
        jax.monitoring.record_event(HIT)
        clock.advance(40)
        end(COMPILE)
        begin(COMPILE)
        clock.advance(7)
        end(COMPILE)

    def run() -> None:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()

    (thread,) = recorded(run, clock=clock).threads
    assert thread.phases_ns == {"cache_load": 40, "compile": 7}
