"""Variations of functions: none gives a stale answer, and few need a program of their own.

Each variation yields a function, then the one that a later call would be given: another one, or
the same one after something that it reads has changed.
"""

import functools
import math
import random
import time
import types
from collections.abc import Callable, Generator
from types import FunctionType
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend import core
from jax.numpy import exp as imported_exp
from trustfit._canonical import Canonical, canonicalise, lift_constants
from trustfit._identity import Fingerprint, fingerprint
from trustfit._snapshot import remember, unchanged

X = np.linspace(0.25, 1.75, 4)
JITTED: Any = type(jax.jit(lambda: None))
Function = Callable[[Any], Any]
Steps = Generator[Any, None, None]
OFFSET: Any = 1.5
TABLE: Any = np.arange(4.0)


def helper(x: Any) -> Any:
    return jnp.sin(x) * OFFSET


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


class Variation(NamedTuple):
    name: str
    steps: Callable[[], Steps]
    seen: Literal["same", "other", "opaque"]
    programs: int


VARIATIONS: list[Variation] = []


def variation(
    seen: Literal["same", "other", "opaque"], programs: int = 1
) -> Callable[[Callable[[], Steps]], Callable[[], Steps]]:
    """Register: what the fingerprint says of the second function, and how many programs it takes.

    "same" includes that the arrays are unchanged.
    """

    def register(steps: Callable[[], Steps]) -> Callable[[], Steps]:
        VARIATIONS.append(Variation(steps.__name__, steps, seen, programs))
        return steps

    return register


def with_constant(c: Any) -> Function:
    return lambda x: jnp.exp(-x) * c + 3.25


def constants(
    name: str, one: Any, other: Any, seen: Literal["same", "other", "opaque"], programs: int
) -> None:
    """Register a variation of the value in a closure."""

    def steps() -> Steps:
        yield with_constant(one)
        yield with_constant(other)

    VARIATIONS.append(Variation(f"closure_{name}", steps, seen, programs))


constants("float_kept", 2.5, 2.5, "same", 1)
constants("float", 2.5, 2.75, "other", 1)
constants("float_that_simplifies", 2.5, 1.0, "other", 1)
constants("negative_zero", 0.0, -0.0, "other", 1)
constants("nan_kept", math.nan, float("nan"), "same", 1)
constants("nan_instead", 2.5, math.nan, "other", 1)
constants("infinity_instead", 2.5, math.inf, "other", 1)
constants("int_for_float", 3.0, 3, "other", 1)
constants("bool_for_int", 1, True, "other", 1)
constants("numpy_for_float", 2.5, np.float64(2.5), "other", 1)
constants("single_precision", np.float64(2.5), np.float32(2.5), "other", 1)
constants("numpy_scalar", np.float64(2.5), np.float64(2.75), "other", 1)
constants("complex", 0j, -0j, "other", 2)
constants("array", np.arange(4.0), np.arange(4.0) + 1, "other", 1)
constants("array_equal", np.arange(4.0), np.arange(4.0), "same", 1)
constants("array_of_another_shape", np.arange(4.0), np.ones(1), "other", 2)
constants("array_of_another_type", np.ones(4), np.ones(4, np.float32), "other", 2)
constants("array_of_integers", np.arange(4), np.arange(4) + 1, "other", 1)
constants("array_with_negative_zeros", np.zeros(4), -np.zeros(4), "other", 1)
constants("array_with_nan", np.full(4, np.nan), np.full(4, np.nan), "same", 1)
constants("array_of_jax", jnp.arange(4.0), jnp.arange(4.0) + 1, "other", 1)
constants("array_of_jax_for_numpy", np.ones(4), jnp.ones(4), "other", 2)
constants("array_backwards", np.arange(8.0)[::2], np.arange(6.0, -1, -2), "other", 1)
constants("array_with_no_dimensions", np.array(2.5), np.array(2.75), "other", 1)


@variation("same")
def a_new_lambda() -> Steps:
    for _ in range(2):
        yield lambda x: jnp.exp(-1.5 * x)


@variation("other", 2)
def other_code() -> Steps:
    yield lambda x: jnp.exp(-x)
    yield lambda x: jnp.exp(x)


@variation("other")
def literal_in_code() -> Steps:
    yield lambda x: 1.5 * x
    yield lambda x: 1.75 * x


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


@variation("other", 2)
def exponent_that_simplifies() -> Steps:
    for exponent in (2.5, 2.0):
        yield lambda x, exponent=exponent: jnp.power(x, exponent)


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


@variation("other")
def closure_cell_set_anew() -> Steps:
    c = 1.5

    def function(x: Any) -> Any:
        return x * c

    yield function
    c = 2.5
    yield function


def rebinding(name: str, value: Any, function: Any) -> Steps:
    yield function
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(globals(), name, value)
        yield function


@variation("other")
def global_number() -> Steps:
    return rebinding("OFFSET", 2.5, lambda x: x * OFFSET)


@variation("other")
def global_array() -> Steps:
    return rebinding("TABLE", np.ones(4), lambda x: x * TABLE)


@variation("other")
def global_array_changed_in_place() -> Steps:
    def function(x: Any) -> Any:
        return x + TABLE

    yield function
    TABLE[1] += 1
    yield function


@variation("other", 2)
def global_function() -> Steps:
    return rebinding("helper", jnp.cos, lambda x: helper(x) + x)


@variation("other", 2)
def global_module() -> Steps:
    return rebinding("jnp", np, lambda x: x * jnp.zeros(3).sum())


@variation("other")
def global_of_a_called_function() -> Steps:
    return rebinding("OFFSET", 2.5, lambda x: helper(x) + x)


@variation("other", 2)
def global_that_hides_a_builtin() -> Steps:
    return rebinding("max", lambda a, b: a + b, lambda x: x ** max(3, 5))


@variation("opaque", 1)
def builtin_replaced() -> Steps:
    def function(x: Any) -> Any:
        return x * float(round(2.5))

    yield function
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("builtins.round", lambda _: 2.75)
        yield function


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


@variation("other")
def jitted_whose_global_changed() -> Steps:
    return rebinding("OFFSET", 2.5, jax.jit(lambda x: x * OFFSET))


@variation("other")
def jitted_made_again() -> Steps:
    for _ in range(2):
        yield jax.jit(lambda x: x * 1.5)


@variation("same")
def jitted_again() -> Steps:
    function = jax.jit(lambda x: x * OFFSET)
    yield function
    yield function


@variation("other")
def jitted_helper_made_again() -> Steps:
    for c in (1.5, 2.5):
        inner = jax.jit(with_constant(c))
        yield lambda x, inner=inner: inner(x) + 1.5


@variation("same")
def function_inside() -> Steps:
    def outer(c: Any) -> Function:
        def inner(x: Any) -> Any:
            return x * c

        return lambda x: inner(x) + inner(2.5 * x)

    yield outer(1.5)
    yield outer(1.5)


@variation("same")
def recursion() -> Steps:
    def power(x: Any, n: int = 3) -> Any:
        return x if n == 0 else x * power(x, n - 1)

    yield power
    yield power


@variation("other", 2)
def exponent() -> Steps:
    for n in (2, 3):
        yield lambda x, n=n: x**n


@variation("other", 2)
def branch() -> Steps:
    for rising in (True, False):
        yield lambda x, rising=rising: jnp.exp(x) if rising else jnp.exp(-x)


@variation("other", 2)
def branch_on_an_array() -> Steps:
    w = np.arange(4.0)

    def function(x: Any) -> Any:
        return x + w if w[0] > 0 else x - w

    yield function
    w[0] = 1
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


@variation("other", 2)
def setting_of_jax() -> Steps:
    m = np.eye(4)

    def function(x: Any) -> Any:
        return jnp.dot(m, x)

    yield function
    with jax.default_matmul_precision("highest"):
        yield function


@variation("other")
def number_in_a_loop() -> Steps:
    for c in (1.5, 2.5):
        yield lambda x, c=c: jax.lax.fori_loop(0, 3, lambda i, s: s * c + x, x)


def one_step(_: Any, x: Any) -> Any:
    return x * OFFSET


@variation("other")
def global_of_a_body_that_jax_remembers() -> Steps:
    """JAX keeps the traces of loop bodies by the identity of the function, and goes on with them.

    So does a plain call of such a function: the answer is the one that JAX gives.
    """
    return rebinding("OFFSET", 2.5, lambda x: jax.lax.fori_loop(0, 3, one_step, x))


def twice(x: Any) -> Any:
    return 2.5 * x


@variation("opaque")
def rule_of_ones_own_made_again() -> Steps:
    for c in (1.5, 1.5):
        own = jax.custom_jvp(twice)
        own.defjvp(lambda p, t, c=c: (twice(*p), c * t[0]))
        yield lambda x, own=own: own(x) + 1


@variation("opaque", 2)
def rule_of_ones_own_changed() -> Steps:
    for c in (1.5, 1.75):
        own = jax.custom_jvp(twice)
        own.defjvp(lambda p, t, c=c: (twice(*p), c * t[0]))
        yield lambda x, own=own: own(x) + 1


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


NAMES = [v.name for v in VARIATIONS]


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


@pytest.mark.parametrize(
    "array",
    [
        np.arange(5.0),
        np.arange(20_000.0),
        np.arange(40_000.0)[::2],
        np.arange(40_001, dtype=np.int16),
        np.arange(20_000.0).reshape(100, 200).T,
        np.array(3.5),
        np.ones(0),
        np.ones(20_000, bool),
        np.ones(20_000, np.complex64),
    ],
    ids=lambda a: f"{a.dtype}{a.shape}",
)
def test_a_snapshot_tells_every_change(array: Any):
    array = array.copy("K") if array.flags.c_contiguous else array
    snapshot = remember([array])
    assert unchanged(snapshot, [array])
    assert not unchanged(snapshot, [])
    if array.size:
        index = np.unravel_index(array.size - 1, array.shape)
        before = array[index]
        array[index] = ~before if array.dtype == bool else -before
        assert not unchanged(snapshot, [array])
        array[index] = before
        assert unchanged(snapshot, [array])


@pytest.mark.parametrize("size", [3, 30_000])
def test_a_snapshot_compares_bits(size: int):
    assert unchanged(remember([np.full(size, np.nan)]), [np.full(size, np.nan)])
    assert not unchanged(remember([np.zeros(size)]), [-np.zeros(size)])
    assert unchanged(remember([jnp.ones(size)]), [jnp.ones(size)])
