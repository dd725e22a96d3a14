"""The data of the page that compares two commits: a file of samples for each commit.

Of a thousand commits there are half a million pairs, so no pair is worked out beforehand: the page
loads the files of the two that are chosen and judges them by the rules of `jitscope.verdicts`. What
takes the whole history, each series' noise, is worked out here.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jitscope.history import PHASE_BENCHMARK
from jitscope.noise import Noise
from jitscope.report.setups import SetupLine
from jitscope.report.site_data import write_data
from jitscope.report.timeline_data import counter_label
from jitscope.series import Point, Series, SeriesKey

_VERSIONS = ("jax", "jaxlib", "numpy", "python")
_DIGITS = 9
_TO_MS = {"s": 1e3, "seconds": 1e3, "ms": 1.0, "us": 1e-3}


def series_name(setup: int) -> str:
    """Name of the data file that lists a setup's series."""
    return f"series-{setup}"


def samples_name(setup: int, commit: str) -> str:
    """Name of the data file of one commit's samples."""
    return f"samples-{setup}-{commit[:16]}"


def write_comparisons(
    html: Path,
    series: Sequence[Series],
    setups: Sequence[SetupLine],
    noises: Mapping[SeriesKey, Noise],
) -> None:
    """Write the series of each setup, and the samples of each of its commits.

    Parameters
    ----------
    html : Path
        The site's folder.
    series : sequence of Series
    setups : sequence of SetupLine
    noises : mapping
        Of each series.
    """
    for place, setup in enumerate(setups):
        own = [one for one in series if one.key.setup == setup.key]
        listed = {
            "orders": list(setup.orders),
            "series": [_described(one, noises[one.key]) for one in own],
        }
        write_data(html, series_name(place), listed)
        for order in setup.orders:
            points = [one.points[order] for one in own]
            name = samples_name(place, points[0].commit)
            write_data(html, name, _measured(points, [_factor(one) for one in own]))


def _described(series: Series, noise: Noise) -> dict[str, Any]:
    phase = series.key.parameter("phase") if _is_phase(series) else None
    return {
        "problem": series.key.parameter("problem"),
        "condition": series.key.parameter("condition"),
        "phase": phase,
        "label": phase or counter_label(series),
        "unit": "ms" if series.unit in _TO_MS else series.unit,
        "counter": series.is_counter,
        "threshold": _rounded(noise.threshold),
        "between": None if noise.between is None else _rounded(noise.between),
        "sessions": noise.sessions,
        "absolute": noise.absolute,
    }


def _is_phase(series: Series) -> bool:
    return series.key.benchmark == PHASE_BENCHMARK


def _factor(series: Series) -> float:
    return _TO_MS.get(series.unit, 1.0)


def _measured(points: Sequence[Point], factors: Sequence[float]) -> dict[str, Any]:
    """One commit: a place for each series, and the versions it was measured with.

    Where a series has no value stands its status; otherwise its median, the ends of its interval,
    its finite samples and the session it was measured in.
    """
    versions: Mapping[str, str] = next((p.versions for p in points if p.versions), {})
    return {
        "versions": {name: versions[name] for name in _VERSIONS if name in versions},
        "points": [_point(p, factor) for p, factor in zip(points, factors, strict=True)],
    }


def _point(point: Point, factor: float) -> str | list[Any]:
    if point.value is None:
        return point.status
    ends = [None if end is None else _rounded(factor * end) for end in (point.lo, point.hi)]
    samples = [_rounded(factor * s) for s in point.finite]
    return [_rounded(factor * point.value), *ends, samples, point.session]


def _rounded(value: float) -> float | None:
    """As many digits as a test of ranks needs to tell all but equal samples apart."""
    return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
