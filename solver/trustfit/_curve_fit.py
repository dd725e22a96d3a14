"""`curve_fit`: a model function and data in, parameters and their covariance out."""

from collections.abc import Callable
from typing import Any, Literal, cast

import jax
import numpy as np

from trustfit import _quick as quick
from trustfit._bounds import Bounds, feasible_start
from trustfit._covariance import covariance_of, dense
from trustfit._curve_options import Asked, check_nan_policy, check_options, check_point_count
from trustfit._differences import Method
from trustfit._driver import Wish
from trustfit._minpack_output import IER, infodict
from trustfit._options import Algorithm, may_be_compiled
from trustfit._problem import Problem, curve_problem, in_precision
from trustfit._result import MESSAGES, OptimizeWarning
from trustfit._settings import Solution
from trustfit._solve import Request, solve
from trustfit._types import FloatArray
from trustfit._validation import (
    Abscissae,
    check_bounds,
    check_callable,
    check_data_quality,
    check_finite_values,
    check_initial_parameters,
    check_no_nan,
    check_parameter_count,
    check_sigma,
    check_start_in_bounds,
    check_ydata_shape,
    convert_xdata,
    convert_ydata,
    count_parameters,
    is_stacked,
    omit_nan,
)
from trustfit._warnings import warn

_UNBOUNDED = (-np.inf, np.inf)


def check_data(
    xdata: Any, ydata: Any, sigma: Any, check_finite: bool | None, nan_policy: Any
) -> tuple[Abscissae, FloatArray, FloatArray | None]:
    """Return abscissae, ordinates of shape (m,) and their weights, checked and without NaN.

    As in SciPy, `check_finite` is the default, and comes before a `nan_policy`.
    """
    check_nan_policy(nan_policy)
    x, y = convert_xdata(xdata), convert_ydata(ydata)
    check_ydata_shape(y)
    if check_finite or (check_finite is None and nan_policy is None):
        check_finite_values(x.array, y)
    elif nan_policy == "raise":
        check_no_nan(x.array, y)
    elif nan_policy == "omit":
        x, y, sigma = omit_nan(x, y, sigma)
    check_data_quality(y)
    return x, y, None if sigma is None else check_sigma(sigma, y.size)


def _spread(f: Callable[..., Any], x: Abscissae, start: FloatArray, y: FloatArray) -> FloatArray:
    """Return a single ordinate as often as the model returns values, as SciPy subtracts it."""
    if y.size > 1:
        return y
    with jax.enable_x64(True):
        return np.full(max(1, np.size(f(x.given, *start))), y[0])


def curve_fit(
    f: Callable[..., Any],
    xdata: Any,
    ydata: Any,
    p0: Any = None,
    sigma: Any = None,
    absolute_sigma: bool = False,
    check_finite: bool | None = None,
    bounds: Any = _UNBOUNDED,
    method: Algorithm | None = None,
    jac: Callable[..., Any] | Method | None = None,
    *,
    full_output: bool = False,
    nan_policy: Literal["raise", "omit"] | None = None,
    polish: bool = True,
    dtype: Any = None,
    driver: Wish | None = None,
    **kwargs: Any,
) -> Any:
    """Fit a function's parameters to data by nonlinear least squares.

    Called like `scipy.optimize.curve_fit`, and always solved by the trust-region reflective
    algorithm, in float64 whatever the setting of JAX and the data's own precision. Stacked `ydata`,
    shape (k, m), makes k fits of it: see *Many fits* below.

    Parameters
    ----------
    f : callable
        The model ``f(x, a, b, ...)``, shape (m,). Written with `jax.numpy` it is compiled; one that
        JAX cannot trace is called from Python, with a warning. It is compiled once for what it
        computes: other values that it closes over, and most other lengths of the data, compile
        nothing. Methods, objects, and what else can change unnoticed are traced at every call,
        which takes about a millisecond.
    xdata : array_like, shape (m,) or (k, m), or any object
        Where the data were measured; lists, tuples and numbers are handed to `f` as arrays. Also
        of another shape or length, if `f` returns shape (m,) from it, or one number. A table or
        a dictionary is handed on as it is, and `f` then called from Python.
    ydata : array_like, shape (m,), or (k, m) for k fits
        The data.
    p0 : array_like, shape (n,), or a number, optional
        Start values. By default ones; with bounds their middle, or 1 inside the only one.
    sigma : array_like, shape (m,) or (m, m), or a number, optional
        Standard deviations of `ydata`, infinite for points without weight; or their covariance.
    absolute_sigma : bool, optional
        Whether `sigma` is in the units of `ydata`. Otherwise only its ratios count, and the
        covariance is scaled so that the reduced chi-squared is 1.
    check_finite : bool, optional
        Whether NaN and infinity in the data are refused; by default they are, unless
        `nan_policy` is given.
    bounds : pair of array_like, or Bounds, optional
        Lower and upper bounds of the parameters; equal ones fix a parameter.
    method : {None, 'trf', 'dogbox', 'lm'}, optional
        The algorithm is trust-region reflective in any case, and answers for 'dogbox' and 'lm'
        with a warning. None, the default, stands for 'trf' with bounds. Without them it stands for
        'lm' in what it refuses (fewer points than parameters), in `infodict` and `ier`, which are
        those of `leastsq`, and in the limit on evaluations; an explicit 'lm' takes `x_scale` 'jac',
        too.
    jac : callable or {'2-point', '3-point', 'cs'}, optional
        Jacobian of `f`, called like it, shape (m, n), or finite differences by name. By default
        JAX differentiates `f`; if it cannot, '2-point'.
    full_output : bool, optional
        Whether to return `infodict`, `mesg` and `ier` too.
    nan_policy : {None, 'raise', 'omit'}, optional
        What to do about NaN in data whose infinities are not refused.
    polish, dtype, driver
        As in `least_squares`.
    **kwargs
        Options of `least_squares`; `max_nfev` is 200 (n + 1) by default for 'lm'. Or of SciPy's
        `leastsq`: `maxfev` and `diag`, which are `max_nfev` and the inverse of `x_scale`; `epsfcn`,
        which asks for finite differences with its root as their step; `col_deriv`, if `jac` returns
        shape (n, m); `factor`, which is ignored with a warning.

    Returns
    -------
    popt : ndarray, shape (n,)
        The parameters.
    pcov : ndarray, shape (n, n)
        Their covariance, zero for fixed ones; infinite, with an `OptimizeWarning`, where it cannot
        be estimated. This includes a Jacobian without full rank, for which SciPy's TRF returns a
        finite pseudo-inverse: parameters that the data leave open would look well determined.
    infodict : dict
        With `full_output`: "nfev", the number of evaluations, "fvec", the weighted residuals,
        shape (m,), and "driver", as in the result of `least_squares`. For 'lm' also "fjac",
        shape (n, m), "ipvt", shape (n,), and "qtf", shape (n,): the factorisation of the Jacobian
        at the solution as MINPACK stores it; and "njev", if `jac` is a function.
    mesg : str
        With `full_output`: how the fit ended.
    ier : int
        With `full_output`: from 1 to 4, the status of the result of `least_squares`, or for 'lm'
        MINPACK's number for it.

    Raises
    ------
    ValueError
        If an argument is not as described, what a function returns has not the shape described,
        or the residuals or the Jacobian are not finite at the start. What `f` and `jac` raise
        themselves comes through.
    TypeError
        If there is no such argument, or for 'lm' if there are fewer points than parameters.
    RuntimeError
        If no tolerance is satisfied at the end of a single fit.

    Warns
    -----
    OptimizeWarning
        If the covariance cannot be estimated, one of many fits does not converge, or TRF answers
        for another `method`.
    UnacceleratedWarning
        If JAX cannot trace `f` or `jac`.
    UserWarning
        If a tolerance is too small ever to be met.

    Notes
    -----
    **Many fits.** `ydata` of shape (k, m) holds the data of k fits of the same model. What they
    share is given as for one fit; what each has of its own, with the fits as its first axis:

    ==========  ==============================  ==========================
    Argument    Shared                          Of each fit
    ==========  ==============================  ==========================
    `xdata`     (m,), or (1, d, m)              (k, m), or (k, d, m)
    `p0`        (n,)                            (k, n)
    `sigma`     a number, or (m,)               (k, m); no covariances
    `bounds`    a pair of numbers, or of (n,)   a pair of (k, n)
    ==========  ==============================  ==========================

    Each fit is, to rounding, that of a call of its own, and `popt` has shape (k, n), `pcov`
    (k, n, n). They are compiled as one program, run in chunks by every processor. One that does not
    converge harms no other: it raises nothing, its `pcov` is infinite, and an `OptimizeWarning` at
    the end tells how many there are. So it is with a fit of which the data, the own start values or
    the residuals there are not finite; its `popt` is where it starts.

    With `full_output`, `infodict` holds "nfev", "status" and "cost", shape (k,), and "fvec", shape
    (k, m); `mesg` is a list of k, and `ier`, shape (k,), the status as `least_squares` has it:
    positive if the fit converged, -5 if its data or residuals are not finite at the start.

    What has to come back to Python while a fit runs (finite differences, callbacks, ``verbose=2``,
    'lsmr', a loss that is a function, functions that JAX cannot trace), leaving out points by
    `nan_policy`, more than 16 parameters and tens of thousands of points make the fits run one by
    one, at their usual pace. So do those of which the Jacobian is close to rank-deficient.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import numpy as np
    >>> from trustfit import curve_fit
    >>> def decay(x, a, b):
    ...     return a * jnp.exp(-b * x)
    >>> x = np.linspace(0, 4, 50)
    >>> y = np.stack([decay(x, 2.5, 1.3), decay(x, 2.0, 0.5)])
    >>> popt, pcov = curve_fit(decay, x, y)
    >>> popt.round(4).tolist(), pcov.shape
    ([[2.5, 1.3], [2.0, 0.5]], (2, 2, 2))
    """
    plain = (
        sigma is check_finite is method is jac is nan_policy is dtype is None
        and may_be_compiled(driver)
        and bounds is _UNBOUNDED
        and polish
        and not full_output
        and not kwargs
    )
    if plain:
        answer = quick.fit(f, xdata, ydata, p0, absolute_sigma)
        if answer is not None:
            return answer
    check_callable(f)
    if is_stacked(ydata):
        # All that many fits need is imported by those who have them.
        from trustfit._many_curve_fit import fit_many

        data = (xdata, ydata, p0, sigma, bounds, check_finite, nan_policy)
        asked = Asked(method, False, jac, dtype, polish, full_output, driver, kwargs)
        return fit_many(f, data, asked, absolute_sigma)
    n = count_parameters(f, p0)
    check_parameter_count(f, n)
    box = check_bounds(bounds, n)
    as_lm = method == "lm" or (method is None and box.absent)
    given = np.ravel(p0) if as_lm else p0  # as `leastsq` takes it
    start = check_initial_parameters(feasible_start(box) if p0 is None else given)
    check_start_in_bounds(start, box)
    x, y, weights = check_data(xdata, ydata, sigma, check_finite, nan_policy)
    y = _spread(f, x, start, y)
    check_point_count(y.size, n, as_lm)
    asked = Asked(method, as_lm, jac, dtype, polish, full_output, driver, kwargs)
    own_jac, precision, request = check_options(asked, n, bounded=not box.absent)
    problem = curve_problem(
        in_precision(f, precision),
        None if own_jac is None else in_precision(own_jac, precision),
        x,
        y,
        weights,
    )
    result, by_plan = _fit(problem, start, box, request, as_lm, absolute_sigma, full_output)
    if plain and by_plan:
        quick.learn(f, xdata, ydata, start, request.options)
    return result


def _fit(
    problem: Problem,
    start: FloatArray,
    bounds: Bounds,
    request: Request,
    as_lm: bool,
    absolute_sigma: bool,
    full_output: bool,
) -> tuple[Any, bool]:
    """Return what the caller gets, and whether `trustfit._quick` could have found it."""
    solution, jac_error = solve(problem, start, bounds, request)
    message = MESSAGES[solution.status]
    if solution.status <= 0:
        raise RuntimeError(f"Optimal parameters not found: {message}")
    pcov = covariance_of(
        solution,
        problem.m,
        bounds.lb == bounds.ub,
        absolute_sigma=absolute_sigma,
        relative_error=jac_error,
    )
    if np.any(np.isinf(pcov)):
        warn("Covariance of the parameters could not be estimated", OptimizeWarning)
    if not full_output:
        return (solution.x, pcov), solution.inverse is not None
    status = IER[solution.status] if as_lm else solution.status
    information = _information(solution, problem, request, as_lm)
    return (solution.x, pcov, information, message, status), False


def _information(
    solution: Solution, problem: Problem, request: Request, as_lm: bool
) -> dict[str, Any]:
    if not as_lm:
        return {"nfev": solution.nfev, "fvec": solution.fun, "driver": solution.driver}
    own_jac = problem.jacobian is not None and request.differences is None
    njev = solution.njev if own_jac else None
    info = infodict(cast(FloatArray, solution.fun), dense(solution.jac), solution.nfev, njev)
    return {**info, "driver": solution.driver}
