"""`least_squares`: the public boundary of the solver."""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import jax
import numpy as np

from trustfit import _trf
from trustfit._bounds import Bounds, strictly_feasible
from trustfit._model import Model, residual_model
from trustfit._options import (
    check_jac,
    check_method,
    check_options,
    check_unsupported,
    check_verbose,
)
from trustfit._result import MESSAGES, OptimizeResult
from trustfit._trf import Options
from trustfit._types import FloatArray, Loss, TrSolver
from trustfit._validation import (
    check_bounds,
    check_callable,
    check_initial_parameters,
    check_start_in_bounds,
)


@contextmanager
def explained_trace_errors() -> Generator[None]:
    """Say what to do about a function that JAX cannot trace."""
    try:
        yield
    except (jax.errors.JAXTypeError, jax.errors.JAXIndexError) as error:
        raise ValueError(
            "The function to fit must be traceable by JAX; it stopped at "
            f"{type(error).__name__}. Write it with `jax.numpy`, without `if` on its values, and "
            "with `jnp.where` instead of boolean masks."
        ) from error


def solve(model: Model, x0: FloatArray, bounds: Bounds, options: Options) -> OptimizeResult:
    """Minimize a model's cost in float64, from start values moved strictly inside the bounds."""
    start = strictly_feasible(np, x0, bounds, rstep=1e-10)
    # The switch holds for this thread and this block only, and leaves the caller's setting alone.
    with jax.enable_x64(True), explained_trace_errors():
        solution = _trf.minimize(model, start, None if bounds.absent else bounds, options)
    return OptimizeResult(
        solution._asdict(), message=MESSAGES[solution.status], success=solution.status > 0
    )


def least_squares(
    fun: Callable[..., Any],
    x0: Any,
    jac: Callable[..., Any] | None = None,
    bounds: Any = (-np.inf, np.inf),
    method: Literal["trf"] = "trf",
    ftol: float | None = 1e-8,
    xtol: float | None = 1e-8,
    gtol: float | None = 1e-8,
    x_scale: Any = None,
    loss: Loss = "linear",
    f_scale: float = 1.0,
    diff_step: None = None,
    tr_solver: TrSolver | None = None,
    tr_options: Mapping[str, Any] | None = None,
    jac_sparsity: None = None,
    max_nfev: float | None = None,
    verbose: Literal[0] = 0,
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
    callback: None = None,
    workers: None = None,
) -> OptimizeResult:
    """Solve a nonlinear least-squares problem with bounds on the variables.

    Called like `scipy.optimize.least_squares`: minimizes
    0.5 * f_scale**2 * sum(rho((f_i(x) / f_scale)**2)) over lb <= x <= ub, in float64 whatever the
    setting of JAX.

    Parameters
    ----------
    fun : callable
        Residuals ``fun(x, *args, **kwargs)``, shape (m,), written with `jax.numpy`.
    x0 : array_like, shape (n,)
        Start values, within the bounds.
    jac : callable, optional
        Jacobian, called like `fun`, shape (m, n), written with `jax.numpy`. By default `fun` is
        differentiated by JAX in forward mode.
    bounds : pair of array_like, optional
        Lower and upper bounds, numbers or shape (n,); or an object with `lb` and `ub`.
    method : {'trf'}, optional
        The algorithm: trust-region reflective.
    ftol, xtol, gtol : float or None, optional
        Tolerances on the relative change of the cost, of x, and on the gradient; None for off.
    x_scale : {None, 'jac'} or array_like, optional
        Typical sizes of the variables, a number or shape (n,); 'jac' takes the inverse norms of
        the Jacobian's columns. None stands for 1.
    loss : {'linear', 'soft_l1', 'huber', 'cauchy', 'arctan'}, optional
        The function rho.
    f_scale : float, optional
        Size of an inlier's residual, for every loss but the linear one.
    diff_step, jac_sparsity, callback, workers : None
        SciPy's; not supported.
    tr_solver : {None, 'exact', 'lsmr'}, optional
        How the trust-region subproblem is solved: 'exact' (the default) by singular values,
        'lsmr' iteratively within a plane (needs SciPy).
    tr_options : mapping, optional
        For 'lsmr': "regularize", and "damp", "atol", "btol", "conlim", "maxiter" of SciPy's.
    max_nfev : int or infinity, optional
        Limit on the evaluations of `fun`, 100 n by default; with infinity there is none.
    verbose : {0}, optional
        Nothing is printed.
    args, kwargs : tuple and mapping, optional
        Further arguments of `fun` and `jac`. Arrays among them are traced.

    Returns
    -------
    OptimizeResult
        NumPy arrays and numbers; its attributes are listed there.

    Raises
    ------
    ValueError
        If an argument is not as described, JAX cannot trace the function, what it returns has
        not the shape described, or the residuals or the Jacobian are not finite at `x0`. A solve
        that fails later says so in `status` and `message`; what `fun` and `jac` raise themselves
        comes through.

    Warns
    -----
    UserWarning
        If a tolerance is too small ever to be met.
    """
    check_callable(fun, "fun")
    check_method(method)
    check_jac(jac)
    check_unsupported(
        diff_step=diff_step, jac_sparsity=jac_sparsity, callback=callback, workers=workers
    )
    check_verbose(verbose)
    start = check_initial_parameters(x0, "x0")
    box = check_bounds(bounds, start.size)
    check_start_in_bounds(start, box, "x0")
    options = check_options(
        start.size,
        tolerances=(ftol, xtol, gtol),
        x_scale=x_scale,
        loss=loss,
        f_scale=f_scale,
        tr_solver=tr_solver,
        tr_options=tr_options,
        max_nfev=max_nfev,
    )
    model = residual_model(fun, jac, tuple(args), kwargs or {})
    return solve(model, start, box, options)
