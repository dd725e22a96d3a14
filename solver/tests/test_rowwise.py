"""The proof that a function takes its points one by one, and the function at one point."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jax.scipy.special as jsp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax
from jax.core import eval_jaxpr
from jax.extend.core import jaxpr_as_fun
from jax.scipy.special import logsumexp
from jax.scipy.stats import norm
from trustfit._rowwise import NotRowWise, PerPoint, per_point

M = 12
X = np.linspace(0.1, 4.3, M)
SHUFFLED = np.random.default_rng(1).permutation(X)
WEIGHTS = np.linspace(1.0, 2.0, M)
GRID = np.linspace(-0.5, 5.0, 9)
PEAKS = np.array([0.5, 1.5, 4.0])
SQUARE = np.random.default_rng(2).normal(size=(M, M))
PARAMETERS = (1.3, 0.7)

Model = Callable[..., Any]


@pytest.fixture(autouse=True)
def double_precision() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


class Taken(NamedTuple):
    """A model at one point, and what it is of: arguments, the lifted constants included."""

    at_point: PerPoint
    arguments: list[Any]


def take(
    model: Model,
    data: Sequence[Any] = (X,),
    axes: Sequence[int | None] = (0,),
    parameters: Sequence[Any] = PARAMETERS,
    m: int = M,
) -> Taken:
    """Trace a model of data and parameters as the solver does, and take the points' axis out."""
    closed = jax.make_jaxpr(model)(*data, *parameters)
    count = len(closed.consts)

    def lifted(*arguments: Any) -> Any:
        return eval_jaxpr(closed.jaxpr, arguments[:count], *arguments[count:])

    arguments = [*closed.consts, *data, *parameters]
    jaxpr = jax.make_jaxpr(lifted)(*arguments).jaxpr
    everywhere = [None] * count + [*axes] + [None] * len(parameters)
    return Taken(per_point(jaxpr, everywhere, m), arguments)


def mapped_over_points(at_point: PerPoint, *arguments: Any) -> list[Any]:
    """Evaluate a function at any number of points; the outputs' first axis is theirs."""
    return list(jax.vmap(jaxpr_as_fun(at_point.jaxpr), at_point.axes)(*arguments))


def check(
    model: Model,
    data: Sequence[Any] = (X,),
    axes: Sequence[int | None] = (0,),
    parameters: Sequence[Any] = PARAMETERS,
    m: int = M,
) -> PerPoint:
    """Hold a model against its mapped self: values, Jacobians, and some of the points alone."""
    at_point, arguments = take(model, data, axes, parameters, m)
    constants = arguments[: len(arguments) - len(data) - len(parameters)]

    def mapped(data: Any, parameters: Any) -> Any:
        return mapped_over_points(at_point, *constants, *data, *parameters)

    def whole(data: Any, parameters: Any) -> Any:
        return jax.tree.leaves(model(*data, *parameters))

    def smooth(function: Model) -> Model:
        return lambda *args: [one for one in function(*args) if one.dtype.kind in "fc"]

    @jax.jit
    def both(data: Any, parameters: Any) -> Any:
        return [
            (function(data, parameters), jax.jacfwd(smooth(function), 1)(data, parameters))
            for function in (mapped, whole)
        ]

    found, expected = both(tuple(data), tuple(parameters))
    jax.tree.map(assert_same, found, expected)
    some = np.arange(m)[::-2]
    chunk = [
        one if axis is None else np.take(one, some, axis)
        for one, axis in zip(data, axes, strict=True)
    ]
    of_chunk = jax.jit(mapped)(chunk, parameters)
    jax.tree.map(assert_same, of_chunk, [one[some] for one in expected[0]])
    return at_point


def assert_same(found: Any, expected: Any) -> None:
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    scale = np.max(np.abs(expected), initial=0.0, where=np.isfinite(expected))
    np.testing.assert_allclose(found, expected, rtol=1e-14, atol=1e-15 * float(scale))


def peaks(x: Any) -> Any:
    return jnp.exp(-((x[:, None] - PEAKS) ** 2))


def decay(x: Any, a: Any, b: Any) -> Any:
    return a * jnp.exp(-b * x)


def newton(x: Any, a: Any, b: Any) -> Any:
    def step(_: Any, y: Any) -> Any:
        return y - (y * y - a * x - b) / (2 * y)

    return lax.fori_loop(0, 6, step, jnp.ones_like(x))


def euler(x: Any, a: Any, b: Any) -> Any:
    def step(y: Any, dt: Any) -> Any:
        y = y - dt * a * y * x
        return y, y + b

    y, path = lax.scan(step, jnp.ones_like(x), jnp.array([0.1, 0.2, 0.1]))
    return y + path[-1] + path.sum(0)


def while_small(x: Any, a: Any, b: Any) -> Any:
    def step(state: Any) -> Any:
        k, y = state
        return k + a, y + b * jnp.sin(y)

    return lax.while_loop(lambda state: state[0] < 5.0, step, (a, x))[1]


def two_exponentials_in_a_loop(x: Any, a: Any, b: Any) -> Any:
    total = jnp.zeros(x.shape)
    for rate in (0.5, 1.5):
        total = total + a * jnp.exp(-rate * b * x)
    return total


def of_scalars(u: Any, a: Any, b: Any) -> Any:
    return lax.cond(u > 2.0, lambda: a * u, lambda: b * u**2)


ROW_WISE: dict[str, Model] = {
    "gaussian": lambda x, a, b: a * jnp.exp(-((x - b) ** 2)),
    "line": lambda x, a, b: a * x + b,
    "where": lambda x, a, b: jnp.where(x > b, a, 0.0) * x,
    "safe where": lambda x, a, b: jnp.where(x > 1, a * jnp.log(jnp.where(x > 1, x, 1.0)), b),
    "piecewise": lambda x, a, b: jnp.piecewise(
        x, [x < 1, x >= 1], [lambda x: a * x, lambda x: b * x]
    ),
    "select": lambda x, a, b: jnp.select([x < 1, x < 2], [a * x, b * x], a + b),
    "clip": lambda x, a, b: jnp.clip(a * x, 0.5, 2.0 + b),
    "polyval": lambda x, a, b: jnp.polyval(jnp.array([a, b, 1.0]), x),
    "long polyval": lambda x, a, b: jnp.polyval(jnp.ones(40) * a, b * x / 4),
    "sum of peaks": lambda x, a, b: jnp.sum(a * jnp.exp(-((x[:, None] - PEAKS[None]) ** 2) / b), 1),
    "peaks, points second": lambda x, a, b: (a * jnp.exp(-b * (x - PEAKS[:, None]) ** 2)).sum(0),
    "peaks by matmul": lambda x, a, b: peaks(x) @ (a * PEAKS) + b,
    "matmul from the left": lambda x, a, b: (a * PEAKS) @ peaks(x).T + b,
    "einsum": lambda x, a, b: jnp.einsum("ij,j->i", peaks(x), a * PEAKS) + b,
    "batched dot": lambda x, a, b: jnp.einsum("ij,ij->i", a * peaks(x), peaks(b * x)),
    "vander": lambda x, a, b: jnp.vander(x, 3) @ jnp.stack([a, b, a * b]),
    "tensordot": lambda x, a, b: jnp.tensordot(peaks(x), a * PEAKS + b, 1),
    "interp": lambda x, a, b: a * jnp.interp(b * x, GRID, GRID**2),
    "interp to the left": lambda x, a, b: jnp.interp(x, GRID, a * GRID, left=b),
    "searchsorted": lambda x, a, b: a * jnp.asarray(GRID)[jnp.searchsorted(GRID, b * x)],
    "take": lambda x, a, b: jnp.take(a * GRID + b, jnp.int32(x)),
    "rows of a table": lambda x, a, b: (a * jnp.asarray(np.outer(GRID, PEAKS)) + b)[
        jnp.int32(x)
    ].sum(1),
    "columns": lambda x, a, b: peaks(x)[:, jnp.array([2, 0])] @ jnp.stack([a, b]),
    "constant": lambda x, a, b: jnp.full(x.shape, a + b),
    "ones_like": lambda x, a, b: a * jnp.ones_like(x) + b * x,
    "broadcast": lambda x, a, b: jnp.broadcast_to(a + b, x.shape) * x,
    "erf": lambda x, a, b: jsp.erf(a * x) + jax.nn.sigmoid(b * x),
    "gamma": lambda x, a, b: jsp.gammaln(a * x) + jsp.digamma(x + b) + jsp.polygamma(1, a * x),
    "bessel": lambda x, a, b: jsp.i0e(a * x) + jsp.i1e(b * x),
    "incomplete gamma": lambda x, a, b: jsp.gammainc(2.0, a * x) + jsp.gammaincc(2.0, b * x),
    "xlogy": lambda x, a, b: jsp.xlogy(x - X[0], a * x) + jsp.entr(b * x),
    "expit": lambda x, a, b: jsp.expit(a * x) + jsp.ndtr(b * x) + jsp.log_ndtr(-x * b),
    "sinc": lambda x, a, b: a * jnp.sinc((x - X[3]) * b),
    "normal": lambda x, a, b: norm.pdf(x, a, b) + norm.logcdf(x, a, b),
    "stack and sum": lambda x, a, b: jnp.stack([a * x, b * x]).sum(0),
    "concatenate": lambda x, a, b: jnp.concatenate([peaks(a * x), peaks(b * x)], 1).sum(1),
    "split": lambda x, a, b: jnp.split(peaks(a * x), 3, axis=1)[1][:, 0] + b,
    "unstack": lambda x, a, b: jnp.unstack(peaks(a * x), axis=1)[2] + b,
    "tile": lambda x, a, b: jnp.tile(peaks(a * x), (1, 2)) @ jnp.ones(6) + b,
    "vmap": lambda x, a, b: jax.vmap(lambda u: a * u + jnp.sin(b * u))(x),
    "vmap of cond": lambda x, a, b: jax.vmap(of_scalars, (0, None, None))(x, a, b),
    "vmap of grad": lambda x, a, b: jax.vmap(jax.grad(lambda u: a * jnp.sin(b * u)))(x),
    "vmap of lookup": lambda x, a, b: (
        jax.vmap(lambda u: peaks(a * u[None])[0, jnp.int32(u) % 3])(x) * b
    ),
    "nested jit": lambda x, a, b: jax.jit(jax.jit(decay))(x, a, b),
    "remat": lambda x, a, b: jax.checkpoint(decay)(x, a, b),
    "barrier": lambda x, a, b: lax.optimization_barrier(a * x) + b,
    "relu": lambda x, a, b: jax.nn.relu(a * (x - X[2])) + jax.nn.relu6(b * x),
    "softplus": lambda x, a, b: jax.nn.softplus(a * x) + jnp.logaddexp(x, b),
    "activations": lambda x, a, b: jax.nn.silu(a * x) + jax.nn.gelu(b * x) + jax.nn.elu(x - a),
    "custom of uniform": lambda x, a, b: x + jax.nn.softplus(jnp.full_like(x, a)) * b,
    "logsumexp": lambda x, a, b: logsumexp(jnp.stack([a * x, b * x]), axis=0),
    "softmax of peaks": lambda x, a, b: jax.nn.softmax(peaks(a * x), axis=1)[:, 0] + b,
    "length": lambda x, a, b: a * x / len(x) + b,
    "uniform sum": lambda x, a, b: a * x / jnp.ones_like(x).sum() + b,
    "cond on a parameter": lambda x, a, b: lax.cond(
        a > 1, lambda: b * x, lambda: jnp.zeros_like(x)
    ),
    "cond with zeros": lambda x, a, b: (
        a * x + lax.cond(a > 2, lambda: jnp.zeros_like(x), lambda: jnp.full_like(x, b))
    ),
    "switch": lambda x, a, b: lax.switch(
        1, [lambda x: a * x, lambda x: b * x, lambda x: x * 0.0], x
    ),
    "fori_loop": newton,
    "scan": euler,
    "while_loop": while_small,
    "loop over shared values": lambda x, a, b: x * lax.fori_loop(0, 4, lambda i, c: c * a + b, 1.0),
    "python loop": two_exponentials_in_a_loop,
    "column": lambda x, a, b: (a * x.reshape(-1, 1) + b).reshape(M),
    "expand and squeeze": lambda x, a, b: (a * x[:, None, None] + b)[:, 0, 0],
    "merge other axes": lambda x, a, b: (
        jnp.outer(x, jnp.ones(6)).reshape(M, 2, 3).reshape(M, 6) @ (a * jnp.arange(6.0) + b)
    ),
    "double transpose": lambda x, a, b: (a * peaks(x).T).T[:, 1] + b,
    "cumsum of peaks": lambda x, a, b: jnp.cumsum(a * peaks(x), axis=1)[:, -1] + b,
    "sort of peaks": lambda x, a, b: jnp.sort(a * peaks(b * x), axis=1)[:, 1],
    "median of peaks": lambda x, a, b: jnp.median(a * peaks(b * x), axis=1),
    "argmax of peaks": lambda x, a, b: a * jnp.argmax(peaks(x), axis=1) + b,
    "top peaks": lambda x, a, b: lax.top_k(a * peaks(x), 2)[0].sum(1) + b,
    "reversed peaks": lambda x, a, b: (a * peaks(x))[:, ::-1] @ PEAKS + b,
    "fft of peaks": lambda x, a, b: jnp.abs(jnp.fft.fft(a * peaks(x), axis=1))[:, 1] + b,
    "rfft of peaks": lambda x, a, b: jnp.real(jnp.fft.rfft(a * peaks(x)))[:, 1] + b,
    "padded peaks": lambda x, a, b: jnp.pad(a * peaks(x), ((0, 0), (1, 2)))[:, 1] + b,
    "differences of peaks": lambda x, a, b: jnp.diff(a * peaks(x), axis=1).sum(1) + b,
    "trapezoid of peaks": lambda x, a, b: jnp.trapezoid(a * peaks(x), PEAKS, axis=1) + b,
    "dynamic slice": lambda x, a, b: (
        lax.dynamic_slice_in_dim(a * peaks(x), jnp.int32(b), 1, 1)[:, 0] + b
    ),
    "dynamic update": lambda x, a, b: (
        lax.dynamic_update_slice(jnp.zeros((M, 3)), (a * x)[:, None], (0, 1))
        @ jnp.array([1.0, b, 1.0])
    ),
    "stop_gradient": lambda x, a, b: a * lax.stop_gradient(b * x) + b,
    "complex": lambda x, a, b: jnp.abs(a / (1 + 1j * b * x)),
    "max of two": lambda x, a, b: jnp.maximum(a * x, b) + jnp.minimum(x, a),
    "heaviside": lambda x, a, b: a * jnp.heaviside(x - 1.0, 0.5) + b * jnp.sign(x - 2),
    "powers": lambda x, a, b: x**a + x**2 + a**x + jnp.float_power(x, b),
    "remainder": lambda x, a, b: a * jnp.mod(x, 0.7) + b * jnp.floor(x),
}


@pytest.mark.parametrize("model", ROW_WISE.values(), ids=ROW_WISE)
def test_a_row_wise_model_is_the_map_of_itself_at_one_point(model: Model):
    at_point = check(model)
    assert not at_point.jaxpr.consts
    assert [variable.aval.shape for variable in at_point.jaxpr.jaxpr.outvars] == [()]


def second_difference(x: Any, a: Any, b: Any) -> Any:
    y = a * x + b
    return jnp.concatenate([y[1:], y[:1]])


def running(x: Any, a: Any, b: Any) -> Any:
    return lax.scan(lambda total, u: (total + a * u, total + b), 0.0, x)[1]


def until_all_are_large(x: Any, a: Any, b: Any) -> Any:
    return lax.while_loop(lambda y: jnp.min(y) < 5.0, lambda y: y + a, b * x)


COUPLED: dict[str, tuple[Model, str]] = {
    "mean": (lambda x, a, b: a * (x - x.mean()) + b, "reduce_sum"),
    "variance": (lambda x, a, b: a * x / x.var() + b, "reduce_sum"),
    "norm": (lambda x, a, b: a * x / jnp.linalg.norm(b * x), "runs along"),
    "inner product": (lambda x, a, b: a * x * (x @ x) + b, "dot_general"),
    "normalised": (lambda x, a, b: a * x / jnp.max(x) + b, "reduce_max"),
    "softmax": (lambda x, a, b: a * jax.nn.softmax(b * x), "runs along"),
    "logsumexp": (lambda x, a, b: a * x - logsumexp(b * x), "runs along"),
    "cumsum": (lambda x, a, b: a * jnp.cumsum(x) + b, "cumsum"),
    "cumprod": (lambda x, a, b: a * jnp.cumprod(x) + b, "cumprod"),
    "associative scan": (lambda x, a, b: a * lax.associative_scan(jnp.add, x) + b, "slice"),
    "scan": (running, "scan"),
    "reversed": (lambda x, a, b: a * x[::-1] + b, "rev"),
    "roll": (lambda x, a, b: a * jnp.roll(x, 1) + b, "slice"),
    "roll by hand": (second_difference, "slice"),
    "first": (lambda x, a, b: a * (x - x[0]) + b, "slice"),
    "last": (lambda x, a, b: a * (x - x[-1]) + b, "slice"),
    "every other": (lambda x, a, b: a * jnp.repeat(x[::2], 2) + b, "slice"),
    "element": (lambda x, a, b: x * lax.dynamic_index_in_dim(a * x, jnp.int32(b)), "dynamic_slice"),
    "permuted": (lambda x, a, b: a * x[np.arange(M)[::-1]] + b, "gather"),
    "take along": (lambda x, a, b: a * jnp.take(x, jnp.int32(x)) + b, "gather"),
    "linspace": (lambda x, a, b: jnp.linspace(0, 1, x.size) * b + a * x, "not known to go with"),
    "arange": (lambda x, a, b: a * x + b * jnp.arange(len(x)), "not known to go with"),
    "iota of two axes": (
        lambda x, a, b: (a * x[:, None] + lax.broadcasted_iota(float, (M, 3), 0)).sum(1) + b,
        "not known to go with",
    ),
    "positions by cumsum": (lambda x, a, b: a * x + jnp.cumsum(jnp.full_like(x, b)), "not known"),
    "sort": (lambda x, a, b: a * jnp.sort(x) + b, "sort"),
    "argsort": (lambda x, a, b: a * jnp.argsort(x) + b, "sort"),
    "median": (lambda x, a, b: a * x - jnp.median(b * x), "runs along"),
    "fft": (lambda x, a, b: a * jnp.real(jnp.fft.fft(x)) + b, "fft"),
    "convolve": (lambda x, a, b: jnp.convolve(a * x, jnp.ones(3), "same") + b, "conv"),
    "differences": (lambda x, a, b: jnp.diff(a * x, prepend=b), "concatenate"),
    "gradient": (lambda x, a, b: jnp.gradient(a * x) + b, "slice"),
    "matrix": (lambda x, a, b: a * (x @ SQUARE) + b, "dot_general"),
    "matrix from the left": (lambda x, a, b: a * (SQUARE @ x) + b, "dot_general"),
    "outer difference": (lambda x, a, b: (a * (x[:, None] - x[None])).sum(1) + b, "one another"),
    "outer product": (lambda x, a, b: jnp.outer(a * x, x).sum(1) + b, "one another"),
    "outer dot": (lambda x, a, b: jnp.tensordot(a * x, x, 0)[:, 0] + b, "one another"),
    "weights": (lambda x, a, b: (a * x + b) * WEIGHTS, "not known to go with"),
    "weights in a dot": (
        lambda x, a, b: jnp.einsum("ij,i->i", peaks(a * x), WEIGHTS) + b,
        "not known to go with",
    ),
    "weights by where": (lambda x, a, b: jnp.where(WEIGHTS > 1.5, a * x, b), "not known"),
    "table of the data": (lambda x, a, b: jnp.interp(a, x, x) * x + b, "slice|searchsorted"),
    "two halves": (lambda x, a, b: (a * x.reshape(2, -1) + b).reshape(-1), "reshape"),
    "flattened": (lambda x, a, b: (peaks(a * x) + b).reshape(-1)[:M], "reshape"),
    "flipped peaks": (lambda x, a, b: (a * peaks(x))[::-1].sum(1) + b, "rev"),
    "padded": (lambda x, a, b: jnp.pad(a * x, 1)[1:-1] + b, "pad"),
    "scatter": (lambda x, a, b: (a * x).at[0].set(b), "scatter"),
    "tiled": (lambda x, a, b: jnp.tile(a * x, 2)[:M] + b, "reshape|tile|broadcast"),
    "cond on the points": (
        lambda x, a, b: lax.cond(x.sum() > 0, lambda: a * x, lambda: b * x),
        "sum",
    ),
    "coupled branch": (
        lambda x, a, b: lax.cond(a > 0, lambda: b * x, lambda: x[::-1]),
        "rev",
    ),
    "loop until all": (until_all_are_large, "reduce_min"),
    "coupled loop": (
        lambda x, a, b: lax.fori_loop(0, 3, lambda i, y: a * jnp.roll(y, 1) + b, x),
        "slice",
    ),
    "jit": (lambda x, a, b: jax.jit(jnp.cumsum)(a * x) + b, "cumsum"),
    "random": (
        lambda x, a, b: a * x + b * jax.random.normal(jax.random.key(0), x.shape),
        "not known to go with",
    ),
    "callback": (
        lambda x, a, b: b * jax.pure_callback(np.cumsum, jax.ShapeDtypeStruct((M,), float), a * x),
        "pure_callback",
    ),
    "print": (
        lambda x, a, b: (jax.debug.print("{}", a), a * x + b)[1],
        "effects",
    ),
    "shared alone": (lambda x, a, b: jnp.arange(float(M)) * a + b, "in front"),
    "no points": (lambda x, a, b: a + b, "in front"),
    "points second": (lambda x, a, b: a * peaks(x).T + b, "in front"),
    "pairs": (lambda x, a, b: jnp.broadcast_to(a * x + b, (M, M)), "in front"),
}


@pytest.mark.parametrize(("model", "reason"), COUPLED.values(), ids=COUPLED)
def test_a_model_that_couples_points_is_refused(model: Model, reason: str):
    with pytest.raises(NotRowWise, match=reason) as refusal:
        take(model)
    assert str(refusal.value).endswith(".")


def test_several_arrays_carry_points():
    xdata = np.stack([X, SHUFFLED, X**2])
    model = lambda t, y, w, a, b: (a * t[0] + b * t[1] * t[2] - y) * w  # noqa: E731
    check(model, (xdata, X, WEIGHTS), (1, 0, 0))
    check(lambda t, a, b: t @ jnp.stack([a, b, a * b]), (xdata.T,), (0,))
    check(lambda t, a, b: jnp.stack([a, b, a * b]) @ t, (xdata,), (1,))
    with pytest.raises(NotRowWise, match="not known to go with"):
        take(model, (xdata, X, WEIGHTS), (1, 0, None))
    with pytest.raises(NotRowWise):
        take(lambda t, u, a, b: (a * t + b * u).sum(1), (np.ones((M, M)), SQUARE), (0, 1))


def test_all_outputs_carry_points():
    at_point = check(lambda x, a, b: (a * x, {"peaks": b * peaks(x), "on": x > a}))
    assert [v.aval.shape for v in at_point.jaxpr.jaxpr.outvars] == [(), (), (3,)]
    with pytest.raises(NotRowWise, match="in front"):
        take(lambda x, a, b: (a * x, a + b))


def test_integers_and_truth_values_carry_points():
    group, on = np.arange(M) % 3, X > 2
    check(lambda k, x, a, b: (a * PEAKS + b)[k] * x, (group, X), (0, 0))
    check(lambda on, x, a, b: jnp.where(on, a * x, b) + on * a + (~on & (x < 1)), (on, X), (0, 0))
    check(lambda k, x, a, b: jax.nn.one_hot(k, 3) @ (a * PEAKS + b) + x, (group, X), (0, 0))
    check(lambda k, x, a, b: a * x ** (k % 2) + b * (k << 1) + (k == 1), (group, X), (0, 0))


@pytest.mark.parametrize("m", [1, 3, 6])
def test_lengths_that_coincide_do_not_matter(m: int):
    x, p = X[:m], np.linspace(0.5, 1.5, m)
    check(lambda x, p: jnp.exp(-((x[:, None] - p) ** 2)).sum(1), (x,), (0,), (p,), m)
    check(lambda x, p: jnp.exp(-((x - p[:, None]) ** 2)).sum(0), (x,), (0,), (p,), m)
    check(lambda x, p: jnp.cumsum(x[:, None] * p, axis=1) @ p, (x,), (0,), (p,), m)
    check(lambda x, p: (x[:, None] * p)[:, ::-1].sum(1), (x,), (0,), (p,), m)
    check(lambda x, p: jnp.polyval(p, x), (x,), (0,), (p,), m)
    check(lambda x, p: x * p[0] + p.sum(), (x,), (0,), (p,), m)
    for coupled in (
        lambda x, p: x * p,
        lambda x, p: p + 0 * x.sum(),
        lambda x, p: jnp.outer(x, p).sum(0),
        lambda x, p: jnp.cumsum(x[:, None] * p, axis=0)[:, 0],
        lambda x, p: (x[:, None] * p).T,
        lambda x, p: (x[:, None] * p).T[:, 0] * x,
    ):
        with pytest.raises(NotRowWise):
            take(coupled, (x,), (0,), (p,), m)


def test_one_point_is_not_repeated():
    with pytest.raises(NotRowWise, match="repeats a point"):
        take(lambda x, a: (x + a * jnp.zeros(5)).sum() + 0 * x, (X[:1],), (0,), (1.0,), 1)
    with pytest.raises(NotRowWise):
        take(lambda x, a: jnp.squeeze(x) + a * x, (X[:1],), (0,), (1.0,), 1)
    with pytest.raises(NotRowWise):
        take(lambda x, a: a * x.reshape(1, 1)[0], (X[:1],), (0,), (1.0,), 1)


def test_a_matrix_of_points_only_in_front_is_no_pair():
    square = np.random.default_rng(0).normal(size=(M, M))
    check(lambda t, a, b: (a * t + b).sum(1), (square,), (0,))
    check(lambda t, a, b: (a * t + b).sum(0), (square,), (1,))
    for axis in (0, 1):
        with pytest.raises(NotRowWise):
            take(lambda t, a, b, axis=axis: (a * t + b).sum(axis), (square,), (axis,))
        with pytest.raises(NotRowWise):
            take(lambda t, a, b: (t + a * t.T).sum(1) + b, (square,), (axis,))
        with pytest.raises(NotRowWise):
            take(lambda t, a, b: jnp.diagonal(a * t) + b, (square,), (axis,))


def test_a_slice_of_all_points_at_an_index_is_refused():
    numbers = lax.GatherDimensionNumbers((0,), (), (0,))

    def model(x: Any, k: Any) -> Any:  # NaN unless k is 0
        return lax.gather(x, k[None], numbers, (M,), mode="fill")

    assert np.isnan(model(X, jnp.array(1))).all()
    with pytest.raises(NotRowWise, match="gather"):
        take(model, parameters=(1,))


def test_promises_about_indices_end_with_the_points_they_are_about():
    k = np.array([0, 1, 2])

    def model(k: Any, a: Any) -> Any:
        return (a * jnp.asarray(PEAKS)).at[k].get(indices_are_sorted=True, unique_indices=True)

    at_point, arguments = take(model, (k,), (0,), (2.0,), 3)
    repeated = np.array([2, 0, 0, 2])
    (found,) = mapped_over_points(at_point, *arguments[:-2], repeated, 2.0)
    np.testing.assert_array_equal(found, 2 * PEAKS[repeated])
    (gather,) = (e for e in at_point.jaxpr.jaxpr.eqns if e.primitive.name == "gather")
    assert not gather.params["unique_indices"]
    assert not gather.params["indices_are_sorted"]


def test_the_length_is_that_of_all_points():
    at_point, arguments = take(lambda x, a, b: a * x / x.size + b * jnp.ones_like(x).sum())
    *_, a, b = arguments
    (found,) = mapped_over_points(at_point, X[:5], a, b)
    np.testing.assert_allclose(found, a * X[:5] / M + b * M, rtol=1e-15)


@jax.custom_jvp
def coupled_derivative(x: Any) -> Any:
    return 2 * x


coupled_derivative.defjvp(lambda primals, tangents: (2 * primals[0], 2 * tangents[0][::-1]))


@jax.custom_jvp
def coupled_hessian(x: Any) -> Any:
    return 2 * x


coupled_hessian.defjvp(
    lambda primals, tangents: (2 * primals[0], coupled_derivative(primals[0]) * tangents[0])
)


@jax.custom_jvp
def symbolic(x: Any) -> Any:
    return 2 * x


symbolic.defjvp(lambda primals, tangents: (2 * primals[0], tangents[0]), symbolic_zeros=True)


@jax.custom_vjp
def reverse_only(x: Any) -> Any:
    return 2 * x


reverse_only.defvjp(lambda x: (2 * x, None), lambda _, bar: (2 * bar,))


@jax.custom_jvp
def uniform_value(x: Any) -> Any:
    return jnp.zeros_like(x)


uniform_value.defjvp(lambda primals, tangents: (jnp.zeros_like(primals[0]), tangents[0]))


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (coupled_derivative, "rev"),
        (coupled_hessian, "rev"),
        (symbolic, "symbolic_zeros"),
        (reverse_only, "custom_vjp_call"),
        (uniform_value, "derivative"),
    ],
)
def test_a_derivative_that_may_couple_points_is_refused(function: Model, reason: str):
    with pytest.raises(NotRowWise, match=reason):
        take(lambda x, a, b: a * x + function(b * x))
    # Of values that the points share it is nobody's business.
    take(lambda x, a, b: a * x + function(b * PEAKS).sum())


@jax.custom_jvp
def with_count(x: Any, k: Any) -> tuple[Any, Any]:
    return jnp.where(x > 0, x, 0) ** 2 * k, k + 1


@with_count.defjvp
def _(primals: Any, tangents: Any) -> Any:
    x, k = primals
    # Not the derivative that the value has: so it shows which one is used.
    return with_count(x, k), (3.0 * tangents[0] * k, np.zeros(k.shape, jax.dtypes.float0))


def test_own_derivatives_are_kept():
    group = np.arange(M) % 3

    def model(k: Any, x: Any, a: Any, b: Any) -> Any:
        value, count = with_count(a * x + b, k)
        return value + count

    check(model, (group, X), (0, 0))
    at_point, arguments = take(model, (group, X), (0, 0))
    slope = jax.jacfwd(lambda a: mapped_over_points(at_point, group, X, a, arguments[-1])[0])(1.3)
    np.testing.assert_allclose(slope, 3.0 * X * group, rtol=1e-14)


@pytest.mark.parametrize("name", ["relu", "softplus", "sinc", "activations", "xlogy", "scan"])
def test_derivatives_in_reverse_and_second_ones(name: str):
    model = ROW_WISE[name]
    at_point, arguments = take(model)
    consts = arguments[:-3]

    def cost(p: Any) -> Any:
        return jnp.sum(model(X, *p) ** 2)

    def cost_of_mapped(p: Any) -> Any:
        return jnp.sum(mapped_over_points(at_point, *consts, X, *p)[0] ** 2)

    p = jnp.array([1.3, 0.7])
    for derivative in (jax.grad, jax.hessian):
        found, expected = (jax.jit(derivative(one))(p) for one in (cost_of_mapped, cost))
        np.testing.assert_allclose(found, expected, rtol=1e-12)


UNARY = (
    "abs acos acosh asin asinh atan atanh bessel_i0e bessel_i1e cbrt ceil conj cos cosh "
    "digamma erf erf_inv erfc exp exp2 expm1 floor imag is_finite lgamma log log1p logistic neg "
    "real round rsqrt sign sin sinh sqrt square tan tanh"
)
BINARY = (
    "add atan2 complex div eq ge gt igamma igammac lt le max min mul ne nextafter pow rem "
    "sub zeta igamma_grad_a"
)
OF_INTEGERS = (
    "bitwise_and bitwise_or bitwise_xor shift_left shift_right_arithmetic shift_right_logical rem"
)


def test_every_elementwise_operation():
    def all_of_them(x: Any, u: Any, k: Any, a: Any) -> Any:
        complex_ = {"conj", "imag", "real"}
        unary = [
            getattr(lax, n)(lax.complex(x, a * x) if n in complex_ else a * x)
            for n in UNARY.split()
        ]
        binary = [getattr(lax, name)(a * x, u) for name in BINARY.split()]
        integers = [getattr(lax, name)(k, k % 4) for name in OF_INTEGERS.split()]
        others = [
            lax.bitwise_not(k),
            lax.clz(k),
            lax.population_count(k),
            lax.clamp(0.1, x, 0.4),
            lax.clamp(x / 2, u, x),
            lax.integer_pow(x, 5),
            lax.reduce_precision(x, 8, 10),
            lax.convert_element_type(x, jnp.float32),
            lax.select(x > u, a * x, u),
            lax.betainc(x, u, x),
            lax.polygamma(jnp.ones_like(x), u),
            jnp.copy(x),
        ]
        return unary + binary + integers + others

    x, u = X / 10, np.linspace(1.1, 2.1, M)
    data, axes = (x, u, np.arange(M)), (0, 0, 0)
    at_point, arguments = take(all_of_them, data, axes, (0.9,))
    expected = jax.jit(all_of_them)(*data, 0.9)
    found = jax.jit(lambda *given: mapped_over_points(at_point, *given))(*arguments)
    jax.tree.map(np.testing.assert_array_equal, [*found], expected)


def test_types_stay_what_they_are():
    x = np.float32(X)
    at_point, _ = take(lambda x, a, b: a * x + b, (x,), (0,), (np.float32(1), 2.0))
    inputs = [variable.aval for variable in at_point.jaxpr.jaxpr.invars]
    assert [(one.shape, one.dtype, one.weak_type) for one in inputs] == [
        ((), np.float32, False),
        ((), np.float32, False),
        ((), np.float64, True),
    ]
    assert at_point.jaxpr.out_avals[0].dtype == np.float32
    assert at_point.axes == (0, None, None)


def test_points_are_declared_as_they_are():
    jaxpr = jax.make_jaxpr(lambda x, a: a * x)(X, 1.0).jaxpr
    for axis, m in ((1, M), (-1, M), (0, M + 1)):
        with pytest.raises(ValueError, match="points"):
            per_point(jaxpr, [axis, None], m)
    with pytest.raises(ValueError, match="points"):
        per_point(jaxpr, [0, 0], M)
    with pytest.raises(ValueError, match="constants"):
        per_point(jax.make_jaxpr(lambda x: x * WEIGHTS)(X).jaxpr, [0], M)


SIZE = 6
Y = np.array([0.3, 1.7, 0.9, 2.2, 0.1, 1.2])
ORDER = np.array([3, 0, 5, 1, 4, 2])
LEAVING_APART: list[Model] = [
    lambda y, x: jnp.sin(y) + 0.3 * x,
    lambda y, x: jnp.where(y > 0.5, y, x),
    lambda y, x: (y[:, None] * PEAKS) @ PEAKS,
    lambda y, x: jnp.cumsum(jnp.stack([y, x, y * x]), axis=0)[1],
    lambda y, x: jax.nn.softplus(y),
    lambda y, x: y + jnp.zeros_like(x) + len(x),
    lambda y, x: y.reshape(SIZE, 1, 1).transpose(2, 0, 1)[0, :, 0],
    lambda y, x: jnp.sort(jnp.stack([y, x], 1), axis=1)[:, 0] * 1.5,
    lambda y, x: jnp.interp(y, GRID, GRID**2) + x,
    lambda y, x: lax.fori_loop(0, 2, lambda i, c: 0.5 * c + x, y),
    lambda y, x: jax.vmap(of_scalars)(y, x, y),
    lambda y, x: jnp.full_like(y, 2.0) - y,
]
COUPLING: list[Model] = [
    lambda y, x: y - y.mean(),
    lambda y, x: jnp.cumsum(y),
    lambda y, x: y[::-1] + x,
    lambda y, x: jnp.roll(y, 2) * x,
    lambda y, x: jnp.sort(y),
    lambda y, x: y * jnp.arange(SIZE),
    lambda y, x: y + WEIGHTS[:SIZE],
    lambda y, x: y * x[0],
    lambda y, x: SQUARE[:SIZE, :SIZE] @ y,
    lambda y, x: jnp.concatenate([y[1:], x[:1]]),
    lambda y, x: y.reshape(2, 3)[::-1].reshape(-1),
    lambda y, x: jnp.take(y, ORDER),
    lambda y, x: lax.associative_scan(jnp.maximum, y),
    lambda y, x: (y[:, None] * x).max(1),
    lambda y, x: lax.scan(lambda c, u: (u, c), 0.0, y)[1] + x,
    lambda y, x: (y[:, None] * jnp.ones(SIZE)).T.sum(1),
]


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(
        st.sampled_from(
            [*((one, True) for one in LEAVING_APART * 3), *((c, False) for c in COUPLING)]
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_chains_of_operations(steps: list[tuple[Model, bool]]):
    def model(x: Any, a: Any) -> Any:
        y = a * x
        for step, _ in steps:
            y = step(y, x)
        return y

    with jax.enable_x64(True):
        if not all(apart for _, apart in steps):
            with pytest.raises(NotRowWise):
                take(model, (Y,), (0,), (1.1,), SIZE)
            return
        at_point, arguments = take(model, (Y,), (0,), (1.1,), SIZE)
        expected = np.asarray(model(Y, 1.1))
        (found,) = mapped_over_points(at_point, *arguments)
        np.testing.assert_allclose(found, expected, rtol=1e-13)
        np.testing.assert_allclose(model(Y[ORDER], 1.1), expected[ORDER], rtol=1e-13)
