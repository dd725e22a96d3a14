"""The stepped driver: a host loop around the user's functions, with `trustfit._trf.step` by NumPy.

It serves what a compiled loop cannot: callbacks and progress, functions that JAX cannot trace,
finite differences, sparse Jacobians and Jacobians as operators; and, as each of its stages is a
Python function, it lets a profiler see the inside of a solve.
"""

# SciPy's letters for matrices and radii are capitals.
# pyright: reportConstantRedefinition=false

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from trustfit import _state as states
from trustfit import _trf as trf
from trustfit._algebra import triangle
from trustfit._bounds import Bounds
from trustfit._gram import Gram
from trustfit._local_model import LocalModel
from trustfit._losses import row_scales, total_cost
from trustfit._progress import Iteration, Monitor
from trustfit._settings import HostFunctions, Options, Solution
from trustfit._solution import (
    JACOBIAN_AT_START,
    RESIDUALS_AT_START,
    JacobianNotFinite,
    ResidualsNotFinite,
    square_root,
    to_solution,
)
from trustfit._state import Evaluation, Problem, Setup, State
from trustfit._triangle import Triangle
from trustfit._types import FloatArray

STAGES: Mapping[str, str] = MappingProxyType(
    {
        "trustfit._stepped:evaluate_residual": "residual and Jacobian",
        "trustfit._stepped:evaluate_jacobian": "residual and Jacobian",
        "trustfit._stepped:reduce_rows": "reduction",
        "trustfit._trf:judge": "acceptance",
        "trustfit._trf:steer": "acceptance",
        "trustfit._trf:scaling_at": "bounds",
        "trustfit._trf:trial_step": "bounds",
        "trustfit._trf:propose": "trust-region step",
    }
)
"""Which stage of the solve each function belongs to; the fused driver's scopes have the names."""

ITERATIONS: Mapping[str, str] = MappingProxyType(
    {"outer": "trustfit._stepped:reduce_rows", "inner": "trustfit._stepped:evaluate_residual"}
)
"""Which function is called once an accepted point, and which once a trial."""

STOPPED = -2
"""Status of a solve that a monitor ended."""


def evaluate_residual(functions: HostFunctions, x: FloatArray) -> FloatArray:
    """Return f at x, shape (m,)."""
    return np.array(functions.residual(x))


def evaluate_jacobian(functions: HostFunctions, x: FloatArray, f: FloatArray) -> Any:
    """Return J at x, shape (m, n)."""
    return functions.jacobian(x, f)


def reduce_rows(local: LocalModel, fun: FloatArray, J: Any, cost: Any, options: Options) -> Any:
    """Return the evaluation of a point: its cost, reduced rows, and the rows for the result."""
    f = fun
    if options.loss != "linear":
        J_factors, f_factors = row_scales(np, fun, options.f_scale, options.loss)
        from trustfit._lsmr import scale_rows  # not by all who import this module

        J, f = scale_rows(J, J_factors), fun * f_factors
    return Evaluation(cost, local.reduce(J, f), (fun, J))


class Solve(NamedTuple):
    """All that stays the same throughout a solve."""

    functions: HostFunctions
    options: Options
    setup: Setup
    problem: Problem


def minimize(
    functions: HostFunctions,
    x0: FloatArray,
    bounds: Bounds | None,
    options: Options,
    monitor: Monitor | None = None,
) -> Solution:
    """Minimize the cost from x0, which must lie strictly inside the bounds.

    Parameters
    ----------
    functions : HostFunctions
        The user's functions.
    x0 : ndarray, shape (n,)
        Start values.
    bounds : Bounds or None
        The bounds, if there are any.
    options : Options
        Of every kind.
    monitor : callable, optional
        Called with an `Iteration` at the start and whenever an iteration is done, polishing
        apart; if it returns True the solve ends with status -2.

    Raises
    ------
    ValueError
        If the residuals or the Jacobian are not finite at x0.
    """
    setup = states.setup_of(options)
    if options.tr_solver == "lsmr":
        setup = setup._replace(polish=False)
    solve = Solve(functions, options, setup, states.problem_of(options, bounds, x0))
    # What NumPy would warn of (0 / 0 in a branch not taken) is dealt with by value.
    with np.errstate(all="ignore"):
        state, local = iterate(solve, x0, monitor)
        return _solution(state, local, bounds, options)


def iterate(solve: Solve, x0: FloatArray, monitor: Monitor | None) -> tuple[State, LocalModel]:
    """Return the final state, and the local model that its rows were reduced by."""
    state = states.initial_state(np, x0, Evaluation(np.array(np.inf), None, ()))
    local, iteration = None, 0
    while state.status == states.RUNNING:
        fun = evaluate_residual(solve.functions, state.trial.x)
        local = local or _local_model(solve, len(fun))
        new = evaluate(solve, local, state, fun)
        before = state
        state = trf.step(np, local, solve.setup, solve.problem, state, new)
        if monitor is not None and _is_iteration(before, state):
            if monitor(_report(iteration, before, state)):
                state = state._replace(status=np.int32(STOPPED))
            iteration += 1
        if state.status == states.ILL_CONDITIONED:
            local, state = Triangle(np, len(fun)), states.again(np, state)
    assert local is not None
    return state, local


def evaluate(solve: Solve, local: LocalModel, state: State, fun: FloatArray) -> Evaluation:
    """Return the evaluation of the trial with residuals `fun`; without J if it will be refused."""
    cost = total_cost(np, fun, solve.options.f_scale, solve.options.loss)
    if state.nfev == 0 and not np.isfinite(cost):
        raise ResidualsNotFinite(RESIDUALS_AT_START)
    if not cost < trf.tolerated_cost(np, state):
        return state.at_x._replace(cost=cost)
    J = evaluate_jacobian(solve.functions, state.trial.x, fun)
    new = reduce_rows(local, fun, J, cost, solve.options)
    if state.nfev == 0 and not local.is_finite(new.M):
        raise JacobianNotFinite(JACOBIAN_AT_START)
    return new


def _local_model(solve: Solve, m: int) -> LocalModel:
    if solve.options.tr_solver == "lsmr":
        from trustfit._lsmr import Lsmr  # not by all who import this module

        return Lsmr(dict(solve.options.tr_options), solve.problem.bounds is not None)
    return Gram(np, m)


def _is_iteration(before: State, after: State) -> bool:
    """Whether the step ended an iteration of the trust-region method, or began the first."""
    if before.polish.found > 0:
        return False
    return bool(
        after.njev > before.njev or after.polish.found > 0 or after.status != states.RUNNING
    )


def _report(iteration: int, before: State, after: State) -> Iteration:
    reduction = step_norm = None
    if iteration > 0:
        accepted = bool(after.njev > before.njev)
        reduction = float(before.at_x.cost - after.at_x.cost) if accepted else 0.0
        step_norm = float(before.trial.step_norm) if accepted else 0.0
    return Iteration(
        iteration=iteration,
        nfev=int(after.nfev),
        x=after.x.copy(),
        cost=float(after.at_x.cost),
        fun=after.at_x.rows[0],
        cost_reduction=reduction,
        step_norm=step_norm,
        optimality=float(after.g_norm),
    )


def _solution(state: State, local: LocalModel, bounds: Bounds | None, options: Options) -> Solution:
    R = None
    if isinstance(local, Triangle):
        R = state.at_x.M[:-1, :-1]
    elif isinstance(local, Gram):
        R = square_root(state.at_x.M)
        if R is None:
            R = triangle(np, state.at_x.rows[1])
    return to_solution(state, state.at_x.rows, R, bounds, options)
