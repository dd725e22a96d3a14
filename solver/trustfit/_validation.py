"""Checks of what the user hands over, each its own function: a concern, and one sentence of error.

They are about functions, data, start values and bounds; those of the algorithm's options are in
`trustfit._options`.
"""

import contextlib
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from trustfit._bounds import Bounds, inside
from trustfit._types import FloatArray

# Squares of larger numbers overflow float64.
LARGEST = 1e150

_LARGE = 1 << 20


def as_float(value: Any, name: str) -> FloatArray:
    """Return a float64 array of its own shape: a copy, unless that would take a lot of memory."""
    try:
        array = np.asarray(value)
        if value is None:
            raise TypeError("None is no number, though NumPy makes it NaN.")
        if array.dtype == np.float64 and array.size > _LARGE:
            return array  # as SciPy does at any size
        if array.dtype.kind != "c":
            return np.array(array, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"`{name}` must be real numbers in an array; got {type(value).__name__}. "
            f"Pass `np.asarray({name}, dtype=float)`."
        ) from error
    raise ValueError(
        f"`{name}` must be real numbers; got {array.dtype}. "
        "Pass real and imaginary parts as values of their own."
    )


class Abscissae(NamedTuple):
    """What `curve_fit` was given as `xdata`, for JAX and for Python.

    `array` is float64 of any shape, None where there is no telling how an array would stand for
    what was given (a table, a dictionary). `given` is what SciPy would hand to the model.
    """

    array: FloatArray | None
    given: Any


def convert_xdata(xdata: Any) -> Abscissae:
    """Return `xdata` as a float64 array of its own shape, if it can be one, and as it is.

    Lists, tuples and arrays of NumPy become arrays in any case, as in SciPy. A pandas Series or an
    array of JAX is handed on as it is to a model that is called from Python.
    """
    if isinstance(xdata, list | tuple | np.ndarray):
        array = as_float(xdata, "xdata")
        return Abscissae(array, array)
    one_dimensional = isinstance(xdata, float | int | np.generic) or getattr(xdata, "ndim", 0) == 1
    if one_dimensional or isinstance(xdata, jax.Array):
        with contextlib.suppress(ValueError):
            return Abscissae(as_float(xdata, "xdata"), xdata)
    return Abscissae(None, xdata)


def convert_ydata(ydata: Any) -> FloatArray:
    """Return `ydata` as a float64 array of its own shape, (1,) for a number."""
    return np.atleast_1d(as_float(ydata, "ydata"))


def is_stacked(ydata: Any) -> bool:
    """Return whether `ydata` holds the data of many fits, a row for each."""
    try:
        return np.ndim(ydata) == 2
    except ValueError:  # rows of different lengths are no array
        return False


def check_ydata_shape(y: FloatArray) -> None:
    """Refuse empty data, and `ydata` that is not 1-D.

    Which `xdata` belong to it, only the model can tell: it may return any number of values.
    """
    if y.ndim != 1:
        raise ValueError(f"`ydata` must have shape (m,); got {y.shape}. Pass `ydata.ravel()`.")
    if y.size == 0:
        raise ValueError("`ydata` must not be empty; got shape (0,). Pass at least one point.")


def count_parameters(f: Callable[..., Any], p0: Any) -> int:
    """Return n, the length of `p0` or, without it, the number of f's arguments after the first."""
    if p0 is not None:
        return np.size(p0)
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    named = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if len(named) < 2:
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


def check_finite_values(x: FloatArray | None, y: FloatArray) -> None:
    """Refuse NaN and infinity in the data."""
    for name, array in (("xdata", x), ("ydata", y)):
        if array is None or (array.size > _LARGE and np.isfinite(np.sum(array))):
            continue
        bad = np.count_nonzero(~np.isfinite(array))
        if bad:
            raise ValueError(
                f"`{name}` must be finite; {bad} of {array.size} values are NaN or infinite. "
                "Remove those points."
            )


def check_no_nan(x: FloatArray | None, y: FloatArray) -> None:
    """Refuse NaN in the data, but not infinity."""
    for name, array in (("xdata", x), ("ydata", y)):
        bad = 0 if array is None else np.count_nonzero(np.isnan(array))
        if array is not None and bad:
            raise ValueError(
                f"`{name}` must not hold NaN; {bad} of {array.size} values are NaN. "
                "Remove those points, or pass `nan_policy='omit'`."
            )


def omit_nan(x: Abscissae, y: FloatArray, sigma: Any) -> tuple[Abscissae, FloatArray, Any]:
    """Return the data without the points at which `ydata` or any predictor is NaN.

    The points run along the last axis of `xdata`; their rows and columns leave `sigma` too.
    """
    if x.array is None:
        raise ValueError(
            f"`nan_policy` 'omit' needs `xdata` as an array; got {type(x.given).__name__}. "
            "Remove the points with NaN before the fit."
        )
    nan = np.isnan(x.array)
    if not (nan.any() or np.isnan(y).any()):
        return x, y, sigma
    nan = nan.any(axis=tuple(range(nan.ndim - 1)))
    if nan.shape != y.shape:
        raise ValueError(
            f"`nan_policy` 'omit' needs a value of `xdata` for each of the {y.size} of `ydata`; "
            f"got shape {x.array.shape}. Remove the points with NaN before the fit."
        )
    keep = ~(nan | np.isnan(y))
    given = x.given[keep] if x.array.ndim == 1 else x.array[..., keep]
    if sigma is not None:
        sigma = np.asarray(sigma)
        if sigma.ndim == 1 and sigma.size == y.size:
            sigma = sigma[keep]
        elif sigma.ndim == 2:
            sigma = sigma[keep][:, keep]
    y = y[keep]
    check_ydata_shape(y)
    return Abscissae(x.array[..., keep], given), y, sigma


def check_initial_parameters(x0: Any, name: str = "p0") -> FloatArray:
    """Return the start values as a float64 array of shape (n,)."""
    array = np.atleast_1d(as_float(x0, name))
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
        Numbers count for every variable; equal bounds fix one.
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
    lb, ub = (as_float(bound, "bounds") for bound in (lower, upper))
    for bound in (lb, ub):
        if bound.shape not in ((), (1,), (n,)):
            raise ValueError(
                f"`bounds` must be numbers or arrays of shape ({n},); got {bound.shape}. "
                "Pass a bound for each parameter."
            )
    lb, ub = np.broadcast_to(lb, n).copy(), np.broadcast_to(ub, n).copy()
    if not np.all((lb <= ub) & (lb < np.inf) & (ub > -np.inf)):
        raise ValueError(
            f"`bounds` must have no lower bound above the upper one; got {lb} and {ub}. "
            "Exchange or widen them; equal ones fix a variable."
        )
    return Bounds(lb, ub)


def check_start_in_bounds(x0: FloatArray, bounds: Bounds, name: str = "p0") -> None:
    """Refuse start values outside the bounds."""
    if not inside(np, x0, bounds):
        raise ValueError(
            f"`{name}` must lie within `bounds`; got {x0}. Clip it: `np.clip({name}, lb, ub)`."
        )


def check_sigma(sigma: Any, m: int) -> FloatArray:
    """Return the weights that make the residuals' variances 1.

    Parameters
    ----------
    sigma : number, or array_like, shape (m,) or (m, m)
        Standard deviations, infinite where a point has no weight, or the covariance of the data.
        As in SciPy, the sign of a standard deviation changes that of the residual, no more.
    m : int
        Number of points.

    Returns
    -------
    weights : ndarray, shape (m,) or (m, m)
        The factors of the residuals, or the matrix L^-1 to multiply them by, where L L.T = sigma
        and L is lower triangular.
    """
    array = as_float(sigma, "sigma")
    if array.shape == (m, m) and m > 1:
        return _inverse_of_factor(array)
    if array.size != 1 and array.shape != (m,):
        raise ValueError(
            f"`sigma` must have shape ({m},) as `ydata`, or ({m}, {m}); got {array.shape}. "
            "Pass one standard deviation a point, one for all, or their covariance."
        )
    if not np.all(array != 0) or np.any(np.isnan(array)) or np.all(np.isinf(array)):
        raise ValueError(
            "`sigma` must be other than 0 and NaN, and finite somewhere; it has values that are "
            "not, or is infinite throughout. Pass standard deviations, infinity for points without "
            "weight."
        )
    return np.broadcast_to(1 / array.ravel(), m).copy()


def _inverse_of_factor(covariance: FloatArray) -> FloatArray:
    if np.all(np.isfinite(covariance)):
        with contextlib.suppress(np.linalg.LinAlgError):
            L = np.linalg.cholesky(covariance)  # reads the lower triangle, as SciPy does
            return np.asarray(np.linalg.solve(L, np.eye(len(L))), dtype=np.float64)
    raise ValueError(
        f"`sigma` of shape {covariance.shape} must be a covariance matrix, finite and positive "
        "definite; it is not. Pass standard deviations of shape (m,) if you have only those."
    )


def check_callable(f: Any, name: str = "f") -> None:
    """Refuse what cannot be called."""
    if not callable(f):
        raise ValueError(
            f"`{name}` must be a function; got {type(f).__name__}. Pass the function itself."
        )


def check_data_quality(y: FloatArray) -> None:
    """Refuse ordinates whose squares overflow float64."""
    # Without an array of magnitudes, or of what is finite: data can be as large as memory allows.
    largest = max(float(np.max(y)), -float(np.min(y)))
    if not np.isfinite(largest):
        largest = float(np.max(np.abs(y), initial=0.0, where=np.isfinite(y)))
    if largest > LARGEST:
        raise ValueError(
            f"`ydata` must be below {LARGEST:g}, or their squares overflow; got {largest:g}. "
            "Fit in other units."
        )
