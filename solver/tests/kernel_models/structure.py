"""Models put together in many ways: branches, powers, loops, rules of their own."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy import special

from .case import Case, case_of


def _peaks(x: Any, *p: Any) -> Any:
    centres = jnp.array([0.2, 0.5, 0.8])
    heights = jnp.stack(p[:3])
    return jnp.sum(heights * jnp.exp(-(((x[:, None] - centres) / p[3]) ** 2)), axis=1)


def _three(x: Any, a: Any, b: Any, c: Any, w: Any) -> Any:
    heights, centres = (a, b, c), np.array([0.2, 0.5, 0.8])
    return sum(h * jnp.exp(-(((x - k) / w) ** 2)) for h, k in zip(heights, centres, strict=True))


def _voigt(x: Any, a: Any, c: Any, w: Any) -> Any:
    u = (x - c) / w
    eta = 0.4
    return a * (eta / (1 + u * u) + (1 - eta) * jnp.exp(-jnp.log(2.0) * u * u))


@jax.custom_jvp
def _own_rule(x: Any) -> Any:
    return jnp.exp(-x)


@_own_rule.defjvp
def _(primals: Any, tangents: Any) -> Any:
    (x,), (t,) = primals, tangents
    steps = jax.lax.fori_loop(0, 3, lambda i, c: c + 1.0, 0.0 * x)
    return jnp.exp(-x), -t * jnp.exp(-x) * steps / 3


@jax.custom_jvp
def _sorted_rule(x: Any) -> Any:
    return jnp.exp(-x)


@_sorted_rule.defjvp
def _(primals: Any, tangents: Any) -> Any:
    (x,), (t,) = primals, tangents
    both = jnp.cumsum(jnp.sort(jnp.stack([x, x + 1]), 0), 0)
    return jnp.exp(-x), -t * jnp.exp(-x) * (both[0] / x)


@jax.custom_jvp
def _ignores_second(x: Any, y: Any) -> Any:
    return jnp.exp(-x)


@_ignores_second.defjvp
def _(primals: Any, tangents: Any) -> Any:
    (x, _), (t, _) = primals, tangents
    return jnp.exp(-x), -t * jnp.exp(-x)


def _looped(x: Any, a: Any, b: Any) -> Any:
    return jax.lax.fori_loop(0, 3, lambda i, y: y * jnp.exp(-b * x), a + 0 * x)


def _conditional(x: Any, a: Any, b: Any) -> Any:
    return jax.lax.cond(a > 0, lambda: a * jnp.exp(-b * x), lambda: a * x)


STRUCTURE = {
    "where": Case(lambda x, a, b: jnp.where(x < 0.5, a * x, b * x**2)),
    "where constant": Case(lambda x, a, b: jnp.where(True, a + b**2, x), frozen=True),
    "piecewise": Case(
        lambda x, a, b: jnp.piecewise(x, [x < 0.3, x > 0.6], [lambda x: a * x, lambda x: b, 0.5])
    ),
    "select": Case(lambda x, a, b: jnp.select([x < 0.3, x > 0.6], [a * x, b * x], 0.5)),
    "polyval": Case(
        lambda x, a, b, c: jnp.polyval(jnp.stack([a, b, c]), x), (1.0, 2.0, 3.0), x=None
    ),
    "horner": Case(lambda x, a, b, c: (a * x + b) * x + c, (1.0, 2.0, 3.0)),
    "clip": Case(lambda x, a, b: jnp.clip(a * x, 0.3, 0.8) + b * x),
    "maximum": Case(lambda x, a, b: jnp.maximum(a * x, b * (1 - x))),
    "minimum": Case(lambda x, a, b: jnp.minimum(a * x, b * (1 - x))),
    "power": Case(lambda x, a, b: a * x**b),
    "power of parameter": Case(lambda x, a, b: a * b**x),
    "float_power": Case(lambda x, a, b: a * jnp.float_power(x, b)),
    "cube": Case(lambda x, a, b: a * x**3 + b**3 * x),
    "negative power": Case(lambda x, a, b: a * x**-3 + b * x**-1),
    "high power": Case(lambda x, a, b: a * (b * x) ** 11 + b * x),
    "zeroth power": Case(lambda x, a, b: a * (b + x**0), frozen=True),
    "logaddexp": Case(lambda x, a, b: jnp.logaddexp(a * x, b)),
    "hypot": Case(lambda x, a, b: jnp.hypot(a * x, b)),
    "arctan2": Case(lambda x, a, b: a * jnp.arctan2(x, b)),
    "arccosh": Case(lambda x, a, b: a * jnp.arccosh(1.5 + b * x)),
    "heaviside": Case(lambda x, a, b: a * jnp.heaviside(x - 0.5, 0.5) + b * x),
    "mod": Case(lambda x, a, b: a * jnp.mod(7 * x, 2.0) + b),
    "fmod": Case(lambda x, a, b: a * jnp.fmod(7 * x, 2.0) + b),
    "remainder": Case(lambda x, a, b: a * (7 * x % 2.0) + b),
    "floor_divide": Case(lambda x, a, b: a * (7 * x // 2.0) + b),
    "divmod": Case(lambda x, a, b: a * jnp.divmod(7 * x, 2.0)[0] + b),
    "copysign": Case(lambda x, a, b: a * jnp.copysign(x, x - 0.5) + b),
    "nextafter": Case(lambda x, a, b: a * jnp.nextafter(x, 1.0) + b),
    "ldexp": Case(lambda x, a, b: a * jnp.ldexp(x, 2) + b),
    "frexp": Case(lambda x, a, b: a * jnp.frexp(x)[0] + b),
    "modf": Case(lambda x, a, b: a * jnp.modf(4 * x)[0] + b),
    "unwrapped": Case(lambda x, a, b: a * jnp.cos(2 * jnp.pi * b * x + jnp.pi / 4)),
    "betaln": Case(lambda x, a, b: a * special.betaln(x, 1 + b)),
    "xlogy": Case(lambda x, a, b: a * special.xlogy(x, x + b)),
    "gammainc": Case(lambda x, a, b: a * special.gammainc(2.0, 3 * b * x)),
    "betainc": Case(lambda x, a, b: a * special.betainc(2.0, 3.0, b * x)),
    "zeta": Case(lambda x, a, b: a * special.zeta(1.5 + x, 1.0) + b),
    "polygamma": Case(lambda x, a, b: a * special.polygamma(1, 1.0 + x) + b),
    "logsumexp": Case(lambda x, a, b: special.logsumexp(jnp.stack([a * x, b + 0 * x]), axis=0)),
    "softmax": Case(lambda x, a, b: jax.nn.softmax(jnp.stack([a * x, b + 0 * x]), axis=0)[0] * 2),
    "voigt": Case(_voigt, (1.3, 0.5, 0.2)),
    "peaks": Case(_peaks, (1.0, 1.5, 0.7, 0.15)),
    "three peaks": Case(_three, (1.0, 1.5, 0.7, 0.15)),
    "own rule": case_of(_own_rule),
    "sorted rule": case_of(_sorted_rule),
    "ignores second": Case(lambda x, a, b: a * _ignores_second(b * 0.3 + a, x), frozen=True),
    "jitted": case_of(jax.jit(jnp.exp)),
    "checkpointed": case_of(jax.checkpoint(lambda x: jnp.exp(-x))),
    "stop_gradient": Case(lambda x, a, b: a * jax.lax.stop_gradient(jnp.exp(x)) + b),
    "loop": Case(_looped),
    "conditional": Case(_conditional),
}
