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
import numpy as np
from jax import lax

from trustfit import _lax_numpy as lnp
from trustfit import _state as states
from trustfit import _trf as trf
from trustfit._algebra import OWN_LIMIT
from trustfit._gram import Gram
from trustfit._loops import choose
from trustfit._losses import row_scales, total_cost
from trustfit._one_kernel import one_kernel
from trustfit._settings import Options
from trustfit._state import Evaluation, Problem, Setup, State
from trustfit._triangle import Triangle
from trustfit._types import Loss
from trustfit._values import Value, array_of, unwrap, wrap

Rows: TypeAlias = Callable[[jax.Array], tuple[jax.Array, jax.Array]]
"""x, shape (n,) -> f, shape (m,), and J, shape (m, n)."""

Evaluate: TypeAlias = Callable[[jax.Array], Evaluation]
"""x, shape (n,) -> the cost there, and the rows, reduced."""


Step: TypeAlias = Callable[[Problem, State, Evaluation], State]


class Program(NamedTuple):
    """What a program is specialised to. Hashable.

    `local` says how rows are reduced: to their Gram matrix, or to their triangle by QR;
    `as_one_kernel` whether the small part is compiled as one, where that is possible.
    """

    setup: Setup
    loss: Loss
    local: Literal["gram", "triangle"]
    keep_rows: bool
    as_one_kernel: bool = False


def program_for(options: Options, *, keep_rows: bool) -> Program:
    """Return the program of a solve, to begin with: by Gram matrices."""
    if callable(options.loss):
        raise TypeError("A program takes a loss by name; got a function.")
    setup = states.setup_of(options)
    return Program(setup, options.loss, "gram", keep_rows, as_one_kernel=True)


class Start(NamedTuple):
    """Where a solve starts: x0, shape (n,), and a packed state if it continues another program."""

    x0: Any
    packed: Any | None


def local_model(xp: Any, program: Program, m: Any) -> Gram | Triangle:
    """Return how m rows are kept."""
    return {"gram": Gram, "triangle": Triangle}[program.local](xp, m)


def scaled_by_loss(
    program: Program, fun: jax.Array, J: jax.Array, f_scale: Any
) -> tuple[jax.Array, jax.Array]:
    """Return f and J, shapes (m,) and (m, n), so scaled that they belong to the robust cost."""
    if program.loss == "linear":
        return fun, J
    J_scale, f_factor = row_scales(jnp, fun, f_scale, program.loss)
    return fun * f_factor, J * J_scale[:, None]


def evaluate_whole(rows: Rows, program: Program, m: int, f_scale: Any) -> Evaluate:
    """Return x -> cost and reduced rows, of all rows at once."""
    local = local_model(jnp, program, m)

    def evaluate(x: jax.Array) -> Evaluation:
        with jax.named_scope("residual and Jacobian"):
            fun, J = rows(x)
        with jax.named_scope("reduction"):
            cost = total_cost(jnp, fun, f_scale, program.loss)
            f, J_scaled = scaled_by_loss(program, fun, J, f_scale)
            M = local.reduce(J_scaled, f)
        return Evaluation(cost, M, (fun, J_scaled) if program.keep_rows else ())

    return evaluate


def blank_state(n: int) -> State:
    """Return a state of n variables on the host, without rows: what `unpack` takes for its like."""
    nothing: Any = Evaluation(np.zeros(()), np.zeros((n + 1, n + 1)), ())
    return states.initial_state(np, np.zeros(n), nothing)


def _unknown(program: Program, m: int, x0: Any) -> Evaluation:
    n, dtype = len(x0), x0.dtype
    rows = (np.zeros(m, dtype), np.zeros((m, n), dtype)) if program.keep_rows else ()
    return Evaluation(np.full((), np.inf, dtype), np.zeros((n + 1, n + 1), dtype), rows)


def _count(rows: Rows, x: Any) -> int:
    (m,) = jax.eval_shape(lambda x: rows(x)[0], x).shape
    return m


def begin(program: Program, m: int, start: Start) -> State:
    """Return the state that a solve of m residuals starts from."""
    x0 = jnp.asarray(start.x0)
    unknown = _unknown(program, m, x0)
    state: State = unwrap(states.initial_state(lnp, Value(x0), unknown))
    if start.packed is None:
        return state
    packed = unwrap(states.again(lnp, wrap(unpack(start.packed, state))))
    return packed._replace(at_x=unknown._replace(cost=packed.at_x.cost))


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
    m = _count(rows, jnp.asarray(start.x0))
    return go_on(rows, program, begin(program, m, start), problem)


def go_on(rows: Rows, program: Program, state: State, problem: Problem) -> State:
    """Return the state at the end of a solve that stands at this one."""
    m = _count(rows, state.x)
    evaluate = evaluate_whole(rows, program, m, problem.f_scale)
    if packs_into_kernel(program, len(state.x)):
        return iterate_packed(evaluate, program, m, state, problem)
    return iterate(evaluate, step_of(program, m), state, problem)


def packs_into_kernel(program: Program, n: int) -> bool:
    """Return whether a step may be one kernel: it must not call LAPACK."""
    return program.as_one_kernel and program.local == "gram" and n <= OWN_LIMIT


def is_running(status: Any) -> Any:
    """Return whether a solve in a program goes on."""
    return lax.eq(status, status.dtype.type(states.RUNNING))


def iterate(evaluate: Evaluate, step: Step, state: State, problem: Problem) -> State:
    """Take steps from a state until it has a status that says why it ends."""

    def advance(state: State) -> State:
        return step(problem, state, evaluate(state.trial.x))

    return lax.while_loop(lambda state: is_running(state.status), advance, state)


def iterate_packed(
    evaluate: Evaluate, program: Program, m: Any, state: State, problem: Problem
) -> State:
    """Do the same with a step that is one kernel.

    Its arguments are three vectors: XLA ends the process if a kernel does not use one of them.
    """
    without_loss = (problem._replace(f_scale=None), jnp.asarray(m, np.int32))
    like = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), _without_rows(state))
    n = len(state.x)

    def packed_step(problem_vector: Any, state_vector: Any, new: Any) -> Any:
        problem, count = _unpack_tree(problem_vector, without_loss)
        at_new = Evaluation(new[0].array, new[1:].reshape((n + 1, n + 1)).array, ())
        step = step_of(program, Value(count))
        return pack(step(problem, unpack(state_vector, like), at_new))

    kernel = one_kernel(lambda *vectors: packed_step(*map(Value, vectors)))
    problem_vector = pack_tree(without_loss, state.x.dtype)

    def advance(carried: tuple[Any, Any]) -> tuple[Any, Any]:
        vector, rows = carried
        before = unpack(vector, like)
        new = evaluate(before.trial.x)
        vector = kernel(problem_vector, vector, pack_tree((new.cost, new.M), new.cost.dtype))
        if new.rows:
            # The newer ones, where the step was taken, also if it only was to be reduced anew.
            taken = (unpack(vector, like).njev > before.njev) | before.fresh
            rows = choose(jnp, taken, new.rows, rows)
        return vector, rows

    def goes_on(carried: tuple[Any, Any]) -> Any:
        return is_running(unpack(carried[0], like).status)

    vector, rows = lax.while_loop(goes_on, advance, (pack(state), state.at_x.rows))
    after = unpack(vector, like)
    return after._replace(at_x=after.at_x._replace(rows=rows))


def step_of(program: Program, m: Any) -> Step:
    """Return `trustfit._trf.step` for arrays in a program."""
    local = local_model(lnp, program, m)

    def step(problem: Problem, state: State, new: Evaluation) -> State:
        return unwrap(trf.step(lnp, local, program.setup, wrap(problem), wrap(state), wrap(new)))

    return step


def solve(
    rows: Rows, program: Program, start: Start, problem: Problem
) -> tuple[jax.Array, tuple[jax.Array, ...]]:
    """Return the packed final state, and (fun, J) if the program keeps the rows."""
    state = loop(rows, program, start, problem)
    return pack(state), state.at_x.rows


def _without_rows(state: State) -> State:
    return state._replace(at_x=state.at_x._replace(rows=()))


def pack(state: State) -> jax.Array:
    """Return all of the state but its rows as one vector: one array leaves the device, not 30."""
    return pack_tree(_without_rows(state), state.x.dtype)


def unpack(packed: Any, like: State) -> State:
    """Return the state that was packed; `like` is a state of the same shapes and dtypes.

    `packed` is an array on the host, or one in a program.
    """
    if isinstance(packed, jax.Array):
        packed = Value(packed)
    return _unpack_tree(packed, _without_rows(like))


def pack_tree(tree: Any, dtype: Any) -> jax.Array:
    """Return all arrays of a tree as one vector."""
    flat = [Value(leaf).astype(dtype).reshape((leaf.size,)) for leaf in jax.tree.leaves(tree)]
    return lnp.concatenate(flat).array


def _unpack_tree(packed: Any, like: Any) -> Any:
    leaves, tree = jax.tree.flatten(like)
    parts: list[Any] = []
    start = 0
    for leaf in leaves:
        part = packed[start : start + leaf.size].reshape(leaf.shape)
        parts.append(array_of(part.astype(leaf.dtype)))
        start += leaf.size
    return jax.tree.unflatten(tree, parts)
