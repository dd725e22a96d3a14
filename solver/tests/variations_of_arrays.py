"""Variations of arrays: changed in place, read by the host, or of a kind that hides changes."""

import functools
from typing import Any

import numpy as np

from .variations import Function, Steps, Variation, register, with_constant

VARIATIONS: list[Variation] = []
variation = functools.partial(register, VARIATIONS)


def changing(array: Any) -> Steps:
    def function(x: Any) -> Any:
        return array * x

    yield function
    array += 0.5
    yield function


@variation("other")
def array_changed_in_place() -> Steps:
    return changing(np.arange(4.0))


@variation("other")
def view_changed_in_place() -> Steps:
    return changing(np.arange(8.0)[::2])


@variation("other")
def scalar_array_changed_in_place() -> Steps:
    scale = np.array(2.5)
    function = with_constant(scale)
    yield function
    scale[()] = 2.75
    yield function


@variation("other", 1)
def number_changed_in_place() -> Steps:
    scale = np.array(1.0)
    function = with_constant(scale)
    yield function
    scale[()] = 3.5
    yield function


@variation("other")
def array_read_by_the_host_too() -> Steps:
    w = np.arange(4.0)

    def function(x: Any) -> Any:
        return w * x + np.sum(w)

    yield function
    w[2] = 7.5
    yield function


@variation("other")
def array_read_by_the_host_alone() -> Steps:
    w = np.arange(1.0, 5.0)

    def function(x: Any) -> Any:
        return x * float(np.prod(w))

    yield function
    w[2] = 7.5
    yield function


@variation("other", 2)
def one_array_for_two() -> Steps:
    def product(a: Any, b: Any) -> Function:
        return lambda x: x * a if a is b else x * a * b

    w = np.ones(4)
    yield product(w, w)
    yield product(w, w.copy())


@variation("other", 2)
def branch_on_an_array() -> Steps:
    w = np.arange(4.0)

    def function(x: Any) -> Any:
        return x + w if w[0] > 0 else x - w

    yield function
    w[0] = 1
    yield function


@variation("opaque")
def masked_array() -> Steps:
    w = np.ma.array([1.5, 2.5])
    yield lambda x: x * float(w.sum())
    w.mask = [True, False]
    yield lambda x: x * float(w.sum())


@variation("opaque")
def array_seen_through_its_base() -> Steps:
    large = np.arange(4.0)
    small = large[:2]
    yield lambda x: x * small.base
    large[3] = 9
    yield lambda x: x * small.base


@variation("opaque")
def array_of_objects() -> Steps:
    w = np.array([1.5], object)
    yield lambda x: x * w[0]
    w[0] = 2.5
    yield lambda x: x * w[0]
