"""Seeded curve fits that every measurement shares; they start away from the truth.

Here m is the number of data points, n the number of parameters, r = f(x, *params) - y the
residuals and cost = 0.5 * sum(r**2), as in SciPy's `least_squares`.

A catalogue of small recipes is all that importing this module builds: `get` makes the data,
always the same, so that listing the problems never generates a million points. The reference
figures were found by SciPy with an exact Jacobian and tolerances at rounding level;
`profiling/tests/test_problems.py` finds them again.
"""

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from jitscope import _models as models

if TYPE_CHECKING:  # NumPy is imported by `get`: listings and asv's readers do without it
    from numpy.typing import NDArray

SIZES = (
    *("small", "medium", "large", "xlarge", "scaling", "bounded"),
    *("first call", "longest", "ill-conditioned"),
)
"""The "longest" one continues "scaling"; it stands apart as it takes seconds to make. Those of the
"first call" complete the exponentials of 100 to 10,000 points, without bounds and with them."""
Variant = Literal["data", "length"]


@dataclass(frozen=True)
class Problem:
    """One curve fit.

    Attributes
    ----------
    name, size : str
        `size` is one of `SIZES`.
    model : callable
        ``model(numpy)`` or ``model(jax.numpy)`` returns a new plain function ``f(x, *params)``.
    x, y : ndarray, shape (m,), float64
        Data; `y` is the model at `p_true` plus normal noise.
    p0, p_true : ndarray, shape (n,), float64
        Start, away from the truth, and truth.
    bounds : tuple of two ndarrays of shape (n,), or None
        Lower and upper bounds; at least one of them is active at the solution.
    reference_cost : float
        0.5 * sum(r**2) at the minimum.
    reference_params : ndarray, shape (n,), or None
        The minimum; None where it is too ill-conditioned to be known to many digits.
    """

    name: str
    size: str
    model: models.ModelFactory
    x: "NDArray[Any]"
    y: "NDArray[Any]"
    p0: "NDArray[Any]"
    p_true: "NDArray[Any]"
    bounds: "tuple[NDArray[Any], NDArray[Any]] | None"
    reference_cost: float
    reference_params: "NDArray[Any] | None"


@dataclass(frozen=True)
class _Curve:
    """What problems of one kind share: data on `interval`, noise of standard deviation `noise`."""

    model: models.ModelFactory
    interval: tuple[float, float]
    p_true: tuple[float, ...]
    p0: tuple[float, ...]
    noise: float


@dataclass(frozen=True)
class _Recipe:
    size: str
    curve: _Curve
    m: int
    reference_cost: float
    reference_params: tuple[float, ...] | None
    bounds: tuple[tuple[float, ...], tuple[float, ...]] | None = None


_SEED = 20251006
_LINEAR = _Curve(models.linear, (0.0, 10.0), (2.0, 1.0), (-1.0, 5.0), 0.5)
_EXPONENTIAL = _Curve(models.exponential, (0.0, 5.0), (3.0, 1.3, 0.5), (1.0, 0.3, 2.0), 0.05)
_GAUSSIAN = _Curve(models.gaussian, (-5.0, 5.0), (2.5, 0.6, 0.9), (1.0, -0.5, 2.0), 0.05)
_CUBIC = _Curve(models.cubic, (-2.0, 2.0), (0.5, -1.2, 0.8, 2.0), (-1.0, 1.0, 0.0, 0.0), 0.2)
_DOUBLE_EXPONENTIAL = _Curve(
    models.double_exponential, (0.0, 4.0), (2.0, 1.0, 1.0, 1.25), (1.0, 0.5, 2.0, 2.0), 0.0001
)
_POLYNOMIAL = _Curve(
    models.polynomial,
    (0.0, 1.0),
    (1.0, -2.0, 3.0, -1.0, 2.0, 0.5, -1.5, 1.0),
    (0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0),
    0.01,
)
_REDUNDANT = _Curve(models.redundant_product, (0.0, 5.0), (2.0, 1.5, 0.8), (0.5, 5.0, 0.2), 0.02)
_INF = math.inf
_ABOVE = ((0.0, 0.0, 0.7), (_INF, _INF, _INF))
"""Bounds of an exponential, whose offset ends on its own."""

_RECIPES = {
    "linear_100": _Recipe(
        "small", _LINEAR, 100, 12.104659145285435, (1.9752887456818655, 1.1039169755595029)
    ),
    "exponential_100": _Recipe(
        "small",
        _EXPONENTIAL,
        100,
        0.12150282477915274,
        (3.0207723292444073, 1.2912838779327582, 0.4917021128089293),
    ),
    "exponential_1000": _Recipe(
        "medium",
        _EXPONENTIAL,
        1_000,
        1.2057888781275936,
        (2.9993272758268112, 1.3098674677558018, 0.5044472466703568),
    ),
    "gaussian_1000": _Recipe(
        "medium",
        _GAUSSIAN,
        1_000,
        1.2092554589863118,
        (2.5015026784852554, 0.5995189190426597, 0.9010593920137179),
    ),
    "gaussian_10000": _Recipe(
        "large",
        _GAUSSIAN,
        10_000,
        12.440600897643254,
        (2.497953634628411, 0.6008790038290333, 0.900393148815825),
    ),
    "cubic_50000": _Recipe(
        "xlarge",
        _CUBIC,
        50_000,
        1009.5254415431,
        (0.4988411009435281, -1.1998197986091261, 0.8026235137688421, 1.999002827779178),
    ),
    "gaussian_scaling_100": _Recipe(
        "scaling",
        _GAUSSIAN,
        100,
        0.12145818686226449,
        (2.513649454986266, 0.5945019648126487, 0.893659976631498),
    ),
    "gaussian_scaling_1000": _Recipe(
        "scaling",
        _GAUSSIAN,
        1_000,
        1.2092554589863118,
        (2.5015026784852554, 0.5995189190426597, 0.9010593920137179),
    ),
    "gaussian_scaling_10000": _Recipe(
        "scaling",
        _GAUSSIAN,
        10_000,
        12.440600897643254,
        (2.497953634628411, 0.6008790038290333, 0.900393148815825),
    ),
    "gaussian_scaling_100000": _Recipe(
        "scaling",
        _GAUSSIAN,
        100_000,
        125.5680073819019,
        (2.4996894842774373, 0.6002771898088847, 0.9001762536333173),
    ),
    "gaussian_scaling_1000000": _Recipe(
        "scaling",
        _GAUSSIAN,
        1_000_000,
        1251.065704891661,
        (2.49998789003185, 0.599955614768887, 0.8999725353143285),
    ),
    "gaussian_scaling_10000000": _Recipe(
        "longest",
        _GAUSSIAN,
        10_000_000,
        12498.135815039499,
        (2.499985878976221, 0.600033405356029, 0.8999792966409893),
    ),
    "bounded_exponential_1000": _Recipe(
        "bounded",
        _EXPONENTIAL,
        1_000,
        10.035554163681951,
        (2.9560363774857605, 1.6547360870227632, 0.7),
        _ABOVE,
    ),
    "bounded_gaussian_1000": _Recipe(
        "bounded",
        _GAUSSIAN,
        1_000,
        20.921268202511815,
        (2.1244106867222445, 0.6000747744349426, 1.2),
        ((0.0, -5.0, 1.2), (2.2, 5.0, 4.0)),
    ),
    "exponential_10000": _Recipe(
        "first call",
        _EXPONENTIAL,
        10_000,
        12.444371188764606,
        (3.0006914652572143, 1.3003984765772676, 0.5004276288602322),
    ),
    "bounded_exponential_100": _Recipe(
        "first call",
        _EXPONENTIAL,
        100,
        1.1207713521223934,
        (2.9519492296390646, 1.6406711054520742, 0.7),
        _ABOVE,
    ),
    "bounded_exponential_10000": _Recipe(
        "first call",
        _EXPONENTIAL,
        10_000,
        104.07597798944576,
        (2.9558947375521076, 1.6487328447731495, 0.7),
        _ABOVE,
    ),
    "double_exponential_200": _Recipe(
        "ill-conditioned", _DOUBLE_EXPONENTIAL, 200, 9.19237110999936e-07, None
    ),
    "hilbert_polynomial_200": _Recipe(
        "ill-conditioned", _POLYNOMIAL, 200, 0.009097373105092678, None
    ),
    "redundant_product_200": _Recipe(
        "ill-conditioned", _REDUNDANT, 200, 0.036784782343536555, None
    ),
}


def names(size: str | None = None) -> tuple[str, ...]:
    """Return the names of all problems, or of those of one size.

    Raises
    ------
    ValueError
        `size` is not one of `SIZES`.
    """
    if size is not None and size not in SIZES:
        raise ValueError(f"unknown size {size!r}; the sizes are {', '.join(SIZES)}.")
    return tuple(name for name, recipe in _RECIPES.items() if size in (None, recipe.size))


def get(name: str) -> Problem:
    """Generate a problem; the same name gives the same numbers.

    Raises
    ------
    ValueError
        Unknown name.
    """
    if name not in _RECIPES:
        raise ValueError(f"unknown problem {name!r}; the problems are {', '.join(_RECIPES)}.")
    import numpy as np

    recipe = _RECIPES[name]
    curve = recipe.curve
    x = np.linspace(*curve.interval, recipe.m)
    bounds, params = recipe.bounds, recipe.reference_params
    return Problem(
        name=name,
        size=recipe.size,
        model=curve.model,
        x=x,
        y=curve.model(np)(x, *curve.p_true) + _noise(curve.noise, recipe.m, _SEED),
        p0=np.array(curve.p0),
        p_true=np.array(curve.p_true),
        bounds=None if bounds is None else (np.array(bounds[0]), np.array(bounds[1])),
        reference_cost=recipe.reference_cost,
        reference_params=None if params is None else np.array(params),
    )


def _noise(scale: float, m: int, seed: int) -> "NDArray[Any]":
    import numpy as np

    return np.random.default_rng(seed).normal(0.0, scale, m)


def vary(problem: Problem, change: Variant) -> Problem:
    """Return the next fit of the same model: other data, or data of another length.

    Its minimum is not known: `reference_cost` is NaN and `reference_params` None.

    Parameters
    ----------
    change : {"data", "length"}
        "data": new noise on the same x; "length": the last tenth of the data is left out.
    """
    if change not in ("data", "length"):
        raise ValueError(f"`change` must be 'data' or 'length'; got {change!r}.")
    unknown = replace(problem, reference_cost=math.nan, reference_params=None)
    if change == "data":
        scale = _RECIPES[problem.name].curve.noise
        return replace(unknown, y=problem.y + _noise(scale, len(problem.y), _SEED + 1))
    kept = len(problem.x) - len(problem.x) // 10
    return replace(unknown, x=problem.x[:kept], y=problem.y[:kept])
