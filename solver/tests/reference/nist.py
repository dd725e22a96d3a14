"""NIST's Statistical Reference Datasets for nonlinear regression: 27 sets, two starts each."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from .problem import Problem

DATA = Path(__file__).resolve().parent.parent / "data" / "nist_strd.json"
pi = np.pi


def bennett5(x: Any, b1: Any, b2: Any, b3: Any) -> Any:
    return b1 * (b2 + x) ** (-1 / b3)


def saturation(x: Any, b1: Any, b2: Any) -> Any:
    return b1 * (1 - jnp.exp(-b2 * x))


def chwirut(x: Any, b1: Any, b2: Any, b3: Any) -> Any:
    return jnp.exp(-b1 * x) / (b2 + b3 * x)


def danwood(x: Any, b1: Any, b2: Any) -> Any:
    return b1 * x**b2


def enso(
    x: Any, b1: Any, b2: Any, b3: Any, b4: Any, b5: Any, b6: Any, b7: Any, b8: Any, b9: Any
) -> Any:
    return (
        b1
        + b2 * jnp.cos(2 * pi * x / 12)
        + b3 * jnp.sin(2 * pi * x / 12)
        + b5 * jnp.cos(2 * pi * x / b4)
        + b6 * jnp.sin(2 * pi * x / b4)
        + b8 * jnp.cos(2 * pi * x / b7)
        + b9 * jnp.sin(2 * pi * x / b7)
    )


def eckerle4(x: Any, b1: Any, b2: Any, b3: Any) -> Any:
    return (b1 / b2) * jnp.exp(-0.5 * ((x - b3) / b2) ** 2)


def gauss(x: Any, b1: Any, b2: Any, b3: Any, b4: Any, b5: Any, b6: Any, b7: Any, b8: Any) -> Any:
    return (
        b1 * jnp.exp(-b2 * x)
        + b3 * jnp.exp(-((x - b4) ** 2) / b5**2)
        + b6 * jnp.exp(-((x - b7) ** 2) / b8**2)
    )


def cubic_over_cubic(x: Any, b1: Any, b2: Any, b3: Any, b4: Any, b5: Any, b6: Any, b7: Any) -> Any:
    return (b1 + b2 * x + b3 * x**2 + b4 * x**3) / (1 + b5 * x + b6 * x**2 + b7 * x**3)


def kirby2(x: Any, b1: Any, b2: Any, b3: Any, b4: Any, b5: Any) -> Any:
    return (b1 + b2 * x + b3 * x**2) / (1 + b4 * x + b5 * x**2)


def lanczos(x: Any, b1: Any, b2: Any, b3: Any, b4: Any, b5: Any, b6: Any) -> Any:
    return b1 * jnp.exp(-b2 * x) + b3 * jnp.exp(-b4 * x) + b5 * jnp.exp(-b6 * x)


def mgh09(x: Any, b1: Any, b2: Any, b3: Any, b4: Any) -> Any:
    return b1 * (x**2 + x * b2) / (x**2 + x * b3 + b4)


def mgh10(x: Any, b1: Any, b2: Any, b3: Any) -> Any:
    return b1 * jnp.exp(b2 / (x + b3))


def mgh17(x: Any, b1: Any, b2: Any, b3: Any, b4: Any, b5: Any) -> Any:
    return b1 + b2 * jnp.exp(-x * b4) + b3 * jnp.exp(-x * b5)


def misra1b(x: Any, b1: Any, b2: Any) -> Any:
    return b1 * (1 - (1 + b2 * x / 2) ** (-2))


def misra1c(x: Any, b1: Any, b2: Any) -> Any:
    return b1 * (1 - (1 + 2 * b2 * x) ** (-0.5))


def misra1d(x: Any, b1: Any, b2: Any) -> Any:
    return b1 * b2 * x / (1 + b2 * x)


def nelson(x: Any, b1: Any, b2: Any, b3: Any) -> Any:
    return b1 - b2 * x[0] * jnp.exp(-b3 * x[1])


def rat42(x: Any, b1: Any, b2: Any, b3: Any) -> Any:
    return b1 / (1 + jnp.exp(b2 - b3 * x))


def rat43(x: Any, b1: Any, b2: Any, b3: Any, b4: Any) -> Any:
    return b1 / (1 + jnp.exp(b2 - b3 * x)) ** (1 / b4)


def roszman1(x: Any, b1: Any, b2: Any, b3: Any, b4: Any) -> Any:
    return b1 - b2 * x - jnp.arctan(b3 / (x - b4)) / pi


MODELS: Mapping[str, Callable[..., Any]] = {
    "b1*(b2+x)**(-1/b3)": bennett5,
    "b1*(1-exp(-b2*x))": saturation,
    "exp(-b1*x)/(b2+b3*x)": chwirut,
    "b1*x**b2": danwood,
    "b1 + b2*cos(2*pi*x/12) + b3*sin(2*pi*x/12) + b5*cos(2*pi*x/b4) + b6*sin(2*pi*x/b4)"
    " + b8*cos(2*pi*x/b7) + b9*sin(2*pi*x/b7)": enso,
    "(b1/b2)*exp(-0.5*((x-b3)/b2)**2)": eckerle4,
    "b1*exp(-b2*x) + b3*exp(-(x-b4)**2/b5**2) + b6*exp(-(x-b7)**2/b8**2)": gauss,
    "(b1+b2*x+b3*x**2+b4*x**3)/(1+b5*x+b6*x**2+b7*x**3)": cubic_over_cubic,
    "(b1+b2*x+b3*x**2)/(1+b4*x+b5*x**2)": kirby2,
    "b1*exp(-b2*x)+b3*exp(-b4*x)+b5*exp(-b6*x)": lanczos,
    "b1*(x**2+x*b2)/(x**2+x*b3+b4)": mgh09,
    "b1*exp(b2/(x+b3))": mgh10,
    "b1+b2*exp(-x*b4)+b3*exp(-x*b5)": mgh17,
    "b1*(1-(1+b2*x/2)**(-2))": misra1b,
    "b1*(1-(1+2*b2*x)**(-0.5))": misra1c,
    "b1*b2*x/(1+b2*x)": misra1d,
    "b1 - b2*x1*exp(-b3*x2)": nelson,
    "b1/(1+exp(b2-b3*x))": rat42,
    "b1/(1+exp(b2-b3*x))**(1/b4)": rat43,
    "b1 - b2*x - arctan(b3/(x-b4))/pi": roszman1,
}
"""The models by the formula that the data file gives; x1, x2 are the rows of x."""


def _residual(model: Callable[..., Any]) -> Callable[..., Any]:
    def residual(b: Any, x: Any, y: Any) -> Any:
        return model(x, *b) - y

    return residual


RESIDUALS: Mapping[str, Callable[..., Any]] = {
    formula: _residual(model) for formula, model in MODELS.items()
}
"""Model minus data, shape (m,), of b, x and y, by the formula."""

RESPONSES: Mapping[str, Callable[[Any], Any]] = {"y": np.asarray, "log(y)": np.log}


@dataclass(frozen=True, eq=False)
class Dataset:
    """One of NIST's data sets.

    Attributes
    ----------
    name, difficulty, formula : str
        `difficulty` is NIST's "lower", "average" or "higher".
    model : callable
        ``model(x, b1, b2, ...)`` in `jax.numpy`, shape (m,).
    x, y : ndarray, shape (m,), of float64
        Data; x has shape (2, m) where there are two predictors. y is what the model is fitted
        to: the logarithm of the data where NIST says so.
    starts : two tuples of n floats
        NIST's starts 1 (far) and 2 (near).
    certified, certified_std : ndarray, shape (n,)
        Parameters and standard deviations, to 11 digits.
    certified_rss : float
        Residual sum of squares.
    """

    name: str
    difficulty: str
    formula: str
    model: Callable[..., Any]
    x: NDArray[Any]
    y: NDArray[Any]
    starts: tuple[tuple[float, ...], tuple[float, ...]]
    certified: NDArray[Any]
    certified_std: NDArray[Any]
    certified_rss: float

    def __str__(self) -> str:
        """Name the set, as pytest shows it."""
        return self.name


def _dataset(name: str, record: Mapping[str, Any]) -> Dataset:
    return Dataset(
        name=name,
        difficulty=record["difficulty"],
        formula=record["model"],
        model=MODELS[record["model"]],
        x=np.array(record["x"]).T,
        y=RESPONSES[record["response"]](np.array(record["y"])),
        starts=(tuple(record["start_1"]), tuple(record["start_2"])),
        certified=np.array(record["certified"]),
        certified_std=np.array(record["certified_std"]),
        certified_rss=record["certified_rss"],
    )


DATASETS: Mapping[str, Dataset] = {
    name: _dataset(name, record)
    for name, record in json.loads(DATA.read_text(encoding="utf-8"))["datasets"].items()
}
RUNS = tuple((dataset, start) for dataset in DATASETS.values() for start in (1, 2))
"""The 54 runs: each data set from each of its starts."""


def problem(dataset: Dataset, start: int) -> Problem:
    """Return a run, `start` 1 or 2, as a problem."""
    return Problem(
        f"{dataset.name}, start {start}",
        RESIDUALS[dataset.formula],
        dataset.starts[start - 1],
        args=(dataset.x, dataset.y),
        minima=(dataset.certified_rss,),
    )


PROBLEMS = tuple(problem(*run) for run in RUNS)
