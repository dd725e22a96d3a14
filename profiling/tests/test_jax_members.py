"""What this JAX lacks is named in a sentence, and nothing stays installed."""

import importlib
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import jax
import numpy as np
import pytest
from jitscope import _jax_members as members
from jitscope._jax_backend import backend_starts
from jitscope.conversions import ConversionRecorder
from jitscope.counters import CounterRecorder
from jitscope.device import DeviceRecorder
from jitscope.phases import PhaseRecorder

UNSUPPORTED = rf"unsupported JAX {version('jax')}: `{{}}` does not exist; use jax>="


@pytest.mark.parametrize(
    ("recorder", "module", "name"),
    [
        (PhaseRecorder, "monitoring", "register_scalar_listener"),
        (PhaseRecorder, "pjit", "_infer_params"),
        (PhaseRecorder, "pjit", "_run_python_pjit"),
        (PhaseRecorder, "pjit", "_get_fastpath_data"),
        (PhaseRecorder, "interpreters.pxla", "ExecuteReplicated"),
        (PhaseRecorder, "interpreters.pxla", "InputsHandler"),
        (ConversionRecorder, "interpreters.pxla", "shard_arg_handlers"),
        (ConversionRecorder, "interpreters.pxla", "_shard_np_array"),
        (CounterRecorder, "interpreters.pxla", "lower_sharding_computation"),
        (CounterRecorder, "compiler", "compile_or_get_cached"),
        (DeviceRecorder, "profiler", "_profile_state"),
        (lambda: backend_starts(lambda run: run()), "xla_bridge", "_init_backend"),
    ],
)
def test_a_recorder_that_finds_no_such_member_says_so(
    recorder: Callable[[], Any],
    module: str,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    hook_state: Callable[[], Any],
):
    owner = importlib.import_module(f"jax._src.{module}")
    with monkeypatch.context() as missing:
        before = hook_state()
        missing.delattr(owner, name)
        expected = UNSUPPORTED.format(rf"jax._src.{module}.{name}")
        with pytest.raises(RuntimeError, match=expected):
            recorder().__enter__()
    assert hook_state() == before


def test_a_class_that_lost_a_method_is_named(monkeypatch: pytest.MonkeyPatch):
    array_class = type(jax.device_put(np.ones(2)))
    monkeypatch.delattr(array_class, "_value")
    with pytest.raises(RuntimeError, match=UNSUPPORTED.format("ArrayImpl._value")):
        ConversionRecorder().__enter__()


def test_modules_attributes_and_entries():
    with pytest.raises(RuntimeError, match=UNSUPPORTED.format("jax._src.no_such.thing")):
        members.module("no_such.thing")
    with pytest.raises(RuntimeError, match=UNSUPPORTED.format("int.params")):
        members.attribute(1, "params")
    with pytest.raises(RuntimeError, match=r"unsupported JAX .*: `cache_miss` has no `p`; use"):
        members.entry({"q": 1}, "p", "cache_miss")
    assert members.module("pjit").__name__ == "jax._src.pjit"
    assert members.attribute("x", "upper")() == "X"
    assert members.entry({"q": 1}, "q", "cache_miss") == 1


def test_what_a_base_has_is_no_member():
    class Base:
        value = 1

    class Derived(Base):
        pass

    assert members.member(Base, "value") == 1
    with pytest.raises(RuntimeError, match=UNSUPPORTED.format("Derived.value")):
        members.member(Derived, "value")


def test_what_a_module_of_jax_misses_passes_through(monkeypatch: pytest.MonkeyPatch):
    def missing(name: str) -> Any:
        raise ModuleNotFoundError("No module named 'scipy'", name="scipy")

    monkeypatch.setattr(members, "import_module", missing)
    with pytest.raises(ModuleNotFoundError, match="scipy"):
        members.module("pjit")
