"""The least-squares problems of Moré, Garbow and Hillstrom, with their standard starts.

Source: J. J. Moré, B. S. Garbow, K. E. Hillstrom, "Testing unconstrained optimization software",
ACM Trans. Math. Softw. 7 (1981) 17-41. The numbers of its section 3 stand beside each function,
and its sums of squares at the minima in `PROBLEMS`: reaching them shows that formula and data are
right. Missing are 10, 15 and 17 (Meyer, Kowalik and Osborne 1) with the standard start, which
NIST's MGH10, MGH09 and MGH17 are from their second start.
"""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from . import nist
from .problem import Problem


def rosenbrock(x: Any) -> Any:  # 1
    return jnp.array([10 * (x[1] - x[0] ** 2), 1 - x[0]])


def freudenstein_roth(x: Any) -> Any:  # 2
    a, b = x
    return jnp.array([-13 + a + ((5 - b) * b - 2) * b, -29 + a + ((b + 1) * b - 14) * b])


def powell_badly_scaled(x: Any) -> Any:  # 3
    return jnp.array([1e4 * x[0] * x[1] - 1, jnp.exp(-x[0]) + jnp.exp(-x[1]) - 1.0001])


def brown_badly_scaled(x: Any) -> Any:  # 4
    return jnp.array([x[0] - 1e6, x[1] - 2e-6, x[0] * x[1] - 2])


def beale(x: Any) -> Any:  # 5
    return np.array([1.5, 2.25, 2.625]) - x[0] * (1 - x[1] ** jnp.arange(1, 4))


def jennrich_sampson(x: Any) -> Any:  # 6
    i = np.arange(1.0, 11.0)
    return 2 + 2 * i - (jnp.exp(i * x[0]) + jnp.exp(i * x[1]))


def helical_valley(x: Any) -> Any:  # 7
    turns = jnp.arctan(x[1] / x[0]) / (2 * np.pi) + jnp.where(x[0] < 0, 0.5, 0.0)
    return jnp.array([10 * (x[2] - 10 * turns), 10 * (jnp.hypot(x[0], x[1]) - 1), x[2]])


def bard(x: Any) -> Any:  # 8
    y = np.array([14, 18, 22, 25, 29, 32, 35, 39, 37, 58, 73, 96, 134, 210, 439]) / 100
    u = np.arange(1.0, 16.0)
    v = 16 - u
    return y - (x[0] + u / (v * x[1] + np.minimum(u, v) * x[2]))


def gaussian(x: Any) -> Any:  # 9
    half = [0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521]
    t = (7 - np.arange(15.0)) / 2
    return x[0] * jnp.exp(-x[1] * (t - x[2]) ** 2 / 2) - np.array([*half, 0.3989, *half[::-1]])


def gulf(x: Any) -> Any:  # 11, with the sign that makes the published minimum one
    t = np.arange(1.0, 100.0) / 100
    y = 25 + (-50 * np.log(t)) ** (2 / 3)
    return jnp.exp(-(jnp.abs(y - x[1]) ** x[2]) / x[0]) - t


def box_3d(x: Any) -> Any:  # 12
    t = np.arange(1.0, 11.0) / 10
    return jnp.exp(-t * x[0]) - jnp.exp(-t * x[1]) - x[2] * (np.exp(-t) - np.exp(-10 * t))


def powell_singular(x: Any) -> Any:  # 13, and 22 for a multiple of four variables
    a, b, c, d = x.reshape(-1, 4).T
    parts = [a + 10 * b, 5**0.5 * (c - d), (b - 2 * c) ** 2, 10**0.5 * (a - d) ** 2]
    return jnp.concatenate(parts)


def wood(x: Any) -> Any:  # 14
    a, b, c, d = x
    return jnp.array(
        [
            10 * (b - a**2),
            1 - a,
            90**0.5 * (d - c**2),
            1 - c,
            10**0.5 * (b + d - 2),
            (b - d) / 10**0.5,
        ]
    )


def brown_dennis(x: Any) -> Any:  # 16
    t = np.arange(1.0, 21.0) / 5
    return (x[0] + t * x[1] - np.exp(t)) ** 2 + (x[2] + x[3] * np.sin(t) - np.cos(t)) ** 2


def biggs_exp6(x: Any) -> Any:  # 18, m = 13
    t = np.arange(1.0, 14.0) / 10
    y = np.exp(-t) - 5 * np.exp(-10 * t) + 3 * np.exp(-4 * t)
    return x[2] * jnp.exp(-t * x[0]) - x[3] * jnp.exp(-t * x[1]) + x[5] * jnp.exp(-t * x[4]) - y


OSBORNE_2 = """
1366 1191 1112 1013 991 885 831 847 786 725 746 679 608 655 616 606 602 626 651 724 649 649
694 644 624 661 612 558 533 495 500 423 395 375 372 391 396 405 428 429 523 562 607 653 672
708 633 668 645 632 591 559 597 625 739 710 729 720 636 581 428 292 162 98 54
"""


def osborne_2(x: Any) -> Any:  # 19
    t = np.arange(65) / 10
    peaks = sum(x[1 + k] * jnp.exp(-((t - x[8 + k]) ** 2) * x[5 + k]) for k in range(3))
    y = np.array(OSBORNE_2.split(), dtype=float) / 1000
    return y - (x[0] * jnp.exp(-t * x[4]) + peaks)


def watson(x: Any) -> Any:  # 20
    t = np.arange(1.0, 30.0)[:, None] / 29
    j = np.arange(x.size)
    powers = t**j
    slopes = j[1:] * t ** (j[1:] - 1)
    inner = slopes @ x[1:] - (powers @ x) ** 2 - 1
    return jnp.append(inner, jnp.array([x[0], x[1] - x[0] ** 2 - 1]))


def extended_rosenbrock(x: Any) -> Any:  # 21
    a, b = x.reshape(-1, 2).T
    return jnp.concatenate([10 * (b - a**2), 1 - a])


def penalty_1(x: Any) -> Any:  # 23
    return jnp.append(1e-5**0.5 * (x - 1), x @ x - 0.25)


def penalty_2(x: Any) -> Any:  # 24
    n = x.size
    weight, e = 1e-5**0.5, jnp.exp(x / 10)
    y = np.exp(np.arange(2, n + 1) / 10) + np.exp(np.arange(1, n) / 10)
    first, last = x[:1] - 0.2, jnp.arange(n, 0, -1) @ x**2 - 1
    middle = [weight * (e[1:] + e[:-1] - y), weight * (e[1:] - np.exp(-0.1))]
    return jnp.append(jnp.concatenate([first, *middle]), last)


def variably_dimensioned(x: Any) -> Any:  # 25
    total = np.arange(1.0, x.size + 1) @ (x - 1)
    return jnp.append(x - 1, jnp.array([total, total**2]))


def trigonometric(x: Any) -> Any:  # 26
    i = np.arange(1.0, x.size + 1)
    return x.size - jnp.cos(x).sum() + i * (1 - jnp.cos(x)) - jnp.sin(x)


def brown_almost_linear(x: Any) -> Any:  # 27
    return jnp.append(x[:-1] + x.sum() - (x.size + 1), x.prod() - 1)


def discrete_boundary_value(x: Any) -> Any:  # 28
    h = 1 / (x.size + 1)
    t = h * np.arange(1.0, x.size + 1)
    around = jnp.pad(x, 1)
    return 2 * x - around[:-2] - around[2:] + h**2 * (x + t + 1) ** 3 / 2


def discrete_integral_equation(x: Any) -> Any:  # 29
    h = 1 / (x.size + 1)
    t = h * np.arange(1.0, x.size + 1)
    cube = (x + t + 1) ** 3
    kernel = np.minimum.outer(t, t) * (1 - np.maximum.outer(t, t))
    return x + h / 2 * (kernel @ cube)


def broyden_tridiagonal(x: Any) -> Any:  # 30
    around = jnp.pad(x, 1)
    return (3 - 2 * x) * x - around[:-2] - 2 * around[2:] + 1


def broyden_banded(x: Any) -> Any:  # 31
    i = np.arange(x.size)
    distance = i[:, None] - i
    near = ((distance >= -1) & (distance <= 5) & (distance != 0)).astype(float)
    return x * (2 + 5 * x**2) + 1 - near @ (x * (1 + x))


def linear_full_rank(x: Any) -> Any:  # 32, m = 2 n
    total = 2 * x.sum() / (2 * x.size)
    return jnp.append(x, jnp.zeros(x.size)) - total - 1


def linear_rank_1(x: Any) -> Any:  # 33, m = 2 n
    return np.arange(1.0, 2 * x.size + 1) * (np.arange(1.0, x.size + 1) @ x) - 1


def linear_rank_1_zeros(x: Any) -> Any:  # 34, m = 2 n
    i = np.arange(2.0 * x.size)
    i[-1] = 0
    return i * (np.arange(2.0, x.size) @ x[1:-1]) - 1


def chebyquad(x: Any) -> Any:  # 35, m = n
    i = np.arange(1, x.size + 1)
    integrals = np.where(i % 2 == 0, -1 / np.maximum(i**2 - 1.0, 1), 0)
    u = 2 * x - 1
    before, now = jnp.ones(x.size), u
    means = [now.mean()]
    for _ in range(x.size - 1):
        before, now = now, 2 * u * now - before
        means.append(now.mean())
    return jnp.array(means) - integrals


def _even_nodes(n: int) -> tuple[float, ...]:
    return tuple(j / (n + 1) for j in range(1, n + 1))


def _curve(n: int) -> tuple[float, ...]:
    return tuple(t * (t - 1) for t in _even_nodes(n))


def _problem(
    fun: Callable[..., Any], x0: tuple[float, ...], *minima: float, note: str = ""
) -> Problem:
    return Problem(fun.__name__ + note, fun, x0, minima=minima)


SINGULAR = (3.0, -1.0, 0.0, 1.0)
ROSENBROCK = _problem(rosenbrock, (-1.2, 1.0), 0)
FREUDENSTEIN_ROTH = _problem(freudenstein_roth, (0.5, -2.0), 0, 48.9842)
BEALE = _problem(beale, (1.0, 1.0), 0)
JENNRICH_SAMPSON = _problem(jennrich_sampson, (0.3, 0.4), 124.362)
HELICAL_VALLEY = _problem(helical_valley, (-1.0, 0.0, 0.0), 0)
BARD = _problem(bard, (1.0, 1.0, 1.0), 8.21487e-3, 17.4286)
BOX_3D = _problem(box_3d, (0.0, 10.0, 20.0), 0)
POWELL_SINGULAR = _problem(powell_singular, SINGULAR, 0)
WOOD = _problem(wood, (-3.0, -1.0, -3.0, -1.0), 0)
BROWN_DENNIS = _problem(brown_dennis, (25.0, 5.0, -5.0, -1.0), 85822.2)
BIGGS_EXP6 = _problem(biggs_exp6, (1.0, 2.0, 1.0, 1.0, 1.0, 1.0), 5.65565e-3, 0)
OSBORNE = _problem(osborne_2, (1.3, 0.65, 0.65, 0.7, 0.6, 3.0, 5.0, 7.0, 2.0, 4.5, 5.5), 4.01377e-2)
WATSON_6 = _problem(watson, (0.0,) * 6, 2.28767e-3, note=" 6")
PENALTY_1 = _problem(penalty_1, (1.0, 2.0, 3.0, 4.0), 2.24997e-5, note=" 4")
VARIABLY_DIMENSIONED = _problem(variably_dimensioned, tuple(1 - j / 10 for j in range(1, 11)), 0)
TRIGONOMETRIC = _problem(trigonometric, (0.1,) * 10, 0, 2.79506e-5)
BROWN_ALMOST_LINEAR = _problem(brown_almost_linear, (0.5,) * 10, 0, 1)
BROYDEN_TRIDIAGONAL = _problem(broyden_tridiagonal, (-1.0,) * 10, 0)
BROYDEN_BANDED = _problem(broyden_banded, (-1.0,) * 10, 0)
CHEBYQUAD_8 = _problem(chebyquad, _even_nodes(8), 3.51687e-3, note=" 8")

STANDARD = (
    ROSENBROCK,
    FREUDENSTEIN_ROTH,
    _problem(powell_badly_scaled, (0.0, 1.0), 0),
    _problem(brown_badly_scaled, (1.0, 1.0), 0),
    BEALE,
    JENNRICH_SAMPSON,
    HELICAL_VALLEY,
    BARD,
    _problem(gaussian, (0.4, 1.0, 0.0), 1.12793e-8),
    _problem(gulf, (5.0, 2.5, 0.15), 0),
    BOX_3D,
    POWELL_SINGULAR,
    WOOD,
    BROWN_DENNIS,
    BIGGS_EXP6,
    OSBORNE,
    WATSON_6,
    _problem(watson, (0.0,) * 9, 1.39976e-6, note=" 9"),
    _problem(watson, (0.0,) * 12, 4.72238e-10, note=" 12"),
    _problem(extended_rosenbrock, (-1.2, 1.0) * 5, 0),
    _problem(powell_singular, SINGULAR * 3, 0, note=" 12"),
    PENALTY_1,
    _problem(penalty_1, tuple(range(1, 11)), 7.08765e-5, note=" 10"),
    _problem(penalty_2, (0.5,) * 4, 9.37629e-6, note=" 4"),
    _problem(penalty_2, (0.5,) * 10, 2.93660e-4, note=" 10"),
    VARIABLY_DIMENSIONED,
    TRIGONOMETRIC,
    BROWN_ALMOST_LINEAR,
    _problem(discrete_boundary_value, _curve(10), 0),
    _problem(discrete_integral_equation, _curve(10), 0),
    BROYDEN_TRIDIAGONAL,
    BROYDEN_BANDED,
    _problem(linear_full_rank, (1.0,) * 10, 10),
    _problem(linear_rank_1, (1.0,) * 10, 20 * 19 / (2 * 41)),
    _problem(linear_rank_1_zeros, (1.0,) * 10, (20**2 + 3 * 20 - 6) / (2 * 37)),
    CHEBYQUAD_8,
    _problem(chebyquad, _even_nodes(9), 0, note=" 9"),
    _problem(chebyquad, _even_nodes(10), 6.50395e-3, 4.77271e-3, note=" 10"),
)
FAR = tuple(
    standard.far(10)
    for standard in (
        ROSENBROCK,
        FREUDENSTEIN_ROTH,
        HELICAL_VALLEY,
        BARD,
        POWELL_SINGULAR,
        WOOD,
        nist.problem(nist.DATASETS["MGH09"], 2),
        BROWN_DENNIS,
        PENALTY_1,
        VARIABLY_DIMENSIONED,
        TRIGONOMETRIC,
        BROYDEN_TRIDIAGONAL,
        BROYDEN_BANDED,
    )
)
PROBLEMS = (*STANDARD, *FAR)
