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
||p_h|| <= Delta, where the solution belongs to a Levenberg-Marquardt parameter alpha. How the rows
J and f are kept for that is a `LocalModel`'s affair: as the Gram matrix of [J f], as its triangle
where the columns are nearly dependent, or as they are for an iterative solver ('lsmr').

**Bounds.** If x + p leaves the box, three steps compete by their value in the model, each kept
strictly inside by the factor theta: p cut off at the first bound; p reflected there, minimized
along the reflection; and the minimum along the scaled gradient -g_h.

**Acceptance.** A step is taken if it lowers the cost. The ratio of the actual to the predicted
reduction sets the next Delta: a quarter of the step below 0.25, twice Delta above 0.75 if the step
reached the boundary. Residuals or derivatives that are not finite quarter the step too. The
iteration ends when the scaled gradient is below `gtol`, the reduction below `ftol` of the cost, the
step below `xtol` of x, or when `max_nfev` evaluations are spent; and, where SciPy goes on until
then, as soon as the steps have become too small to change x. Then comes polishing
(`trustfit._polish`).

One call of `step` judges a point at which the rows were evaluated and proposes the next one:

    evaluate the rows at trial.x  ->  step: accept or not, scale, solve, bound  ->  trial.x, status

It is n x n array code without branches on values, run by NumPy (`trustfit._stepped`) and inside
one compiled loop (`trustfit._program`).

References
----------
M. A. Branch, T. F. Coleman and Y. Li, "A Subspace, Interior, and Conjugate Gradient Method for
Large-Scale Bound-Constrained Minimization Problems", SIAM J. Sci. Comput. 21 (1), 1999.
SciPy's `scipy.optimize._lsq.trf` (N. Mayorov) is the formulation followed, its quadratic term,
acceptance and stopping rules included.
"""

from types import ModuleType
from typing import Any, NamedTuple

from trustfit import _polish as polishing
from trustfit._algebra import norm
from trustfit._bounds import Bounds, inside
from trustfit._local_model import LocalModel
from trustfit._loops import branch, choose, stage
from trustfit._polish import Polish
from trustfit._scaling import Scaling, initial_radius, jac_scale, scaling_at
from trustfit._state import (
    EXHAUSTED,
    ILL_CONDITIONED,
    JACOBIAN_NOT_FINITE_AT_START,
    NOT_FINITE,
    RESIDUALS_NOT_FINITE_AT_START,
    RUNNING,
    Evaluation,
    Problem,
    Setup,
    State,
)
from trustfit._step import trial_step
from trustfit._trust_region import update_radius

_SMALLEST_RADIUS = 1e-150  # squares of smaller ones underflow float64


class Verdict(NamedTuple):
    """Whether a trial is accepted, the next region, and the status that follows.

    `held_back` says that the region or a bound kept the step from going further, although the
    model was right about it, or that it was too short for rounding to tell.
    """

    accepted: Any
    hemmed: Any
    held_back: Any
    Delta: Any
    alpha: Any
    status: Any


def tolerated_cost(xp: ModuleType, state: State) -> Any:
    """Return the cost that a trial must not exceed to be accepted."""
    cost = state.at_x.cost
    tolerated = xp.where(state.polish.active, polishing.bearable_cost(xp, cost), cost)
    return xp.where(state.fresh, xp.inf, tolerated)


def judge(xp: ModuleType, local: LocalModel, state: State, new: Evaluation, tol: Any) -> Verdict:
    """Compare the trial with what the model promised."""
    trial, cost = state.trial, state.at_x.cost
    # Where the cost is too high, nobody looks at the derivatives.
    refused = new.cost >= tolerated_cost(xp, state)
    finite = xp.isfinite(new.cost) & (local.is_finite(new.M) | refused)

    def at_start() -> Verdict:
        culprit = xp.where(
            xp.isfinite(new.cost), JACOBIAN_NOT_FINITE_AT_START, RESIDUALS_NOT_FINITE_AT_START
        )
        status = xp.where(finite, RUNNING, culprit)
        no = xp.zeros((), bool)
        return Verdict(finite, state.hemmed, no, state.Delta, state.alpha, status)

    def later() -> Verdict:
        actual = xp.where(finite, cost - new.cost, -1.0)
        Delta, ratio = update_radius(xp, state.Delta, actual, trial.predicted, trial.step_h_norm)
        Delta = xp.where(finite, Delta, 0.25 * trial.step_h_norm)
        alpha = xp.where(finite, state.alpha * state.Delta / Delta, state.alpha)

        tightening = state.polish.tightening
        xtol = tol.xtol * tightening
        cost_settled = (actual < tol.ftol * tightening * cost) & (ratio > 0.25) & finite
        x_settled = (trial.step_norm < xtol * (xtol + norm(xp, state.x))) & finite
        settled = xp.where(
            cost_settled & x_settled, 4, xp.where(cost_settled, 2, xp.where(x_settled, 3, RUNNING))
        )
        moved = xp.any(trial.x != state.x)
        exhausted = ~(Delta > _SMALLEST_RADIUS) | ((actual <= 0) & ~moved)
        settled = xp.where((settled == RUNNING) & exhausted, EXHAUSTED, settled)
        # Small steps in front of a wall of NaN are no sign of a minimum. A model that promised too
        # much bounds them as well, and then it is no longer the wall.
        bounded = (state.alpha > 0) | (trial.step_h_norm >= (1 - 1e-6) * state.Delta)
        hemmed = ~finite | (state.hemmed & (~moved | (bounded & (ratio >= 0.25))))
        settled = xp.where((settled != RUNNING) & hemmed, NOT_FINITE, settled)
        eps = float(xp.finfo(cost.dtype).eps)
        untold = ((state.alpha > 0) | trial.cut) & (trial.predicted < eps * cost)
        return Verdict(
            held_back=(Delta > state.Delta) | ((ratio > 0.75) & trial.cut) | untold,
            hemmed=hemmed,
            accepted=finite & (new.cost < tolerated_cost(xp, state)),
            Delta=Delta,
            alpha=alpha,
            status=settled,
        )

    return branch(xp, state.fresh, at_start, later)


def steer(
    xp: ModuleType, setup: Setup, state: State, verdict: Verdict, max_nfev: Any
) -> tuple[Any, Polish, Any]:
    """Decide between iterating, polishing and ending.

    Returns
    -------
    status : array of int, shape ()
    polish : Polish
    resumes : array of bool, shape ()
        Whether the trust-region iteration begins anew.
    """
    polish = state.polish
    spent = state.nfev >= max_nfev
    if not setup.polish:
        status = xp.where((verdict.status == RUNNING) & spent, 0, verdict.status)
        return status, polish, xp.zeros((), bool)
    polishes = polish.active | (verdict.status != RUNNING)
    return branch(
        xp,
        polishes,
        lambda: _steer_polish(xp, state, verdict, spent),
        lambda: (
            xp.where(spent, polish.found, RUNNING),
            polish._replace(taken=xp.zeros_like(polish.taken)),
            xp.zeros((), bool),
        ),
    )


def _steer_polish(
    xp: ModuleType, state: State, verdict: Verdict, spent: Any
) -> tuple[Any, Polish, Any]:
    """Decide where polishing is under way, or may begin."""
    polish = state.polish
    count = polish.taken.dtype
    taken = polish.taken + (verdict.accepted & ~state.fresh).astype(count)
    resumes = polish.active & (polish.probing | (~verdict.accepted & (taken == 0)))
    resumes = resumes & polishing.may_resume(polish) & ~spent
    goes_on = polish.active & verdict.accepted & (taken < polishing.MOST_STEPS) & ~spent
    goes_on = goes_on & ~polish.probing
    iterating = ~polish.active

    ended = iterating & (verdict.status != RUNNING)
    success = ended & (verdict.status > 0)
    begins = success & ~spent
    # A gradient that vanishes (status 1) does not depend on the region, and is believed.
    held_back = begins & (verdict.status > 1) & verdict.held_back
    found = xp.where(success & (polish.found == 0), verdict.status, polish.found)
    status = xp.where(ended, verdict.status, xp.where(iterating & spent, 0, RUNNING))
    status = xp.where(polish.active & ~resumes & ~goes_on, found, status)
    status = xp.where(begins, RUNNING, status)
    status = xp.where((found > 0) & (status != RUNNING), found, status)
    polish = polish._replace(
        active=begins | goes_on,
        probing=held_back,
        found=found.astype(count),
        taken=xp.where(goes_on, taken, 0).astype(count),
        tightening=xp.where(resumes, polish.tightening * polishing.TIGHTENING, polish.tightening),
    )
    return status, polish, resumes


def propose(
    xp: ModuleType,
    local: LocalModel,
    setup: Setup,
    state: State,
    scaling: Scaling,
    bounds: Bounds | None,
) -> State:
    """Return the state with the next point to try, or a status why there is none."""
    polish, status = state.polish, state.status
    S = local.scaled(state.at_x.M, scaling.d, scaling.diag_h)
    # The Gauss-Newton step, which polishing takes, fits into an infinite region; and the solve's
    # last inverse is one without alpha.
    Delta = xp.where(polish.active | (status != RUNNING), xp.inf, state.Delta)
    p_h, alpha, regular, inverse = local.trust_region_step(S, scaling.g_h, Delta, state.alpha)
    status = xp.where((status == RUNNING) & ~regular, ILL_CONDITIONED, status)
    with stage(xp, "bounds"):
        # A probe may go as far as the Gauss-Newton step would.
        reach = xp.where(polish.active, xp.maximum(state.Delta, norm(xp, p_h)), state.Delta)
        trial = trial_step(xp, state.x, p_h, local, S, scaling, reach, bounds)

    def polished() -> tuple[Any, Any, Polish]:
        p, s = scaling.d * p_h, local.column_norms(state.at_x.M)
        x_polished = state.x + polishing.mix(xp, polish, state.x, p, s)
        long = polishing.is_long(xp, state.x, p, s)
        worthwhile = ~polishing.is_settled(xp, state.x, p) & ~long
        if bounds is not None:
            worthwhile = worthwhile & inside(xp, x_polished, bounds)
        promising = long & (trial.predicted > polishing.PROMISING * state.at_x.cost) & regular
        probing = polish.probing & promising & (polish.tightening == 1)
        stays = ~worthwhile & ~probing
        # A step that its condition spoils is of no use to the next ones.
        after = choose(xp, regular, polishing.remember(polish, state.x, p), polish)
        return (
            xp.where(probing, trial.x, x_polished),
            xp.where(stays & (status == RUNNING), polish.found, status),
            after._replace(probing=probing),
        )

    if setup.polish:
        x_new, status, polish = branch(
            xp, polish.active, polished, lambda: (trial.x, status, polish)
        )
        trial = trial._replace(x=x_new)
    return state._replace(
        alpha=xp.where(regular, alpha, state.alpha),
        trial=trial,
        status=status.astype(state.nfev.dtype),
        polish=polish,
        inverse=inverse,
    )


def step(
    xp: ModuleType,
    local: LocalModel,
    setup: Setup,
    problem: Problem,
    state: State,
    new: Evaluation,
) -> State:
    """Judge the trial whose rows were evaluated, and propose the next one.

    Parameters
    ----------
    xp : module
        `numpy` or `trustfit._lax_numpy`.
    local : LocalModel
        How the rows are kept.
    setup, problem : Setup, Problem
        What the call asks for, and what it brings along.
    state : State
        As `initial_state` or the last step left it.
    new : Evaluation
        What was evaluated at ``state.trial.x``.

    Returns
    -------
    State
        Its `status` is RUNNING if ``trial.x`` is to be evaluated next, else how the solve ended.
    """
    # A point counts once, even if its rows are evaluated again to be reduced by QR.
    counts = xp.where(state.fresh & (state.njev > 0), 0, 1).astype(state.nfev.dtype)
    polished = xp.where(state.polish.found > 0, counts, 0).astype(counts.dtype)
    state = state._replace(nfev=state.nfev + counts, npolish=state.npolish + polished)
    with stage(xp, "acceptance"):
        verdict = judge(xp, local, state, new, problem.tol)
    accepted = verdict.accepted
    x = xp.where(accepted, state.trial.x, state.x)
    at_x = choose(xp, accepted, new, state.at_x)
    g = local.gradient(at_x.M)
    scale = xp.ones_like(x) if problem.x_scale is None else problem.x_scale
    if setup.jac_scale:
        norms = local.column_norms(at_x.M)
        scale = xp.where(accepted, jac_scale(xp, norms, state.scale, state.njev == 0), state.scale)
    with stage(xp, "bounds"):
        scaling = scaling_at(xp, x, g, scale, problem.bounds)

    gtol = problem.tol.gtol * state.polish.tightening
    may_be_flat = (verdict.status > 0) | (verdict.status == NOT_FINITE)
    flat = accepted & (scaling.g_norm < gtol) & may_be_flat
    status = xp.where(flat, 1, verdict.status)
    verdict = verdict._replace(status=status)
    with stage(xp, "acceptance"):
        status, polish, resumes = steer(xp, setup, state, verdict, problem.max_nfev)
    anew = resumes | (state.fresh & (state.Delta == 0))
    state = state._replace(
        x=x,
        at_x=at_x,
        scale=scale,
        Delta=branch(xp, anew, lambda: initial_radius(xp, x, scaling.d), lambda: verdict.Delta),
        alpha=xp.where(anew, 0.0, verdict.alpha),
        g=g,
        g_norm=scaling.g_norm,
        njev=state.njev + xp.where(accepted, counts, 0).astype(counts.dtype),
        status=status.astype(state.nfev.dtype),
        fresh=xp.zeros((), bool),
        hemmed=verdict.hemmed,
        polish=polish,
    )
    with stage(xp, "trust-region step"):
        return propose(xp, local, setup, state, scaling, problem.bounds)
