"""Models of data and parameters in many shapes, and of data that make no difference."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from .case import Case


def _two_rows(m: int) -> Any:
    x = np.linspace(0.1, 0.9, m)
    return np.stack([x, np.cos(5 * x)])


def _many_rows(m: int) -> Any:
    return np.stack([np.cos(k * np.linspace(0.1, 0.9, m)) for k in range(70)])


def _dead(x: Any, a: Any, b: Any) -> Any:
    jnp.sin(x)
    return a * b + jnp.zeros(x.shape)


_TABLE = np.linspace(1.0, 2.0, 5)


SHAPES = {
    "two rows": Case(lambda x, a, b: a * x[0] + b * x[1], x=_two_rows),
    "two rows unpacked": Case(lambda xy, a, b: a * jnp.exp(b * xy[0]) + xy[1], x=_two_rows),
    "second row only": Case(lambda x, a, b: a * jnp.exp(-b * x[1]), x=_two_rows),
    "seventy rows": Case(lambda x, a, b: a * x[3] + b * x[50], x=_many_rows),
    "sum of rows": Case(lambda x, a, b: a * jnp.sum(x, 0) + b, x=_two_rows),
    "max of rows": Case(lambda x, a, b: a * jnp.max(x, 0) + b, x=_two_rows),
    "product of rows": Case(lambda x, a, b: a * jnp.prod(x, 0) + b, x=_two_rows),
    "vector times rows": Case(lambda x, *p: jnp.stack(p) @ x, x=_two_rows, kwargs={"p0": [1, 1]}),
    "transposed": Case(lambda x, a, b: x.T @ jnp.array([a, b]), x=_two_rows),
    "no x": Case(lambda x, a, b: a + b**2 + jnp.zeros(x.shape), frozen=True),
    "scalar": Case(lambda x, a, b: a + b**2, frozen=True),
    "no b": Case(lambda x, a, b: a * x, frozen=True),
    "constant": Case(lambda x, a, b: jnp.ones(x.shape), frozen=True),
    "constant of x": Case(lambda x, a, b: x, frozen=True),
    "dead": Case(_dead, frozen=True),
    "zero times x": Case(lambda x, a, b: a * jnp.exp(b) + 0 * x, frozen=True),
    "x minus x": Case(lambda x, a, b: a * jnp.exp(b) + (x - x), frozen=True),
    "max with infinity": Case(
        lambda x, a, b: a * b + jnp.exp(-jnp.maximum(x, jnp.inf)), frozen=True
    ),
    "comparison only": Case(lambda x, a, b: a * b + (x != x), frozen=True),
    "empty clip": Case(lambda x, a, b: a * b + jnp.clip(x, 1.0, 1.0), frozen=True),
    "sign of square": Case(lambda x, a, b: a * b * jnp.sign(x * x + 1), frozen=True),
    "and false": Case(lambda x, a, b: a * b + ((x > 2) & False), frozen=True),
    "to bits": Case(lambda x, a, b: a * b + (x * 0.1).astype(bool), frozen=True),
    "select same": Case(lambda x, a, b: jnp.where(x > 2, a * b, a * b), frozen=True),
    "multiplied by false": Case(lambda x, a, b: a * b + x.astype(int) * 0, frozen=True),
    "one": Case(lambda x, a: jnp.exp(-a * x), (1.3,)),
    "one linear": Case(lambda x, a: a * x, (1.3,)),
    "one squared": Case(lambda x, a: a**2 * x, (1.3,)),
    "five": Case(
        lambda x, a, b, c, d, e: a + b * x + c * jnp.exp(d * x) + e * jnp.sin(9 * x),
        (1.0, 0.5, 0.7, 2.0, 0.3),
    ),
    "six": Case(
        lambda x, a, b, c, d, e, g: a + b * x + c * jnp.sin(9 * x + g) + d * x**2 + e * x**3,
        (1.0, 0.5, 0.7, 2.0, 0.3, 0.2),
    ),
    "stacked": Case(
        lambda x, *p: jnp.sum(jnp.stack(p)[:, None] * jnp.stack([x, x**2, x**3]), 0),
        (1.0, 2.0, 3.0),
    ),
    "as array": Case(lambda x, *p: jnp.array(p)[0] * jnp.exp(-jnp.array(p)[1] * x)),
    "dot": Case(lambda x, *p: jnp.dot(jnp.stack(p), jnp.array([1.0, 2.0])) * x + p[0], (1.0, 2.0)),
    "table": Case(lambda x, a, b: a * jnp.sum(jnp.array(_TABLE)) * x + b),
    "table per point": Case(lambda x, a, b: a * jnp.sum(jnp.exp(-x[:, None] * _TABLE), 1) + b),
    "long table": Case(
        lambda x, a, b: a * jnp.sum(jnp.exp(-x[:, None] * np.linspace(1, 2, 100)), 1) + b
    ),
    "gathered": Case(lambda x, a, b: a * jnp.array(_TABLE)[(x * 5).astype(int)] + b),
    "interpolated": Case(lambda x, a, b: a * jnp.interp(x, np.linspace(0, 1, 5), _TABLE**2) + b),
    "outer": Case(lambda x, a, b: jnp.outer(x, jnp.stack([a, b])).sum(1) + b * x**2),
    "vander": Case(lambda x, a, b: jnp.vander(x, 2) @ jnp.stack([a, b])),
    "flipped parameters": Case(lambda x, *p: jnp.flip(jnp.stack(p))[0] * x + p[0] * x**2),
    "cumulated parameters": Case(lambda x, *p: jnp.cumsum(jnp.stack(p))[1] * x + p[0]),
}
