"""Private JAX: the two parts of a jitted call, and what a compiled program is kept for.

The latter is read from JAX's own frames while something is compiled, so that calls which compile
nothing pay nothing for it, and nothing is hooked.
"""

import inspect
import reprlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from types import FrameType
from typing import Any

import jax

from jitscope._jax_members import attribute, entry, member, module
from jitscope._jax_private import Hook, replaced
from jitscope.requests import Argument, Signature, reference

_core, _pjit, _stages = module("core"), module("pjit"), module("stages")
_array_class = member(module("array"), "ArrayImpl")
_fun_name = member(module("util"), "fun_name")
_SETTINGS = (
    *("jax_enable_x64", "jax_default_matmul_precision", "jax_numpy_dtype_promotion"),
    *("jax_disable_jit", "jax_debug_nans"),
)


@contextmanager
def jitted_calls(before: Callable[..., Any], around: Callable[..., Any]) -> Hook:
    """Call two functions for the two parts of a jitted call (`jitscope._jax_dispatch`).

    Parameters
    ----------
    before : callable
        ``before(name, find, *args)`` is called to find or trace the function's jaxpr. The name
        is in the form ``jit(f)``.
    around : callable
        ``around(name, run, *args)`` to find or compile the module, and execute it.
    """
    thread = threading.get_ident()
    infer, execute = member(_pjit, "_infer_params"), member(_pjit, "_run_python_pjit")

    def inferred(fun: Any, ji: Any, args: Any, kwargs: Any) -> Any:
        if threading.get_ident() != thread:
            return infer(fun, ji, args, kwargs)
        return before(f"jit({_fun_name(fun)})", infer, fun, ji, args, kwargs)

    def executed(p: Any, args_flat: Any, fun: Any, args: Any, kwargs: Any) -> Any:
        if threading.get_ident() != thread:
            return execute(p, args_flat, fun, args, kwargs)
        return around(f"jit({_name_of(p)})", execute, p, args_flat, fun, args, kwargs)

    with (
        replaced(_pjit, "_infer_params", inferred),
        replaced(_pjit, "_run_python_pjit", executed),
    ):
        yield


def is_transforming() -> bool:
    """Return whether JAX traces or transforms the function that runs now."""
    return not member(_core, "trace_state_clean")()


def signature_of(frame: FrameType, function: str) -> Signature | None:
    """Return what the program that is lowered or compiled now is kept for.

    Parameters
    ----------
    frame : FrameType
        Inside JAX's lowering or compilation.
    function : str
        Name of the jitted function, as ``f``.

    Returns
    -------
    Signature or None
        None if no call or ahead-of-time lowering of that function is on the stack.
    """
    traced: Any = None
    for around in _frames(frame):
        name, file = around.f_code.co_name, around.f_code.co_filename
        if name == "cache_miss" and file == _pjit.__file__:
            inside = around.f_locals
            if _name_of(entry(inside, "p", name)) == function:
                return _of_call(inside)
        elif name == "lower" and file == _stages.__file__:
            traced = entry(around.f_locals, "self", name)
            traced = traced if getattr(traced, "fun_name", None) == function else None
        elif name == "jit_lower" and file == _pjit.__file__ and traced is not None:
            return _of_lowering(traced, around.f_locals)
    return _of_lowering(traced, None) if traced is not None else None


def _name_of(parameters: Any) -> str:
    return entry(attribute(parameters, "params"), "name", "PjitParams.params")


def _frames(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _of_call(inside: Mapping[str, Any]) -> Signature:
    p, flat, function, options, args, kwargs = (
        entry(inside, name, "cache_miss")
        for name in ("p", "args_flat", "fun", "jit_info", "args", "kwargs")
    )
    arguments = _arguments(attribute(p, "arg_names"), attribute(p, "in_avals"))
    values = flat[len(attribute(p, "consts")) :]
    placed = {
        name: _placement(value) for name, value in zip(arguments, values, strict=False)
    }  # a call that failed may have fewer
    if getattr(function, "_apply_primitive", False):
        # One wrapper for each primitive and its parameters, all of the same code.
        closed = inspect.getclosurevars(function).nonlocals
        static = {name: _shown(value) for name, value in closed.get("params", {}).items()}
        key: object = ("primitive", _name_of(p))
        return Signature(key, None, arguments, static, _settings(), placed)
    static = _static_arguments(options, args, kwargs)
    return Signature(reference(function), _code(function), arguments, static, _settings(), placed)


def _of_lowering(traced: Any, lowered: Mapping[str, Any] | None) -> Signature:
    jaxpr = attribute(traced, "jaxpr")
    debug_info, avals = attribute(jaxpr, "debug_info"), attribute(jaxpr, "in_avals")
    names = attribute(debug_info, "safe_arg_names")(len(avals))
    constants = len(avals) - attribute(attribute(traced, "in_tree"), "num_leaves")
    arguments = _arguments(names[constants:], avals[constants:])
    if lowered is None:
        # What was traced is gone; its source is what is left of it.
        key = ("traced", attribute(debug_info, "func_src_info"))
        return Signature(key, None, arguments, {}, _settings(), {})
    jitted, args, kwargs = (
        entry(lowered, name, "jit_lower") for name in ("jit_func", "args", "kwargs")
    )
    function = attribute(jitted, "_fun")
    static = _static_arguments(attribute(jitted, "_jit_info"), args, kwargs)
    return Signature(reference(function), _code(function), arguments, static, _settings(), {})


def _settings() -> dict[str, str]:
    return {name: str(getattr(jax.config, name)) for name in _SETTINGS}


def _code(function: Any) -> object:
    """Return the code of a function and of those that it wraps or holds: `grad(f)` is not `f`."""
    codes: list[object] = []
    pending, seen = [function], set[int]()
    while pending:
        one = pending.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, partial):
            pending.append(one.func)
            continue
        called = one if hasattr(one, "__code__") else type(one).__call__
        codes += [called.__code__] if hasattr(called, "__code__") else []
        pending += _held(one)
    return tuple(codes) or None


def _held(function: Any) -> list[Any]:
    # Some of JAX's wrappers name what they call in their closure alone.
    held = [getattr(function, "__wrapped__", None)]
    for cell in getattr(function, "__closure__", None) or ():
        with suppress(ValueError):  # an empty cell
            held.append(cell.cell_contents)
    return [one for one in held if hasattr(one, "__code__") or isinstance(one, partial)]


def _arguments(names: Sequence[str] | None, avals: Sequence[Any]) -> dict[str, Argument]:
    known = [*(names or ())]
    known += [""] * (len(avals) - len(known))
    return {
        name or f"argument {i}": _argument(aval)
        for i, (name, aval) in enumerate(zip(known, avals, strict=False))
    }


def _argument(aval: Any) -> Argument:
    dtype = f"{getattr(aval, 'dtype', aval)}{'~' if getattr(aval, 'weak_type', False) else ''}"
    return Argument(dtype, str(list(getattr(aval, "shape", ()))).replace(" ", ""))


def _placement(value: Any) -> str:
    # Only arrays that a user placed bind a program to devices; tracers lie nowhere.
    if not isinstance(value, _array_class) or not value.committed:
        return "anywhere"
    devices = sorted(device.id for device in value.sharding.device_set)
    spec = getattr(value.sharding, "spec", None)
    return f"devices {devices}" if spec is None else f"devices {devices} as {spec}"


def _static_arguments(
    options: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> dict[str, str]:
    numbers, named, signature = (
        attribute(options, name) for name in ("static_argnums", "static_argnames", "fun_signature")
    )
    if not (numbers or named):
        return {}
    if signature is None:
        return {str(i): _shown(args[i]) for i in numbers}
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError:  # JAX itself will say so
        return {}
    bound.apply_defaults()
    places = list(signature.parameters)
    names = {places[i] for i in numbers} | set(named)
    return {name: _shown(bound.arguments.get(name)) for name in sorted(names)}


def _shown(value: object) -> str:
    if type(value).__repr__ is object.__repr__:
        return f"{type(value).__qualname__} at {id(value):#x}"
    return reprlib.repr(value)
