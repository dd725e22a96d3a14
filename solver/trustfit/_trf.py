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
or when `max_nfev` evaluations are spent; and, where SciPy goes on until then, as soon as the steps
have become too small to change x.

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
from math import isfinite, isnan
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeAlias

import jax
import numpy as np
from numpy.typing import NDArray

from trustfit import _kernels as kernels
from trustfit._bounds import Bounds, active_constraints
from trustfit._kernels import Scaling
from trustfit._losses import scale_by_loss, total_cost
from trustfit._model import Model
from trustfit._step import trial_step
from trustfit._subspace import gauss_newton_subspace, solve_in_subspace
from trustfit._trust_region import (
    EXHAUSTED,
    Tolerances,
    is_exhausted,
    solve_from_svd,
    termination_status,
    update_radius,
)
from trustfit._types import FloatArray, Loss, TrSolver, Vector

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


class Svd(NamedTuple):
    """J_h, its singular values s, right vectors V and U.T f, on the device."""

    J_h: jax.Array
    s: jax.Array
    V: jax.Array
    uf: jax.Array


class Subspace(NamedTuple):
    """J_h on the device, an orthonormal basis S, shape (n, 2), and the model within it."""

    J_h: jax.Array
    S: FloatArray
    B_S: FloatArray
    g_S: FloatArray


Factors: TypeAlias = Svd | Subspace


class Step(NamedTuple):
    """A trial step, on the device: where it leads, and what the host decides by.

    `decisive` holds the predicted reduction, ||step||, ||step_h||, ||x|| and whether x changes.
    """

    x_new: jax.Array
    decisive: jax.Array
    alpha: Vector


class InnerState(NamedTuple):
    """What one trial step hands to the next."""

    Delta: float
    alpha: Vector
    shrinkage: float
    nfev: int


class Trial(NamedTuple):
    """How an inner loop ended; `x`, `cost` belong to a better point only if `accepted`."""

    accepted: bool
    x: Vector
    cost: float
    status: int | None
    state: InnerState


def evaluate_residual_and_jacobian(model: Model, x: Vector) -> tuple[jax.Array, jax.Array]:
    """Return f, shape (m,), and J, shape (m, n), at x."""
    return model.residual_and_jacobian(x)


def evaluate_residual(model: Model, x: Vector) -> jax.Array:
    """Return f, shape (m,), at x."""
    return model.residual(x)


def variable_scale(J: jax.Array, options: Options, previous: Vector | None) -> Vector:
    """Return the scale of the variables: `x_scale`, or the inverse norms of J's columns."""
    if not isinstance(options.x_scale, str):
        return options.x_scale
    return kernels.jac_scale(J, previous)


def factorise(
    J: jax.Array,
    f: jax.Array,
    scaling: Scaling,
    Delta: float,
    bounds: Bounds | None,
    options: Options,
) -> Factors:
    """Factorise J_h once, for every trust-region subproblem at this point."""
    if options.tr_solver == "lsmr":
        J_h = kernels.scale_columns(J, scaling.d)
        subspace = gauss_newton_subspace(
            *jax.device_get((J_h, f, scaling.g_h, scaling.diag_h)),
            Delta=Delta,
            bounded=bounds is not None,
            tr_options=options.tr_options,
        )
        return Subspace(J_h, *subspace)
    if bounds is None:
        return Svd(*kernels.svd_unbounded(J, f, scaling.d))
    return Svd(*kernels.svd_bounded(J, f, scaling.d, scaling.diag_h))


def propose_step(
    x: Vector,
    factors: Factors,
    scaling: Scaling,
    state: InnerState,
    bounds: Bounds | None,
) -> Step:
    """Solve the trust-region subproblem, and bring the step inside the bounds."""
    Delta, alpha, shrinkage, _ = state
    J_h = factors.J_h
    if isinstance(factors, Svd):
        m = J_h.shape[0]
        _, s, V, uf = factors
        p_h, alpha = solve_from_svd(m, uf, s, V, Delta, alpha, shrinkage)
    else:
        p_h = factors.S @ solve_in_subspace(factors.B_S, factors.g_S, Delta)
    x_new, decisive = trial_step(x, p_h, J_h, scaling, Delta, bounds)
    return Step(x_new, decisive, alpha)


def inner_loop(
    model: Model,
    x: Vector,
    cost: float,
    factors: Factors,
    scaling: Scaling,
    state: InnerState,
    bounds: Bounds | None,
    options: Options,
) -> Trial:
    """Try steps from x, in smaller and smaller regions, until one lowers the cost or none can."""
    x_new, cost_new, status, actual_reduction = x, cost, None, -1.0
    while actual_reduction <= 0 and state.nfev < options.max_nfev:
        x_new, decisive_jnp, alpha = propose_step(x, factors, scaling, state, bounds)
        f_new = evaluate_residual(model, x_new)
        cost_jnp = total_cost(f_new, options.f_scale, options.loss)
        # All that the host decides by, in one transfer.
        cost_new, decisive = jax.device_get((cost_jnp, decisive_jnp))
        cost_new = float(cost_new)
        predicted_reduction, step_norm, step_h_norm, x_norm, moved = decisive.tolist()
        state = InnerState(state.Delta, alpha, 1.0, state.nfev + 1)
        finite, Delta = not isnan(cost_new), 0.25 * step_h_norm
        if finite:
            actual_reduction = cost - cost_new
            Delta, ratio = update_radius(
                state.Delta, actual_reduction, predicted_reduction, step_h_norm
            )
            status = termination_status(
                actual_reduction, cost, step_norm, x_norm, ratio, options.tol
            )
        if status is None and is_exhausted(Delta, actual_reduction, bool(moved)):
            status = EXHAUSTED
        if status is not None:
            break
        state = state._replace(Delta=Delta, shrinkage=state.Delta / Delta if finite else 1.0)
    return Trial(actual_reduction > 0, x_new, cost_new, status, state)


def minimize(model: Model, x0: FloatArray, bounds: Bounds | None, options: Options) -> Solution:
    """Minimize the cost from x0, which must lie strictly inside the bounds.

    Raises
    ------
    ValueError
        If the residuals or the Jacobian are not finite at x0.
    """
    x: Vector = x0
    fun, J = evaluate_residual_and_jacobian(model, x)
    cost_jnp = total_cost(fun, options.f_scale, options.loss)
    J, f = scale_by_loss(J, fun, options.f_scale, options.loss)
    g = kernels.gradient(J, f)
    scale = variable_scale(J, options, None)
    scaling = kernels.scaling_at(x, g, scale, bounds)
    Delta_jnp = kernels.initial_radius(x, scaling.d)
    start = jax.device_get((cost_jnp, scaling.g_norm, Delta_jnp))
    cost, g_norm, Delta = (float(value) for value in start)
    if isnan(cost):
        raise ValueError("Residuals are not finite in the initial point. Choose another `x0`.")
    if not isfinite(g_norm):
        raise ValueError("The Jacobian is not finite in the initial point. Choose another `x0`.")
    state = InnerState(Delta, alpha=np.zeros(()), shrinkage=1.0, nfev=1)
    njev, status = 1, None
    while True:
        if not isfinite(g_norm):
            status = -3
        elif g_norm < options.tol.gtol:
            status = 1
        if status is not None or state.nfev == options.max_nfev:
            break
        factors = factorise(J, f, scaling, state.Delta, bounds, options)
        trial = inner_loop(model, x, cost, factors, scaling, state, bounds, options)
        status, state = trial.status, trial.state
        if trial.accepted:
            x, cost = trial.x, trial.cost
            fun, J = evaluate_residual_and_jacobian(model, x)
            njev += 1
            J, f = scale_by_loss(J, fun, options.f_scale, options.loss)
            g = kernels.gradient(J, f)
            scale = variable_scale(J, options, scale)
            scaling = kernels.scaling_at(x, g, scale, bounds)
            g_norm = float(jax.device_get(scaling.g_norm))
    # Copies, as what `device_get` returns is read-only.
    x_found, fun, J, g = (np.array(a) for a in jax.device_get((x, fun, J, g)))
    active = np.zeros(len(x0), int)
    if bounds is not None:
        active = active_constraints(np, x_found, bounds, options.tol.xtol)
    return Solution(x_found, cost, fun, J, g, g_norm, active, state.nfev, njev, status or 0)
