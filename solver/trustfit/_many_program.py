"""One program for a chunk of fits: all of them along the last axis, the lanes.

The loop is that of `trustfit._program`: the rows of all fits are evaluated and reduced to their
Gram matrices (`trustfit._many_rows`), and one `trustfit._trf.step`, evaluated with lanes
(`trustfit._lanes`), moves each fit on. A fit that has ended keeps its state until the loop ends,
which it does as soon as no more than `patience` fits go on: what is left of them is for another
chunk.
"""

# SciPy's letters for matrices are capitals.
# pyright: reportConstantRedefinition=false

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from trustfit import _state as states
from trustfit._algebra import invert_positive
from trustfit._bounds import Bounds
from trustfit._lanes import Evaluator, Value
from trustfit._many_rows import Arguments, Reduction, rows_of
from trustfit._program import Program, step_of
from trustfit._state import Evaluation, Problem, Setup, State
from trustfit._traced import Traced
from trustfit._types import FloatArray, Loss, NDArray


class ManyProgram(NamedTuple):
    """What a program of many fits is specialised to, beside the functions. Hashable.

    `laned` says which of the functions' arguments have lanes behind; `fvec`, whether residuals are
    returned.
    """

    n: int
    m: int
    setup: Setup
    loss: Loss
    laned: tuple[bool, ...]
    fvec: bool


class Chunk(NamedTuple):
    """What a program is called with.

    `packed`: the state, shape (s, lanes); `bounds`: None, or each of shape (n, lanes); `arguments`:
    those of the functions; `problem`: the options, without bounds; `patience`: how many fits may be
    left over, shape ().
    """

    packed: Any
    bounds: Bounds | None
    arguments: tuple[Any, ...]
    problem: Problem
    patience: Any


class Ended(NamedTuple):
    """What a program returns, with lanes first.

    `x`, `cost`, `nfev`, `status`; `inverse`, shape (lanes, n, n), that of J.T J, zero for
    variables whose bounds coincide; `pivot`, the smallest met on the way to it; `fvec`, shape
    (lanes, m), None if it was not asked for. And `packed`, the state with lanes behind, for another
    chunk to go on with.
    """

    x: FloatArray
    cost: FloatArray
    nfev: FloatArray
    status: FloatArray
    inverse: FloatArray
    pivot: FloatArray
    fvec: FloatArray | None
    packed: FloatArray


class _Layout(NamedTuple):
    """How a state is packed.

    `fresh` and `packed`: the state of one fit before it begins; `where`: a state of slices of it;
    `at_x0`: which elements hold start values, and of which variable.
    """

    fresh: State
    packed: FloatArray
    where: State
    at_x0: tuple[NDArray[np.int64], ...]


@lru_cache
def _layout(n: int) -> _Layout:
    x0 = np.arange(n) + 1 / 3  # told from all other numbers of the state
    M = np.zeros((n + 1, n + 1))
    fresh = states.initial_state(np, x0, Evaluation(np.full((), np.inf), M, ()))
    leaves, tree = jax.tree.flatten(fresh)
    stops = np.cumsum([leaf.size for leaf in leaves]).tolist()
    slices = [slice(stop - leaf.size, stop) for leaf, stop in zip(leaves, stops, strict=True)]
    packed = np.concatenate([np.ravel(leaf) for leaf in leaves]).astype(np.float64)
    at_x0 = np.nonzero(packed[:, None] == x0)
    return _Layout(fresh, packed, jax.tree.unflatten(tree, slices), at_x0)


def start_of(x0: FloatArray, status: Any) -> FloatArray:
    """Return the packed state of fits that begin at x0, shape (n, lanes).

    Those with another `status`, shape (lanes,), than RUNNING have ended with it.
    """
    n, lanes = x0.shape
    layout = _layout(n)
    packed = np.repeat(layout.packed[:, None], lanes, axis=1)
    elements, variables = layout.at_x0
    packed[elements] = x0[variables]
    packed[layout.where.status] = status
    return packed


def ended(results: tuple[Any, ...], n: int) -> Ended:
    """Return what `solve` returned, on the host."""
    packed, *fvec = (np.asarray(array) for array in results)
    where = _layout(n).where
    last = len(packed) - n * n - 1
    return Ended(
        x=packed[where.x].T,
        cost=packed[where.at_x.cost][0],
        nfev=packed[where.nfev][0],
        status=packed[where.status][0],
        inverse=packed[last:-1].T.reshape(-1, n, n),
        pivot=packed[-1],
        fvec=fvec[0].T if fvec else None,
        packed=packed[:last],
    )


def _unpack(packed: Any, n: int) -> State:
    """Return the state, each of its arrays with lanes behind."""
    layout = _layout(n)

    def part(leaf: Any, place: slice) -> Any:
        return packed[place].reshape((*leaf.shape, packed.shape[-1])).astype(leaf.dtype)

    return jax.tree.map(part, layout.fresh, layout.where)


def _pack(state: State) -> Any:
    leaves = jax.tree.leaves(state)
    flat = [leaf.reshape(-1, leaf.shape[-1]).astype(np.float64) for leaf in leaves]
    return jnp.concatenate(flat)


def solve(traced: Traced, program: ManyProgram, chunk: Chunk) -> tuple[Any, ...]:
    """Move the fits of a chunk on until no more than `patience` go on; traceable.

    Returns
    -------
    results : array, shape (s + n**2 + 1, lanes)
        The packed state, the inverse and the pivot of `Ended`.
    fvec : array, shape (m, lanes)
        The residuals where the fits stand, if the program returns them.
    """
    n, lanes = program.n, chunk.packed.shape[-1]
    evaluator = Evaluator(lanes)
    arguments = Arguments(chunk.arguments, program.laned)
    reduction = Reduction(program.loss, chunk.problem.f_scale)
    rows = rows_of(traced, n, arguments, reduction, evaluator)
    step = _step(program, chunk)

    def goes_on(packed: Any) -> Any:
        return jnp.sum(_running(packed, n), dtype=np.int32) > chunk.patience

    def advance(packed: Any) -> Any:
        running = _running(packed, n)
        state = _unpack(packed, n)
        new = step(Evaluator(lanes, running), state, rows.evaluate(state.trial.x))
        return jnp.where(running, _pack(new), packed)

    packed = lax.while_loop(goes_on, advance, chunk.packed)
    state = _unpack(packed, n)
    inverse, pivot = _inverse(n, state.at_x.M, chunk.bounds, evaluator)
    results = jnp.concatenate([packed, inverse.reshape(-1, lanes), pivot[None]])
    return (results, rows.residual(state.x)) if program.fvec else (results,)


def _running(packed: Any, n: int) -> Any:
    return _unpack(packed, n).status == states.RUNNING


def _with_lanes(
    evaluator: Evaluator, function: Callable[..., Any], arguments: Any, are_laned: Any
) -> Any:
    """Evaluate a function of one fit; trees alike say which arguments have lanes behind."""
    leaves, tree = jax.tree.flatten(arguments)
    flags = jax.tree.leaves(are_laned)
    types = [
        jax.ShapeDtypeStruct(np.shape(leaf)[: np.ndim(leaf) - flag], jnp.result_type(leaf))
        for leaf, flag in zip(leaves, flags, strict=True)
    ]
    trace = jax.make_jaxpr(function, return_shape=True)
    closed, shapes = trace(*jax.tree.unflatten(tree, types))
    values = [Value(leaf, flag) for leaf, flag in zip(leaves, flags, strict=True)]
    results = evaluator.evaluate(closed.jaxpr, closed.consts, values)
    outputs, tree = jax.tree.flatten(shapes)
    arrays = [
        evaluator.full(result, out.shape) for result, out in zip(results, outputs, strict=True)
    ]
    return jax.tree.unflatten(tree, arrays)


def _all(tree: Any, flag: bool) -> Any:
    return jax.tree.map(lambda _: flag, tree)


def _step(many: ManyProgram, chunk: Chunk) -> Callable[[Evaluator, State, Evaluation], State]:
    program = Program(many.setup, many.loss, "gram", keep_rows=False)
    step = step_of(program, many.m)
    problem = chunk.problem._replace(bounds=chunk.bounds)
    flags = _all(chunk.problem, False)._replace(bounds=_all(chunk.bounds, True))

    def with_lanes(evaluator: Evaluator, state: State, new: Evaluation) -> State:
        are_laned = (flags, _all(state, True), _all(new, True))
        return _with_lanes(evaluator, step, (problem, state, new), are_laned)

    return with_lanes


def _inverse(n: int, M: Any, bounds: Bounds | None, evaluator: Evaluator) -> tuple[Any, Any]:
    """Return the inverse and the pivot of `Ended`."""
    fixed = jnp.zeros((n, evaluator.lanes), bool) if bounds is None else bounds.lb == bounds.ub

    def inverse(M: Any, fixed: Any) -> tuple[Any, Any]:
        apart = fixed[:, None] | fixed[None, :]
        norms = jnp.where(fixed, 1.0, jnp.sqrt(jnp.diagonal(M)[:-1]))
        unit = M[:-1, :-1] / norms[:, None] / norms[None, :]
        inverse, pivot = invert_positive(jnp, jnp.where(apart, jnp.eye(n), unit))
        return jnp.where(apart, 0.0, inverse / norms[:, None] / norms[None, :]), pivot

    return _with_lanes(evaluator, inverse, (M, fixed), (True, True))
