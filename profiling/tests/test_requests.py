"""Why programs are compiled: each planted cause comes back with the argument that changed."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jitscope.phases import PhaseRecorder
from jitscope.recording import CompileRequest, PhasesPass
from jitscope.requests import Argument, Signature, cause_of, reference


def recorded(run: Callable[[], object]) -> PhasesPass:
    with PhaseRecorder() as recorder:
        run()
    return recorder.phases_pass


def compiled(run: Callable[[], object]) -> list[tuple[str | None, str | None]]:
    return [(one.cause, one.changed) for one in recorded(run).requests if one.cause is not None]


def doubled() -> Callable[..., Any]:
    def double(x: Any) -> Any:
        return 2 * x

    return jax.jit(double)


ONES = np.ones(3, np.float32)
FIRST = ("first call", None)


def test_a_first_call_and_hits():
    function = doubled()
    found = recorded(lambda: [function(ONES) for _ in range(4)])
    hit, cold = sorted(found.requests, key=lambda one: one.outcome, reverse=True)
    assert (cold.outcome, cold.count, cold.cause) == ("cold", 1, "first call")
    assert (hit.outcome, hit.count, hit.cause) == ("memory hit", 3, None)
    assert cold.function == hit.function == "jit(double)"
    assert cold.file == str(Path(__file__).resolve())
    lines = Path(__file__).read_text().splitlines()
    assert cold.line is not None
    assert "function(ONES) for _ in range(4)" in lines[cold.line - 1]


@pytest.mark.parametrize(
    ("second", "cause", "changed"),
    [
        (np.ones(5, np.float32), "new shape", "x: float32[3] -> float32[5]"),
        (np.ones((3, 1), np.float32), "new shape", "x: float32[3] -> float32[3,1]"),
        (np.ones(3, np.int32), "new dtype", "x: float32[3] -> int32[3]"),
        (2.0, "new dtype", "x: float32[3] -> float32~[]"),
        ([ONES, ONES], "new number of arguments", "(x) -> (x[0], x[1])"),
    ],
)
def test_arguments_that_change(second: Any, cause: str, changed: str):
    function = jax.jit(lambda x: jax.tree.map(jnp.sin, x))
    found = compiled(lambda: (function(ONES), function(second)))
    assert found == [FIRST, (cause, changed)]


def test_the_most_similar_call_is_what_it_is_compared_with():
    function = jax.jit(lambda x, y: (x, y))
    other, int_ones = np.ones(7, np.float32), np.ones(3, np.int32)
    calls = lambda: (function(ONES, ONES), function(other, int_ones), function(ONES, other))  # noqa: E731
    assert compiled(calls)[-1] == ("new shape", "y: float32[3] -> float32[7]")


def test_static_arguments_by_name_and_by_place():
    @partial(jax.jit, static_argnames="n")
    def power(x: Any, n: int = 1) -> Any:
        return x**n

    found = compiled(lambda: (power(ONES, 2), power(ONES, n=3), power(ONES)))
    assert found[1] == ("new static argument", "n: 2 -> 3")
    assert found[2][0] == "new static argument"
    placed = jax.jit(lambda n, x: x * n, static_argnums=0)
    assert compiled(lambda: (placed(2, ONES), placed(3, ONES)))[1][1] == "n: 2 -> 3"


def test_a_function_made_anew_is_not_confused_with_the_one_that_is_gone():
    def loop() -> None:
        for _ in range(3):
            jax.jit(lambda x: x + 1)(ONES)

    again = ("new function object", "the same code as a function before")
    (first, later) = [one for one in recorded(loop).requests if one.cause]
    assert (first.cause, later.cause, later.changed, later.count) == ("first call", *again, 2)


def test_a_gradient_is_not_its_function_made_anew():
    def loss(x: Any) -> Any:
        return (x * x).sum()

    def run() -> None:
        jax.jit(loss)(ONES)
        jax.jit(jax.grad(loss))(ONES)
        jax.jit(jax.value_and_grad(loss))(ONES)
        jax.jit(jax.vmap(jax.value_and_grad(loss)))(np.ones((2, 3), np.float32))
        jax.jit(jax.grad(loss))(ONES)

    again = ("new function object", "the same code as a function before")
    assert compiled(run) == [*4 * [FIRST], again]


def test_what_no_weak_reference_can_be_made_of_is_known_by_its_number():
    class Slotted:
        __slots__ = ()

    one = Slotted()
    assert reference(one) == id(one)


def test_what_differs_in_nothing_that_is_known_has_another_cause():
    one = Signature(("traced", "f"), None, {"x": Argument("float32", "[3]")}, {}, {})
    assert cause_of(one, [one]) == ("other", None)


def test_a_call_that_lacks_an_argument_fails_as_it_does_unrecorded():
    function = jax.jit(lambda x, n: x * n, static_argnames="n")
    with PhaseRecorder() as recorder, pytest.raises(TypeError, match="missing 1 required"):
        function(ONES)
    assert not recorder.phases_pass.requests


def test_settings():
    function = doubled()

    def run() -> None:
        function(ONES)
        with jax.enable_x64(True):
            function(np.ones(3))

    assert compiled(run) == [FIRST, ("new settings", "jax_enable_x64: False -> True")]


def test_methods_vmap_scan_grad_and_nested_jit_count_the_outer_call_once():
    class Model:
        @partial(jax.jit, static_argnums=0)
        def loss(self, x: Any) -> Any:
            return jnp.sum(doubled()(x) ** 2)

    model = Model()

    def run() -> None:
        model.loss(ONES)
        jax.jit(jax.vmap(jax.grad(model.loss)))(np.ones((2, 3), np.float32))
        jax.jit(lambda x: jax.lax.scan(lambda c, v: (c + v, c), 0.0, x))(ONES)

    found = [one for one in recorded(run).requests if one.cause]
    assert [one.outcome for one in found] == ["cold"] * len(found)
    assert [one.function for one in found].count("jit(loss)") == 2  # by itself, and under vmap
    assert not any(one.function == "jit(double)" for one in found)


def test_functions_and_what_is_outside_add_up_to_the_phases():
    function = doubled()
    found = recorded(lambda: (function(ONES), np.asarray(function(ONES)), jnp.ones(4) + 1))
    assert sum(ns or 0 for ns in found.phases_ns.values()) == found.wall_ns
    inside = sum(sum(one.phases_ns.values()) for one in found.functions)
    assert 0 < inside <= found.wall_ns
    (double,) = [one for one in found.functions if one.name == "jit(double)"]
    assert double.calls == 2
    assert {"trace", "lower", "compile", "device_wait"} <= set(double.phases_ns)


def test_spans_cover_the_wall_without_gaps():
    function = doubled()
    found = recorded(lambda: (function(ONES), function(ONES)))
    assert found.spans[0].start_ns == 0
    assert found.spans[-1].end_ns == found.wall_ns
    for one, after in zip(found.spans, found.spans[1:], strict=False):
        assert one.end_ns == after.start_ns
    assert found.spans_dropped == 0


def test_another_thread_stands_apart():
    function = doubled()

    def run() -> None:
        thread = threading.Thread(target=lambda: function(ONES), name="worker-7")
        thread.start()
        thread.join()

    found = recorded(run)
    (thread,) = found.threads
    assert thread.name == "worker-7"
    assert {"trace", "lower", "compile"} <= set(thread.phases_ns)
    assert found.phases_ns["compile"] == 0
    assert found.requests == ()


def test_a_generator_and_eager_code():
    function = doubled()

    def values() -> Generator[Any, None, None]:
        yield function(ONES)
        yield function(ONES)

    found = recorded(lambda: (list(values()), jnp.arange(3) * 2))
    (double,) = [one for one in found.functions if one.name == "jit(double)"]
    assert double.calls == 2


def test_an_error_in_a_traced_function_passes_and_leaves_no_hook(
    hook_state: Callable[[], dict[str, Any]],
):
    before = hook_state()

    @jax.jit
    def broken(x: Any) -> Any:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"), PhaseRecorder() as recorder:
        broken(ONES)
    assert hook_state() == before
    assert recorder.phases_pass.requests == ()


def test_a_disk_hit_is_told_from_a_compilation(tmp_path: Path):
    program = (
        "import jax, numpy as np\n"
        "from jitscope.phases import PhaseRecorder\n"
        "function = jax.jit(lambda x: x * 3)\n"
        "with PhaseRecorder() as recorder:\n"
        "    function(np.ones(4))\n"
        "print([one.outcome for one in recorder.phases_pass.requests])\n"
    )
    options = {
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        "JAX_ENABLE_COMPILATION_CACHE": "true",
    }
    outcomes = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, **options},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for _ in range(2)
    ]
    assert outcomes == ["['cold']", "['disk hit']"]


def test_requests_are_data():
    function = doubled()
    (one, *_) = recorded(lambda: function(ONES)).requests
    assert isinstance(one, CompileRequest)


def test_what_requests_took_adds_up_to_the_phases_of_compilation():
    function = doubled()
    found = recorded(lambda: [function(np.ones(n, np.float32)) for n in (3, 3, 4, 5)])
    first, *again = [one for one in found.requests if one.cause is not None]
    assert [one.cause for one in again] == ["new shape", "new shape"]
    assert all(one.compile_ns for one in (first, *again))
    (phases,) = [one.phases_ns for one in found.functions if one.name == "jit(double)"]
    compiling_ns = sum(phases.get(phase, 0) for phase in ("trace", "lower", "compile"))
    assert sum(one.compile_ns or 0 for one in (first, *again)) == compiling_ns
    (hit,) = [one for one in found.requests if one.outcome == "memory hit"]
    assert hit.compile_ns is None
