"""A generated git repository with asv results that were planted, written by asv's own classes."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from asv import util
from asv.results import Results
from asv.runner import BenchmarkResult

from ..nobodys_git import git_of_nobody

PROBLEMS = ("linear_100", "gaussian_1000")
CONDITIONS = ("cold", "warm_disk", "warm_memory")
COLD = {
    "import": 0.9,
    "backend": 0.1,
    "trace": 0.2,
    "lower": 0.1,
    "compile": 0.5,
    "host": 0.2,
    "cache_load": 0,
}
WARM_DISK = {"import": 0.9, "backend": 0.1, "trace": 0.2, "lower": 0.1, "cache_load": 0.1}
WARM_MEMORY = {"to_device": 0.001, "dispatch": 0.002, "device_wait": 0.004, "host": 0.003}
PHASES = (
    *("import", "backend", "trace", "lower", "compile", "cache_load", "to_device", "dispatch"),
    *("device_wait", "to_host", "host", "wall", "unobserved_wall"),
)
HOSTILE = (
    "<script>document.title='owned'</script> <b>bold</b> & </script> \u2028 \"quoted\" 'subject'"
)
EXPECTATIONS = """
[[expectation]]
id = "planted"
title = "Planted & <b>hostile</b>"
source = "The tests"

[[expectation.prediction]]
problem = "*"
quantity = "solver_run_time"
speedup = [1.1, 1.3]

[[expectation.prediction]]
problem = "linear_100"
quantity = "total_first_call"
saved_percent = 10
"""
PHASE_BENCHMARK = "bench_phases.Phases.track_phase_s"
MODULE_BENCHMARK = "bench_compile.CompiledModules.track_modules"
FIRST_CALL_BENCHMARK = "bench_jit.FirstCall.track_first_call_s"
CONVERSION_BENCHMARK = "bench_conversions.Conversions.track_count"
Seconds = Callable[[str, str, str], Sequence[float] | None]


def phase_samples(
    factor: float = 1.0, n: int = 7, failing: str | None = None, warm_factor: float = 1.0
) -> Seconds:
    """Planted samples: each phase's seconds times `factor`, spread by 1% from sample to sample."""
    planted = {"cold": COLD, "warm_disk": WARM_DISK, "warm_memory": WARM_MEMORY}
    spread = [1 + 0.01 * ((3 * i) % 7 - 3) for i in range(n)]

    def samples(problem: str, condition: str, phase: str) -> Sequence[float] | None:
        if problem == failing:
            return None
        seconds = planted[condition]
        scale = factor * (warm_factor if condition == "warm_memory" else 1.0)
        whole = sum(seconds.values())
        known = {**seconds, "wall": whole, "unobserved_wall": 0.9 * whole}
        return [known.get(phase, math.nan) * scale * s for s in spread]

    return samples


class GeneratedHistory:
    """A git repository with asv results, written by asv's own classes.

    Parameters
    ----------
    root : Path
        An empty folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.results = root / "results" / "asv"
        self.git("init", "-q", "-b", "main")
        (root / "results").mkdir()
        (root / "results" / "expectations.toml").write_text(EXPECTATIONS)
        (root / "asv.conf.json").write_text(
            '{"version": 1, "project": "planted", "repo": ".", "branches": ["HEAD"],'
            ' "results_dir": "results/asv", "html_dir": "results/html/asv"}'
        )

    def git(self, *arguments: str, date: str = "2025-01-01T00:00:00+00:00") -> str:
        """Run git without the user's own configuration; what it printed."""
        return git_of_nobody(self.root, *arguments, date=date)

    def commit(self, message: str, date: str = "2025-01-01T00:00:00+00:00") -> str:
        """Make an empty commit; its full hash."""
        self.git("commit", "-q", "--allow-empty", "-m", message, date=date)
        return self.git("rev-parse", "HEAD")

    def benchmarks(self, version: str = "1") -> dict[str, dict[str, Any]]:
        """Describe the suite as asv's discovery would."""

        def described(name: str, unit: str, params: Mapping[str, Sequence[str]]) -> dict[str, Any]:
            return {
                "name": name,
                "unit": unit,
                "version": version,
                "type": "track",
                "code": "",
                "timeout": 60.0,
                "param_names": list(params),
                "params": [[repr(value) for value in axis] for axis in params.values()],
            }

        phase = {"problem": PROBLEMS, "condition": CONDITIONS, "phase": PHASES}
        count = {"problem": PROBLEMS, "direction": ("to_host", "to_device")}
        fits = {"problem": PROBLEMS, "fit": ("first fit", "same data", "new data")}
        return {
            MODULE_BENCHMARK: described(MODULE_BENCHMARK, "modules", fits),
            PHASE_BENCHMARK: described(PHASE_BENCHMARK, "s", phase),
            FIRST_CALL_BENCHMARK: described(FIRST_CALL_BENCHMARK, "s", {"problem": PROBLEMS}),
            CONVERSION_BENCHMARK: described(CONVERSION_BENCHMARK, "conversions", count),
        }

    def write_suite(self, version: str = "1") -> None:
        """Write benchmarks.json."""
        self.results.mkdir(parents=True, exist_ok=True)
        util.write_json(str(self.results / "benchmarks.json"), self.benchmarks(version), 2)

    def measure(
        self,
        commit: str,
        seconds: Seconds | None,
        *,
        machine: str = "reference",
        conversions: float | None = None,
        version: str = "1",
    ) -> Path:
        """Record planted results of one commit; None in place of the samples is a broken build."""
        hardware = {"machine": machine, "cpu": "Planted CPU", "num_cpu": "2", "ram": "8 GB"}
        hardware |= {"os": "Linux", "arch": "x86_64", "python": "3.11"}
        pins = {"pip+jax": "0.10.2", "pip+numpy": "2.4.6"}
        env = "virtualenv-py3.11-pip+jax0.10.2"
        results = Results(hardware, pins, commit, 1_700_000_000_000, "3.11", env, {})
        for name, benchmark in self.benchmarks(version).items():
            combinations = itertools.product(*benchmark["params"])
            plain = [[text.strip("'") for text in c] for c in combinations]
            samples: list[Sequence[float] | None] = [None] * len(plain)
            values: list[Any] = [None] * len(plain)
            if name == PHASE_BENCHMARK and seconds is not None:
                samples = [seconds(*c) for c in plain]
                values = [s is not None or None for s in samples]
            elif name == FIRST_CALL_BENCHMARK and seconds is not None:
                samples = [seconds(problem, "cold", "unobserved_wall") for (problem,) in plain]
                values = [s is not None or None for s in samples]
            elif name == CONVERSION_BENCHMARK and conversions is not None:
                values = [conversions for _ in plain]
            elif name == MODULE_BENCHMARK and conversions is not None:
                values = [{"first fit": 9, "same data": 0, "new data": 1}[c[1]] for c in plain]
            numbers = [None if s is None else 1 for s in samples]
            measured = BenchmarkResult(values, samples, numbers, 0, "", None)
            results.add_result(benchmark, measured, record_samples=True)
        folder = self.results / machine
        folder.mkdir(parents=True, exist_ok=True)
        util.write_json(str(folder / "machine.json"), hardware, 1)
        results.save(str(self.results))
        return folder / f"{commit[:8]}-{env}.json"


def plant_history(root: Path) -> GeneratedHistory:
    """Six measured commits, each with something that must not be lost or misread.

    In order: a baseline; a hostile message that fulfils an expectation; a broken build; a commit
    with one sample, a NaN and an Infinity; an unmeasured commit; and one whose second problem
    failed, also measured on another machine. Author dates run backwards.
    """
    make = GeneratedHistory(root)
    make.commit("Begin")
    make.write_suite()
    make.measure(make.commit("Solve", "2025-06-06T00:00:00+00:00"), phase_samples(), conversions=34)
    hostile = make.commit(
        f"{HOSTILE}\n\nBody.\n\nExpectation: planted", "2025-06-05T00:00:00+00:00"
    )
    make.measure(hostile, phase_samples(0.9, warm_factor=0.8), conversions=2)
    make.measure(make.commit("Break the build", "2025-06-04T00:00:00+00:00"), None)
    odd = make.measure(
        make.commit("Measure once", "2025-06-03T00:00:00+00:00"), phase_samples(0.9, n=1)
    )
    make.commit("Not measured", "2025-06-02T00:00:00+00:00")
    last = make.commit("Fail one problem", "2025-06-01T00:00:00+00:00")
    make.measure(last, phase_samples(0.8, failing="gaussian_1000"), conversions=2)
    make.measure(last, phase_samples(2.0), machine="other")
    assert "NaN" in odd.read_text()
    assert "Infinity" in odd.read_text()
    return make
