"""Models with the options of `curve_fit`."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from .case import Case


def _decay(x: Any, a: Any, b: Any) -> Any:
    return a * jnp.exp(-b * x)


def _decay_jac(x: Any, a: Any, b: Any) -> Any:
    e = jnp.exp(-b * x)
    return jnp.stack([e, -a * x * e], axis=1)


def of_weights(m: int) -> Any:
    return 1 + 0.5 * np.sin(np.arange(m))


OPTIONS = {
    "jac": Case(_decay, kwargs={"jac": _decay_jac}),
    "constant jac": Case(
        lambda x, a, b: a + b * x, kwargs={"jac": lambda x, a, b: jnp.stack([0 * x + 1, x], 1)}
    ),
    "jac without x": Case(
        lambda x, a, b: a + b + 0 * x,
        kwargs={"jac": lambda x, a, b: jnp.ones((len(x), 2))},
        frozen=True,
    ),
    "sigma": Case(_decay, kwargs={"sigma": of_weights}),
    "sigma, jac": Case(_decay, kwargs={"sigma": of_weights, "jac": _decay_jac}),
    "absolute sigma": Case(_decay, kwargs={"sigma": of_weights, "absolute_sigma": True}),
    "bounds": Case(_decay, kwargs={"bounds": ([0, 0], [9, 9])}),
    "one side": Case(_decay, kwargs={"bounds": ([0, -np.inf], np.inf)}),
    "at bound": Case(_decay, kwargs={"bounds": ([0, 0.72], [9, 9])}),
    "bounds, sigma, jac": Case(
        _decay, kwargs={"bounds": ([0, 0], [9, 9]), "sigma": of_weights, "jac": _decay_jac}
    ),
    **{
        f"loss {loss}": Case(_decay, kwargs={"loss": loss, "method": "trf", "f_scale": 0.01})
        for loss in ("linear", "huber", "soft_l1", "cauchy", "arctan")
    },
    **{
        f"loss {loss}, bounds, jac": Case(
            _decay,
            kwargs={"loss": loss, "bounds": ([0, 0], [9, 9]), "jac": _decay_jac, "f_scale": 0.01},
        )
        for loss in ("huber", "soft_l1", "cauchy", "arctan")
    },
    "x_scale jac": Case(_decay, kwargs={"x_scale": "jac", "method": "trf"}),
    "x_scale": Case(_decay, kwargs={"x_scale": [1.0, 2.0], "method": "trf"}),
}
