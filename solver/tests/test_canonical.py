"""The structural key: equal ones mean the same computation, and renumbered constants keep it."""

import operator
from collections.abc import Callable
from functools import partial, reduce
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.extend import core
from trustfit._canonical import Canonical, canonicalise, lift_constants

X = np.linspace(0.25, 1.75, 4)
W = np.arange(1.0, 5.0)
Function = Callable[[Any], Any]


def canonical(function: Any, x: Any = X, derivatives: int = 1) -> Canonical:
    with jax.enable_x64(True):
        closed = jax.make_jaxpr(lambda x: function(x))(x)
        return canonicalise(*lift_constants(closed), derivatives=derivatives)


def run(program: Canonical, values: Any, x: Any = X) -> Any:
    with jax.enable_x64(True):
        return core.jaxpr_as_fun(core.ClosedJaxpr(program.jaxpr, ()))(*values, x)


def check_same(one: Function, other: Function) -> None:
    """Both share a program, which gives the results and derivatives of either, bit by bit."""
    first, second = canonical(one), canonical(other)
    assert first.key == second.key
    assert hash(first.key) == hash(second.key)
    for function, canon in ((one, first), (other, second)):
        with jax.enable_x64(True):
            (expected,) = jax.tree.leaves(eager(function, X))
        for program in (first, second):
            (got,) = run(program, canon.values)
            np.testing.assert_allclose(got, expected, rtol=1e-14)
        np.testing.assert_array_equal(run(first, canon.values), run(second, canon.values))


def eager(function: Function, x: Any) -> Any:
    with jax.disable_jit():
        return function(jnp.asarray(x))


def check_different(one: Function, other: Function, **options: Any) -> None:
    assert canonical(one, **options).key != canonical(other, **options).key


def test_a_gaussian_needs_one_program():
    def gaussian(mu: float, width: float, w: Any) -> Function:
        return lambda x: w * jnp.exp(-0.5 * ((x - mu) / width) ** 2)

    check_same(gaussian(1.5, 3.0, W), gaussian(1.75, 4.0, W + 1))
    program = canonical(gaussian(1.5, 3.0, W))
    assert [type(value) for value in program.values] == [*[np.float64] * 3, np.ndarray]
    assert [float(value) for value in program.values[:3]] == [1.5, 3.0, -0.5]
    assert not program.jaxpr.constvars


def test_each_lifted_number_is_an_input_of_its_own():
    check_same(lambda x: (x + 1.5) * 1.5, lambda x: (x + 1.5) * 1.75)
    check_different(lambda x: x * 1.5 + 1.5, lambda x: (c := jnp.exp(x * 1.5), c + x)[1])


@pytest.mark.parametrize("kept", [0.0, -0.0, 1.0, -1.0, 2.0, 0.5, -0.5])
def test_exponents_that_simplify_stay(kept: float):
    assert canonical(lambda x: jnp.power(x, kept)).values == ()
    check_different(lambda x: jnp.power(x, kept), lambda x: jnp.power(x, 2.5))
    check_same(lambda x: x + kept, lambda x: x + 2.5)
    check_same(lambda x: jnp.power(x, 1.5), lambda x: jnp.power(x, 2.5))


def test_numbers_keep_their_precision_and_their_bits():
    x = X.astype(np.float32)
    program = canonical(lambda x: x * np.float32(0.1) + np.nan, x)
    assert [(value.dtype.name, value.tobytes()) for value in program.values] == [
        ("float32", np.float32(0.1).tobytes()),
        ("float32", np.float32(np.nan).tobytes()),
    ]
    check_different(lambda x: x * 1.5, lambda x: x * 1.5j)
    check_different(lambda x: x * 1.5j, lambda x: x * 2.5j)
    check_same(lambda x: x * 0.0, lambda x: x * -0.0)
    check_different(lambda x: x + 3, lambda x: jnp.float32(3) + x.astype(int))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda x: x + 1.5, lambda x: x - 1.5),
        (lambda x: 1.5 - x, lambda x: x - 1.5),
        (lambda x: x**2, lambda x: x**3),
        (lambda x: x[0] + x, lambda x: x[1] + x),
        (lambda x: x[::2], lambda x: x[:2]),
        (lambda x: jnp.sin(x) + jnp.cos(x), lambda x: jnp.sin(x) + jnp.sin(x)),
        (lambda x: (x, x + 1), lambda x: (x + 1, x)),
        (lambda x: x.sum(), lambda x: x.sum(keepdims=True)),
        (lambda x: W * x, lambda x: W[:1] * x),
        (lambda x: W * x, lambda x: W.astype(np.float32) * x),
        (lambda x: x + jnp.array([1, 2, 3, 4]), lambda x: x + 2.5),
        (lambda x: jax.lax.fori_loop(0, 3, lambda i, s: s + x, x), lambda x: 4 * x),
        (
            lambda x: jax.lax.fori_loop(0, 3, lambda i, s: s + x, x),
            lambda x: jax.lax.fori_loop(0, 4, lambda i, s: s + x, x),
        ),
        (
            lambda x: jax.lax.fori_loop(0, 3, lambda i, s: s + x, x),
            lambda x: jax.lax.fori_loop(0, 3, lambda i, s: s - x, x),
        ),
        (
            lambda x: jax.lax.cond(x[0] > 0, jnp.sin, jnp.cos, x),
            lambda x: jax.lax.cond(x[0] > 0, jnp.cos, jnp.sin, x),
        ),
        (lambda x: x * W[0] + W, lambda x: x * W + W),
    ],
)
def test_other_computations_have_other_keys(one: Function, other: Function):
    check_different(one, other)


def test_other_inputs_have_other_keys():
    def twice(x: Any) -> Any:
        return 2.5 * x

    keys = [canonical(twice, x).key for x in (X, X[:3], X.astype(np.float32), np.arange(4), 1.5)]
    assert len(set(keys)) == len(keys)
    with jax.enable_x64(True):
        scaled = jax.make_jaxpr(lambda c, x: c * x)(np.float64(2.5), X)
        (jaxpr, constants) = lift_constants(scaled)
    assert canonicalise(jaxpr, constants).key != canonical(twice).key


def test_names_of_jitted_functions_do_not_count():
    def named(function: Function) -> Function:
        return jax.jit(function)

    check_same(lambda x: named(lambda y: y * 1.5)(x) + 1, lambda z: z * 2.5 + 1)
    check_same(
        lambda x: named(lambda y: named(jnp.sin)(y) * W)(x), lambda z: named(jnp.sin)(z) * (W + 1)
    )
    shared = named(lambda y: y * 1.5)
    check_same(lambda x: shared(shared(x)), lambda x: x * 2.5 * 3.5)


def loops(c: float) -> list[Function]:
    def until(x: Any) -> Any:
        return jax.lax.while_loop(lambda s: s[0] < 7 * c, lambda s: s + x * c, x)

    def chosen(x: Any) -> Any:
        branches = [lambda x: x * c, lambda x: x * W + 2 * c * 3.5, lambda x: -x]
        return jax.lax.switch(x.astype(int)[1], branches, x)

    def nested(x: Any) -> Any:
        def step(s: Any, t: Any) -> Any:
            s = jax.lax.fori_loop(0, 2, lambda i, r: r * c + t, s)
            return s, jax.lax.cond(s > c, lambda s: s * c, lambda s: s + W.sum(), s)

        return jax.lax.scan(step, 1.25 * c, x)[1]

    def mapped(x: Any) -> Any:
        return jax.lax.map(lambda t: t * c + W[0], x) + jnp.cumsum(x)

    def backwards(x: Any) -> Any:
        return jax.lax.scan(lambda s, t: (s + t * c, s), 0.0, x, reverse=True, unroll=2)[1]

    def weak(x: Any) -> Any:
        return jax.lax.fori_loop(0, 3, lambda i, s: s * 1.25, c) * x

    return [until, chosen, nested, mapped, backwards, weak]


@pytest.mark.parametrize("which", range(6))
def test_numbers_in_loops_are_lifted(which: int):
    check_same(loops(1.5)[which], loops(1.75)[which])


@pytest.mark.parametrize("which", range(6))
def test_loops_can_be_differentiated_and_batched(which: int):
    one = canonical(loops(1.5)[which])
    other = canonical(loops(1.75)[which])
    with jax.enable_x64(True):
        rows = np.stack([X, X + 0.125])
        program = core.jaxpr_as_fun(core.ClosedJaxpr(one.jaxpr, ()))
        for transform in (jax.jacfwd, lambda f: lambda x: jax.vmap(f)(np.stack([x, rows[1]]))):
            got = transform(lambda x: program(*other.values, x)[0])(X)
            np.testing.assert_allclose(got, transform(loops(1.75)[which])(X), rtol=1e-13)


LIBRARY: list[Function] = [
    jax.nn.relu,
    jnp.sinc,
    jax.nn.logsumexp,
    jax.nn.softplus,
    jax.nn.silu,
    jax.scipy.special.erf,
    jax.scipy.special.gammaln,
    lambda x: jax.scipy.special.xlogy(x, x),
    lambda x: x[np.array([1, 0])],
    lambda x: jnp.piecewise(x, [x < 1], [jnp.sin, jnp.cos]),
    jnp.sort,
    jnp.cumsum,
    jnp.cumprod,
    lambda x: jnp.abs(jnp.fft.fft(x)),
    jnp.std,
    jnp.median,
    jnp.linalg.norm,
    partial(jnp.linalg.solve, np.eye(4) + np.ones((4, 4))),
    partial(jnp.polyval, np.array([1.0, 2.0, 3.0])),
    partial(jnp.interp, xp=W, fp=W**2),
    partial(jnp.convolve, W),
    lambda x: x.at[1].set(3.5).at[2].add(x[0]),
    lambda x: jnp.where(x > 1.5, jnp.log1p(x), jax.lax.erf_inv(x / 3.5)),
    lambda x: jax.checkpoint(lambda x: jnp.sin(2.5 * x))(x),
    lambda x: jax.vmap(lambda t: jnp.dot(W, t * W))(x),
    lambda x: jax.grad(lambda x: (jnp.sin(x) ** 2).sum())(x),
    lambda x: jnp.einsum("i,ij->j", x, np.ones((4, 3))),
    lambda x: jax.scipy.integrate.trapezoid(x, W),
]


@pytest.mark.parametrize("which", range(len(LIBRARY)))
def test_functions_of_jax_have_one_key_at_every_trace(which: int):
    function = LIBRARY[which]
    check_same(lambda x: function(x) + 1.5, lambda x: function(x) + 2.5)


def twice(x: Any) -> Any:
    return 2.5 * x


def with_rule(rule: Callable[[Any, Any], Any], function: Function = twice, **how: Any) -> Function:
    own = jax.custom_jvp(function)
    own.defjvp(lambda p, t: (function(*p), rule(p[0], t[0])), **how)
    return lambda x: own(x) + 1


def test_rules_are_told_apart_by_what_they_compute():
    check_same(with_rule(lambda x, t: x * t), with_rule(lambda y, dy: y * dy))
    check_different(with_rule(lambda x, t: x * t), with_rule(lambda x, t: 2 * x * t))
    check_different(with_rule(lambda x, t: 1.5 * t), with_rule(lambda x, t: 1.75 * t))
    check_different(with_rule(lambda x, t: W * t), with_rule(lambda x, t: (W + 1) * t))
    check_different(with_rule(lambda x, t: t), twice)
    check_different(with_rule(lambda x, t: t, jnp.sin), with_rule(lambda x, t: t, jnp.cos))


def test_as_many_rules_count_as_there_are_derivatives():
    def rule(c: float) -> Function:
        inner = with_rule(lambda x, t: c * t)
        return with_rule(lambda x, t: inner(x) * t)

    for derivatives, same in ((0, True), (1, True), (2, False), (3, False)):
        keys = [canonical(rule(c), derivatives=derivatives).key for c in (1.5, 1.75)]
        assert (keys[0] == keys[1]) is same
    check_different(with_rule(lambda x, t: t), with_rule(lambda x, t: 2 * t))


def test_rules_inside_loops_count():
    def loop(c: float) -> Function:
        own = with_rule(lambda x, t: c * t)
        return lambda x: jax.lax.fori_loop(0, 3, lambda i, s: own(s), x)

    check_different(loop(1.5), loop(1.75))
    assert canonical(loop(1.5)).key == canonical(loop(1.5)).key


def test_rules_take_integers_too():
    @jax.custom_jvp
    def power(x: Any, n: Any) -> Any:
        return x**n

    power.defjvp(lambda p, t: (power(*p), p[1] * p[0] ** (p[1] - 1) * t[0]))
    check_same(lambda x: power(x, 3) * 1.5, lambda x: power(x, 3) * 1.75)
    check_different(lambda x: power(x, 3) * 1.5, lambda x: power(x, 4) * 1.5)


def test_what_cannot_be_compared_is_like_nothing_else():
    def rule(own: Any, primals: Any, tangents: Any) -> Any:
        return own(*primals), tangents[0]

    symbolic = jax.custom_jvp(twice)
    symbolic.defjvp(partial(rule, symbolic), symbolic_zeros=True)
    check_different(symbolic, symbolic)

    reverse = jax.custom_vjp(twice)
    reverse.defvjp(lambda x: (twice(x), x), lambda x, t: (t,))
    check_different(reverse, reverse)
    assert canonical(reverse, derivatives=0).key == canonical(reverse, derivatives=0).key

    batched = jax.custom_batching.custom_vmap(twice)
    batched.def_vmap(lambda size, which, x: (x, which[0]))
    check_different(batched, batched)


def test_a_reduction_by_a_function_of_ones_own_is_like_no_other():
    def product(x: Any) -> Any:
        return jax.lax.reduce(x, np.float64(1), lambda a, b: a * b, (0,))

    check_different(product, product)


def called(function: Any) -> Function:
    return lambda x: jax.pure_callback(function, jax.ShapeDtypeStruct(X.shape, X.dtype), x)


def test_a_callback_is_like_no_other():
    check_different(called(np.sin), called(np.cos))


def test_constants_are_private_copies():
    w, c, one = W.copy(), np.array(2.5), np.array(1.0)

    def function(x: Any) -> Any:
        return x * w * c + one * jax.jit(lambda y: y + w)(x)

    program = canonical(function)
    before = run(program, program.values)
    w += 1
    c += 1
    one += 1
    np.testing.assert_array_equal(run(program, program.values), before)
    assert all(type(value) in (np.ndarray, np.float64) for value in program.values)


def test_a_traced_constant_passes():
    def outer(c: Any) -> Any:
        closed = jax.make_jaxpr(lambda x: c * x + W)(X)
        program = canonicalise(*lift_constants(closed))
        return core.jaxpr_as_fun(core.ClosedJaxpr(program.jaxpr, ()))(*program.values, X)[0]

    with jax.enable_x64(True):
        np.testing.assert_allclose(jax.jit(outer)(3.0), 3 * X + W)


BINARY = [operator.add, operator.sub, operator.mul, jnp.maximum, jnp.arctan2]
UNARY = [jnp.sin, jnp.tanh, operator.neg, jnp.square, jax.nn.relu, lambda x: x**3]
Tree = Any


def trees(numbers: st.SearchStrategy[float]) -> st.SearchStrategy[Tree]:
    """Expressions: "x", a number, an array, (unary, tree), (binary, tree, tree)."""
    leaves = st.just("x") | numbers | st.lists(numbers, min_size=4, max_size=4).map(tuple)
    return st.recursive(
        leaves,
        lambda inner: (
            st.tuples(st.sampled_from(range(len(UNARY))), inner)
            | st.tuples(st.sampled_from(range(len(BINARY))), inner, inner)
        ),
        max_leaves=6,
    )


def function_of(tree: Tree) -> Function:
    def value(tree: Tree, x: Any) -> Any:
        if tree == "x":
            return x
        if not isinstance(tree, tuple):
            return tree
        if len(tree) == 4:
            return np.array(tree)
        if len(tree) == 2:
            return UNARY[tree[0]](value(tree[1], x))
        return BINARY[tree[0]](value(tree[1], x), value(tree[2], x))

    return lambda x: x + value(tree, x)


def renumbered(tree: Tree, numbers: Any) -> Tree:
    """Return the tree with other numbers in it."""
    if tree == "x":
        return tree
    if not isinstance(tree, tuple):
        return next(numbers)
    if len(tree) == 4:
        return tuple(next(numbers) for _ in tree)
    return (tree[0], *(renumbered(part, numbers) for part in tree[1:]))


NUMBERS = st.sampled_from([0.0, -0.0, 1.0, 2.0, -0.5, 1.5, 2.5, -3.25, np.inf, np.nan, 1e300])


def run_bits(program: Canonical, values: Any) -> bytes:
    with np.errstate(all="ignore"):
        return np.asarray(run(program, values)[0]).tobytes()


@settings(max_examples=100, deadline=None, database=None)
@given(trees(NUMBERS), st.lists(NUMBERS, min_size=24, max_size=24), st.data())
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_equal_keys_mean_that_programs_can_be_exchanged(tree: Tree, numbers: Any, data: Any):
    one = canonical(function_of(tree))
    assert one.key == canonical(function_of(tree)).key
    another = data.draw(st.just(renumbered(tree, iter(numbers))) | trees(NUMBERS))
    other = canonical(function_of(another))
    if one.key == other.key:
        assert run_bits(one, other.values) == run_bits(other, other.values)
        assert run_bits(other, one.values) == run_bits(one, one.values)


@settings(max_examples=40, deadline=None, database=None)
@given(trees(st.just(1.5)), st.lists(st.floats(3, 9), min_size=24, max_size=24))
def test_other_numbers_need_no_other_program(tree: Tree, numbers: Any):
    def moved(tree: Tree, numbers: Any) -> Tree:
        return function_of(renumbered(tree, iter(numbers)))

    # What the host computes from numbers alone could become one of those that stay.
    if not on_the_host(tree):
        check = [canonical(moved(tree, n)).key for n in (numbers, numbers[::-1])]
        assert check[0] == check[1]


def on_the_host(tree: Tree) -> bool:
    """Return whether an operation in the tree has no x below it."""
    if not isinstance(tree, tuple) or len(tree) == 4:
        return False
    has_x = reduce(operator.or_, [contains_x(part) for part in tree[1:]])
    return not has_x or any(map(on_the_host, tree[1:]))


def contains_x(tree: Tree) -> bool:
    if isinstance(tree, tuple) and len(tree) != 4:
        return any(map(contains_x, tree[1:]))
    return tree == "x"
