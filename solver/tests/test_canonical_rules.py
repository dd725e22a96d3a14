"""The structural key of functions with rules of their own for derivatives and batches."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from .canonical_programs import Function, W, canonical, check_different, check_same


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
