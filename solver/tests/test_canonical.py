"""The structural key: equal ones mean the same computation, and renumbered constants keep it."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend import core
from trustfit._canonical import canonicalise, lift_constants

from .canonical_programs import Function, W, X, canonical, check_different, check_same, run


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
