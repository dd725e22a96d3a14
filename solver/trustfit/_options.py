"""The options of both functions, checked: one small function a concern, one sentence of error."""

import contextlib
import os
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from numbers import Integral, Real
from typing import Any, Literal, TypeAlias, cast, get_args

import numpy as np

from trustfit._differences import Method
from trustfit._driver import Wish
from trustfit._losses import LOSSES
from trustfit._result import OptimizeWarning
from trustfit._settings import Options, Tolerances
from trustfit._solve import Request
from trustfit._types import FloatArray
from trustfit._validation import check_callable
from trustfit._warnings import warn

Algorithm: TypeAlias = Literal["trf", "dogbox", "lm"]
Precision: TypeAlias = type[np.float64] | type[np.float32]

_LSMR_OPTIONS = ("regularize", "damp", "atol", "btol", "conlim", "maxiter", "show", "x0")


def check_method(method: Any, *, bounded: bool) -> None:
    """Refuse unknown algorithms, and 'lm' with bounds; warn where TRF answers for another.

    A minimum of 'lm' or 'dogbox' is one of TRF, which reaches it by other steps.
    """
    if method not in get_args(Algorithm):
        raise ValueError(f"`method` must be 'trf', 'dogbox' or 'lm'; got {method!r}. Leave it out.")
    if method == "lm" and bounded:
        raise ValueError(
            "`method` 'lm' takes no bounds; got some. Take 'trf', or leave `bounds` out."
        )
    if method != "trf":
        warn(
            f"`method` {method!r} is answered by 'trf': same minimum, other steps. Pass "
            "`method='trf'` to say so.",
            OptimizeWarning,
        )


def check_lm(*, loss: Any, jac_sparsity: Any) -> None:
    """Refuse what 'lm' cannot do."""
    if not (isinstance(loss, str) and loss == "linear"):
        raise ValueError(
            f"`method` 'lm' takes only `loss` 'linear'; got {loss!r}. Take 'trf' for others."
        )
    if jac_sparsity is not None:
        raise ValueError("`method` 'lm' takes no `jac_sparsity`; got one. Take 'trf' for it.")


def check_jac(jac: Any, **for_differences: Any) -> tuple[Callable[..., Any] | None, Method | None]:
    """Return the user's Jacobian, and the finite differences asked for; None for either.

    Without `jac` JAX differentiates. An option that only finite differences have, as in a program
    that relies on SciPy's default of '2-point', asks for these.
    """
    if isinstance(jac, str):
        if jac not in get_args(Method):
            raise ValueError(
                f"`jac` must be None, a function, '2-point', '3-point' or 'cs'; got {jac!r}. "
                "Leave it out: JAX differentiates the function exactly."
            )
        return None, cast(Method, jac)
    if jac is not None:
        check_callable(jac, "jac")
        return jac, None
    asked = any(option is not None for option in for_differences.values())
    return None, "2-point" if asked else None


def check_callback(callback: Any) -> None:
    """Refuse a callback that cannot be called."""
    if callback is not None:
        check_callable(callback, "callback")


def check_verbose(verbose: Any) -> int:
    """Return the level of printing, 0, 1 or 2."""
    if verbose not in (0, 1, 2):
        raise ValueError(
            f"`verbose` must be 0, 1 or 2; got {verbose!r}. Pass 2 to see every iteration."
        )
    return int(verbose)


def check_dtype(dtype: Any) -> Precision:
    """Return the precision in which the user's functions are evaluated, float64 by default."""
    try:
        kind = np.dtype(np.float64 if dtype is None else dtype)
    except TypeError:
        kind = None
    for precision in (np.float64, np.float32):
        if kind == precision:
            return precision
    raise ValueError(
        f"`dtype` must be None, `numpy.float64` or `numpy.float32`; got {dtype!r}. Leave it out "
        "for float64."
    )


def check_tolerances(ftol: Any, xtol: Any, gtol: Any, dtype: Precision = np.float64) -> Tolerances:
    """Return the tolerances, 0 for None; warn of those that can never be met.

    In single precision none is below its machine epsilon.
    """
    eps = float(np.finfo(np.float64).eps)
    least = float(np.finfo(dtype).eps) if dtype is np.float32 else 0.0
    values: dict[str, float] = {}
    for name, value in (("ftol", ftol), ("xtol", xtol), ("gtol", gtol)):
        if value is not None and not (isinstance(value, Real) and float(value) >= 0):
            raise ValueError(
                f"`{name}` must be a number from 0, or None; got {value!r}. Pass 1e-8, say."
            )
        values[name] = 0.0 if value is None else float(value)
    if max(values.values()) < eps:
        raise ValueError(
            f"One of `ftol`, `xtol`, `gtol` must be at least {eps:.2e}; got "
            f"{tuple(values.values())}. Leave one at its default of 1e-8."
        )
    for name, given in (("ftol", ftol), ("xtol", xtol), ("gtol", gtol)):
        if given is not None and given < eps:
            warn(
                f"`{name}` is below the machine epsilon ({eps:.2e}): it will never end the fit.",
                UserWarning,
            )
    return Tolerances(
        **{name: max(value, least) for name, value in values.items() if value},
        **{name: 0.0 for name, value in values.items() if not value},
    )


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
    if not callable(loss) and not (isinstance(loss, str) and loss in LOSSES):
        raise ValueError(
            f"`loss` must be one of {', '.join(LOSSES)}, or a function; got {loss!r}. "
            "Pass its name."
        )
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


def check_tr_solver(tr_solver: Any, tr_options: Any, jac_sparsity: Any) -> Mapping[str, Any]:
    """Return `tr_options` as a mapping; refuse unknown solvers and options."""
    if tr_solver not in (None, "exact", "lsmr"):
        raise ValueError(
            f"`tr_solver` must be None, 'exact' or 'lsmr'; got {tr_solver!r}. "
            "Take 'exact' unless n is in the hundreds."
        )
    if tr_solver == "exact" and jac_sparsity is not None:
        raise ValueError(
            "`tr_solver` 'exact' takes no `jac_sparsity`; got one. Leave `tr_solver` out."
        )
    if tr_solver == "lsmr" and find_spec("scipy") is None:
        raise ValueError(
            "`tr_solver` 'lsmr' needs SciPy, which is not installed. Install it or take 'exact'."
        )
    options = check_mapping(tr_options, "tr_options")
    for name in options:
        if name not in _LSMR_OPTIONS:
            raise ValueError(
                f"`tr_options` knows {', '.join(_LSMR_OPTIONS)}; got {name!r}. Leave it out."
            )
    return options


def check_diff_step(diff_step: Any, n: int) -> FloatArray | None:
    """Return the relative steps of finite differences, a number or shape (n,); None by default."""
    if diff_step is None:
        return None
    with contextlib.suppress(TypeError, ValueError):
        array = np.asarray(diff_step, dtype=np.float64)
        if array.shape in ((), (1,), (n,)) and np.all(np.isfinite(array)):
            return array
    raise ValueError(
        f"`diff_step` must be None, a number or an array of shape ({n},); got {diff_step!r}. "
        "Leave it out for the best step."
    )


def check_workers(workers: Any) -> Any:
    """Return what evaluates finite differences: None, a number of threads, or a map."""
    is_number = isinstance(workers, Integral) and (int(workers) >= 1 or int(workers) == -1)
    if workers is None or callable(workers) or is_number:
        return workers
    raise ValueError(
        f"`workers` must be None, -1, a positive integer or a function like `map`; got "
        f"{workers!r}. Pass -1 to use every processor."
    )


def check_mapping(value: Any, name: str) -> dict[str, Any]:
    """Return a mapping by name as a dictionary of its own, an empty one for None."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ValueError(
            f"`{name}` must be a dictionary; got {type(value).__name__}. Leave it out, or name "
            "each value."
        )
    return {str(key): one for key, one in value.items()}


DRIVER_VARIABLE = "TRUSTFIT_DRIVER"
_DRIVER = os.environ.get(DRIVER_VARIABLE) or "auto"
"""Of calls that do not say; the variable is read once, when trustfit is imported."""


def may_be_compiled(driver: Any) -> bool:
    """Return whether a call with this argument `driver` may be answered by a compiled program."""
    wish = _DRIVER if driver is None else driver
    return isinstance(wish, str) and wish in ("auto", "compiled")


def check_driver(driver: Any) -> Wish:
    """Return how a solve is to be served that could be one compiled program."""
    wish = _DRIVER if driver is None else driver
    if isinstance(wish, str) and wish in get_args(Wish):
        return cast(Wish, wish)
    where = f"The environment variable {DRIVER_VARIABLE}" if driver is None else "`driver`"
    raise ValueError(
        f"{where} must be 'auto', 'compiled' or 'numpy'; got {wish!r}. Leave it out for 'auto'."
    )


def check_request(
    n: int,
    *,
    ftol: Any = 1e-8,
    xtol: Any = 1e-8,
    gtol: Any = 1e-8,
    x_scale: Any = None,
    loss: Any = "linear",
    f_scale: Any = 1.0,
    diff_step: Any = None,
    tr_solver: Any = None,
    tr_options: Any = None,
    jac_sparsity: Any = None,
    max_nfev: Any = None,
    verbose: Any = 0,
    callback: Any = None,
    workers: Any = None,
    polish: bool = True,
    differences: Method | None = None,
    dtype: Precision = np.float64,
    rows: bool = True,
    driver: Any = None,
) -> Request:
    """Return all options, checked and complete.

    Parameters
    ----------
    n : int
        Number of variables.
    differences : {None, '2-point', '3-point', 'cs'}
        From `check_jac`.
    dtype : type
        From `check_dtype`.
    rows : bool
        Whether residuals and Jacobian at the solution are wanted.
    ftol, xtol, gtol, x_scale, loss, f_scale, diff_step, tr_solver, tr_options, jac_sparsity,\
 max_nfev, verbose, callback, workers, polish, driver
        As in `least_squares`.
    """
    check_loss(loss, f_scale)
    check_callback(callback)
    options = Options(
        tol=check_tolerances(ftol, xtol, gtol, dtype),
        max_nfev=check_max_nfev(max_nfev, n),
        x_scale=check_x_scale(x_scale, n),
        loss=loss,
        f_scale=float(f_scale),
        tr_options=check_tr_solver(tr_solver, tr_options, jac_sparsity),
        tr_solver=tr_solver or "exact",
        polish=bool(polish),
    )
    return Request(
        options,
        tr_solver=tr_solver,
        differences=differences,
        dtype=dtype,
        diff_step=check_diff_step(diff_step, n),
        sparsity=jac_sparsity,
        workers=check_workers(workers),
        callback=callback,
        verbose=check_verbose(verbose),
        rows=rows,
        driver=check_driver(driver),
    )
