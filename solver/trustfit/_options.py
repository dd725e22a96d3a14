"""The options of `least_squares`, checked; what this version does not do is refused by name."""

import sys
import warnings
from collections.abc import Mapping
from importlib.util import find_spec
from numbers import Real
from typing import Any, Literal

import numpy as np

from trustfit._losses import LOSSES
from trustfit._trf import Options
from trustfit._trust_region import EPS, Tolerances
from trustfit._types import FloatArray
from trustfit._validation import check_callable

_LSMR_OPTIONS = ("regularize", "damp", "atol", "btol", "conlim", "maxiter")


def check_method(method: Any) -> None:
    """Refuse every algorithm but TRF."""
    if method != "trf":
        raise ValueError(
            f"`method` must be 'trf'; got {method!r}. It finds the same minima as 'lm' and "
            "'dogbox', with bounds or without."
        )


def check_jac(jac: Any) -> None:
    """Refuse finite differences and other names of methods."""
    if isinstance(jac, str):
        raise ValueError(
            f"`jac` must be None or a function; got {jac!r}. Leave it out: JAX differentiates "
            "the function exactly."
        )
    if jac is not None:
        check_callable(jac, "jac")


def check_unsupported(**options: Any) -> None:
    """Refuse options of SciPy's that are not at their default and have no effect here."""
    instead = {
        "diff_step": "The Jacobian is exact and needs no step.",
        "jac_sparsity": "Leave it out: the Jacobian is dense.",
        "callback": "Leave it out, and limit the work by `max_nfev`.",
        "workers": "Leave it out: evaluations are compiled and already parallel.",
    }
    for name, value in options.items():
        if value is not None:
            raise ValueError(f"`{name}` must be None; got {value!r}. {instead[name]}")


def check_verbose(verbose: Any) -> None:
    """Refuse printing."""
    if verbose not in (0, False):
        raise ValueError(
            f"`verbose` must be 0; got {verbose!r}. Read `nfev`, `status` and `message` of the "
            "result instead."
        )


def check_tolerances(ftol: Any, xtol: Any, gtol: Any) -> Tolerances:
    """Return the tolerances, 0 for None; warn of those that can never be met."""
    values: dict[str, float] = {}
    for name, value in (("ftol", ftol), ("xtol", xtol), ("gtol", gtol)):
        if value is not None and not (isinstance(value, Real) and float(value) >= 0):
            raise ValueError(
                f"`{name}` must be a number from 0, or None; got {value!r}. Pass 1e-8, say."
            )
        values[name] = 0.0 if value is None else float(value)
    if max(values.values()) < EPS:
        raise ValueError(
            f"One of `ftol`, `xtol`, `gtol` must be at least {EPS:.2e}; got "
            f"{tuple(values.values())}. Leave one at its default of 1e-8."
        )
    for name, given in (("ftol", ftol), ("xtol", xtol), ("gtol", gtol)):
        if given is not None and given < EPS:
            warnings.warn(
                f"`{name}` is below the machine epsilon ({EPS:.2e}): it will never end the fit.",
                stacklevel=4,
            )
    return Tolerances(**values)


def check_x_scale(x_scale: Any, n: int) -> FloatArray | Literal["jac"]:
    """Return 'jac' or a positive array of shape (n,)."""
    if isinstance(x_scale, str) and x_scale == "jac":
        return "jac"
    try:
        array = np.asarray(1.0 if x_scale is None else x_scale, dtype=np.float64)
    except (TypeError, ValueError):
        array = np.array(np.nan)
    if array.shape not in ((), (n,)) or not np.all(np.isfinite(array) & (array > 0)):
        raise ValueError(
            f"`x_scale` must be 'jac', a positive number or an array of shape ({n},) of them; "
            f"got {x_scale!r}. Pass each variable's typical size."
        )
    return np.broadcast_to(array, n).copy()


def _number(value: Any) -> float:
    """Return a real number as a float, NaN for anything else."""
    array = np.asarray(value)
    return float(array) if array.ndim == 0 and array.dtype.kind in "biuf" else np.nan


def check_loss(loss: Any, f_scale: Any) -> None:
    """Refuse an unknown loss, and a scale of residuals that is not a positive number."""
    if not isinstance(loss, str) or loss not in LOSSES:
        raise ValueError(f"`loss` must be one of {', '.join(LOSSES)}; got {loss!r}. Pass its name.")
    if not 0 < _number(f_scale) < np.inf:
        raise ValueError(
            f"`f_scale` must be a positive number; got {f_scale!r}. "
            "Pass the size of an inlier's residual."
        )


def check_max_nfev(max_nfev: Any, n: int) -> int:
    """Return the limit on evaluations, 100 n by default; infinity becomes the largest size."""
    if max_nfev is None:
        return 100 * n
    number = _number(max_nfev)
    if number == np.inf:
        return sys.maxsize
    if not (number > 0 and number.is_integer()):
        raise ValueError(
            f"`max_nfev` must be None or a positive integer, or infinite; got {max_nfev!r}. "
            "Leave it out for 100 n."
        )
    return int(number)


def check_tr_solver(tr_solver: Any, tr_options: Any) -> Mapping[str, Any]:
    """Return `tr_options` as a mapping; refuse unknown solvers and options."""
    if tr_solver not in (None, "exact", "lsmr"):
        raise ValueError(
            f"`tr_solver` must be None, 'exact' or 'lsmr'; got {tr_solver!r}. "
            "Take 'exact' unless n is in the hundreds."
        )
    if tr_solver == "lsmr" and find_spec("scipy") is None:
        raise ValueError(
            "`tr_solver` 'lsmr' needs SciPy, which is not installed. Install it or take 'exact'."
        )
    options: dict[str, Any] = dict(tr_options or {})
    for name in options:
        if name not in _LSMR_OPTIONS:
            raise ValueError(
                f"`tr_options` knows {', '.join(_LSMR_OPTIONS)}; got {name!r}. Leave it out."
            )
    return options


def check_options(
    n: int,
    *,
    tolerances: tuple[Any, Any, Any],
    x_scale: Any,
    loss: Any,
    f_scale: Any,
    tr_solver: Any,
    tr_options: Any,
    max_nfev: Any,
) -> Options:
    """Return all options of the algorithm, checked and complete."""
    check_loss(loss, f_scale)
    return Options(
        tol=check_tolerances(*tolerances),
        max_nfev=check_max_nfev(max_nfev, n),
        x_scale=check_x_scale(x_scale, n),
        loss=loss,
        f_scale=float(f_scale),
        tr_options=check_tr_solver(tr_solver, tr_options),
        tr_solver=tr_solver or "exact",
    )
