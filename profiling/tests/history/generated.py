"""Series of planted figures, without git and without asv."""

from collections.abc import Iterable, Sequence

import numpy as np
from jitscope.series import Point, Series, SeriesKey

VERSIONS = {"jax": "0.10.2", "jaxlib": "0.10.2", "numpy": "2.4.6", "python": "3.11"}
BENCHMARK = "bench_phases.Phases.track_phase_s"
COUNT = "bench_conversions.Conversions.track_count"


def point(order: int, samples: Iterable[float], **other: object) -> Point:
    """Return one measured commit; other fields as given."""
    found = tuple(float(one) for one in samples)
    made = Point(
        f"{order:040x}",
        order,
        "ok",
        value=float(np.median(found)),
        n=len(found),
        samples=found,
        versions=VERSIONS,
        machine="reference",
        solver=f"tree-{order}",
    )
    return made._replace(**other)


def count(order: int, value: float) -> Point:
    """Return one counted commit."""
    return point(order, [value])._replace(samples=())


def missing(order: int, **other: object) -> Point:
    """Return one commit that was not measured."""
    return Point(f"{order:040x}", order, "missing", solver=f"tree-{order}")._replace(**other)


def series(
    points: Sequence[Point], benchmark: str = BENCHMARK, unit: str = "s", **parameters: str
) -> Series:
    """Return a series of the reference setup."""
    key = SeriesKey("reference", "py3.11-jax0.10.2", benchmark, tuple(parameters.items()))
    return Series(key, unit, tuple(points))


def noisy(
    levels: Sequence[float], *, seed: int, spread: float = 0.02, samples: int = 7
) -> tuple[Point, ...]:
    """Return a commit a level: samples of independent log-normal noise around it."""
    rng = np.random.default_rng(seed)
    return tuple(
        point(order, level * np.exp(spread * rng.standard_normal(samples)))
        for order, level in enumerate(levels)
    )
