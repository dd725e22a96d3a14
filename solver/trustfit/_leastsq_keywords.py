"""The keywords that only SciPy's `leastsq` has, and `curve_fit` hands on to it without bounds."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from trustfit._result import OptimizeWarning
from trustfit._warnings import warn

_NAMES = ("col_deriv", "diag", "epsfcn", "factor", "maxfev")


def _positive(value: Any, name: str) -> Any:
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        array = np.array(np.nan)
    if array.size and np.all(np.isfinite(array) & (array > 0)):
        return array
    raise ValueError(f"`{name}` must be positive; got {value!r}. Leave it out.")


def transposed(jac: Callable[..., Any]) -> Callable[..., Any]:
    """Return the Jacobian whose rows are derivatives, `col_deriv`, the other way round."""

    def rows_for_residuals(*args: Any, **kwargs: Any) -> Any:
        J = jac(*args, **kwargs)
        return J.T if hasattr(J, "T") else np.asarray(J).T

    return rows_for_residuals


def translate(keywords: Mapping[str, Any], jac: Any) -> tuple[dict[str, Any], Any]:
    """Return the keywords as `least_squares` calls them, and the Jacobian they make of `jac`.

    - `maxfev` is `max_nfev`, 0 for the default.
    - `diag` is the inverse of `x_scale`.
    - `epsfcn`, an estimate of the function's relative error, asks for finite differences with
      its square root as their relative step.
    - `col_deriv` says that `jac` returns shape (n, m).
    - `factor`, the size of the first step, is ignored with a warning: it changes the way, not the
      minimum. TRF's first step is at most as long as the start values.

    All other keywords are returned as they are.
    """
    options = {name: value for name, value in keywords.items() if name not in _NAMES}
    given = {name: keywords[name] for name in _NAMES if keywords.get(name) is not None}
    if given.get("maxfev"):
        options.setdefault("max_nfev", given["maxfev"])
    if "diag" in given:
        options.setdefault("x_scale", 1 / _positive(given["diag"], "diag"))
    if "epsfcn" in given and jac is None:
        error = max(float(given["epsfcn"]), float(np.finfo(np.float64).eps))
        options.setdefault("diff_step", np.sqrt(error))
    if given.get("col_deriv") and callable(jac):
        jac = transposed(jac)
    if given.get("factor", 100) != 100:
        _positive(given["factor"], "factor")
        warn(
            "`factor` has no effect: TRF's first step is at most as long as the start values. "
            "Start closer to the solution if that is too long.",
            OptimizeWarning,
        )
    return options, jac
