"""Private JAX: the two parts of a jitted call, and what its compiled program is kept for."""

import inspect
import reprlib
import threading
from collections.abc import Callable
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import jax
from jax._src import pjit
from jax._src.util import fun_name

from jitscope._jax_private import Hook, member, replaced
from jitscope.requests import Argument, Signature, reference

_SETTINGS = (
    *("jax_enable_x64", "jax_default_matmul_precision", "jax_numpy_dtype_promotion"),
    *("jax_disable_jit", "jax_debug_nans"),
)


class JittedCall(NamedTuple):
    """One of the two parts of a jitted call (`python_dispatch`).

    The first finds or traces the function's jaxpr; the second finds or compiles the module, and
    executes it.

    Attributes
    ----------
    name : str
        In the form ``jit(f)``.
    run : callable
        Does this part; what it returns goes back to JAX.
    function : object
        What was jitted.
    args, kwargs
        Of the call.
    options : object or None
        What `signature_of` needs, in the first part; None in the second.
    """

    name: str
    run: Callable[[], Any]
    function: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    options: Any


@contextmanager
def jitted_calls(around: Callable[[JittedCall], Any]) -> Hook:
    """Call ``around(call)`` for the two parts of a jitted call."""
    thread = threading.get_ident()
    infer, execute = member(pjit, "_infer_params"), member(pjit, "_run_python_pjit")

    def inferred(fun: Any, ji: Any, args: Any, kwargs: Any) -> Any:
        if threading.get_ident() != thread:
            return infer(fun, ji, args, kwargs)
        name = f"jit({fun_name(fun)})"
        run = partial(infer, fun, ji, args, kwargs)
        return around(JittedCall(name, run, fun, args, kwargs, ji))

    def executed(p: Any, args_flat: Any, fun: Any, args: Any, kwargs: Any) -> Any:
        if threading.get_ident() != thread:
            return execute(p, args_flat, fun, args, kwargs)
        name = f"jit({p.params['name']})"
        run = partial(execute, p, args_flat, fun, args, kwargs)
        return around(JittedCall(name, run, fun, args, kwargs, None))

    with (
        replaced(pjit, "_infer_params", inferred),
        replaced(pjit, "_run_python_pjit", executed),
    ):
        yield


def signature_of(call: JittedCall, found: Any) -> Signature:
    """Return what a compiled program is kept for, from the first part of a call.

    Parameters
    ----------
    call : JittedCall
    found : object
        What its `run` returned.
    """
    parameters = found[0]
    avals = parameters.in_avals
    names = parameters.arg_names or [f"argument {i}" for i in range(len(avals))]
    arguments: dict[str, Argument] = {}
    for i, (name, aval) in enumerate(zip(names, avals, strict=True)):
        arguments[name or f"argument {i}"] = _argument(aval)
    code = getattr(inspect.unwrap(call.function), "__code__", None)
    static = _static_arguments(call)
    settings = {name: str(getattr(jax.config, name)) for name in _SETTINGS}
    return Signature(reference(call.function), code, arguments, static, settings)


def _argument(aval: Any) -> Argument:
    dtype = f"{getattr(aval, 'dtype', aval)}{'~' if getattr(aval, 'weak_type', False) else ''}"
    return Argument(dtype, str(list(getattr(aval, "shape", ()))).replace(" ", ""))


def _static_arguments(call: JittedCall) -> dict[str, str]:
    options = call.options
    if not (options.static_argnums or options.static_argnames):
        return {}
    if options.fun_signature is None:
        return {str(i): reprlib.repr(call.args[i]) for i in options.static_argnums}
    try:
        bound = options.fun_signature.bind(*call.args, **call.kwargs)
    except TypeError:  # JAX itself will say so
        return {}
    bound.apply_defaults()
    places = list(options.fun_signature.parameters)
    names = {places[i] for i in options.static_argnums} | set(options.static_argnames)
    return {name: reprlib.repr(bound.arguments.get(name)) for name in sorted(names)}
