"""Least-squares problems of the MINPACK-2 collection that are not already in another set.

Source: B. M. Averick, R. G. Carter, J. J. Moré, G.-L. Xue, "The MINPACK-2 test problem
collection", Argonne National Laboratory, MCS-P153-0692 (1992). Its exponential fits, Gaussian fit,
thermistor and enzyme reaction are Moré, Garbow and Hillstrom's 17, 18, 19, 10 and 15.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np

from .mgh import chebyquad
from .problem import Problem

_MINUTES = np.array([1230.0, 3060.0, 4920.0, 7800.0, 10680.0, 15030.0, 22620.0, 36420.0])
_PERCENT = np.array(
    [
        [88.35, 76.4, 65.1, 50.4, 37.5, 25.9, 14.0, 4.5],
        [7.3, 15.6, 23.1, 32.9, 42.7, 49.1, 57.4, 63.1],
        [2.3, 4.5, 5.3, 6.0, 6.0, 5.9, 5.1, 3.8],
        [0.4, 0.7, 1.1, 1.5, 1.9, 2.2, 2.6, 2.9],
        [1.75, 2.8, 5.8, 9.3, 12.0, 17.0, 21.0, 25.7],
    ]
)


def alpha_pinene(x: Any, t: Any, percent: Any) -> Any:
    """Isomerization of alpha-pinene: y1 -> y2 and y3, y3 -> y4, y3 <-> y5, from y1 = 100.

    The linear equations are solved in closed form. The last two substances decouple from the
    rest: their 2 x 2 matrix has the eigenvalues -u and -v. The sum of squares is that of exact
    integration (COPS 3.0's 19.8721; the collection's 20.64572 is of another formulation).
    """
    total, half = x[0] + x[1], (x[2] + x[3] + x[4]) / 2
    root = jnp.sqrt(half**2 - x[2] * x[4])
    u, v = half - root, half + root
    decay, slow, fast = (jnp.exp(-rate * t) for rate in (total, u, v))
    # y3 and y5 as sums over the three exponentials, by partial fractions of Laplace transforms.
    source = 100 * x[1]
    weights = (
        1 / ((u - total) * (v - total)),
        1 / ((total - u) * (v - u)),
        1 / ((total - v) * (u - v)),
    )
    rates = (total, u, v)
    parts = tuple(zip(weights, rates, (decay, slow, fast), strict=True))
    y3 = source * sum(w * (x[4] - rate) * e for w, rate, e in parts)
    y4 = source * x[2] * sum(w * (x[4] - rate) * (1 - e) / rate for w, rate, e in parts)
    y5 = source * x[3] * sum(w * e for w, _, e in parts)
    y = jnp.array([100 * decay, 100 * x[0] / total * (1 - decay), y3, y4, y5])
    return (y - percent).ravel()


def heart_dipole(x: Any) -> Any:
    """Strengths and places of two dipoles from eight sums: a zero residual, hard to find."""
    a, b, c, d, t, u, v, w = x
    sums = np.array([-0.69, -0.044, -1.57, -1.31, -2.65, 2.0, -12.6, 9.48])
    return (
        jnp.array(
            [
                a + b,
                c + d,
                t * a + u * b - v * c - w * d,
                v * a + w * b + t * c + u * d,
                a * (t**2 - v**2) - 2 * c * t * v + b * (u**2 - w**2) - 2 * d * u * w,
                c * (t**2 - v**2) + 2 * a * t * v + d * (u**2 - w**2) + 2 * b * u * w,
                a * t * (t**2 - 3 * v**2)
                + c * v * (v**2 - 3 * t**2)
                + b * u * (u**2 - 3 * w**2)
                + d * w * (w**2 - 3 * u**2),
                c * t * (t**2 - 3 * v**2)
                - a * v * (v**2 - 3 * t**2)
                + d * u * (u**2 - 3 * w**2)
                - b * w * (w**2 - 3 * u**2),
            ]
        )
        - sums
    )


def solid_fuel_ignition(x: Any) -> Any:
    """Bratu's equation on a square, Laplace(x) + 2 exp(x) = 0, by five points on a 7 x 7 grid."""
    side = round(x.size**0.5)
    grid = x.reshape(side, side)
    around = jnp.pad(grid, 1)
    neighbours = around[:-2, 1:-1] + around[2:, 1:-1] + around[1:-1, :-2] + around[1:-1, 2:]
    return (4 * grid - neighbours - 2 / (side + 1) ** 2 * jnp.exp(grid)).ravel()


PROBLEMS = (
    Problem(
        "alpha_pinene",
        alpha_pinene,
        (5.84e-5, 2.65e-5, 1.63e-5, 27.77e-5, 4.61e-5),
        args=(_MINUTES, _PERCENT),
        minima=(19.8721,),
    ),
    Problem("heart_dipole", heart_dipole, (0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0), minima=(0,)),
    Problem("solid_fuel_ignition", solid_fuel_ignition, (0.0,) * 49, minima=(0,)),
    Problem("chebyquad 11", chebyquad, tuple(j / 12 for j in range(1, 12)), minima=(2.799761e-3,)),
)
