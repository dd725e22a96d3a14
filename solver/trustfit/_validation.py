"""Checks of what the user hands over, each its own function: a concern, and one sentence of error.

They are about functions, data, start values and bounds; those of the algorithm's options are in
`trustfit._options`.
"""

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from trustfit._bounds import Bounds, inside
from trustfit._result import OptimizeWarning
from trustfit._types import FloatArray

# Squares of larger numbers overflow float64.
_LARGEST = 1e150


def _as_float(value: Any, name: str) -> FloatArray:
    try:
        array = np.asarray(value)
        if array.dtype.kind == "c":
            raise TypeError
        return np.array(array, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"`{name}` must be real numbers in an array; got {type(value).__name__}. "
            f"Pass `np.asarray({name}, dtype=float)`."
        ) from error


def convert_xdata(xdata: Any) -> FloatArray:
    """Return `xdata` as a float64 array of its own shape."""
    return _as_float(xdata, "xdata")


def convert_ydata(ydata: Any) -> FloatArray:
    """Return `ydata` as a float64 array of its own shape."""
    return _as_float(ydata, "ydata")


def check_data_shapes(x: FloatArray, y: FloatArray) -> None:
    """Refuse empty data, `ydata` that is not 1-D, and `xdata` that cannot belong to it.

    What `f` makes of a grid, shape (k, H, W), or of a single number, only its result can tell.
    """
    if y.ndim != 1:
        raise ValueError(f"`ydata` must have shape (m,); got {y.shape}. Pass `ydata.ravel()`.")
    if y.size == 0:
        raise ValueError("`ydata` must not be empty; got shape (0,). Pass at least one point.")
    m = y.size
    mismatch = x.size != m if x.ndim == 1 else x.ndim == 2 and x.size % m != 0
    if mismatch and m > 1 and x.size != 1:
        raise ValueError(
            f"`xdata` must have shape (m,) or (k, m) with m = {m} as in `ydata`; "
            f"got {x.shape}. Pass as many points in both."
        )


def count_parameters(f: Callable[..., Any], p0: Any) -> int:
    """Return n, the length of `p0` or, without it, the number of f's arguments after the first."""
    if p0 is not None:
        return np.size(p0)
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    named = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if len(named) < 2 or any(p.kind is p.VAR_POSITIONAL for p in parameters):
        raise ValueError(
            "`p0` is needed to know the number of parameters; `f` does not name them. "
            "Pass `p0` or write `f(x, a, b, ...)`."
        )
    return len(named) - 1


def check_parameter_count(f: Callable[..., Any], n: int) -> None:
    """Refuse a number of parameters that `f` cannot take."""
    if n == 0:
        raise ValueError("`p0` must have at least one parameter; got none. Pass start values.")
    try:
        signature = inspect.signature(f)
    except (TypeError, ValueError):
        return  # some callables have no signature
    required = [
        p.name
        for p in signature.parameters.values()
        if p.kind is p.KEYWORD_ONLY and p.default is p.empty
    ]
    if required:
        raise ValueError(
            f"`f{signature}` must take its parameters by position; it also needs the keyword "
            f"argument `{'`, `'.join(required)}`. Give it a default value."
        )
    try:
        signature.bind(None, *range(n))
    except TypeError as error:
        raise ValueError(
            f"`p0` must have a value for each parameter of `f{signature}`; got {n}. "
            "Pass as many as `f` has arguments after the first."
        ) from error


def check_degenerate_data(x: FloatArray, n: int) -> None:
    """Warn of several parameters over 1-D `xdata` that never change.

    A warning only, because `f` may have its abscissae from elsewhere. It points at the line that
    called the caller.
    """
    if x.ndim == 1 and x.size > 1 and n > 1 and np.all(x == x[0]):
        warnings.warn(
            f"`xdata` should hold different values to determine {n} parameters; all are {x[0]:g}. "
            "Fit one parameter or pass other data, unless `f` ignores `xdata`.",
            OptimizeWarning,
            stacklevel=3,
        )


def check_finite_values(x: FloatArray, y: FloatArray) -> None:
    """Refuse NaN and infinity in the data."""
    for name, array in (("xdata", x), ("ydata", y)):
        bad = np.count_nonzero(~np.isfinite(array))
        if bad:
            raise ValueError(
                f"`{name}` must be finite; {bad} of {array.size} values are NaN or infinite. "
                "Remove those points."
            )


def check_no_nan(x: FloatArray, y: FloatArray) -> None:
    """Refuse NaN in the data, but not infinity."""
    for name, array in (("xdata", x), ("ydata", y)):
        bad = np.count_nonzero(np.isnan(array))
        if bad:
            raise ValueError(
                f"`{name}` must not hold NaN; {bad} of {array.size} values are NaN. "
                "Remove those points."
            )


def check_initial_parameters(x0: Any, name: str = "p0") -> FloatArray:
    """Return the start values as a float64 array of shape (n,)."""
    array = np.atleast_1d(_as_float(x0, name))
    if array.ndim > 1:
        raise ValueError(
            f"`{name}` must have shape (n,); got {array.shape}. Pass `{name}.ravel()`."
        )
    if array.size == 0:
        raise ValueError(f"`{name}` must have at least one value; got none. Pass start values.")
    if not np.all(np.isfinite(array)):
        raise ValueError(f"`{name}` must be finite; got {array}. Pass finite start values.")
    return array


def check_bounds(bounds: Any, n: int) -> Bounds:
    """Return `bounds` as two arrays of shape (n,).

    Parameters
    ----------
    bounds : pair of array_like, or an object with attributes `lb` and `ub`
        Scalars count for every variable.
    n : int
        Number of variables.
    """
    if hasattr(bounds, "lb") and hasattr(bounds, "ub"):
        bounds = (bounds.lb, bounds.ub)
    try:
        lower, upper = bounds
    except (TypeError, ValueError) as error:
        got = f"{len(bounds)} items" if isinstance(bounds, tuple | list) else type(bounds).__name__
        raise ValueError(
            f"`bounds` must be a pair (lower, upper); got {got}. "
            "Pass `(lb, ub)`, each a number or an array of shape (n,), or leave them out."
        ) from error
    lb, ub = (_as_float(bound, "bounds") for bound in (lower, upper))
    for bound in (lb, ub):
        if bound.shape not in ((), (n,)):
            raise ValueError(
                f"`bounds` must be numbers or arrays of shape ({n},); got {bound.shape}. "
                "Pass a bound for each parameter."
            )
    lb, ub = np.broadcast_to(lb, n).copy(), np.broadcast_to(ub, n).copy()
    if not np.all(lb < ub):
        raise ValueError(
            f"`bounds` must have each lower bound below the upper one; got {lb} and {ub}. "
            "Widen them, or take a fixed parameter out of the function."
        )
    return Bounds(lb, ub)


def check_start_in_bounds(x0: FloatArray, bounds: Bounds, name: str = "p0") -> None:
    """Refuse start values outside the bounds."""
    if not inside(np, x0, bounds):
        raise ValueError(
            f"`{name}` must lie within `bounds`; got {x0}. Clip it: `np.clip({name}, lb, ub)`."
        )


def check_sigma(sigma: Any, m: int) -> FloatArray:
    """Return `sigma` as a positive array of shape (m,), infinite where a point has no weight."""
    array = _as_float(sigma, "sigma")
    if array.shape == (m, m) and m > 1:
        raise ValueError(
            f"`sigma` must have shape ({m},), standard deviations; a covariance matrix is not "
            "supported. Multiply data and model by the inverse of its Cholesky factor instead."
        )
    if array.size != 1 and array.shape != (m,):
        raise ValueError(
            f"`sigma` must have shape ({m},) as `ydata`; got {array.shape}. "
            "Pass one standard deviation a point, or one for all."
        )
    if not np.all(array > 0) or np.all(np.isinf(array)):
        raise ValueError(
            "`sigma` must be positive, and finite somewhere; it has values that are not, or is "
            "infinite throughout. Pass standard deviations, infinity for points without weight."
        )
    return np.broadcast_to(array.ravel(), m).copy()


def check_callable(f: Any, name: str = "f") -> None:
    """Refuse what cannot be called."""
    if not callable(f):
        raise ValueError(
            f"`{name}` must be a function; got {type(f).__name__}. Pass the function itself."
        )


def check_data_quality(y: FloatArray) -> None:
    """Refuse ordinates whose squares overflow float64."""
    largest = float(np.max(np.abs(y), initial=0.0, where=np.isfinite(y)))
    if largest > _LARGEST:
        raise ValueError(
            f"`ydata` must be below {_LARGEST:g}, or their squares overflow; got {largest:g}. "
            "Fit in other units."
        )
