"""Many curves of one model in one call; n/a for commits that fit one curve a call."""

import statistics
from typing import Any

from jitscope import _memory, adapters, many
from jitscope.errors import Unsupported

from .common import expected_prefix, sampled


class ManyFits:
    """Gaussians of 100 points: time a fit of a warm call, and peak memory above the data."""

    version = "1"
    timeout = 600.0
    params = ((10_000, 100_000),)
    param_names = ("fits",)

    def setup(self, fits: int) -> None:
        problem, ys, _ = many.curves(2)
        try:
            adapters.get("trustfit").prepare_many(problem, ys)
        except Unsupported as error:
            raise NotImplementedError(str(error)) from error

    def track_us_a_fit(self, fits: int) -> dict[str, Any]:
        calls_ns = _measured(fits, calls=3).calls_ns
        return sampled([statistics.median(calls_ns) / 1e3 / fits])

    def track_peak_bytes(self, fits: int) -> dict[str, Any] | float:
        if not _memory.can_reset_peak():
            return float("nan")  # n/a
        peak = _measured(fits, calls=0).peak_bytes
        assert peak is not None
        return sampled([float(peak)])

    track_us_a_fit.unit = "us"  # pyright: ignore[reportFunctionMemberAccess]
    track_peak_bytes.unit = "bytes"  # pyright: ignore[reportFunctionMemberAccess]


def _measured(fits: int, calls: int) -> many.Many:
    return many.measure("trustfit", fits, calls=calls, expected_prefix=expected_prefix())
