"""`least_squares`: residuals in, their least-squares solution out."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, cast

import numpy as np

from trustfit._bounds import Bounds
from trustfit._differences import Method
from trustfit._driver import Wish
from trustfit._options import (
    Algorithm,
    Precision,
    check_dtype,
    check_jac,
    check_lm,
    check_mapping,
    check_method,
    check_request,
)
from trustfit._problem import in_precision, residual_problem
from trustfit._result import MESSAGES, OptimizeResult
from trustfit._settings import Solution
from trustfit._solve import solve
from trustfit._types import FloatArray, Loss, TrSolver
from trustfit._validation import (
    check_bounds,
    check_callable,
    check_initial_parameters,
    check_start_in_bounds,
)


def _result(solution: Solution) -> OptimizeResult:
    fields = solution._asdict()
    del fields["R"], fields["inverse"]
    return OptimizeResult(fields, message=MESSAGES[solution.status], success=solution.status > 0)


def check_args(args: Any) -> tuple[Any, ...]:
    """Return further arguments as a tuple; refuse what is no sequence of them."""
    if not isinstance(args, tuple | list):
        raise ValueError(
            f"`args` must be a tuple; got {type(args).__name__}. Pass `args=(value,)` for one."
        )
    return tuple(args)


def _check_residuals(m: int, n: int, method: str) -> None:
    if m == 0:
        raise ValueError("`fun` must return at least one residual; got none. Check its data.")
    if method == "lm" and m < n:
        raise ValueError(
            f"`method` 'lm' needs at least as many residuals as variables; got {m} for {n}. "
            "Take 'trf'."
        )


def least_squares(
    fun: Callable[..., Any],
    x0: Any,
    jac: Callable[..., Any] | Method | None = None,
    bounds: Any = (-np.inf, np.inf),
    method: Algorithm = "trf",
    ftol: float | None = 1e-8,
    xtol: float | None = 1e-8,
    gtol: float | None = 1e-8,
    x_scale: Any = None,
    loss: Loss | Callable[[FloatArray], Any] = "linear",
    f_scale: float = 1.0,
    diff_step: Any = None,
    tr_solver: TrSolver | None = None,
    tr_options: Mapping[str, Any] | None = None,
    jac_sparsity: Any = None,
    max_nfev: float | None = None,
    verbose: Literal[0, 1, 2] = 0,
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
    callback: Callable[..., Any] | None = None,
    workers: Any = None,
    *,
    polish: bool = True,
    dtype: Any = None,
    driver: Wish | None = None,
) -> OptimizeResult:
    """Solve a nonlinear least-squares problem with bounds on the variables.

    Called like `scipy.optimize.least_squares`: minimizes
    0.5 * f_scale**2 * sum(rho((f_i(x) / f_scale)**2)) over lb <= x <= ub, in float64 whatever the
    setting of JAX.

    Parameters
    ----------
    fun : callable
        Residuals ``fun(x, *args, **kwargs)``, shape (m,) or a number. Written with `jax.numpy` it
        is compiled; one that JAX cannot trace is called from Python, with a warning. It is compiled
        once for what it computes: other values that it closes over, and most other lengths of the
        data, compile nothing. Methods, objects, and what else can change unnoticed are traced at
        every call, which takes about a millisecond.
    x0 : array_like, shape (n,)
        Start values, within the bounds.
    jac : callable or {'2-point', '3-point', 'cs'}, optional
        Jacobian, called like `fun`, shape (m, n): an array, or a sparse matrix or LinearOperator of
        SciPy's. Or finite differences by name. By default `fun` is differentiated by JAX in forward
        mode (SciPy's default is '2-point'); if JAX cannot trace it, or with `diff_step` or
        `jac_sparsity`, the default is '2-point'.
    bounds : pair of array_like, or Bounds, optional
        Lower and upper bounds, numbers or shape (n,); or an object with `lb` and `ub`. Equal ones
        fix a variable.
    method : {'trf', 'dogbox', 'lm'}, optional
        The algorithm is trust-region reflective in any case. It answers for the others with a
        warning, as their minima are its own; 'lm' must not have bounds, a loss, or fewer
        residuals than variables.
    ftol, xtol, gtol : float or None, optional
        Tolerances on the relative change of the cost, of x, and on the gradient; None for off.
    x_scale : {None, 'jac'} or array_like, optional
        Typical sizes of the variables, a number or shape (n,); 'jac' takes the inverse norms of
        the Jacobian's columns. None stands for 1, or for 'jac' with ``method='lm'``.
    loss : {'linear', 'soft_l1', 'huber', 'cauchy', 'arctan'} or callable, optional
        The function rho. Or a function of NumPy: z, shape (m,), to rho and its first two
        derivatives, shape (3, m).
    f_scale : float, optional
        Size of an inlier's residual, for every loss but the linear one.
    diff_step : float or array_like, shape (n,), optional
        Relative step of the finite differences.
    tr_solver : {None, 'exact', 'lsmr'}, optional
        How the trust-region subproblem is solved: 'exact', the default for an array, or 'lsmr',
        iteratively within a plane, the default for a sparse Jacobian (needs SciPy).
    tr_options : mapping, optional
        For 'lsmr': "regularize", and the options of `scipy.sparse.linalg.lsmr`.
    jac_sparsity : array_like or sparse matrix, shape (m, n), optional
        Zero where the Jacobian always is, for finite differences with fewer evaluations.
    max_nfev : int or infinity, optional
        Limit on the evaluations of `fun`, 100 n by default; with infinity there is none. Those for
        finite differences do not count.
    verbose : {0, 1, 2}, optional
        1 prints how the solve ended, 2 every iteration, too.
    args, kwargs : tuple and mapping, optional
        Further arguments of `fun` and `jac`. Arrays among them are traced.
    callback : callable, optional
        Called after every iteration as ``callback(x)``, or ``callback(intermediate_result=...)`` if
        its only parameter has that name. The solve ends if it raises StopIteration or returns True.
    workers : int or callable, optional
        Threads, or a function like `map`, that evaluate finite differences.
    polish : bool, optional
        Whether up to three Gauss-Newton steps follow where SciPy's criteria would end the solve.
        If the first is refused, the solve resumes with tolerances a hundred times smaller, at most
        three times. Never with 'lsmr'.
    dtype : {None, numpy.float64, numpy.float32}, optional
        Precision in which `fun` and `jac` are evaluated; float64 by default. The algorithm's own
        numbers are float64. In float32 no tolerance is below 1.2e-7.
    driver : {None, 'auto', 'compiled', 'numpy'}, optional
        How a solve is served that could be one compiled program. 'auto': by NumPy at first, while
        the program is made in the background from the second fit of a model on; 'compiled': by the
        program, waiting for it if need be; 'numpy': never compiled. Results are the same up to
        rounding. None stands for the environment variable TRUSTFIT_DRIVER, read when trustfit is
        imported, or else for 'auto'.

    Returns
    -------
    OptimizeResult
        NumPy arrays and numbers; its attributes are listed there.

    Raises
    ------
    ValueError
        If an argument is not as described, what a function returns has not the shape described,
        or the residuals or the Jacobian are not finite at `x0`. A solve that fails later says so
        in `status` and `message`; what `fun` and `jac` raise themselves comes through.

    Warns
    -----
    UnacceleratedWarning
        If JAX cannot trace `fun` or `jac`.
    OptimizeWarning
        If TRF answers for another `method`.
    UserWarning
        If a tolerance is too small ever to be met.
    """
    check_callable(fun, "fun")
    start = check_initial_parameters(x0, "x0")
    n = start.size
    box: Bounds = check_bounds(bounds, n)
    check_start_in_bounds(start, box, "x0")
    if method == "lm":
        check_lm(loss=loss, jac_sparsity=jac_sparsity)
        x_scale = "jac" if x_scale is None else x_scale
    check_method(method, bounded=not box.absent)
    own_jac, differences = check_jac(jac, diff_step=diff_step, jac_sparsity=jac_sparsity)
    precision: Precision = check_dtype(dtype)
    request = check_request(
        n,
        ftol=ftol,
        xtol=xtol,
        gtol=gtol,
        x_scale=x_scale,
        loss=loss,
        f_scale=f_scale,
        diff_step=diff_step,
        tr_solver=tr_solver,
        tr_options=tr_options,
        jac_sparsity=jac_sparsity,
        max_nfev=max_nfev,
        verbose=verbose,
        callback=callback,
        workers=workers,
        polish=polish,
        differences=differences,
        dtype=precision,
        driver=driver,
    )
    problem = residual_problem(
        in_precision(fun, precision),
        None if own_jac is None else in_precision(own_jac, precision),
        check_args(args),
        check_mapping(kwargs, "kwargs"),
    )
    solution = solve(problem, start, box, request).solution
    _check_residuals(np.size(cast(FloatArray, solution.fun)), n, method)
    return _result(solution)
