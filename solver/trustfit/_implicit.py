"""A solve as a differentiable function of all that it depends on.

Derivatives do not go through the iterations. At a solution x of the problem with data theta,

    F(x, theta) = v * g(x, theta) = 0,

where g is the gradient of the cost and v holds the distances to the bounds that -g points at, 1
where there is none (`trustfit._trf`, "Scaling"). Differentiating that system gives

    (diag(v) H + diag(g dv)) dx/dtheta = -dF/dtheta,

with H the full Hessian of the cost: second derivatives of the residuals, which Gauss-Newton steps
leave out, count here. A variable on its bound has v = 0 and g dv > 0 and moves with the bound;
any other has g = 0 and moves by Newton's equation. In variables divided by d = sqrt(v) the matrix
is symmetric: B = diag(d) H diag(d) + diag(g dv), positive definite at an isolated minimum.

The derivative is computed as an array, dx/dtheta, by n reverse passes through g. So what remains
linear in the tangents is a product and a sum, which JAX can transpose in any precision.
"""

# SciPy's letters for matrices are capitals.
# pyright: reportConstantRedefinition=false

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from trustfit import _state as states
from trustfit._algebra import invert_positive
from trustfit._bounds import Bounds, coleman_li_scaling, strictly_feasible
from trustfit._loops import choose
from trustfit._losses import total_cost
from trustfit._precision import sealed
from trustfit._program import Program, Rows, Start, go_on, loop
from trustfit._state import Problem, State

INFEASIBLE = -7
"""Status of a solve with a lower bound above the upper one, or a scale that is not positive."""

_NOT_BEGUN = (INFEASIBLE, states.JACOBIAN_NOT_FINITE_AT_START, states.RESIDUALS_NOT_FINITE_AT_START)


class Outcome(NamedTuple):
    """How a solve ended: x, shape (n,); jtj, shape (n, n); status and nfev are integers."""

    x: Any
    cost: Any
    optimality: Any
    jtj: Any
    nfev: Any
    status: Any


@dataclass(frozen=True)
class Task:
    """A solve, but for the values it depends on: a list of arrays, in any order.

    `residual` maps x, shape (n,), and the values to f, shape (m,); `problem` maps the values to
    the start, shape (n,), and the problem, in `dtype`; `influential` says which of the values the
    solution depends on.
    """

    residual: Callable[[jax.Array, Sequence[Any]], jax.Array]
    problem: Callable[[Sequence[Any]], tuple[jax.Array, Problem]]
    influential: Sequence[bool]
    program: Program
    dtype: Any

    def cost(self, x: jax.Array, values: Sequence[Any]) -> jax.Array:
        """Return the cost at x."""
        _, problem = self.problem(values)
        f = self.residual(x, values)
        return total_cost(jnp, f, problem.f_scale, self.program.loss)

    def stationarity(self, x: jax.Array, values: Sequence[Any]) -> jax.Array:
        """Return F, shape (n,), which vanishes at a solution; x - lb for a fixed variable."""
        g = jax.grad(self.cost)(x, values)
        bounds = self.problem(values)[1].bounds
        if bounds is None:
            return g
        v, _ = coleman_li_scaling(jnp, x, g, bounds)
        middle = 0.5 * (bounds.lb + bounds.ub)
        return jnp.where(bounds.lb == bounds.ub, x - middle, v * g)


def _rows(task: Task, values: Sequence[Any]) -> Rows:
    def rows(x: jax.Array) -> tuple[jax.Array, jax.Array]:
        def value_twice(x: jax.Array) -> tuple[jax.Array, jax.Array]:
            f = task.residual(x, values)
            return f, f

        J, f = jax.jacfwd(value_twice, has_aux=True)(x)
        return f, J

    return rows


def solve(task: Task, values: Sequence[Any]) -> Outcome:
    """Solve by normal equations, and go on by QR where those do not serve."""
    given, problem = task.problem(values)
    x0, bounds = given, problem.bounds
    feasible = problem.f_scale > 0
    if problem.x_scale is not None:
        feasible = feasible & jnp.all(problem.x_scale > 0)
    if bounds is not None:
        possible = (bounds.lb < jnp.inf) & (bounds.ub > -jnp.inf)
        feasible = feasible & jnp.all((bounds.lb <= bounds.ub) & possible)
        x0 = strictly_feasible(jnp, jnp.clip(x0, *bounds), bounds, rstep=1e-10)
    problem = problem._replace(max_nfev=jnp.where(feasible, problem.max_nfev, 0))
    rows = _rows(task, values)
    by_gram = loop(rows, task.program, Start(x0, None), problem)
    ill = by_gram.status == states.ILL_CONDITIONED
    # Where the normal equations did serve, the second loop makes no trip.
    by_qr: State = choose(jnp, ill, states.again(jnp, by_gram), by_gram)
    state = go_on(rows, task.program._replace(local="triangle"), by_qr, problem)
    M = state.at_x.M[:-1, :-1]
    status = jnp.where(feasible, state.status, INFEASIBLE).astype(state.status.dtype)
    begun = _begun(status)
    return Outcome(
        x=jnp.where(begun, state.x, given),
        cost=jnp.where(feasible, state.at_x.cost, jnp.inf),
        optimality=jnp.where(begun, state.g_norm, jnp.nan),
        jtj=jnp.where(begun, jnp.where(ill, M.T @ M, M), jnp.nan),
        nfev=state.nfev,
        status=status,
    )


def _begun(status: Any) -> Any:
    return jnp.all(jnp.stack([status != code for code in _NOT_BEGUN]))


def _solve_positive(B: Any, rhs: Any) -> Any:
    """Return B**-1 @ rhs, shape (n, k); NaN where B, shape (n, n), is not positive definite.

    A variable that nothing depends on, a zero on the diagonal, is left where it is.
    """
    diagonal = jnp.diagonal(B)
    unit = 1 / jnp.sqrt(jnp.where(diagonal == 0, 1.0, diagonal))
    scaled = B * unit[:, None] * unit + jnp.diag((diagonal == 0).astype(B.dtype))
    inverse, pivot = invert_positive(jnp, scaled)
    threshold = len(B) * float(jnp.finfo(B.dtype).eps)
    inverse = jnp.where(pivot > threshold, inverse, jnp.nan)
    return unit[:, None] * (inverse @ (unit[:, None] * rhs))


def _derivative_of_x(H: Any, F_theta: Any, x: Any, g: Any, bounds: Bounds | None) -> Any:
    """Return dx/dtheta, shape (n, k), from dF/dtheta, shape (n, k)."""
    if bounds is None:
        return -_solve_positive(H, F_theta)
    v, dv = coleman_li_scaling(jnp, x, g, bounds)
    equal = (bounds.lb == bounds.ub)[:, None]
    # Polishing may end on a bound to the last digit: there F = v g varies with the bound alone.
    fixed = equal | (v == 0)[:, None]
    slope = jnp.where(equal | ~fixed, 1.0, (g * dv)[:, None])
    d = jnp.sqrt(jnp.where(fixed[:, 0], 1.0, v))[:, None]
    with_bound = jnp.where(fixed, -F_theta / slope, 0.0)
    # What the motion of the fixed variables asks of the others.
    rhs = (F_theta + v[:, None] * (H @ with_bound)) / d
    B = d * H * d.T + jnp.diag(g * dv)
    B = jnp.where(fixed | fixed.T, jnp.eye(len(x), dtype=x.dtype), B)
    return jnp.where(fixed, with_bound, -d * _solve_positive(B, rhs))


def sensitivities(
    task: Task, outcome: Outcome, values: Sequence[Any], which: Sequence[int]
) -> list[tuple[Any, Any]]:
    """Return the derivatives of x and of the cost with respect to some of the values.

    Parameters
    ----------
    task : Task
        The solve.
    outcome : Outcome
        How it ended with these values. One that never began does not depend on them.
    values : sequence of arrays
        What it depends on.
    which : sequence of int
        Positions among them of those in question, each of shape s.

    Returns
    -------
    list of (array, shape (n, *s); array, shape s)
    """
    x, n = outcome.x, len(outcome.x)

    def with_theta(theta: Sequence[Any]) -> list[Any]:
        merged = list(values)
        for position, value in zip(which, theta, strict=True):
            merged[position] = value
        return merged

    theta = [values[position] for position in which]
    g, g_theta = jax.grad(lambda x, theta: task.cost(x, with_theta(theta)), (0, 1))(x, theta)
    H = jax.jacfwd(jax.grad(task.cost))(x, values)
    _, pull = jax.vjp(lambda theta: task.stationarity(x, with_theta(theta)), theta)
    (F_theta,) = jax.vmap(pull)(jnp.eye(n, dtype=x.dtype))
    bounds, begun = task.problem(values)[1].bounds, _begun(outcome.status)
    derivatives: list[tuple[Any, Any]] = []
    for value, partial, cost_partial in zip(theta, F_theta, g_theta, strict=True):
        x_theta = _derivative_of_x(H, partial.reshape(n, value.size), x, g, bounds)
        cost_theta = cost_partial + (g @ x_theta).reshape(value.shape)
        x_theta = x_theta.reshape(n, *value.shape)
        derivatives.append((jnp.where(begun, x_theta, 0.0), jnp.where(begun, cost_theta, 0.0)))
    return derivatives


def _cast(value: Any, dtype: Any) -> Any:
    """Return real numbers in `dtype`, complex ones in complex numbers of its size."""
    return value.astype(jnp.result_type(dtype, jnp.complex64) if value.dtype.kind == "c" else dtype)


def _in_dtype(outcome: Outcome, dtype: Any) -> Outcome:
    x, cost, optimality, jtj = (value.astype(dtype) for value in outcome[:4])
    return Outcome(x, cost, optimality, jtj, outcome.nfev, outcome.status)


def _tangent(derivative: Any, dot: Any) -> Any:
    """Return derivative, shape (*r, *s), times dot, shape s: plain products, and their sum."""
    axes = tuple(range(derivative.ndim - dot.ndim, derivative.ndim))
    total = jnp.sum(derivative * dot.astype(derivative.dtype), axis=axes)
    return jnp.real(total) if jnp.iscomplexobj(total) else total


def _is_inexact(tangent: Any) -> bool:
    if isinstance(tangent, jax.custom_derivatives.SymbolicZero):
        return False
    return jnp.issubdtype(tangent.dtype, jnp.inexact)


def differentiable(task: Task, dtype: Any) -> Callable[[Sequence[Any]], Outcome]:
    """Return the solve as a function of the values, with results in `dtype`.

    It can be differentiated, forward and in reverse: x and the cost with respect to the values
    that have influence; everything else counts as constant.
    """

    @jax.custom_jvp
    def solution(values: Sequence[Any]) -> Outcome:
        return sealed(lambda values: _in_dtype(solve(task, values), dtype), task.dtype)(values)

    def rule(primals: Any, tangents: Any) -> tuple[Outcome, Outcome]:
        (values,), (dots,) = primals, tangents
        which = [
            position
            for position, influential in enumerate(task.influential)
            if influential and _is_inexact(dots[position])
        ]

        def with_derivatives(values: Sequence[Any]) -> tuple[Outcome, Any]:
            # Itself differentiable: second derivatives need the first one of x.
            outcome = differentiable(task, task.dtype)(values)
            derivatives = sensitivities(task, outcome, values, which)
            derivatives = jax.tree.map(lambda value: _cast(value, dtype), derivatives)
            return _in_dtype(outcome, dtype), derivatives

        outcome, derivatives = sealed(with_derivatives, task.dtype)(values)
        x_dot, cost_dot = jnp.zeros_like(outcome.x), jnp.zeros_like(outcome.cost)
        for position, (x_theta, cost_theta) in zip(which, derivatives, strict=True):
            x_dot = x_dot + _tangent(x_theta, dots[position])
            cost_dot = cost_dot + _tangent(cost_theta, dots[position])
        return outcome, Outcome(
            x=x_dot,
            cost=cost_dot,
            optimality=jnp.zeros_like(outcome.optimality),
            jtj=jnp.zeros_like(outcome.jtj),
            nfev=np.zeros((), jax.dtypes.float0),
            status=np.zeros((), jax.dtypes.float0),
        )

    solution.defjvp(rule, symbolic_zeros=True)
    return solution
