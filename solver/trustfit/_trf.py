"""Trust-region reflective least squares: the algorithm, as SciPy formulates it.

The problem is to minimize the cost F(x) = 0.5 ||f(x)||**2 over lb <= x <= ub, where f holds the m
residuals and x the n variables. J is the Jacobian of f, g = J.T f the gradient of F, and J.T J
stands for its Hessian. (A robust loss scales J and f first: see `trustfit._losses`.)

**Scaling.** Let v[i] be the distance from x[i] to the bound that -g[i] points at, and 1 where there
is no such bound; let dv[i] be its derivative, -1, 0 or 1. At a solution g[i] v[i] = 0 for every i:
either the gradient vanishes or the variable sits on its bound. Newton's method on that system, in
variables divided by d = sqrt(v) * scale (the user's `x_scale`; where a bound counts, v is measured
in its units), reads

    (J_h.T J_h + diag(diag_h)) p_h = -g_h,    J_h = J diag(d),  g_h = d g,  diag_h = g dv scale,

where `_h` ("hat") marks the scaled space and diag_h >= 0 comes from differentiating v. A step there
is p = d p_h here: short where a bound is close. Without bounds v = 1 and diag_h = 0.

**Trust region.** The model 0.5 p_h.T (J_h.T J_h + diag(diag_h)) p_h + g_h.T p_h is minimized within
||p_h|| <= Delta. 'exact' does it from the singular values of J_h (with sqrt(diag_h) below it),
where the solution belongs to a Levenberg-Marquardt parameter alpha; 'lsmr' does it within the plane
of g_h and the Gauss-Newton step, found by an iterative solver.

**Bounds.** If x + p leaves the box, three steps compete by their value in the model, each kept
strictly inside by the factor theta: p cut off at the first bound; p reflected there, minimized
along the reflection; and the minimum along the scaled gradient -g_h.

**Acceptance.** A step is taken if it lowers the cost. The ratio of the actual to the predicted
reduction sets the next Delta: a quarter of the step below 0.25, twice Delta above 0.75 if the step
reached the boundary. Residuals that are not finite quarter the step too. The solve ends when the
scaled gradient is below `gtol`, the reduction below `ftol` of the cost, the step below `xtol` of x,
or when `max_nfev` evaluations are spent.

References
----------
M. A. Branch, T. F. Coleman and Y. Li, "A Subspace, Interior, and Conjugate Gradient Method for
Large-Scale Bound-Constrained Minimization Problems", SIAM J. Sci. Comput. 21 (1), 1999.
SciPy's `scipy.optimize._lsq.trf` (N. Mayorov) is the formulation followed, its quadratic term,
acceptance and stopping rules included.
"""

# SciPy's letters for matrices and radii are capitals, and change from step to step.
# pyright: reportConstantRedefinition=false

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from trustfit import _kernels as kernels
from trustfit._bounds import (
    Bounds,
    active_constraints,
    coleman_li_scaling,
    strictly_feasible,
)
from trustfit._losses import scale_by_loss, total_cost
from trustfit._model import Model
from trustfit._step import Factors, Scaling, Subspace, Svd, select_step
from trustfit._subspace import gauss_newton_subspace
from trustfit._trust_region import (
    Tolerances,
    solve_from_svd,
    solve_in_subspace,
    termination_status,
    update_radius,
)
from trustfit._types import FloatArray, Loss, TrSolver

STAGES: Mapping[str, str] = MappingProxyType(
    {
        "evaluate_residual_and_jacobian": "residual and Jacobian",
        "evaluate_residual": "residual and Jacobian",
        "factorise": "factorisation",
        "inner_loop": "inner loop",
        "propose_step": "inner loop",
    }
)
"""Which stage of the solve each of this module's functions belongs to."""


@dataclass(frozen=True)
class Options:
    """What the caller chose, checked and complete."""

    tol: Tolerances
    max_nfev: int
    x_scale: FloatArray | Literal["jac"]
    loss: Loss
    f_scale: float
    tr_solver: TrSolver
    tr_options: Mapping[str, Any]


class Solution(NamedTuple):
    """The last accepted point and how the solve ended; names as in `OptimizeResult`."""

    x: FloatArray
    cost: float
    fun: FloatArray
    jac: FloatArray
    grad: FloatArray
    optimality: float
    active_mask: NDArray[np.int_]
    nfev: int
    njev: int
    status: int


class Step(NamedTuple):
    """A trial step in both spaces, with the reduction of the cost that the model predicts."""

    step: FloatArray
    step_h: FloatArray
    predicted_reduction: float
    alpha: float


class InnerState(NamedTuple):
    """What one inner loop hands to the next."""

    Delta: float
    alpha: float
    nfev: int


class Trial(NamedTuple):
    """How an inner loop ended; `x`, `cost` belong to a better point only if `accepted`."""

    accepted: bool
    x: FloatArray
    cost: float
    status: int | None
    state: InnerState


def evaluate_residual_and_jacobian(model: Model, x: FloatArray) -> tuple[jax.Array, jax.Array]:
    """Return f, shape (m,), and J, shape (m, n), at x."""
    return model.residual_and_jacobian(x)


def evaluate_residual(model: Model, x: FloatArray) -> jax.Array:
    """Return f, shape (m,), at x."""
    return model.residual(x)


def variable_scale(J: jax.Array, options: Options, previous: FloatArray | None) -> FloatArray:
    """Return the scale of the variables: `x_scale`, or the inverse norms of J's columns.

    Those never grow from one iteration to the next; a column of zeros counts as 1 at first.
    """
    if not isinstance(options.x_scale, str):
        return options.x_scale
    norms = np.array(kernels.column_norms(J))
    if previous is None:
        return 1 / np.where(norms == 0, 1.0, norms)
    return 1 / np.maximum(norms, 1 / previous)


def scaling_at(x: FloatArray, g: FloatArray, scale: FloatArray, bounds: Bounds | None) -> Scaling:
    """Return the scaled space at x, and there the norm of the gradient."""
    if bounds is None:
        return Scaling(scale, np.zeros_like(x), scale * g, float(np.max(np.abs(g))))
    v, dv = coleman_li_scaling(x, g, bounds)
    g_norm = float(np.max(np.abs(g * v)))
    v = np.where(dv != 0, v / scale, v)
    d = np.sqrt(v) * scale
    return Scaling(d, g * dv * scale, d * g, g_norm)


def initial_radius(x: FloatArray, g: FloatArray, scale: FloatArray, bounds: Bounds | None) -> float:
    """Return the length of x in the scaled space, 1 for x = 0."""
    d = scaling_at(x, g, scale, bounds).d
    return float(np.linalg.norm(x / d)) or 1.0


def factorise(
    J: jax.Array,
    f: jax.Array,
    scaling: Scaling,
    Delta: float,
    bounds: Bounds | None,
    options: Options,
) -> Factors:
    """Factorise J_h once, for every trust-region subproblem at this point."""
    d, diag_h, g_h, _ = scaling
    if options.tr_solver == "lsmr":
        J_h_jnp = kernels.scale_columns(J, d)
        J_h, f_host = (np.array(val) for val in (J_h_jnp, f))
        subspace = gauss_newton_subspace(
            J_h, f_host, g_h, diag_h, Delta, bounds is not None, options.tr_options
        )
        return Subspace(J_h_jnp, *subspace)
    if bounds is None:
        J_h_jnp, *triple = kernels.svd_unbounded(J, f, d)
    else:
        J_h_jnp, *triple = kernels.svd_bounded(J, f, d, diag_h)
    s, V, uf = (np.array(val) for val in triple)
    return Svd(J_h_jnp, s, V, uf)


def propose_step(
    x: FloatArray,
    factors: Factors,
    scaling: Scaling,
    state: InnerState,
    bounds: Bounds | None,
) -> Step:
    """Solve the trust-region subproblem, and bring the step inside the bounds."""
    Delta, alpha, _ = state
    if isinstance(factors, Svd):
        m = factors.J_h.shape[0]
        p_h, alpha = solve_from_svd(m, factors.uf, factors.s, factors.V, Delta, alpha)
    else:
        p_h = factors.S @ solve_in_subspace(factors.B_S, factors.g_S, Delta)
    if bounds is None or bounds.contain(x + scaling.d * p_h):
        step_h = p_h
    else:
        step_h = select_step(x, p_h, factors.J_h, scaling, Delta, bounds)
    value_jnp = kernels.evaluate_quadratic(factors.J_h, scaling.g_h, scaling.diag_h, step_h)
    predicted_reduction_jnp = -value_jnp
    predicted_reduction = np.array(predicted_reduction_jnp)
    return Step(scaling.d * step_h, step_h, float(predicted_reduction), alpha)


def inner_loop(
    model: Model,
    x: FloatArray,
    cost: float,
    factors: Factors,
    scaling: Scaling,
    state: InnerState,
    bounds: Bounds | None,
    options: Options,
) -> Trial:
    """Try steps from x, in smaller and smaller regions, until one lowers the cost or none can."""
    x_new, cost_new, status, actual_reduction = x, np.array(cost), None, -1.0
    while actual_reduction <= 0 and state.nfev < options.max_nfev:
        trial = propose_step(x, factors, scaling, state, bounds)
        x_new = x + trial.step
        if bounds is not None:
            x_new = strictly_feasible(x_new, bounds, rstep=0)
        f_new = evaluate_residual(model, x_new)
        step_h_norm = float(np.linalg.norm(trial.step_h))
        state = InnerState(state.Delta, trial.alpha, state.nfev + 1)
        if not bool(kernels.all_finite(f_new)):
            state = state._replace(Delta=0.25 * step_h_norm)
            continue
        cost_new_jnp = total_cost(f_new, options.f_scale, options.loss)
        cost_new = np.array(cost_new_jnp)
        actual_reduction = cost - float(cost_new)
        Delta, ratio = update_radius(
            state.Delta, actual_reduction, trial.predicted_reduction, step_h_norm
        )
        step_norm, x_norm = float(np.linalg.norm(trial.step)), float(np.linalg.norm(x))
        status = termination_status(actual_reduction, cost, step_norm, x_norm, ratio, options.tol)
        if status is not None:
            break
        state = state._replace(Delta=Delta, alpha=state.alpha * state.Delta / Delta)
    return Trial(actual_reduction > 0, x_new, float(cost_new), status, state)


def minimize(model: Model, x0: FloatArray, bounds: Bounds | None, options: Options) -> Solution:
    """Minimize the cost from x0, which must lie strictly inside the bounds.

    Raises
    ------
    ValueError
        If the residuals or the Jacobian are not finite at x0.
    """
    x = x0
    fun, J = evaluate_residual_and_jacobian(model, x)
    if not bool(kernels.all_finite(fun)):
        raise ValueError("Residuals are not finite in the initial point. Choose another `x0`.")
    cost_jnp = total_cost(fun, options.f_scale, options.loss)
    cost = np.array(cost_jnp)
    J, f = scale_by_loss(J, fun, options.f_scale, options.loss)
    g_jnp = kernels.gradient(J, f)
    g = np.array(g_jnp)
    if not np.all(np.isfinite(g)):
        raise ValueError("The Jacobian is not finite in the initial point. Choose another `x0`.")
    scale = variable_scale(J, options, None)
    state = InnerState(initial_radius(x, g, scale, bounds), alpha=0.0, nfev=1)
    njev, status = 1, None
    while True:
        scaling = scaling_at(x, g, scale, bounds)
        if not np.isfinite(scaling.g_norm):
            status = -3
        elif scaling.g_norm < options.tol.gtol:
            status = 1
        if status is not None or state.nfev == options.max_nfev:
            break
        factors = factorise(J, f, scaling, state.Delta, bounds, options)
        trial = inner_loop(model, x, float(cost), factors, scaling, state, bounds, options)
        status, state = trial.status, trial.state
        if trial.accepted:
            x, cost = trial.x, trial.cost
            fun, J = evaluate_residual_and_jacobian(model, x)
            njev += 1
            J, f = scale_by_loss(J, fun, options.f_scale, options.loss)
            g_jnp = kernels.gradient(J, f)
            g = np.array(g_jnp)
            scale = variable_scale(J, options, scale)
    fun, J = jax.device_get((fun, J))
    active = np.zeros(len(x), int)
    if bounds is not None:
        active = active_constraints(x, bounds, options.tol.xtol)
    status = status or 0
    return Solution(x, float(cost), fun, J, g, scaling.g_norm, active, state.nfev, njev, status)
