"""Variations of functions: none gives a stale answer, and few need a program of their own."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend import core
from trustfit._canonical import Canonical, canonicalise, lift_constants
from trustfit._identity import Fingerprint, fingerprint
from trustfit._snapshot import remember, unchanged

from . import (
    variations_of_arrays,
    variations_of_callables,
    variations_of_globals,
    variations_of_objects,
    variations_of_values,
)
from .variations import Variation

VARIATIONS = [
    *variations_of_values.VARIATIONS,
    *variations_of_arrays.VARIATIONS,
    *variations_of_globals.VARIATIONS,
    *variations_of_callables.VARIATIONS,
    *variations_of_objects.VARIATIONS,
]


X = np.linspace(0.25, 1.75, 4)
JITTED: Any = type(jax.jit(lambda: None))
NAMES = [v.name for v in VARIATIONS]


def canonical(function: Any) -> Canonical:
    # A jitted function may hold a stale trace.
    inner = function.__wrapped__ if type(function) is JITTED else function
    # `make_jaxpr` remembers what it has traced by the identity of the function.
    return canonicalise(*lift_constants(jax.make_jaxpr(lambda x: inner(x))(X)))


def run(program: Canonical, values: Any) -> list[bytes]:
    """Return results and their derivatives, bit by bit."""
    function = core.jaxpr_as_fun(core.ClosedJaxpr(program.jaxpr, ()))
    (f,), (df,) = jax.jvp(lambda x: function(*values, x), (X,), (np.ones_like(X),))
    return [np.asarray(f).tobytes(), np.asarray(df).tobytes()]


def bits(values: Any) -> list[tuple[Any, bytes]]:
    return [(np.asarray(value).dtype, np.asarray(value).tobytes()) for value in values]


def told(before: Fingerprint | None, snapshot: Any, after: Fingerprint | None) -> str:
    if before is None or after is None:
        return "opaque"
    return "same" if before.key == after.key and unchanged(snapshot, after.arrays) else "other"


@pytest.mark.filterwarnings("ignore:Casting complex values")
@pytest.mark.parametrize("case", VARIATIONS, ids=NAMES)
def test_no_variation_gives_a_stale_answer_and_few_a_new_program(case: Variation):
    with jax.enable_x64(True):
        steps = case.steps()
        function = next(steps)
        before = fingerprint(function)
        snapshot = None if before is None else remember(before.arrays)
        first = canonical(function)
        assert told(before, snapshot, fingerprint(function)) in ("same", "opaque")
        function = next(steps)
        after = fingerprint(function)
        second = canonical(function)
        seen = told(before, snapshot, after)
        own = run(second, second.values)
        with jax.disable_jit():
            direct = np.asarray(jnp.broadcast_to(function(X), X.shape))
        if case.name not in (
            "time_read",
            "chance",
            "counter",
            "global_of_a_body_that_jax_remembers",
        ):
            got = np.frombuffer(own[0], direct.dtype)
            np.testing.assert_allclose(got, direct, rtol=1e-15 if got.itemsize > 4 else 1e-6)
        if seen == "same":
            assert first.key == second.key
            assert bits(first.values) == bits(second.values)
        if first.key == second.key:
            assert hash(first.key) == hash(second.key)
            assert run(first, second.values) == own
        assert (seen, 1 if first.key == second.key else 2) == (case.seen, case.programs)
        steps.close()


def test_there_are_variations_enough_and_each_once():
    assert len(NAMES) == len(set(NAMES)) >= 47
