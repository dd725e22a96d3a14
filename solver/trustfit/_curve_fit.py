"""`curve_fit`: a model function and data in, parameters and their covariance out."""

import warnings
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from trustfit._bounds import Bounds
from trustfit._least_squares import solve
from trustfit._model import CurveData, curve_model
from trustfit._options import (
    check_jac,
    check_method,
    check_options,
    check_unsupported,
    check_verbose,
)
from trustfit._result import OptimizeResult, OptimizeWarning
from trustfit._trust_region import EPS
from trustfit._types import FloatArray
from trustfit._validation import (
    check_bounds,
    check_callable,
    check_data_quality,
    check_data_shapes,
    check_degenerate_data,
    check_finite_values,
    check_initial_parameters,
    check_no_nan,
    check_parameter_count,
    check_sigma,
    check_start_in_bounds,
    convert_xdata,
    convert_ydata,
    count_parameters,
)


def feasible_start(bounds: Bounds) -> FloatArray:
    """Return ones, or where there are bounds their middle, or 1 inside the only one."""
    lb, ub = bounds
    lower, upper = np.isfinite(lb), np.isfinite(ub)
    start = np.ones_like(lb)
    both, only_lower, only_upper = lower & upper, lower & ~upper, ~lower & upper
    start[both] = 0.5 * (lb[both] + ub[both])
    start[only_lower] = lb[only_lower] + 1
    start[only_upper] = ub[only_upper] - 1
    return start


def covariance(result: OptimizeResult, *, absolute_sigma: bool) -> FloatArray:
    """Return the covariance of the parameters, shape (n, n).

    It is the inverse of J.T J by the singular values of J; unless `absolute_sigma`, times the
    residuals' variance 2 cost / (m - n). Infinite throughout where J has not full rank or no
    degree of freedom is left for the variance.

    SciPy's TRF returns the pseudo-inverse for a J without full rank. Its finite numbers leave out
    the directions that the data do not determine at all, as if these were known exactly.
    """
    J: FloatArray = result.jac
    m, n = J.shape
    unknown = np.full((n, n), np.inf)
    _, s, Vt = np.linalg.svd(J, full_matrices=False)
    if m < n or not s[-1] > EPS * max(m, n) * s[0]:
        return unknown
    inverse = (Vt.T / s**2) @ Vt
    if absolute_sigma:
        return inverse
    return inverse * (2 * result.cost / (m - n)) if m > n else unknown


def _options(
    ftol: float | None = 1e-8,
    xtol: float | None = 1e-8,
    gtol: float | None = 1e-8,
    x_scale: Any = None,
    loss: Any = "linear",
    f_scale: Any = 1.0,
    tr_solver: Any = None,
    tr_options: Any = None,
    max_nfev: float | None = None,
    maxfev: float | None = None,
    verbose: Any = 0,
    **unsupported: Any,
) -> dict[str, Any]:
    """Return the arguments of `check_options` but the first, from `curve_fit`'s own."""
    known = {"diff_step", "jac_sparsity", "callback", "workers"}
    for name in unsupported:
        if name not in known:
            raise ValueError(
                f"`{name}` is not an option of `curve_fit`; its options are those of "
                "`least_squares`. Leave it out, and let `f` close over its constants."
            )
    check_unsupported(**unsupported)
    check_verbose(verbose)
    return {
        "tolerances": (ftol, xtol, gtol),
        "x_scale": x_scale,
        "loss": loss,
        "f_scale": f_scale,
        "tr_solver": tr_solver,
        "tr_options": tr_options,
        "max_nfev": maxfev if max_nfev is None else max_nfev,
    }


def curve_fit(
    f: Callable[..., Any],
    xdata: Any,
    ydata: Any,
    p0: Any = None,
    sigma: Any = None,
    absolute_sigma: bool = False,
    check_finite: bool | None = None,
    bounds: Any = (-np.inf, np.inf),
    method: Literal["trf"] | None = None,
    jac: Callable[..., Any] | None = None,
    *,
    full_output: bool = False,
    nan_policy: Literal["raise"] | None = None,
    **kwargs: Any,
) -> Any:
    """Fit a function's parameters to data by nonlinear least squares.

    Called like `scipy.optimize.curve_fit`, and always solved by the trust-region reflective
    algorithm, in float64 whatever the setting of JAX and the data's own precision.

    Parameters
    ----------
    f : callable
        The model ``f(x, a, b, ...)``, shape (m,), written with `jax.numpy`.
    xdata : array_like, shape (m,) or (k, m)
        Where the data were measured; handed to `f` as an array. Also a grid of any more
        dimensions, if `f` returns shape (m,) from it, or one number, if `f` ignores it.
    ydata : array_like, shape (m,)
        The data.
    p0 : array_like, shape (n,), optional
        Start values. By default ones; with bounds their middle, or 1 inside the only one.
    sigma : array_like, shape (m,) or a number, optional
        Standard deviations of `ydata`; infinite for points without weight.
    absolute_sigma : bool, optional
        Whether `sigma` is in the units of `ydata`. Otherwise only its ratios count, and the
        covariance is scaled so that the reduced chi-squared is 1.
    check_finite : bool, optional
        Whether NaN and infinity in the data are refused; by default they are, unless
        `nan_policy` is given.
    bounds : pair of array_like, optional
        Lower and upper bounds of the parameters.
    method : {None, 'trf'}, optional
        The algorithm.
    jac : callable, optional
        Jacobian of `f`, called like it, shape (m, n). By default JAX differentiates `f`.
    full_output : bool, optional
        Whether to return `infodict`, `mesg` and `ier` too.
    nan_policy : {None, 'raise'}, optional
        What to do about NaN in data whose infinities are not refused. SciPy's 'omit' is not
        supported.
    **kwargs
        Options of `least_squares`; `maxfev` stands for `max_nfev`.

    Returns
    -------
    popt : ndarray, shape (n,)
        The parameters.
    pcov : ndarray, shape (n, n)
        Their covariance; infinite, with an `OptimizeWarning`, where it cannot be estimated. This
        includes a Jacobian without full rank, for which SciPy's TRF returns a finite
        pseudo-inverse: parameters that the data leave open would look well determined.
    infodict : dict
        With `full_output`: "nfev", the number of evaluations, and "fvec", the weighted residuals.
    mesg : str
        With `full_output`: how the fit ended.
    ier : int
        With `full_output`: its status, from 1 to 4.

    Raises
    ------
    ValueError
        If an argument is not as described, JAX cannot trace the function, what it returns has
        not the shape described, or the residuals or the Jacobian are not finite at the start.
        What `f` and `jac` raise themselves comes through.
    RuntimeError
        If no tolerance is satisfied at the end.

    Warns
    -----
    OptimizeWarning
        If the covariance cannot be estimated, or `xdata` are all equal.
    UserWarning
        If a tolerance is too small ever to be met.
    """
    check_callable(f)
    check_method("trf" if method is None else method)
    check_jac(jac)
    if nan_policy not in (None, "raise"):
        raise ValueError(
            f"`nan_policy` must be None or 'raise'; got {nan_policy!r}. "
            "Remove points with NaN before the fit instead."
        )
    x, y = convert_xdata(xdata), convert_ydata(ydata)
    check_data_shapes(x, y)
    n = count_parameters(f, p0)
    check_parameter_count(f, n)
    check_degenerate_data(x, n)
    if check_finite or (check_finite is None and nan_policy is None):
        check_finite_values(x, y)
    elif nan_policy == "raise":
        check_no_nan(x, y)
    check_data_quality(y)
    box = check_bounds(bounds, n)
    start = check_initial_parameters(feasible_start(box) if p0 is None else p0)
    check_start_in_bounds(start, box)
    transform = None if sigma is None else 1 / check_sigma(sigma, y.size)
    options = check_options(n, **_options(**kwargs))

    result = solve(curve_model(f, jac, CurveData(x, y, transform)), start, box, options)
    if not result.success:
        raise RuntimeError(f"Optimal parameters not found: {result.message}")
    pcov = covariance(result, absolute_sigma=absolute_sigma)
    if np.any(np.isinf(pcov)):
        warnings.warn(
            "Covariance of the parameters could not be estimated", OptimizeWarning, stacklevel=2
        )
    if not full_output:
        return result.x, pcov
    infodict = {"nfev": result.nfev, "fvec": result.fun}
    return result.x, pcov, infodict, result.message, result.status
