"""The short way for programs whose arguments are arrays: taken, counted, and as correct."""

import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax._src.interpreters import pxla
from jax.extend.core import jaxpr_as_fun
from jitscope.conversions import ConversionRecorder
from jitscope.fresh import child_environment
from jitscope.phases import PhaseRecorder
from jitscope.recording import PhasesPass

VALUES = np.arange(4, dtype=np.float32)


def recorded(run: Callable[[], object]) -> PhasesPass:
    with PhaseRecorder() as recorder:
        run()
    return recorder.phases_pass


def calls(found: PhasesPass) -> dict[str, int]:
    return {one.name: one.calls for one in found.functions}


def tripled() -> Any:
    def triple(x: Any) -> Any:
        return 3 * x

    return jax.jit(triple)


@pytest.fixture
def slow_way(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the programs that JAX's Python executes."""
    execute_class: Any = pxla.ExecuteReplicated
    original = execute_class.__call__
    names: list[str] = []

    def execute(self: Any, *args: Any) -> Any:
        names.append(self.name)
        return original(self, *args)

    monkeypatch.setattr(execute_class, "__call__", execute)
    return names


def test_arrays_take_the_short_way_and_host_values_the_long_one(slow_way: list[str]):
    function, x = tripled(), jax.device_put(VALUES)
    found = recorded(lambda: [function(x) for _ in range(5)])
    assert calls(found) == {"jit(triple)": 5}
    assert slow_way == ["jit(triple)"]  # the call that compiled
    with PhaseRecorder() as recorder:
        for value in (VALUES, x, VALUES, x):
            function(value)
    record = recorder.record
    assert (record.calls["dispatch"], record.calls["to_device"]) == (4, 2)
    assert record.calls["device_wait"] == 4
    assert slow_way == ["jit(triple)"] * 4  # of `x` once more: the way is the recorder's own


def test_each_execution_is_waited_for():
    def slow(x: Any) -> Any:
        return jax.lax.fori_loop(0, 60, lambda _, y: jnp.tanh(y @ x), x)

    function, x = jax.jit(slow), jnp.full((500, 500), 0.001, jnp.float32)
    function(x).block_until_ready()
    with PhaseRecorder() as recorder:
        for _ in range(3):
            function(x)
    assert recorder.record.calls["device_wait"] == 3
    assert (recorder.record.phases_ns["device_wait"] or 0) > 0.5 * recorder.record.wall_ns


def test_conversions_between_short_calls_are_exact():
    function, x = tripled(), jax.device_put(VALUES)
    with ConversionRecorder() as recorder:
        for _ in range(3):
            function(x)
            function(VALUES)
            function(x)
    assert [(site.kind, site.count) for site in recorder.sites] == [("jit argument", 3)]


def test_jitted_functions_in_code_that_jax_evaluates_are_all_seen():
    function, x = tripled(), jax.device_put(VALUES)
    evaluated = jaxpr_as_fun(jax.make_jaxpr(lambda x: function(function(x)))(x))

    def run() -> None:
        for _ in range(3):
            function(x)
            evaluated(x)

    assert calls(recorded(run))["jit(triple)"] == 9


def test_derivatives_outside_jit_are_seen_each_time():
    function, x = tripled(), jax.device_put(VALUES)
    gradient = jax.grad(lambda x: function(x).sum())
    gradient(x)
    once, thrice = recorded(lambda: gradient(x)), recorded(lambda: [gradient(x) for _ in range(3)])
    assert calls(once)["jit(triple)"] >= 1
    assert calls(thrice) == {name: 3 * count for name, count in calls(once).items()}


def test_what_runs_while_something_is_traced_has_its_own_name():
    function, x = tripled(), jax.device_put(VALUES)

    def constant() -> Any:
        with jax.ensure_compile_time_eval():
            return function(x)

    def traced(y: Any) -> Any:
        return y + constant() + constant() + constant()

    found = recorded(lambda: jax.jit(traced)(x))
    assert calls(found)["jit(triple)"] == 3
    (triple,) = [one for one in found.functions if one.name == "jit(triple)"]
    assert triple.phases_ns["dispatch"] > 0


def test_donated_arguments_are_gone_and_the_error_is_the_unwatched_calls():
    function = jax.jit(lambda x: x + 1, donate_argnums=0)

    def run() -> list[str]:
        errors: list[str] = []
        for _ in range(3):
            x = jax.device_put(VALUES)
            np.testing.assert_array_equal(function(x), VALUES + 1)
            assert x.is_deleted()
            with pytest.raises((RuntimeError, ValueError), match="deleted") as caught:
                function(x)
            errors.append(repr(caught.value))
        return errors

    expected = run()
    with PhaseRecorder():
        assert run() == expected


def test_effects_happen_each_time():
    seen: list[float] = []

    def told(x: Any) -> Any:
        jax.debug.callback(lambda value: seen.append(float(value)), x, ordered=True)
        return x + 1

    function, x = jax.jit(told), jnp.float32(2)

    def run() -> None:
        for _ in range(3):
            function(x)
        jax.effects_barrier()

    assert calls(recorded(run))["jit(told)"] == 3
    assert seen == [2, 2, 2]


def test_a_program_whose_callback_calls_it_again_is_seen_each_time():
    nested: list[bool] = []
    other = jax.device_put(VALUES)

    def again(value: Any) -> Any:
        if nested and nested.pop():
            function(other)
        return np.asarray(value)

    def calling(x: Any) -> Any:
        return jax.pure_callback(again, jax.ShapeDtypeStruct(x.shape, x.dtype), x) + 1

    function, x = jax.jit(calling), jax.device_put(VALUES + 1)

    def run() -> None:
        for calls_itself in (False, True, False, True, False):
            nested[:] = [calls_itself]
            function(x).block_until_ready()

    assert calls(recorded(run))["jit(calling)"] == 7


def test_nans_are_found_where_they_arise():
    function, x = jax.jit(jnp.log), jax.device_put(-VALUES)
    with PhaseRecorder(), jax.debug_nans(True):
        for _ in range(2):
            with pytest.raises(FloatingPointError, match="nan"):
                function(x)


def test_settings_that_change_are_kept():
    function, x = jax.jit(lambda x: (x, jnp.arange(3.0))), jax.device_put(VALUES)
    with PhaseRecorder():
        for wide in (False, True, False, True):
            with jax.enable_x64(wide):
                assert function(x)[1].dtype == (np.float64 if wide else np.float32)


def test_closed_over_arrays_keyword_and_static_arguments_and_trees():
    weights = np.full(4, 2, np.float32)

    @partial(jax.jit, static_argnames="power")
    def compute(tree: Any, *, factor: Any, power: int) -> Any:
        return {"y": weights * factor * tree["x"] ** power, "nothing": None}

    x = jax.device_put(VALUES)
    with PhaseRecorder():
        for power in (1, 2, 1, 2):
            result = compute({"x": x}, factor=x, power=power)
            np.testing.assert_array_equal(result["y"], 2 * VALUES ** (power + 1))
            assert result["nothing"] is None
    assert compute({"x": x}, factor=x, power=1)["y"].shape == (4,)


def test_another_thread_in_between_neither_shows_nor_hides_anything():
    function, x = tripled(), jax.device_put(VALUES)

    def elsewhere() -> None:
        thread = threading.Thread(target=lambda: [function(x) for _ in range(5)])
        thread.start()
        thread.join()

    def run() -> None:
        for _ in range(3):
            elsewhere()
            function(x)

    assert calls(recorded(run)) == {"jit(triple)": 3}


def test_methods_and_vmap_of_warm_functions():
    class Model:
        @partial(jax.jit, static_argnums=0)
        def loss(self, x: Any) -> Any:
            return (x * x).sum()

    model, x = Model(), jax.device_put(VALUES)
    batched = jax.jit(jax.vmap(model.loss))
    rows = jax.device_put(np.stack([VALUES, VALUES]))
    found = recorded(lambda: [(model.loss(x), batched(rows)) for _ in range(3)])
    assert calls(found) == {"jit(loss)": 6}


SHARDED = """
import jax, numpy as np
from jitscope.phases import PhaseRecorder
from jitscope.conversions import ConversionRecorder
P = jax.sharding.PartitionSpec
mesh = jax.make_mesh((4,), ("rows",))
rows = jax.sharding.NamedSharding(mesh, P("rows"))
values = np.arange(8, dtype=np.float32)
x, y = jax.device_put(values, rows), jax.device_put(values, jax.devices()[1])
f = jax.jit(lambda x: x * 2)
total = jax.jit(lambda x: x.sum(), in_shardings=rows)
with PhaseRecorder() as recorder:
    for _ in range(3):
        assert len(f(x).sharding.device_set) == 4 and f(y).devices() == {jax.devices()[1]}
        np.testing.assert_array_equal(f(x), 2 * values)
        assert float(total(x)) == float(total(jax.device_put(values))) == 28
print([one.calls for one in recorder.phases_pass.functions if one.name == "jit(<lambda>)"])
with ConversionRecorder() as recorder:
    for _ in range(3):
        f(x), np.asarray(f(y)), total(jax.device_put(values)), total(values)
print(sorted((site.kind, site.count, site.bytes) for site in recorder.sites))
"""


def test_arrays_on_several_devices():
    environment = {
        **child_environment(),
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": "--xla_force_host_platform_device_count=4",
    }
    done = subprocess.run(
        [sys.executable, "-c", SHARDED],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    phases, conversions = done.stdout.splitlines()
    assert phases == "[15]"
    assert conversions == str([("device_put", 3, 96), ("jit argument", 3, 96), ("numpy", 3, 96)])
