"""Fingerprints: what tells functions apart, and which functions have none."""

import functools
import random
import types
from types import FunctionType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.numpy import exp as imported_exp
from trustfit._identity import Fingerprint, fingerprint

from .variations import with_constant
from .variations_of_globals import helper
from .variations_of_objects import Scaled

OFFSET: Any = 1.5
"""Read by name alone."""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (1, True),
        (0.0, -0.0),
        (1.0, np.float64(1)),
        (np.float32(1), np.float64(1)),
        (np.int32(1), np.int64(1)),
        ((1,), (1.0,)),
        ("a", b"a"),
        (0j, -0j),
        (np.dtype("f8"), np.float64),
        (np.ones(2), jnp.ones(2)),
        (np.ones(2), np.ones(2, "f4")),
        (np.ones(2), np.ones(2, ">f8")),
        (np.ones(2), np.ones((2, 1))),
        (np.ones((4, 4)), np.ones((4, 4)).T[::1]),
        (jnp.asarray(1.0), jnp.asarray(1.0, jnp.float32)),
        (jnp.sin, jnp.cos),
        (np, jnp),
    ],
)
def test_values_of_other_types_are_other_functions(one: Any, other: Any):
    def of(value: Any) -> Fingerprint:
        found = fingerprint(with_constant(value))
        assert found is not None
        return found

    assert of(one).key == of(one).key
    assert of(one).key != of(other).key


@pytest.mark.parametrize(
    "value",
    [
        *([1], {"a": 1}, {1}, object(), Scaled(1), Scaled, Scaled(1).method, np.poly1d([1, 2])),
        *(random, types, np.random, np.random.rand, np.datetime64, np.datetime64("2020"), iter(())),
        *(
            np.ma.ones(2),
            np.recarray(1, [("a", float)]),
            np.array(["a"]),
            np.array([None]),
            jax.random.key(0),
        ),
        *(functools.partial(helper, [1]), jax.jit(Scaled(1)), jax.custom_jvp(helper), print, abs),
        *((1, [2]), jax.random.key(0), jnp.ones(2, jnp.bfloat16)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_can_change_has_no_fingerprint(value: Any):
    assert fingerprint(with_constant(value)) is None


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x + eval("OFFSET"),
        lambda x: x + globals()["OFFSET"],
        lambda x: x + jnp.__dict__["pi"],
        lambda x: (lambda b: b.__class__)(x),
        lambda x: x + np.fromregex("file", "x", float),
        lambda x: x + np.random.rand(),
        lambda x: x + np.datetime64("now").astype(float),
        lambda x: x + np.lib.npyio.DataSource().open("file").read(),
        lambda x: x + np.empty(4),
        lambda x: x * UNKNOWN,  # noqa: F821  # pyright: ignore
    ],
)
def test_code_that_leads_elsewhere_has_no_fingerprint(function: Any):
    assert fingerprint(function) is None


def test_what_models_usually_read_has_a_fingerprint():
    for value in (jnp, imported_exp, (1, "a", None, np.float32(2)), np.ones(2)):
        assert fingerprint(with_constant(value)) is not None
    assert fingerprint(lambda x: imported_exp(x) + jax.lax.abs(x)) is not None


def test_an_array_that_is_traced_has_no_fingerprint():
    def found(c: Any) -> Any:
        assert fingerprint(with_constant(c)) is None
        return c

    jax.jit(found)(1.0)


def test_a_function_with_other_builtins_has_no_fingerprint():
    code = (lambda x: max(x, 2)).__code__
    assert fingerprint(FunctionType(code, {})) is not None
    assert fingerprint(FunctionType(code, {"__builtins__": {"max": min}})) is None


def test_attributes_of_partials_and_jitted_functions_leave_none():
    for function in (functools.partial(helper), jax.jit(lambda x: x * 2)):
        assert fingerprint(function) is not None
        function.c = 1.5  # pyright: ignore
        assert fingerprint(function) is None
