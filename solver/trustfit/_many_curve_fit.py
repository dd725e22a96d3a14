"""`curve_fit` of stacked data: arguments checked, all fits made, results as a caller expects."""

from collections.abc import Callable
from typing import Any

import numpy as np

from trustfit._curve_options import Asked, check_nan_policy, check_options, check_point_count
from trustfit._many import fit_all
from trustfit._many_data import Task, summary_of
from trustfit._many_validation import check_stack, check_stacked_nan
from trustfit._problem import in_precision
from trustfit._result import MESSAGES, OptimizeWarning
from trustfit._validation import check_finite_values
from trustfit._warnings import warn


def fit_many(
    f: Callable[..., Any], data: tuple[Any, ...], asked: Asked, absolute_sigma: bool
) -> Any:
    """Fit stacked data; `data` holds the arguments of `curve_fit` that may differ between fits."""
    *arrays, check_finite, nan_policy = data
    check_nan_policy(nan_policy)
    stack = check_stack(f, *arrays)
    k, m, n = *stack.y.shape, stack.start.shape[1]
    bounded = stack.bounds is not None
    as_lm = asked.method == "lm" or (asked.method is None and not bounded)
    check_point_count(m, n, as_lm)
    finite_only = check_finite or (check_finite is None and nan_policy is None)
    if finite_only and not stack.x.separate:
        check_finite_values(stack.x.array, np.zeros(0))
    if not finite_only and nan_policy == "raise":
        check_stacked_nan(stack)
    own_jac, precision, request = check_options(asked._replace(as_lm=as_lm), n, bounded=bounded)
    task = Task(
        in_precision(f, precision),
        None if own_jac is None else in_precision(own_jac, precision),
        stack,
        request._replace(verbose=0) if request.verbose == 1 else request,
        absolute_sigma=absolute_sigma,
        finite_only=bool(finite_only),
        omit_nan=not finite_only and nan_policy == "omit",
    )
    fits = fit_all(task)
    summary = summary_of(fits)
    if request.verbose:
        print(f"{np.count_nonzero(fits.status > 0)} of {k} fits converged.")
    if summary:
        warn(summary, OptimizeWarning)
    if not asked.full_output:
        return fits.x, fits.pcov
    information = {name: getattr(fits, name) for name in ("nfev", "status", "cost", "fvec")}
    messages = [MESSAGES[int(status)] for status in fits.status]
    return fits.x, fits.pcov, information, messages, fits.status.copy()
