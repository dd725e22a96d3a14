"""Memory of a fit above that of its data."""

from pathlib import Path
from typing import Any

from jitscope import adapters, problems, sample

from .common import SEED, Cache, CountedProblems, expected_prefix, look_up, sampled

_PROCESS = Path("/proc/self")


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
        if not (_PROCESS / "clear_refs").exists():
            raise NotImplementedError("the peak of resident memory cannot be reset here")
        self.problem = problems.get(problem)
        self.adapter = adapters.get("trustfit")
        self.adapter.prepare(self.problem)
        sample.check_origin(self.adapter, expected_prefix())

    def track_peak_rss(self, problem: str) -> dict[str, Any]:
        (_PROCESS / "clear_refs").write_text("5", encoding="ascii")
        before = _peak_rss()
        self.adapter.run()
        grown = _peak_rss() - before
        sample.check_answer(self.problem, self.adapter.result())
        return sampled([float(grown)])


class TemporaryMemory(CountedProblems):
    """Temporary buffers of one execution of each compiled module, summed; an exact count."""

    params = (SEED,)
    param_names = ("problem",)
    unit = "bytes"

    def track_temporary_bytes(self, cache: Cache, problem: str) -> int:
        return look_up(cache, problem)["temp_bytes"]


def _peak_rss() -> int:
    """Return the peak of resident memory since it was last reset, in bytes."""
    for line in (_PROCESS / "status").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(":")
        if name == "VmHWM":
            return int(value.removesuffix("kB")) * 1024
    raise RuntimeError("/proc/self/status has no VmHWM.")
