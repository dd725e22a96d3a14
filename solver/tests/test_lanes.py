"""A program of one fit with lanes computes in each of them what it computes alone."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax
from trustfit import _lanes
from trustfit._bounds import Bounds
from trustfit._lanes import Evaluator, UnknownOperation, Value
from trustfit._program import Program
from trustfit._program import step_of as step_of_one
from trustfit._settings import Tolerances
from trustfit._state import Evaluation, Problem, Setup, initial_state

LANES = 6


def with_lanes(
    function: Callable[..., Any],
    arguments: list[Any],
    are_laned: Sequence[bool],
    active: Any = None,
):
    """Evaluate a function of one lane; arguments with lanes have them behind."""
    types = [
        jax.ShapeDtypeStruct(a.shape[:-1] if flag else a.shape, a.dtype)
        for a, flag in zip(arguments, are_laned, strict=True)
    ]
    closed = jax.make_jaxpr(lambda *args: jax.tree.leaves(function(*args)))(*types)

    def run(active: Any, *arrays: Any):
        evaluator = Evaluator(LANES, active)
        values = [Value(a, flag) for a, flag in zip(arrays, are_laned, strict=True)]
        results = evaluator.evaluate(closed.jaxpr, closed.consts, values)
        avals = closed.out_avals
        return [evaluator.full(one, aval.shape) for one, aval in zip(results, avals, strict=True)]

    return jax.jit(run)(active, *arguments)


def by_vmap(function: Callable[..., Any], arguments: list[Any], are_laned: Sequence[bool]):
    axes = tuple(-1 if flag else None for flag in are_laned)
    mapped = jax.vmap(lambda *args: jax.tree.leaves(function(*args)), axes, -1, axis_size=LANES)
    return jax.jit(mapped)(*arguments)


def check(function: Callable[..., Any], arguments: list[Any], are_laned: Sequence[bool]):
    with jax.enable_x64(True):
        found = with_lanes(function, arguments, are_laned)
        for a, b in zip(found, by_vmap(function, arguments, are_laned), strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


# --- the step -----------------------------------------------------------------------------------

N = 3
SETUPS = [(False, Setup(False, True)), (True, Setup(True, True)), (True, Setup(False, False))]


def states_of_one():
    unknown = Evaluation(np.full((), np.inf), np.zeros((N + 1, N + 1)), ())
    return initial_state(np, np.ones(N), unknown)


def step_of(bounded: bool, setup: Setup):
    of_one = step_of_one(Program(setup, "linear", "gram", keep_rows=False), 100)

    def step(lb: Any, ub: Any, M: Any, *leaves: Any):
        problem = Problem(
            Bounds(lb, ub) if bounded else None,
            jnp.ones(N),
            1.0,
            Tolerances(1e-8, 1e-8, 1e-8),
            50,
        )
        state = jax.tree.unflatten(jax.tree.structure(states_of_one()), leaves)
        return of_one(problem, state, Evaluation(0.5 * M[-1, -1], M, ()))

    return step


@lru_cache
def compiled_steps(bounded: bool, setup: Setup):
    step = step_of(bounded, setup)
    leaves = jax.tree.leaves(states_of_one())
    flags = [True] * (3 + len(leaves))
    types = [jax.ShapeDtypeStruct((N,), float)] * 2 + [jax.ShapeDtypeStruct((N + 1, N + 1), float)]
    types += [jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for leaf in leaves]
    closed = jax.make_jaxpr(lambda *args: jax.tree.leaves(step(*args)))(*types)

    def run(*arrays: Any):
        evaluator = Evaluator(LANES)
        values = [Value(array, True) for array in arrays]
        results = evaluator.evaluate(closed.jaxpr, closed.consts, values)
        avals = closed.out_avals
        return [evaluator.full(one, aval.shape) for one, aval in zip(results, avals, strict=True)]

    mapped = jax.vmap(lambda *args: jax.tree.leaves(step(*args)), -1, -1)
    return jax.jit(run), jax.jit(mapped), len(flags)


def gram(rng: np.random.Generator, scale: float):
    Z = rng.normal(size=(8, N + 1, LANES)) * 10 ** rng.uniform(-2, 2, size=(N + 1, 1))
    return np.einsum("kil,kjl->ijl", Z, Z) * scale


@pytest.mark.parametrize(("bounded", "setup"), SETUPS)
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), bad=st.sampled_from([None, np.nan, np.inf]))
def test_a_step_with_lanes_is_that_of_vmap(
    bounded: bool, setup: Setup, seed: int, bad: float | None
):
    rng = np.random.default_rng(seed)
    with jax.enable_x64(True):
        ours, theirs, _ = compiled_steps(bounded, setup)
        x0 = rng.normal(size=(N, LANES))
        lb, ub = x0 - rng.exponential(size=(N, LANES)), x0 + rng.exponential(size=(N, LANES))
        state = jax.tree.map(
            lambda leaf: np.repeat(np.asarray(leaf)[..., None], LANES, axis=-1), states_of_one()
        )
        state = state._replace(x=x0, trial=state.trial._replace(x=x0))
        leaves = jax.tree.leaves(state)
        for trip in range(5):
            M = gram(rng, 0.5**trip)
            if bad is not None and trip == 3:
                M[..., 0] = bad
            found, expected = ours(lb, ub, M, *leaves), theirs(lb, ub, M, *leaves)
            for a, b in zip(found, expected, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-10)
            leaves = [np.asarray(b) for b in expected]


def primitives(jaxpr: Any):
    for equation in jaxpr.eqns:
        yield equation.primitive.name
        for parameter in equation.params.values():
            for one in parameter if isinstance(parameter, tuple | list) else (parameter,):
                inner = getattr(one, "jaxpr", one)
                if hasattr(inner, "eqns"):
                    yield from primitives(inner)


def test_a_step_uses_no_operation_without_a_rule():
    with jax.enable_x64(True):
        leaves = jax.tree.leaves(states_of_one())
        vector, matrix = jnp.ones(N), jnp.ones((N + 1, N + 1))
        step = step_of(True, Setup(True, True))
        used = set(primitives(jax.make_jaxpr(step)(vector, vector, matrix, *leaves).jaxpr))
    # The operations that are not elementwise; the list is meant to stay short.
    allowed = set(
        [
            "broadcast_in_dim",
            "concatenate",
            "cond",
            "dot_general",
            "dynamic_slice",
            "gather",
            "iota",
            "jit",
            "pad",
            "platform_index",
            "reduce_and",
            "reduce_max",
            "reduce_min",
            "reduce_or",
            "reduce_sum",
            "reshape",
            "scan",
            "slice",
            "squeeze",
            "stack",
            "transpose",
            "unstack",
            "while",
        ]
    )
    assert used - _lanes.ELEMENTWISE <= allowed
    assert allowed - set(_lanes.RULES) == {"iota", "platform_index"}


# --- small programs -----------------------------------------------------------------------------

UNARY = {
    "transpose": lambda A: A.T,
    "diagonal": lambda A: jnp.diag(jnp.diagonal(A)) + A,
    "row": lambda A: A[1] * jnp.ones((3, 1)),
    "sum": lambda A: A - jnp.sum(A, axis=0),
    "extremes": lambda A: A / (1 + jnp.max(jnp.abs(A), axis=1) - jnp.min(A)),
    "where": lambda A: jnp.where(A > 0.5, A, -A),
    "stacked": lambda A: jnp.stack([A[0], A[2], A[:, 1]]),
    "joined": lambda A: jnp.concatenate([A[1:], A[:1]]),
    "mask": lambda A: jnp.where(jnp.arange(3) == 1, 2.0, A),
    "truth": lambda A: A * jnp.all(A[0] < 2) + jnp.any(A > 1),
    "power": lambda A: jnp.tanh(A) ** 3 + jnp.sqrt(jnp.abs(A)),
    "reshaped": lambda A: A.reshape(9).reshape(3, 3),
    "chosen": lambda A: lax.cond(A[0, 0] > 0, jnp.sin, lambda B: B.T, A),
    "one of three": lambda A: lax.switch(
        A[0, 0].astype(int), [jnp.sin, lambda B: B.T, jnp.zeros_like], A
    ),
    "fixed loop": lambda A: lax.fori_loop(0, 3, lambda i, B: B * 0.5 + A[i], A),
    "halved": lambda A: lax.while_loop(
        lambda B: jnp.sum(B**2) > 1, lambda B: 0.7 * B, jnp.clip(A, -3, 3)
    ),
    "counted": lambda A: lax.while_loop(
        lambda s: (s[0] < 4) & (s[1][0, 0] < 2), lambda s: (s[0] + 1, s[1] + 0.5), (0, A)
    )[1],
}
BINARY = {
    "product": lambda A, B: A @ B / (1 + jnp.max(jnp.abs(A))),
    "vectors": lambda A, B: A + (A[0] @ B[1]) / 10,
    "by rows": lambda A, B: A + (B @ A[0])[:, None] / 10,
    "outer": lambda A, B: jnp.outer(A[0], B[2]),
    "difference": lambda A, B: A - B,
    "sign": lambda A, B: jnp.copysign(A, B),
    "next": lambda A, B: jnp.nextafter(A, B),
}


@settings(max_examples=15, deadline=None)
@given(
    unary=st.lists(st.sampled_from(sorted(UNARY)), min_size=1, max_size=4),
    binary=st.lists(st.sampled_from(sorted(BINARY)), min_size=1, max_size=2),
    laned=st.sampled_from([(True, True), (True, False), (False, True)]),
    seed=st.integers(0, 2**32 - 1),
)
def test_small_programs_with_lanes_are_those_of_vmap(
    unary: list[str], binary: list[str], laned: tuple[bool, bool], seed: int
):
    rng = np.random.default_rng(seed)

    def program(a: Any, b: Any):
        for name in unary:
            a = UNARY[name](a)
        for name in binary:
            a, b = BINARY[name](a, b), a
        return a, b

    arguments = [rng.normal(size=(3, 3, LANES) if flag else (3, 3)) for flag in laned]
    check(program, arguments, laned)


@pytest.mark.parametrize("name", sorted(UNARY))
def test_each_operation(name: str):
    arguments = [np.random.default_rng(1).normal(size=(3, 3, LANES))]
    check(UNARY[name], arguments, [True])


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (jnp.sort, "sort"),
        (jnp.cumsum, "cumsum"),
        (lambda x: x[jnp.argmax(x)], "argmax"),
        (lambda x: lax.dynamic_slice(x, (x[0].astype(int),), (1,)), "dynamic_slice"),
        (lambda x: lax.scan(lambda a, b: (a + b, a), x[0], x), "scan"),
        (lambda x: lax.pad(x, x[0], [(1, 1, 0)]), "pad"),
        (lambda x: jnp.take(x, x.astype(int), mode="clip"), "gather"),
    ],
)
def test_other_operations_are_refused_by_name(function: Callable[..., Any], name: str):
    with jax.enable_x64(True), pytest.raises(UnknownOperation, match=name):
        with_lanes(function, [np.ones((3, LANES))], [True])


def test_values_of_no_lane_stay_without_lanes():
    with jax.enable_x64(True):
        closed = jax.make_jaxpr(
            lambda a, b: (jnp.sort(a), lax.fori_loop(0, 20, lambda i, c: c + i, b))
        )(np.ones(3), 1)
        evaluator = Evaluator(LANES)
        values = [Value(np.ones(3), False), Value(np.int64(1), False)]
        assert not any(one.laned for one in evaluator.evaluate(closed.jaxpr, closed.consts, values))


def test_loops_do_not_wait_for_lanes_that_do_not_count():
    def endless(x: Any):
        return lax.while_loop(lambda y: y < 1, lambda y: y + x, 0.0 * x)

    steps = np.array([0.5, 0.25, 1.0, 0.0, 0.0, 0.75])  # two never end
    with jax.enable_x64(True):
        (found,) = with_lanes(endless, [steps], [True], active=steps > 0)
    np.testing.assert_array_equal(found[steps > 0], [1, 1, 1, 1.5])
