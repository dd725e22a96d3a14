"""Checks of what `curve_fit` is given for many fits: which shapes belong to each of them.

Arrays of real numbers are taken as they are, without a copy; a number or array that all fits share
is repeated without one.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from trustfit._bounds import Bounds, feasible_start
from trustfit._many_data import Abscissae, Stack
from trustfit._types import FloatArray, NDArray
from trustfit._validation import (
    as_float,
    check_parameter_count,
    check_sigma,
    convert_xdata,
    count_parameters,
)

_CHECKED = 4096
"""Fits whose data are looked at together: temporaries stay small."""


def check_stack(
    f: Callable[..., Any], xdata: Any, ydata: Any, p0: Any, sigma: Any, bounds: Any
) -> Stack:
    """Return the arguments of `curve_fit` that hold data of many fits, checked."""
    y = check_stacked_ydata(ydata)
    k, m = y.shape
    n = count_stacked_parameters(f, p0, k)
    check_parameter_count(f, n)
    _check_no_column(k, m, n)
    box = check_stacked_bounds(bounds, k, n)
    start = check_stacked_start(feasible_start(box) if p0 is None else p0, box, k)
    x = check_stacked_xdata(xdata, k, m)
    weights = check_stacked_sigma(sigma, k, m)
    if box.absent:
        return Stack(x, y, weights, start, None)
    return Stack(x, y, weights, start, Bounds(*(np.broadcast_to(bound, (k, n)) for bound in box)))


def _check_no_column(k: int, m: int, n: int) -> None:
    if m == 1 < n and k > 1:
        raise ValueError(
            f"`ydata` of shape (k, m) holds k fits of m points; got {(k, m)} for {n} parameters. "
            "Pass `ydata.ravel()` for one fit of them all."
        )


def _real(value: Any, name: str) -> NDArray[Any]:
    """Return an array of real numbers as it is, anything else converted."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return value
    return as_float(value, name)


def check_stacked_ydata(ydata: Any) -> NDArray[Any]:
    """Return `ydata` as an array of shape (k, m)."""
    y = _real(ydata, "ydata")
    if y.size == 0:
        raise ValueError(
            f"`ydata` must not be empty; got shape {y.shape}. Pass at least one fit of one point."
        )
    return y


def check_stacked_xdata(xdata: Any, k: int, m: int) -> Abscissae:
    """Return the abscissae of k fits of m points each."""
    if not isinstance(xdata, np.ndarray) and convert_xdata(xdata).array is None:
        raise ValueError(
            f"`xdata` of many fits must be an array; got {type(xdata).__name__}. "
            "Pass its values, `np.asarray(xdata)`."
        )
    x = _real(xdata, "xdata")
    shape = x.shape
    if shape == (m,):
        return Abscissae(x, False)
    if shape == (k, m) or (len(shape) == 3 and shape[::2] == (k, m)):
        return Abscissae(x, True)
    if len(shape) == 3 and shape[::2] == (1, m):
        return Abscissae(x[0], False)
    mend = "Pass those that all fits share, or a row of them for each fit."
    if len(shape) == 2 and shape[1] == m:
        mend = "For predictors that all fits share pass `xdata[None]`."
    raise ValueError(
        f"`xdata` must have shape ({m},), ({k}, {m}), (1, d, {m}) or ({k}, d, {m}) for `ydata` of "
        f"shape {(k, m)}; got {shape}. {mend}"
    )


def check_stacked_sigma(sigma: Any, k: int, m: int) -> NDArray[Any] | None:
    """Return standard deviations of shape (m,), or (k, m) if each fit has its own; or None."""
    if sigma is None:
        return None
    array = _real(sigma, "sigma")
    if array.shape == (k, m) and k > 1:
        return array
    if array.size == 1 or array.shape in ((m,), (1, m)):
        shared = np.broadcast_to(array.ravel(), m)
        check_sigma(shared, m)  # no fit would be possible; own ones of a fit are its own affair
        return shared
    mend = "Pass one standard deviation a point, one for all, or a row of them for each fit."
    if array.shape == (m, m):
        mend = "Many fits take no covariance of the data: pass standard deviations."
    elif array.shape == (k,):
        mend = "For one a fit pass `np.broadcast_to(sigma[:, None], ydata.shape)`."
    raise ValueError(
        f"`sigma` must be a number or have shape ({m},) or ({k}, {m}) for many fits; got "
        f"{array.shape}. {mend}"
    )


def count_stacked_parameters(f: Callable[..., Any], p0: Any, k: int) -> int:
    """Return n: the length of `p0`, or of its rows if it has one for each fit."""
    if p0 is None or np.ndim(p0) < 2:
        return count_parameters(f, p0)
    if np.ndim(p0) == 2 and np.shape(p0)[0] == k:
        return np.shape(p0)[1]
    raise ValueError(
        f"`p0` must have shape (n,) or ({k}, n) for {k} fits; got {np.shape(p0)}. "
        "Pass start values for all, or a row of them for each fit."
    )


def check_stacked_bounds(bounds: Any, k: int, n: int) -> Bounds:
    """Return lower and upper bounds, each of shape (n,), or (k, n) if one depends on the fit."""
    if hasattr(bounds, "lb") and hasattr(bounds, "ub"):
        bounds = (bounds.lb, bounds.ub)
    if not isinstance(bounds, tuple | list | np.ndarray) or len(bounds) != 2:
        raise ValueError(
            f"`bounds` must be a pair (lower, upper); got {type(bounds).__name__}. "
            "Pass `(lb, ub)`, each a number or an array, or leave them out."
        )
    arrays = [as_float(bound, "bounds") for bound in bounds]
    for array in arrays:
        if array.shape not in ((), (1,), (n,), (k, n)):
            raise ValueError(
                f"`bounds` must be numbers or arrays of shape ({n},) or ({k}, {n}); got "
                f"{array.shape}. Pass a bound for each parameter, or a row of them for each fit."
            )
    shape = (k, n) if (k, n) in [array.shape for array in arrays] else (n,)
    lb, ub = (np.broadcast_to(array, shape) for array in arrays)
    wrong = ~((lb <= ub) & (lb < np.inf) & (ub > -np.inf))
    if np.any(wrong):
        where = np.argwhere(wrong)[0]
        raise ValueError(
            f"`bounds` must have no lower bound above the upper one; got {lb[tuple(where)]} and "
            f"{ub[tuple(where)]} at {tuple(map(int, where))}. Exchange or widen them; equal ones "
            "fix a variable."
        )
    return Bounds(lb, ub)


def check_stacked_start(p0: Any, bounds: Bounds, k: int) -> FloatArray:
    """Return the start values, shape (k, n), and refuse those outside the bounds.

    Start values of all fits must be finite; those of one that are not are its own affair.
    """
    start = np.atleast_1d(as_float(p0, "p0"))
    n = bounds.lb.shape[-1]
    if start.size == 0:
        raise ValueError("`p0` must have at least one value; got none. Pass start values.")
    finite = np.isfinite(start).all(axis=-1)
    if start.ndim == 1 and not finite:
        raise ValueError(f"`p0` must be finite; got {start}. Pass finite start values.")
    outside = ~((start >= bounds.lb) & (start <= bounds.ub)).all(axis=-1) & finite
    if np.any(outside):
        fit = int(np.argmax(outside))
        values = np.broadcast_to(start, (k, n))[fit]
        raise ValueError(
            f"`p0` must lie within `bounds`; got {values} for fit {fit}. "
            "Clip it: `np.clip(p0, lb, ub)`."
        )
    return np.broadcast_to(start, (k, n))


def check_stacked_nan(stack: Stack) -> None:
    """Refuse NaN in the data, but not infinity."""
    for name, array in (("xdata", stack.x.array), ("ydata", stack.y)):
        bad = sum(int(np.count_nonzero(np.isnan(part))) for part in _parts(array))
        if bad:
            raise ValueError(
                f"`{name}` must not hold NaN; {bad} of {array.size} values are NaN. "
                "Leave `nan_policy` out: the other fits do not mind."
            )


def _parts(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    return (array[i : i + _CHECKED] for i in range(0, len(array), _CHECKED))
