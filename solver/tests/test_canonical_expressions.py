"""The structural key of expressions at random: those with equal keys can exchange programs."""

import operator
from functools import reduce
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trustfit._canonical import Canonical

from .canonical_programs import Function, canonical, run


def cube(x: Any) -> Any:
    """Return the third power, of a number of Python's too, which would raise where it overflows."""
    return float(np.power(x, 3)) if isinstance(x, float) else x**3


BINARY = [operator.add, operator.sub, operator.mul, jnp.maximum, jnp.arctan2]
UNARY = [jnp.sin, jnp.tanh, operator.neg, jnp.square, jax.nn.relu, cube]
Tree = Any
NUMBERS = st.sampled_from([0.0, -0.0, 1.0, 2.0, -0.5, 1.5, 2.5, -3.25, np.inf, np.nan, 1e300])


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
