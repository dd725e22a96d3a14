"""Variations of objects that hold anything, and of what no fingerprint covers: time and chance."""

import functools
import random
import time
from typing import Any

import numpy as np

from .variations import Steps, Variation, register

VARIATIONS: list[Variation] = []
variation = functools.partial(register, VARIATIONS)


class Scaled:
    def __init__(self, scale: Any) -> None:
        self.scale = scale

    def method(self, x: Any) -> Any:
        return x * self.scale

    def __call__(self, x: Any) -> Any:
        return x / self.scale


def rescaling(scaled: Scaled, function: Any) -> Steps:
    yield function
    scaled.scale = 2.5
    yield function


@variation("opaque")
def bound_method() -> Steps:
    scaled = Scaled(1.5)
    return rescaling(scaled, scaled.method)


@variation("opaque")
def callable_object() -> Steps:
    scaled = Scaled(1.5)
    return rescaling(scaled, scaled)


@variation("opaque")
def object_read() -> Steps:
    scaled = Scaled(1.5)
    return rescaling(scaled, lambda x: x + scaled.scale)


@variation("opaque")
def list_read() -> Steps:
    numbers = [1.5]

    def function(x: Any) -> Any:
        return x * numbers[0]

    yield function
    numbers[0] = 2.5
    yield function


@variation("opaque")
def dict_read() -> Steps:
    numbers = {"c": 1.5}

    def function(x: Any) -> Any:
        return x * numbers["c"]

    yield function
    numbers["c"] = 2.5
    yield function


@variation("opaque")
def attribute_of_the_function() -> Steps:
    def function(x: Any) -> Any:
        return x * function.c  # pyright: ignore

    for c in (1.5, 2.5):
        function.c = c  # pyright: ignore
        yield function


@variation("opaque")
def time_read() -> Steps:
    for _ in range(2):
        yield lambda x: x * time.perf_counter()


@variation("opaque")
def chance() -> Steps:
    for _ in range(2):
        yield lambda x: x * random.random() * np.random.rand()


@variation("opaque")
def import_inside() -> Steps:
    def function(x: Any) -> Any:
        from math import pi

        return x * pi

    yield function
    yield function


@variation("opaque")
def counter() -> Steps:
    count = 0

    def function(x: Any) -> Any:
        nonlocal count
        count += 1
        return x * (count + 0.25)

    yield function
    yield function
