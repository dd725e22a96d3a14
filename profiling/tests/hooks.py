"""Everything that a recorder could leave behind in a process.

``python hooks.py`` prints, as JSON, what differs from a process that knows nothing of jitscope:
once jitscope is imported, during each pass, after it, and after one that an exception ended.
"""

import ctypes
import json
import sys
import threading
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax._src import compiler, lib, monitoring, pjit, stages
from jax._src.array import ArrayImpl
from jax._src.interpreters import pxla

xla_client: Any = vars(lib)["xla_client"]
_OWNERS: tuple[Any, ...] = (
    compiler,
    pjit,
    pxla,
    xla_client,
    pxla.ExecuteReplicated,
    pxla.InputsHandler,
    stages.Compiled,
    ArrayImpl,
)
_TP_AS_BUFFER = 160  # in CPython's PyTypeObject, 64 bits; `bf_getbuffer` comes first there


def jax_state() -> dict[str, Any]:
    """Return the attributes, handlers and listeners of JAX that hooks replace or join."""
    found: dict[str, Any] = {
        f"{owner.__name__}.{name}": value
        for owner in _OWNERS
        for name, value in vars(owner).items()
        if callable(value) or isinstance(value, property)
    }
    found |= {f"handler of {kind}": hook for kind, hook in pxla.shard_arg_handlers.items()}
    found["listeners"] = [
        *monitoring.get_event_listeners(),
        *monitoring.get_scalar_listeners(),
        *monitoring.get_event_duration_listeners(),
    ]
    return found


def python_state() -> dict[str, Any]:
    """Return the hooks of the interpreter itself, and how NumPy reads the memory of an array."""
    found: dict[str, Any] = {
        "sys profile": sys.getprofile(),
        "sys trace": sys.gettrace(),
        "threading profile": threading.getprofile(),
        "threading trace": threading.gettrace(),
        "finders": [one for one in sys.meta_path if type(one).__module__.startswith("jitscope")],
        "buffer slot": _buffer_slot(ArrayImpl),
    }
    if sys.version_info >= (3, 12):
        tools = sys.monitoring
        for number in filter(tools.get_tool, range(6)):
            found[f"monitoring tool {number}"] = (tools.get_tool(number), tools.get_events(number))
    return found


def _buffer_slot(cls: type) -> int | None:
    procedures = ctypes.c_void_p.from_address(id(cls) + _TP_AS_BUFFER).value
    return ctypes.c_void_p.from_address(procedures).value if procedures else None


def _differences(before: dict[str, Any]) -> list[str]:
    now = {**jax_state(), **python_state()}
    names = sorted({*before, *now})
    return [name for name in names if name not in now or now[name] != before.get(name)]


def _takes_fast_path(function: Callable[[Any], Any], argument: Any) -> bool:
    """Return whether a call passes none of JAX's Python, as calls do that nobody watches."""
    entered: list[str] = []
    module: Any = pjit
    infer = module._infer_params

    def noted(*args: Any, **kwargs: Any) -> Any:
        entered.append("_infer_params")
        return infer(*args, **kwargs)

    module._infer_params = noted
    try:
        function(argument)
    finally:
        module._infer_params = infer
    return not entered


def main() -> None:
    """Print the differences."""
    function, array = jax.jit(lambda x: x + 1), jax.device_put(np.ones(3, np.float32))

    def work() -> None:
        np.asarray(function(array))
        jax.jit(lambda x: x * 2)(np.ones(3))

    work()
    before = {**jax_state(), **python_state()}

    from jitscope.budget import BudgetRecorder
    from jitscope.inprocess import record
    from jitscope.recording import PASSES
    from jitscope.report import recording_terminal

    del recording_terminal
    found: dict[str, Any] = {"imported": _differences(before)}
    passes: dict[str, Callable[[], Any]] = {
        name: (lambda name=name: record(name)) for name in PASSES
    }
    passes["light"] = lambda: record(mode="light")
    passes["budget"] = BudgetRecorder
    for name, recorded in passes.items():
        with recorded():
            work()
            during = _differences(before)
        after = _differences(before)
        try:
            with recorded():
                work()
                raise KeyError(name)
        except KeyError:
            raised = _differences(before)
        work()
        fast = _takes_fast_path(function, array)
        found[name] = {"during": during, "after": after, "raised": raised, "fast path": fast}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
