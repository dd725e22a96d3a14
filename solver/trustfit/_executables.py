"""Compiled programs as bytes, and back: the one way to what is private in JAX for that.

JAX's own `jax.experimental.serialize_executable` pickles what it knows of a program, and whoever
unpickles a file runs what is in it. Here only XLA's executable is bytes; the rest is a few shapes,
types and places, told in numbers and words. Only programs of the simplest kind are written: for one
processor, without effects, with arrays as they lie by default. A version of JAX that lacks one of
the names below writes and reads nothing, and so compiles.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import fields
from importlib import import_module
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.monitoring
import numpy as np
from jax.core import ShapedArray

from trustfit._untraceable import Attempt

Tree: TypeAlias = "int | tuple[Tree, ...]"
"""How arrays are nested: nothing but tuples, and the places of the arrays."""

_FIELDS = frozenset[str]().union(
    ("xla_executable", "device_list", "backend", "input_avals", "input_shardings", "output_avals"),
    ("output_shardings", "committed", "name", "unordered_effects", "ordered_effects", "keepalive"),
    ("host_callbacks", "kept_var_idx", "mut", "xla_in_layouts", "dispatch_in_layouts"),
    ("xla_out_layouts", "all_args_info", "pgle_profiler"),
)
_TARGET = re.compile(r'custom_call_target="([^"]*)"')
_LAPACK = re.compile(r"lapack_[sdcz][a-z0-9]+_ffi")


_FOUND_BY_JAX = "/jax/compilation_cache/cache_hits"


class Array(NamedTuple):
    """The shape of an array, and the name of its type."""

    shape: tuple[int, ...]
    dtype: str

    def abstract(self) -> Any:
        """Return it as JAX has it."""
        return ShapedArray(self.shape, np.dtype(self.dtype))


class Executable(NamedTuple):
    """A compiled program.

    Attributes
    ----------
    code : bytes
        As XLA writes it.
    inputs, outputs : sequence of Array
        What it takes and returns.
    kept : sequence of int
        Which of the arguments the inputs are: others make no difference.
    arguments, results : Tree
        How they are nested.
    lapack : bool
        Whether it calls LAPACK.
    """

    code: bytes
    inputs: Sequence[Array]
    outputs: Sequence[Array]
    kept: Sequence[int]
    arguments: Tree
    results: Tree
    lapack: bool


class _Private(NamedTuple):
    """What is private in JAX."""

    Unloaded: Any
    DeviceList: Any
    initialize_lapack: Callable[[], None]


def _private() -> _Private:
    pxla = import_module("jax._src.interpreters.pxla")
    unloaded = pxla.UnloadedMeshExecutable
    if _FIELDS.symmetric_difference(field.name for field in fields(unloaded)):
        raise TypeError("This JAX tells other things of an executable.")
    client = import_module("jax._src.lib").xla_client
    lapack = import_module("jax._src.lax.linalg").lapack
    return _Private(unloaded, client.DeviceList, lambda: lapack._lapack.initialize())


def _tree_of(structure: Any) -> Tree:
    """Return how a tree is nested; ValueError if anything but tuples is in it."""
    tree = jax.tree.unflatten(structure, range(structure.num_leaves))
    if jax.tree.structure(_as_tuples(tree)) != structure:
        raise ValueError("The program's arrays are not in tuples.")
    return tree


def _as_tuples(tree: Any) -> Any:
    return tuple(map(_as_tuples, tree)) if type(tree) is tuple else 0


def _array_of(aval: Any) -> Array:
    if type(aval) is not ShapedArray or not isinstance(aval.dtype, np.dtype):
        raise ValueError(f"The program takes or returns {aval}.")
    return Array(tuple(map(int, aval.shape)), aval.dtype.name)


def compile_here(lowered: Any) -> tuple[Any, bool]:
    """Return a program compiled, and whether that was done now: JAX may have had it on disk.

    XLA does not write what it has read: the functions would be missing.
    """
    config: Any = jax.config
    if not (config.jax_compilation_cache_dir and config.jax_enable_compilation_cache):
        return lowered.compile(), True
    hits: list[str] = []

    def listen(event: str, **_: Any) -> None:
        if event == _FOUND_BY_JAX:
            hits.append(event)

    jax.monitoring.register_event_listener(listen)
    try:
        compiled = lowered.compile()
    finally:
        jax.monitoring.unregister_event_listener(listen)
    return compiled, not hits


def written(compiled: Any) -> Executable | None:
    """Return a compiled program as bytes; None if it is no simple one.

    Parameters
    ----------
    compiled : jax.stages.Compiled
        Of a function without keyword arguments.
    """
    with Attempt():
        _private()  # not to write what it could not read
        targets = set(_TARGET.findall(compiled.as_text()))
        if not all(map(_LAPACK.fullmatch, targets)) or not _is_simple(compiled):
            return None
        mesh = compiled._executable
        arguments, _ = compiled.args_info
        return Executable(
            code=compiled.runtime_executable().serialize(),
            inputs=[_array_of(aval) for aval in mesh.in_avals],
            outputs=[_array_of(aval) for aval in mesh.out_avals],
            kept=sorted(map(int, mesh._kept_var_idx)),
            arguments=_tree_of(jax.tree.structure(arguments)),
            results=_tree_of(compiled.out_tree),
            lapack=bool(targets),
        )
    return None


def _is_simple(compiled: Any) -> bool:
    mesh = compiled._executable
    call = mesh.unsafe_call
    layouts = zip(mesh._xla_out_layouts, mesh.out_avals, strict=True)
    shardings = (*mesh._in_shardings, *mesh._out_shardings)
    return (
        not (call.has_host_callbacks or call.has_unordered_effects or call.ordered_effects)
        and not (mesh._mut or compiled._params.const_args or compiled.args_info[1])
        and all(layout is None for layout in mesh._dispatch_in_layouts)
        and all(layout.major_to_minor == tuple(range(aval.ndim)) for layout, aval in layouts)
        and all(isinstance(one, jax.sharding.SingleDeviceSharding) for one in shardings)
    )


def read(executable: Executable) -> Callable[..., Any] | None:
    """Return a program that was written, to be called with NumPy's arrays; None if it cannot be.

    Its calls take no longer than those of a jitted function.
    """
    with Attempt():
        return _loaded(_private(), executable)
    return None


def _loaded(private: _Private, executable: Executable) -> Callable[..., Any]:
    if executable.lapack:  # else its first call ends the process
        private.initialize_lapack()
    device = jax.local_devices(backend="cpu")[0]
    devices = private.DeviceList((device,))
    code = device.client.deserialize_executable(executable.code, executable_devices=devices)
    where = jax.sharding.SingleDeviceSharding(device)
    inputs = [one.abstract() for one in executable.inputs]
    outputs = [one.abstract() for one in executable.outputs]
    known: dict[str, Any] = {
        "xla_executable": code,
        "device_list": devices,
        "backend": device.client,
        "input_avals": inputs,
        "input_shardings": [where] * len(inputs),
        "output_avals": outputs,
        "output_shardings": [where] * len(outputs),
        "committed": False,
        "name": "solve",
        "unordered_effects": [],
        "ordered_effects": [],
        "keepalive": (),
        "host_callbacks": (),
        "kept_var_idx": set(executable.kept),
        "mut": None,
        "xla_in_layouts": [None] * len(inputs),
        "dispatch_in_layouts": [None] * len(inputs),
        "xla_out_layouts": [None] * len(outputs),
        "all_args_info": None,
        "pgle_profiler": None,
    }
    mesh = private.Unloaded(**known).load()
    arguments = (executable.arguments, {})
    results = jax.tree.structure(executable.results)
    return jax.stages.Compiled(mesh, [], arguments, results, no_kwargs=True)
