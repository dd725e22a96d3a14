"""Fits of a stack solved one by one, as single calls would solve them."""

import warnings
from collections.abc import Iterable

import numpy as np

from trustfit import _state as states
from trustfit._bounds import Bounds
from trustfit._inspection import Mismatch
from trustfit._many_data import Fits, Stack, Task, as_float, weights_of
from trustfit._model import CurveData
from trustfit._problem import Problem, curve_problem
from trustfit._solution import JacobianNotFinite, ResidualsNotFinite
from trustfit._solve import solve
from trustfit._types import FloatArray, NDArray
from trustfit._untraceable import Trace
from trustfit._validation import Abscissae


def fit_one_by_one(
    task: Task, fits: Fits, which: Iterable[int], distrust: Mismatch | None = None
) -> None:
    """Fill in the results of some of the fits; what the first warns of, the others do not.

    `distrust` says why a trace of the model is not to be trusted, if it is not.
    """
    with warnings.catch_warnings():
        for count, fit in enumerate(which):
            if count == 1:
                warnings.simplefilter("ignore")
            _fit(task, fits, fit, distrust)


def data_of(task: Task, fit: int) -> tuple[CurveData, NDArray[np.bool_]]:
    """Return the data of a fit, and which of its points they are."""
    stack = task.stack.select(slice(fit, fit + 1))
    x = as_float(stack.x.array[0] if stack.x.separate else stack.x.array)
    y = as_float(stack.y[0])
    weights = None if stack.sigma is None else weights_of(np.ravel(stack.sigma))
    kept = np.ones(y.shape, bool)
    if task.omit_nan:
        kept = ~(np.isnan(y) | np.isnan(x.reshape(-1, y.size)).any(axis=0))
        x, y = as_float(x[..., kept]), y[kept]
        weights = None if weights is None else weights[kept]
    return CurveData(x, y, weights), kept


def problem_of(task: Task, data: CurveData, distrust: Mismatch | None = None) -> Problem:
    """Return the problem of a fit."""
    x, y, weights = data
    problem = curve_problem(task.f, task.jac, Abscissae(x, x), y, weights)
    if distrust is None:
        return problem
    trace = Trace(np.float64, distrust)
    return problem._replace(traceable=False, trace=lambda _: trace)


def _fit(task: Task, fits: Fits, fit: int, distrust: Mismatch | None) -> None:
    data, kept = data_of(task, fit)
    start = task.stack.start[fit]
    fits.status[fit] = states.RESIDUALS_NOT_FINITE_AT_START
    if not (kept.any() and _is_sound(task, start, data)):
        return
    try:
        solved = solve(
            problem_of(task, data, distrust),
            start,
            _bounds(task.stack, fit),
            task.request._replace(driver="compiled"),
        )
    except ResidualsNotFinite:
        return
    except JacobianNotFinite:
        fits.status[fit] = states.JACOBIAN_NOT_FINITE_AT_START
        return
    fits.fill(fit, solved, kept, task)


def _bounds(stack: Stack, fit: int) -> Bounds:
    if stack.bounds is not None:
        return Bounds(stack.bounds.lb[fit], stack.bounds.ub[fit])
    n = stack.start.shape[1]
    return Bounds(np.full(n, -np.inf), np.full(n, np.inf))


def _is_sound(task: Task, start: FloatArray, data: CurveData) -> bool:
    """Return whether a single call would not refuse the start or the abscissae."""
    x_matters = task.finite_only and task.stack.x.separate
    return bool(np.isfinite(start).all() and not (x_matters and not np.isfinite(data.x).all()))
