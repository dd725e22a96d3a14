"""Models that couple their points, and what a refusal of each says."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.special import logsumexp

from .rowwise_checks import SQUARE, WEIGHTS, M, Model, peaks


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
