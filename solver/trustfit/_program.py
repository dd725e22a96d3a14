"""The whole solve as one traceable function: a loop of `trustfit._trf.step` around the rows.

The user's functions stand in it once. What a call does not ask for (bounds, a loss, scaling by the
Jacobian, the rows of the result) is not in its program.
"""

# SciPy's letters for matrices and radii are capitals.
# pyright: reportConstantRedefinition=false

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from trustfit import _state as states
from trustfit import _trf as trf
from trustfit._gram import Gram
from trustfit._losses import row_scales, total_cost
from trustfit._state import Evaluation, Problem, Setup, State
from trustfit._triangle import Triangle
from trustfit._types import Loss

Rows: TypeAlias = Callable[[jax.Array], tuple[jax.Array, jax.Array]]
"""x, shape (n,) -> f, shape (m,), and J, shape (m, n)."""


class Program(NamedTuple):
    """What a program is specialised to. Hashable.

    `local` says how rows are reduced: to their Gram matrix, or to their triangle by QR.
    """

    setup: Setup
    loss: Loss
    local: Literal["gram", "triangle"]
    keep_rows: bool


class Start(NamedTuple):
    """Where a solve starts: x0, shape (n,), and a packed state if it continues another program."""

    x0: Any
    packed: Any | None


def evaluator(
    rows: Rows, program: Program, local: Gram | Triangle, f_scale: Any
) -> Callable[[jax.Array], Evaluation]:
    """Return x -> cost and reduced rows."""

    def evaluate(x: jax.Array) -> Evaluation:
        with jax.named_scope("residual and Jacobian"):
            fun, J = rows(x)
        f = fun
        with jax.named_scope("reduction"):
            cost = total_cost(jnp, fun, f_scale, program.loss)
            if program.loss != "linear":
                J_scale, f_factor = row_scales(jnp, fun, f_scale, program.loss)
                J, f = J * J_scale[:, None], fun * f_factor
            M = local.reduce(J, f)
        return Evaluation(cost, M, (fun, J) if program.keep_rows else ())

    return evaluate


def _unknown(program: Program, m: int, x0: Any) -> Evaluation:
    n, dtype = len(x0), x0.dtype
    rows = (jnp.zeros(m, dtype), jnp.zeros((m, n), dtype)) if program.keep_rows else ()
    return Evaluation(jnp.full((), jnp.inf, dtype), jnp.zeros((n + 1, n + 1), dtype), rows)


def _count(rows: Rows, x: Any) -> int:
    (m,) = jax.eval_shape(lambda x: rows(x)[0], x).shape
    return m


def loop(rows: Rows, program: Program, start: Start, problem: Problem) -> State:
    """Solve from the start until a status says why it ends.

    Parameters
    ----------
    rows : callable
        The user's residuals and Jacobian.
    program : Program
        What to leave out.
    start : Start
        Start values, strictly inside the bounds; or where another program left off.
    problem : Problem
        Bounds, tolerances, and limit.

    Returns
    -------
    State
        With a status other than RUNNING.
    """
    x0 = jnp.asarray(start.x0)
    m = _count(rows, x0)
    state = states.initial_state(jnp, x0, _unknown(program, m, x0))
    if start.packed is not None:
        unknown = state.at_x
        state = states.again(jnp, unpack(start.packed, state))
        state = state._replace(at_x=unknown._replace(cost=state.at_x.cost))
    return go_on(rows, program, state, problem)


def go_on(rows: Rows, program: Program, state: State, problem: Problem) -> State:
    """Return the state at the end of a solve that stands at this one."""
    m = _count(rows, state.x)
    local = {"gram": Gram, "triangle": Triangle}[program.local](jnp, m)
    evaluate = evaluator(rows, program, local, problem.f_scale)

    def advance(state: State) -> State:
        new = evaluate(state.trial.x)
        return trf.step(jnp, local, program.setup, problem, state, new)

    return jax.lax.while_loop(lambda state: state.status == states.RUNNING, advance, state)


def solve(
    rows: Rows, program: Program, start: Start, problem: Problem
) -> tuple[jax.Array, tuple[jax.Array, ...]]:
    """Return the packed final state, and (fun, J) if the program keeps the rows."""
    state = loop(rows, program, start, problem)
    return pack(state), state.at_x.rows


def _without_rows(state: State) -> State:
    return state._replace(at_x=state.at_x._replace(rows=()))


def pack(state: State) -> jax.Array:
    """Return all of the state but its rows as one vector: one array leaves the device, not 25."""
    leaves = jax.tree.leaves(_without_rows(state))
    return jnp.concatenate([jnp.ravel(leaf).astype(state.x.dtype) for leaf in leaves])


def unpack(packed: Any, like: State) -> State:
    """Return the state that was packed; `like` is a state of the same shapes and dtypes."""
    leaves, tree = jax.tree.flatten(_without_rows(like))
    parts: list[Any] = []
    start = 0
    for leaf in leaves:
        part = packed[start : start + leaf.size].reshape(leaf.shape)
        parts.append(part.astype(leaf.dtype))
        start += leaf.size
    return jax.tree.unflatten(tree, parts)
