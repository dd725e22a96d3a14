"""Models with elements of many types, inside or in the data."""

import jax
import jax.numpy as jnp
import numpy as np

from .case import Case

TYPES = {
    "float32 inside": Case(lambda x, a, b: a * jnp.exp(x.astype(jnp.float32)).astype(float) + b),
    "float16 inside": Case(lambda x, a, b: a * jnp.exp(x.astype(jnp.float16)).astype(float) + b),
    "bfloat16 inside": Case(lambda x, a, b: a * jnp.exp(x.astype(jnp.bfloat16)).astype(float) + b),
    "float16 erf": Case(
        lambda x, a, b: a * jax.scipy.special.erf(x.astype(jnp.float16)).astype(float) + b
    ),
    "int8 inside": Case(lambda x, a, b: a * (9 * x).astype(jnp.int8) + b),
    "uint8 inside": Case(lambda x, a, b: a * (9 * x).astype(jnp.uint8) + b),
    "int division": Case(lambda x, a, b: a * ((9 * x).astype(int) // 2) + b),
    "int remainder": Case(lambda x, a, b: a * ((9 * x).astype(int) % 2) + b),
    "int power": Case(lambda x, a, b: a * (9 * x).astype(int) ** 2 + b),
    "int bits": Case(lambda x, a, b: a * ((9 * x).astype(int) & 3) + b),
    "int xor": Case(lambda x, a, b: a * ((9 * x).astype(int) ^ 3) + b),
    "bool not": Case(lambda x, a, b: a * (~(x > 0.5)) + b),
    "bool xor": Case(lambda x, a, b: a * ((x > 0.5) ^ (x < 0.2)) + b),
    "bool any": Case(lambda x, a, b: a * jnp.any(jnp.stack([x > 0.7, x < 0.2]), 0) + b),
    "complex abs": Case(lambda x, a, b: jnp.abs(a / (1 + 1j * b * x))),
    "complex real": Case(lambda x, a, b: jnp.real(a * jnp.exp(1j * b * x))),
    "complex imag": Case(lambda x, a, b: (a * jnp.exp(1j * b * x)).imag),
    "complex square": Case(lambda x, a, b: jnp.abs(a + 1j * b * x) ** 2),
    "complex angle": Case(lambda x, a, b: a * jnp.angle(1 + 1j * b * x)),
    "complex tanh": Case(lambda x, a, b: jnp.abs(a * jnp.tanh(b * x + 0.3j))),
    "complex constant": Case(lambda x, a, b: a * jnp.abs(x + 2j) + b),
    "complex sqrt": Case(lambda x, a, b: a * jnp.abs(jnp.sqrt(x + 2j)) + b),
    "complex log": Case(lambda x, a, b: a * jnp.abs(jnp.log(x + 2j)) + b),
    "complex power": Case(lambda x, a, b: a * jnp.abs((x + 2j) ** 1.5) + b),
    "complex sin": Case(lambda x, a, b: a * jnp.abs(jnp.sin(x + 2j)) + b),
    "complex64": Case(lambda x, a, b: a * jnp.abs((x + 2j).astype(jnp.complex64)) + b),
    "integer x": Case(lambda x, a, b: a * jnp.exp(-b * 0.01 * x), x=lambda m: np.arange(1, m + 1)),
    "float32 x": Case(
        lambda x, a, b: a * jnp.exp(-b * x),
        x=lambda m: np.linspace(0.1, 0.9, m, dtype=np.float32),
    ),
}
