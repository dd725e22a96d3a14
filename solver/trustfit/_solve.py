"""From a checked problem to its solution: the driver chosen, its functions put together."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from trustfit import _stepped
from trustfit._bounds import Bounds, strictly_feasible
from trustfit._differences import MapRows, Method, finite_difference_jacobian, map_for
from trustfit._driver import Needs, Wish, choose
from trustfit._host_functions import is_operator
from trustfit._inspection import Mismatch
from trustfit._losses import total_cost
from trustfit._problem import Problem
from trustfit._progress import callback_monitor, closing_lines, compose, printer
from trustfit._result import MESSAGES, OptimizeWarning, UnacceleratedWarning
from trustfit._serve import SERVER, Call
from trustfit._settings import HostFunctions, Options, Solution
from trustfit._solution import (
    JACOBIAN_AT_START,
    RESIDUALS_AT_START,
    JacobianNotFinite,
    ResidualsNotFinite,
)
from trustfit._types import FloatArray, NDArray, TrSolver
from trustfit._untraceable import Attempt, Trace
from trustfit._warnings import warn
from trustfit._workers import settings


class Request(NamedTuple):
    """How the caller wants the problem solved, checked and complete.

    Attributes
    ----------
    options : Options
        Those of the algorithm; its `tr_solver` is the one for dense Jacobians.
    tr_solver : {None, 'exact', 'lsmr'}
        As the caller said.
    differences : {None, '2-point', '3-point', 'cs'}
        The finite differences that were asked for; None for the user's Jacobian, or an exact one.
    dtype : type
        Precision in which the user's functions are evaluated.
    diff_step, sparsity, workers : optional
        For finite differences, as in `trustfit._differences`.
    callback : callable or None
        The user's own.
    verbose : int
        0, 1 or 2.
    rows : bool
        Whether residuals and Jacobian at the solution are wanted.
    driver : {'auto', 'compiled', 'numpy'}
        How a solve is to be served that could be one compiled program.
    """

    options: Options
    tr_solver: TrSolver | None = None
    differences: Method | None = None
    dtype: type[np.floating[Any]] = np.float64
    diff_step: Any = None
    sparsity: Any = None
    workers: Any = None
    callback: Callable[..., Any] | None = None
    verbose: int = 0
    rows: bool = True
    driver: Wish = "auto"

    def needs(self, traceable: bool) -> Needs:
        """Return what decides about the driver."""
        return Needs(
            watched=self.callback is not None or self.verbose == 2,
            differences=self.differences is not None,
            lsmr=self.options.tr_solver == "lsmr",
            callable_loss=callable(self.options.loss),
            traceable=traceable,
        )


class Traces(NamedTuple):
    """What JAX makes of the user's functions; `jac` is None without one."""

    fun: Trace
    jac: Trace | None

    @property
    def failed(self) -> bool:
        """Whether one of them cannot be traced."""
        return self.fun.error is not None or (self.jac is not None and self.jac.error is not None)


class Solved(NamedTuple):
    """The solution, and the relative error of the elements of its Jacobian."""

    solution: Solution
    jac_error: float


def jac_error(differences: Method | None, dtype: type[np.floating[Any]]) -> float:
    """Return how exact a Jacobian is: a step's best size leaves that much of its digits."""
    eps = float(np.finfo(dtype).eps)
    return {"2-point": eps ** (1 / 2), "3-point": eps ** (2 / 3)}.get(differences or "", eps)


def solve(problem: Problem, x0: FloatArray, bounds: Bounds, request: Request) -> Solved:
    """Minimize the problem's cost in float64, from start values moved strictly inside the bounds.

    A function is taken for traceable until the compiled driver fails on it: a trace of its own
    would cost every call as much as all the rest together.
    """
    start = strictly_feasible(np, x0, bounds, rstep=1e-10)
    box = None if bounds.absent else bounds
    failure: Exception | None = None
    with settings():
        if choose(request.needs(problem.traceable)) == "fused":
            with Attempt() as attempt:
                return _told(_compiled(problem, start, box, request), request, None)
            failure = attempt.error
        traces = _traces(problem, start, request)
        if isinstance(failure, Mismatch):
            traces = traces._replace(fun=Trace(np.float64, failure))
        differences = request.differences
        if isinstance(failure, JacobianNotFinite) and problem.jacobian is None:
            differences = _in_place_of_the_derivative(problem)
        elif failure is not None and not traces.failed:
            raise failure
        return _stepwise(problem, start, box, request._replace(differences=differences), traces)


def _traces(problem: Problem, start: FloatArray, request: Request) -> Traces:
    own_jac = problem.jacobian is not None and request.differences is None
    return Traces(problem.trace(start), problem.trace_jac(start) if own_jac else None)


def _compiled(
    problem: Problem, start: FloatArray, bounds: Bounds | None, request: Request
) -> Solution:
    """Solve by the fused driver, or by NumPy in its place; compare a doubtful function with a call.

    Raises
    ------
    Mismatch
        If the function, called from Python, has another cost.
    """
    model = problem.model(True, len(start))
    call = Call(model, start, bounds, request.options, request.rows)
    solution = SERVER.minimize(call, request.driver)
    if not model.trace.trusted and problem.doubtful():
        check_against_call(problem, start, solution.x, solution.cost, request)
    model.trace.trusted = True
    return solution


def check_against_call(
    problem: Problem, start: FloatArray, x: FloatArray, cost: float, request: Request
) -> None:
    """Compare the cost that a program found at x with that of a plain call.

    Raises
    ------
    Mismatch
        If it is another one.
    """
    options = request.options
    with Attempt() as attempt:  # functions for JAX alone cannot be called with NumPy's arrays
        plain = [problem.residual(one).astype(np.float64) for one in (start, x)]
        costs = [total_cost(np, f, options.f_scale, options.loss) for f in plain]
        _compare(np.sqrt(2 * cost), np.sqrt(2 * costs[1]), max(costs), request)
    if isinstance(attempt.error, Mismatch):
        raise attempt.error


def _compare(traced: Any, plain: Any, largest: Any, request: Request) -> None:
    """Raise a Mismatch if two residuals, or lengths of them, differ by more than rounding.

    `largest` is a cost of the size that they can have.
    """
    tolerance = 100 * np.sqrt(np.finfo(request.dtype).eps) * np.sqrt(2 * largest)
    if not np.all(np.abs(traced - plain) <= tolerance):
        raise Mismatch("Its values differ from those of a plain call.")


def _in_place_of_the_derivative(problem: Problem) -> Method:
    warn(
        f"The derivative of `{problem.name}` by JAX is not finite at the start: finite differences "
        "('2-point') take its place. Start elsewhere, or pass `jac`.",
        OptimizeWarning,
    )
    return "2-point"


def _stepwise(
    problem: Problem,
    start: FloatArray,
    bounds: Bounds | None,
    request: Request,
    traces: Traces,
) -> Solved:
    """Solve by the stepped driver, again and in another way where a function asks for it."""
    differences = request.differences
    if problem.jacobian is None and traces.fun.error is not None:
        differences = differences or "2-point"
    with map_for(request.workers) as map_rows:
        try:
            solution = _on_host(
                problem, start, bounds, request._replace(differences=differences), traces, map_rows
            )
        except Mismatch as error:
            traces = traces._replace(fun=Trace(np.float64, error))
            return _stepwise(problem, start, bounds, request, traces)
        except JacobianNotFinite:
            if problem.jacobian is not None or differences is not None:
                raise
            differences = _in_place_of_the_derivative(problem)
            return _stepwise(
                problem, start, bounds, request._replace(differences=differences), traces
            )
    return _told(solution, request, differences)


def _told(solution: Solution, request: Request, differences: Method | None) -> Solved:
    if request.verbose:
        message = MESSAGES[solution.status]
        print(closing_lines(message, solution.nfev, solution.cost, solution.optimality))
    return Solved(solution, jac_error(differences, request.dtype))


def _on_host(
    problem: Problem,
    x0: FloatArray,
    bounds: Bounds | None,
    request: Request,
    traces: Traces,
    map_rows: MapRows,
) -> Solution:
    residual, jacobian = _functions(problem, x0, bounds, request, traces, map_rows)
    f0 = _first_residual(problem, residual, x0, traces.fun)
    if traces.fun.error is None and problem.doubtful():
        with Attempt() as attempt:
            plain = problem.residual(x0)
            _compare(f0, plain, 0.5 * np.sum(np.square(plain)), request)
        if isinstance(attempt.error, Mismatch):
            raise attempt.error
    if callable(request.options.loss):
        _check_loss(request.options.loss, f0, request.options.f_scale)
    precision = f0.dtype if traces.fun.error is not None else traces.fun.dtype
    J0 = jacobian(x0, f0.astype(precision))
    _check_jacobian(J0, f0.size, x0.size)
    options = _with_solver_for(J0, request)
    _warn_of_untraced(problem, traces, J0)

    def residual_of(x: FloatArray) -> FloatArray:
        if np.array_equal(x, x0):
            return f0.astype(np.float64)
        f = residual(x)
        if f.shape != f0.shape:
            raise ValueError(
                f"`{problem.name}` must return as many values at each call; got {f.size} after "
                f"{f0.size}. Put zeros where a residual does not count."
            )
        return f.astype(np.float64)

    def jacobian_of(x: FloatArray, f: FloatArray) -> Any:
        return J0 if np.array_equal(x, x0) else jacobian(x, f.astype(precision))

    monitor = compose([printer(request.verbose), callback_monitor(request.callback)])
    functions = HostFunctions(residual_of, jacobian_of)
    return _stepped.minimize(functions, x0, bounds, options, monitor)


def _functions(
    problem: Problem,
    x0: FloatArray,
    bounds: Bounds | None,
    request: Request,
    traces: Traces,
    map_rows: MapRows,
) -> tuple[Callable[[Any], NDArray[Any]], Callable[[FloatArray, Any], Any]]:
    """Return x -> f and (x, f) -> J, each compiled if it can be."""
    own_jac = problem.jacobian if request.differences is None else None
    traceable, n = traces.fun.error is None, len(x0)
    if traceable and not traces.failed and request.differences is None:
        return problem.model(own_jac is not None, n).host_functions()
    residual = problem.model(False, n).residual if traceable else problem.residual
    if request.differences is None:
        assert own_jac is not None
        return residual, own_jac
    method = request.differences
    # Compiled functions take real numbers only, and cannot go to another process.
    as_written = method == "cs" or callable(request.workers)
    return residual, finite_difference_jacobian(
        problem.residual if as_written else residual,
        method,
        diff_step=request.diff_step,
        bounds=bounds,
        sparsity=request.sparsity,
        map_rows=map_rows,
    )


def _first_residual(
    problem: Problem, residual: Callable[[Any], NDArray[Any]], x0: FloatArray, trace: Trace
) -> NDArray[Any]:
    f0 = np.empty(0)
    with Attempt() as attempt:
        f0 = residual(x0)
    if attempt.error is not None:
        if trace.error is not None:
            attempt.error.add_note(trace.hint(problem.name))
        raise attempt.error
    if f0.size == 0:
        raise ValueError(
            f"`{problem.name}` must return at least one residual; got none. Check its data."
        )
    if not np.all(np.isfinite(f0)):
        raise ResidualsNotFinite(RESIDUALS_AT_START)
    return f0


def _check_loss(loss: Callable[[FloatArray], Any], f: FloatArray, f_scale: float) -> None:
    rho = np.asarray(loss((f.astype(np.float64) / f_scale) ** 2))
    if rho.shape != (3, f.size):
        raise ValueError(
            f"`loss` must return an array of shape (3, m) = {(3, f.size)}; got {rho.shape}. "
            "Put rho, its first and its second derivative in its rows."
        )


def _check_jacobian(J: Any, m: int, n: int) -> None:
    if J.shape != (m, n):
        raise ValueError(
            f"`jac` must return an array of shape (m, n) = {(m, n)}; got {J.shape}. "
            "Put a row for each residual, a column for each parameter."
        )
    values = J.data if hasattr(J, "tocsr") else J
    if isinstance(values, np.ndarray) and not np.all(np.isfinite(values)):
        raise JacobianNotFinite(JACOBIAN_AT_START)


def _with_solver_for(J: Any, request: Request) -> Options:
    """Return the options, with the trust-region solver that this kind of Jacobian needs."""
    if not is_operator(J):
        return request.options
    kind = type(J).__name__
    if request.tr_solver == "exact":
        raise ValueError(
            f"`tr_solver` 'exact' needs a Jacobian that is an array; got {kind}. "
            "Leave it out, or pass 'lsmr'."
        )
    if not hasattr(J, "tocsr") and isinstance(request.options.x_scale, str):
        raise ValueError(
            f"`x_scale` 'jac' needs the Jacobian's columns; got {kind}. "
            "Pass each variable's typical size."
        )
    return request.options._replace(tr_solver="lsmr")


def _warn_of_untraced(problem: Problem, traces: Traces, J: Any) -> None:
    """Say that a function runs from Python, and what to do about it.

    A Jacobian that is sparse, or an operator, cannot be written in another way.
    """
    if traces.fun.error is not None:
        name, error, remedy = problem.name, traces.fun.error, "Write it with `jax.numpy`"
    elif traces.jac is not None and traces.jac.error is not None and not is_operator(J):
        name, error = "jac", traces.jac.error
        remedy = f"Leave it out, for JAX to differentiate `{problem.name}`"
    else:
        return
    warn(
        f"`{name}` runs unaccelerated, called from Python at every step, as JAX cannot trace it "
        f"({type(error).__name__}). {remedy} to have the fit compiled.",
        UnacceleratedWarning,
    )
