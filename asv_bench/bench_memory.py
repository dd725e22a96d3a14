"""Memory of a fit above that of its data."""

from typing import Any

from jitscope import _memory, adapters, problems, sample
from jitscope.growth import LENGTHS

from .common import (
    SEED,
    Cache,
    CountedProblems,
    MeasuredLengths,
    expected_prefix,
    look_up,
    sampled,
)


class PeakMemory:
    """Peak resident memory of the first fit of a process, above what was there before it.

    Linux only: nowhere else can a process reset its peak, which making the data has raised.
    """

    version = "1"
    timeout = 300.0
    params = (("cubic_50000", "gaussian_scaling_1000000"),)
    param_names = ("problem",)
    unit = "bytes"

    def setup(self, problem: str) -> None:
        if not _memory.can_reset_peak():
            raise NotImplementedError("the peak of resident memory cannot be reset here")
        self.problem = problems.get(problem)
        self.adapter = adapters.get("trustfit")
        self.adapter.prepare(self.problem)
        sample.check_origin(self.adapter, expected_prefix())

    def track_peak_rss(self, problem: str) -> dict[str, Any]:
        before = _memory.reset_peak()
        self.adapter.run()
        grown = _memory.peak_bytes() - before
        sample.check_answer(self.problem, self.adapter.result())
        return sampled([float(grown)])


class PeakAboveData(MeasuredLengths):
    """Peak of plain calls above data, imports and a fit of a hundred points; Linux only."""

    params = (LENGTHS,)
    param_names = ("problem",)
    unit = "bytes"

    def setup(self, cache: Cache, problem: str) -> None:
        if not _memory.can_reset_peak():
            raise NotImplementedError("the peak of resident memory cannot be reset here")

    def track_peak_bytes(self, cache: Cache, problem: str) -> dict[str, Any]:
        return sampled([float(look_up(cache, problem)["peak_bytes"])])


class TemporaryMemory(CountedProblems):
    """Temporary buffers of one execution of each compiled module, summed; an exact count."""

    params = (SEED,)
    param_names = ("problem",)
    unit = "bytes"

    def track_temporary_bytes(self, cache: Cache, problem: str) -> int:
        return look_up(cache, problem)["temp_bytes"]
