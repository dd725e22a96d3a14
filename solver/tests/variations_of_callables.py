"""Variations of what is called: defaults, partials, jitted functions, rules of one's own."""

import functools
from types import FunctionType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .variations import Steps, Variation, register, with_constant

VARIATIONS: list[Variation] = []
variation = functools.partial(register, VARIATIONS)


def with_default(x: Any, c: Any = 1.5, *, d: Any = 2.5) -> Any:
    return x * c + d


def renewed(defaults: Any = None, kwdefaults: Any = None) -> Any:
    function = FunctionType(with_default.__code__, globals(), argdefs=(1.5,))
    function.__kwdefaults__ = {"d": 2.5}
    yield function
    function.__defaults__ = defaults or function.__defaults__
    function.__kwdefaults__ = kwdefaults or function.__kwdefaults__
    yield function


@variation("other")
def default() -> Steps:
    return renewed(defaults=(1.75,))


@variation("other")
def keyword_default() -> Steps:
    return renewed(kwdefaults={"d": 2.75})


@variation("other")
def code_replaced() -> Steps:
    function: Any = FunctionType((lambda x: 1.5 * x).__code__, globals())
    yield function
    function.__code__ = (lambda x: 2.5 * x).__code__
    yield function


@variation("other")
def partial() -> Steps:
    yield functools.partial(with_default, c=1.5)
    yield functools.partial(with_default, c=1.75)


@variation("same")
def partial_made_again() -> Steps:
    for _ in range(2):
        yield functools.partial(with_default, c=np.arange(4.0))


@variation("other")
def partial_with_an_array_changed() -> Steps:
    c = np.arange(4.0)
    for step in range(2):
        c[0] = step
        yield functools.partial(with_default, c=c)


@variation("other")
def jitted_made_again() -> Steps:
    for _ in range(2):
        yield jax.jit(lambda x: x * 1.5)


@variation("other")
def jitted_helper_made_again() -> Steps:
    for c in (1.5, 2.5):
        inner = jax.jit(with_constant(c))
        yield lambda x, inner=inner: inner(x) + 1.5


def twice(x: Any) -> Any:
    return 2.5 * x


def ruled(*slopes: float) -> Steps:
    for c in slopes:
        own = jax.custom_jvp(twice)
        own.defjvp(lambda p, t, c=c: (twice(*p), c * t[0]))
        yield lambda x, own=own: own(x) + 1


@variation("opaque")
def rule_of_ones_own_made_again() -> Steps:
    return ruled(1.5, 1.5)


@variation("opaque", 2)
def rule_of_ones_own_changed() -> Steps:
    return ruled(1.5, 1.75)


@variation("opaque", 2)
def array_in_a_rule_changed() -> Steps:
    w = np.ones(4)
    own = jax.custom_jvp(twice)
    own.defjvp(lambda p, t: (twice(*p), w * t[0]))
    yield lambda x: own(x) + 1
    w[0] = 5
    yield lambda x: own(x) + 1


@variation("same")
def rule_of_jax() -> Steps:
    for _ in range(2):
        yield lambda x: jax.nn.relu(x - 0.75) + jnp.sinc(x) + jax.nn.logsumexp(x)
