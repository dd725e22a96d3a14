"""Data of many fits, and what holds them against fits one by one."""

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from trustfit import curve_fit


def gaussian(x: Any, a: Any, mu: Any, s: Any):
    return a * jnp.exp(-(((x - mu) / s) ** 2) / 2)


def stacked(k: int = 5, m: int = 40, seed: int = 0, noise: float = 0.05):
    rng = np.random.default_rng(seed)
    x = np.linspace(0, 5, m)
    truth = np.array([3.0, 2.2, 0.6]) * (1 + 0.1 * rng.normal(size=(k, 3)))
    y = np.stack([gaussian(x, *p) for p in truth]) + noise * rng.normal(size=(k, m))
    return x, y, truth


START = np.array([1.0, 2.0, 1.0])


def singles(f: Callable[..., Any], x: Any, y: Any, separate: Sequence[str] = (), **options: Any):
    """Fit one by one; the arguments named in `separate` hold one for each fit."""

    def of(name: str, value: Any, i: int):
        if name not in separate:
            return value[0] if name == "x" and np.ndim(value) == 3 else value
        return (value[0][i], value[1][i]) if name == "bounds" else value[i]

    fits = []
    for i, one in enumerate(y):
        here: dict[str, Any] = {name: of(name, value, i) for name, value in options.items()}
        fits.append(curve_fit(f, of("x", x, i), one, full_output=True, **here))
    popt, pcov, info, _, _ = zip(*fits, strict=True)
    return (
        np.array(popt),
        np.array(pcov),
        {name: np.array([one[name] for one in info]) for name in ("nfev", "fvec")},
    )


def check(found: Any, expected: Any, *, nfev: bool = True):
    popt, pcov, info, messages, ier = found
    k = len(popt)
    np.testing.assert_allclose(popt, expected[0], rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(pcov, expected[1], rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(info["fvec"], expected[2]["fvec"], rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(
        np.sum(expected[2]["fvec"] ** 2, axis=1), np.sum(info["fvec"] ** 2, axis=1)
    )
    if nfev:
        np.testing.assert_array_equal(info["nfev"], expected[2]["nfev"])
    assert len(messages) == k
    np.testing.assert_array_equal(ier, info["status"])
    assert np.all(ier > 0)
