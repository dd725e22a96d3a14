"""Models that take their points one by one."""

from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.special as jsp
import numpy as np
from jax import lax
from jax.scipy.special import logsumexp
from jax.scipy.stats import norm

from .rowwise_checks import GRID, PEAKS, M, Model, X, of_scalars, peaks


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
