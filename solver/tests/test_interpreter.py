"""The interpreter as a whole: jaxprs within jaxprs, two parts, and what it does not know."""

import sys
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.extend.core import Primitive, primitives
from trustfit._interpreter import RULES, Interpreted, missing
from trustfit._interpreter_nested import NESTED
from trustfit._interpreter_values import Unsupported

from .interpreter_checks import assert_as_jax, assert_equal

X = np.linspace(0.5, 2.0, 6)

WITHOUT_A_RULE = {
    "devices, sharding and collectives": {
        *("after_all", "all_gather", "all_to_all", "axis_index", "create_token", "device_put"),
        *("pmax", "pmin", "ppermute", "psum", "ragged_all_to_all", "sharding_constraint"),
    },
    "random numbers": {
        *("random_bits", "random_fold_in", "random_gamma", "random_seed", "random_split"),
        *("rng_bit_generator", "rng_uniform", "threefry2x32"),
    },
    "windows": {
        *("reduce_window", "reduce_window_max", "reduce_window_min", "reduce_window_sum"),
        *("select_and_gather_add", "select_and_scatter", "select_and_scatter_add", "reduce"),
    },
    "rare algebra": {
        *("eig", "hessenberg", "householder_product", "schur", "tridiagonal"),
        "tridiagonal_solve",
    },
    "references": {"get", "swap"},
    "others": {
        *("approx_top_k", "clz", "custom_lin", "igamma_grad_a"),
    },
}


def test_coverage_of_the_operations_of_jax():
    every = {one.name for one in vars(primitives).values() if isinstance(one, Primitive)}
    assert len(every) > 150
    without = every - {*RULES, *NESTED}
    print(f"{len(every - without)} of {len(every)} operations have a rule. Without one:")
    for kind, names in WITHOUT_A_RULE.items():
        print(f"  {kind}: {', '.join(sorted(names & without))}")
    assert without == every & set().union(*WITHOUT_A_RULE.values())


def _loops(x: Any) -> Any:
    total, running = lax.scan(lambda c, y: (c + y, (c, 2 * y)), 0.0, x)
    _, back = lax.scan(lambda c, y: (c * y, c), 1.0, x, reverse=True)
    doubled = lax.while_loop(lambda c: c[0] < 30, lambda c: (c[0] * 2, c[1] + 1), (x[0], 0))
    return total, running, back, doubled, lax.fori_loop(0, 4, lambda i, c: c + x[i], 0.0)


def _choices(x: Any) -> Any:
    one = lax.cond(x[0] > 0, jnp.sin, jnp.cos, x)
    others = [
        lax.switch(i, [jnp.sin, jnp.cos, lambda x: x + 1], x) for i in (jnp.int32(-4), jnp.int32(7))
    ]
    return one, others, lax.cond(x[0] > 9, lambda: x, lambda: -x)


@jax.custom_jvp
def _own(x: Any) -> Any:
    return x**2


_own.defjvp(lambda primals, tangents: (_own(*primals), 3 * tangents[0]))


@jax.custom_vjp
def _own_backwards(x: Any) -> Any:
    return x**2


_own_backwards.defvjp(lambda x: (x**2, x), lambda x, ct: (5 * ct,))

MODELS: dict[str, Callable[..., Any]] = {
    "loops": _loops,
    "choices": _choices,
    "jitted": jax.jit(lambda x: jnp.where(x > 1, jnp.exp(x), x)),
    "derivative of its own": lambda x: (_own(x), jax.vmap(jax.grad(_own))(x)),
    "the same, backwards": lambda x: (_own_backwards(x), jax.vmap(jax.grad(_own_backwards))(x)),
    "checkpoint": jax.checkpoint(lambda x: jnp.sin(jnp.exp(x))),
    "gradient of a loop": jax.grad(lambda x: _loops(x)[0] + _loops(x)[1][1].sum()),
    "Jacobian of a loop": jax.jacfwd(lambda x: _loops(x)[2]),
    "solve": lambda x: jnp.linalg.solve(jnp.outer(x, x) + jnp.eye(6), x),
    "Jacobian of a solve": jax.jacfwd(lambda x: jnp.linalg.solve(jnp.outer(x, x) + jnp.eye(6), x)),
    "interpolation": lambda x: jnp.interp(
        x, jnp.array([0.0, 1.0, 5.0]), jnp.array([0.0, 1.0, 2.0])
    ),
    "softplus": lambda x: (jax.nn.softplus(x - 1), jax.jacfwd(jax.nn.softplus)(x)),
    "relu": jax.jacfwd(lambda x: jax.nn.relu(x - 1)),
    "spline": jax.jacfwd(lambda x: jnp.piecewise(x, [x < 1, x < 1.5], [0.0, jnp.sin, jnp.cos])),
    "exponential of a matrix": lambda x: jax.scipy.linalg.expm(jnp.outer(x, x) / 9),
    "closed over": lambda x: x * jnp.asarray(np.arange(6)) + jnp.asarray([1.5, 2, 3, 4, 5, 6]),
    "nothing of x": lambda x: jnp.zeros(3),
    "itself": lambda x: (x, x),
}


@pytest.mark.parametrize("name", MODELS)
def test_models(name: str):
    assert_as_jax(MODELS[name], X, rtol=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_other_precisions(dtype: Any):
    assert_as_jax(lambda x: (x * 2 + 1, x / 3, jnp.exp(x), x // 2, x % 2), X.astype(dtype))


def test_the_second_part_goes_on_where_the_first_one_ended():
    def both(x: Any) -> Any:
        f = jnp.exp(x) * 2
        return f, jnp.sin(f) + x, x * 3

    with jax.enable_x64(True):
        traced = jax.make_jaxpr(both)(X)
        expected = both(X)
    calls: list[str] = []
    program = Interpreted(traced, first=1)
    program = _counted(program, calls)
    (first,), rest = program.begin(X)
    assert_equal(first, expected[0])
    assert len(calls) == 2
    second = rest()
    assert len(calls) == 5
    for one, other in zip(second, expected[1:], strict=True):
        assert_equal(one, other)


def _counted(program: Interpreted, calls: list[str]) -> Interpreted:
    """Note each operation that a program carries out."""

    def noting(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*operands: Any) -> Any:
            calls.append(repr(function))
            return function(*operands)

        return call

    for part in (program._first, program._rest):  # pyright: ignore[reportPrivateUsage]
        part[:] = [one._replace(function=noting(one.function)) for one in part]
    return program


def test_what_has_no_rule_is_named_before_anything_is_evaluated():
    def model(x: Any) -> Any:
        noise = jax.random.normal(jax.random.key(0), x.shape)
        return lax.cond(x[0] > 0, lambda: jnp.linalg.eig(x[:, None] * x)[0].real, lambda: x) + noise

    with jax.enable_x64(True):
        traced = jax.make_jaxpr(model)(X)
    names = missing(traced)
    assert "eig" in names
    assert any("key" in name for name in names)
    with pytest.raises(Unsupported):
        Interpreted(traced)


def test_effects_and_small_floats_have_no_rule():
    def printing(x: Any) -> Any:
        jax.debug.print("{}", x)
        return x.astype(jnp.bfloat16).astype(x.dtype) + x.astype(np.float16)

    with jax.enable_x64(True):
        names = missing(jax.make_jaxpr(printing)(X))
    assert any("bfloat16" in name for name in names)
    assert any("float16" in name for name in names)
    assert any("debug" in name for name in names)


def test_special_functions_need_scipy(monkeypatch: pytest.MonkeyPatch):
    with jax.enable_x64(True):
        traced = jax.make_jaxpr(jax.scipy.special.erf)(X)
    assert not missing(traced)
    monkeypatch.setattr("trustfit._interpreter_special.find_spec", lambda name: None)
    assert missing(traced) == {"erf (without SciPy)"}
    assert "scipy" in sys.modules
