"""What the user posed, in the two forms that drivers take: compiled, and called from Python."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np

from trustfit._host_functions import CurveJacobian, CurveResidual, Jacobian, Residual
from trustfit._inspection import is_doubtful
from trustfit._model import CurveData, Model, curve_model, residual_model
from trustfit._types import FloatArray, NDArray
from trustfit._untraceable import Trace, trace_call
from trustfit._validation import Abscissae


class Problem(NamedTuple):
    """Residuals and, if the user gave it, their Jacobian.

    Attributes
    ----------
    name : str
        What the user's function is called in errors.
    residual : callable
        x, shape (n,), -> f, shape (m,), called from Python, in the function's own precision.
    jacobian : callable or None
        (x, f) -> J, shape (m, n), called from Python.
    model : callable
        (whether with the user's Jacobian, n) -> the compiled form; its Jacobian is otherwise
        `fun`'s derivative.
    trace, trace_jac : callable
        x -> what JAX makes of the user's functions.
    doubtful : callable
        () -> whether a trace of the residuals may mean something else than a call.
    traceable : bool
        False where JAX need not be tried: the data are not arrays.
    m : int
        Number of residuals, 0 where only an evaluation can tell.
    """

    name: str
    residual: Callable[[NDArray[Any]], NDArray[Any]]
    jacobian: Callable[[FloatArray, FloatArray], Any] | None
    model: Callable[[bool, int], Model]
    trace: Callable[[FloatArray], Trace]
    trace_jac: Callable[[FloatArray], Trace]
    doubtful: Callable[[], bool]
    traceable: bool = True
    m: int = 0


def _single(value: Any) -> Any:
    """Return an array or number of floats in single precision, anything else as it is."""
    if isinstance(value, float):
        return np.float32(value)
    if isinstance(value, (np.ndarray, np.floating, jax.Array)) and value.dtype.kind == "f":
        return value.astype(np.float32)
    return value


def in_precision(function: Callable[..., Any], dtype: type[np.floating[Any]]) -> Any:
    """Return the function that calls `function` with every array of floats in that precision."""
    if dtype is np.float64:
        return function

    def in_single(*args: Any, **kwargs: Any) -> Any:
        named = {name: _single(value) for name, value in kwargs.items()}
        return function(*[_single(value) for value in args], **named)

    return in_single


def residual_problem(
    fun: Callable[..., Any],
    jac: Callable[..., Any] | None,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> Problem:
    """Return the problem of ``fun(x, *args, **kwargs)``; `jac` is called like `fun`."""

    def model(with_jac: bool, n: int) -> Model:
        return residual_model(fun, jac if with_jac else None, args, kwargs, n)

    return Problem(
        "fun",
        Residual(fun, args, kwargs),
        None if jac is None else Jacobian(jac, args, kwargs),
        model,
        partial(trace_call, fun, args=args, kwargs=kwargs),
        partial(trace_call, jac or fun, args=args, kwargs=kwargs, constant=True),
        partial(is_doubtful, fun),
    )


def curve_problem(
    f: Callable[..., Any],
    jac: Callable[..., Any] | None,
    x: Abscissae,
    y: FloatArray,
    weights: FloatArray | None,
) -> Problem:
    """Return the problem of ``(f(x, *params) - y)``, weighted; `jac` is called like `f`."""

    def model(with_jac: bool, n: int) -> Model:
        array = np.empty(0) if x.array is None else x.array
        return curve_model(f, jac if with_jac else None, CurveData(array, y, weights), n)

    def trace(function: Callable[..., Any], constant: bool, params: FloatArray) -> Trace:
        if x.array is None:
            error = TypeError(f"`xdata` is no array but {type(x.given).__name__}")
            return Trace(np.float64, error)
        return trace_call(
            lambda p, xdata: function(xdata, *p), params, (x.array,), {}, constant=constant
        )

    return Problem(
        "f",
        CurveResidual(f, x.given, y, weights),
        None if jac is None else CurveJacobian(jac, x.given, weights),
        model,
        partial(trace, f, False),
        partial(trace, jac or f, True),
        partial(is_doubtful, f),
        x.array is not None,
        y.size,
    )
