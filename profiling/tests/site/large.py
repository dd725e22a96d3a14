"""A long history, made fast: thousands of commits by git's fast-import, results written as JSON.

Each commit holds a solver of its own, so that none repeats another. What is in the figures is
seeded: every series has noise of a few percent, drifts nowhere, and steps at a few known commits.
"""

import itertools
import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

PROBLEMS = ("linear_100", "exponential_1000", "gaussian_10000", "cubic_50000")
CONDITIONS = ("cold", "warm_disk", "warm_memory")
PHASES = (
    *("import", "backend", "trace", "lower", "compile", "cache_load", "to_device", "dispatch"),
    *("device_wait", "to_host", "host", "wall", "unobserved_wall"),
)
FITS = ("first fit", "same data", "new data", "new length", "new lambda")
_TYPICAL_S = dict(
    zip(PHASES, (0.9, 0.1, 0.2, 0.1, 0.5, 0.1, 0.01, 0.01, 0.02, 0.01, 0.2, 2, 1.9), strict=True)
)
_COLUMNS = (
    *("result", "params", "version", "started_at", "duration", "stats_ci_99_a", "stats_ci_99_b"),
    *("stats_q_25", "stats_q_75", "stats_number", "stats_repeat", "samples", "profile"),
)
_SAMPLES = 7
_EPOCH_S = 1_735_689_600
_ENVIRONMENT = "virtualenv-py3.11-jax0.10.2-numpy2.4.6"
_HARDWARE = {
    **{"machine": "reference", "cpu": "Planted CPU", "num_cpu": "2", "ram": "8000000000"},
    **{"os": "Linux", "arch": "x86_64"},
}
_CONFIGURATION = (
    '{"version": 1, "project": "large", "repo": ".", "branches": ["main"],'
    ' "results_dir": "results/asv", "html_dir": "results/html/asv"}'
)


@dataclass(frozen=True)
class Benchmark:
    """One of the suite's benchmarks; `typical` is the figure of its first commit."""

    name: str
    unit: str
    axes: Mapping[str, Sequence[str]]
    typical: float | None = None

    @property
    def described(self) -> dict[str, Any]:
        """What asv's discovery writes of it."""
        return {
            **{"name": self.name, "unit": self.unit, "version": "1", "type": "track"},
            **{"code": "", "timeout": 60.0, "param_names": list(self.axes)},
            "params": self.literals,
        }

    @property
    def literals(self) -> list[list[str]]:
        """The parameters as asv writes them."""
        return [[repr(value) for value in axis] for axis in self.axes.values()]

    @property
    def combinations(self) -> list[tuple[str, ...]]:
        """All of them, in asv's order."""
        return list(itertools.product(*self.axes.values()))


SUITE = (
    Benchmark(
        "bench_phases.Phases.track_phase_s",
        "s",
        {"problem": PROBLEMS, "condition": CONDITIONS, "phase": PHASES},
    ),
    Benchmark(
        "bench_compile.CompiledModules.track_modules",
        "modules",
        {"problem": PROBLEMS, "fit": FITS},
        9,
    ),
    Benchmark(
        "bench_compile.ProgramSize.track_hlo_instructions",
        "instructions",
        {"problem": PROBLEMS},
        412,
    ),
    Benchmark(
        "bench_compile.ProgramSize.track_jaxpr_equations", "equations", {"problem": PROBLEMS}, 300
    ),
    Benchmark(
        "bench_conversions.Conversions.track_count",
        "conversions",
        {"problem": PROBLEMS, "direction": ("to_host", "to_device")},
        34,
    ),
    Benchmark("bench_iterations.Evaluations.track_nfev", "evaluations", {"problem": PROBLEMS}, 12),
    Benchmark("bench_iterations.Evaluations.track_njev", "evaluations", {"problem": PROBLEMS}, 9),
)
SERIES = sum(len(benchmark.combinations) for benchmark in SUITE)


def make_large_history(root: Path, commits: int = 1000, *, seed: int = 0) -> tuple[str, ...]:
    """Fill an empty folder with a repository of so many measured commits; return their hashes.

    One commit in fifty is broken, one in twenty was not measured, and in one in forty a problem
    failed. All series step by a fifth at every hundredth commit, up and down in turn.
    """
    hashes = _make_commits(root, commits)
    (root / "asv.conf.json").write_text(_CONFIGURATION, encoding="utf-8")
    results = root / "results" / "asv"
    (results / "reference").mkdir(parents=True)
    (root / "results" / "expectations.toml").touch()
    suite = {benchmark.name: benchmark.described for benchmark in SUITE}
    _write(results / "benchmarks.json", {**suite, "version": 2})
    _write(results / "reference" / "machine.json", {**_HARDWARE, "version": 1})
    rng = np.random.default_rng(seed)
    for order, commit in enumerate(hashes):
        if order % 20 == 7:
            continue
        path = results / "reference" / f"{commit[:8]}-{_ENVIRONMENT}.json"
        _write(path, _results(commit, order, rng))
    return hashes


def _make_commits(root: Path, commits: int) -> tuple[str, ...]:
    _git(root, "init", "-q", "-b", "main")
    _git(root, "fast-import", "--quiet", given="".join(_stream(commits)))
    return tuple(_git(root, "rev-list", "--first-parent", "--reverse", "main").split())


def _stream(commits: int) -> Iterator[str]:
    for order in range(commits):
        who = f"Planted Author <planted@example.org> {_EPOCH_S + 3600 * order} +0000"
        message = f'Change {order} of the solver, with <b>markup</b> & "quotes" in its message'
        content = f"REVISION = {order}\n"
        yield f"commit refs/heads/main\nauthor {who}\ncommitter {who}\n"
        yield f"data {len(message)}\n{message}\n"
        yield f"M 100644 inline solver/trustfit/__init__.py\ndata {len(content)}\n{content}\n"


def _git(root: Path, *arguments: str, given: str | None = None) -> str:
    none = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    done = subprocess.run(
        ["git", "-C", str(root), *arguments],
        input=given,
        capture_output=True,
        check=True,
        text=True,
        env={**os.environ, **none},
    )
    return done.stdout


def _write(path: Path, data: Any) -> None:
    path.write_text(json.dumps(data), encoding="utf-8")


def _results(commit: str, order: int, rng: np.random.Generator) -> dict[str, Any]:
    broken = order % 50 == 13
    failing = PROBLEMS[order % len(PROBLEMS)] if order % 40 == 21 else None
    level = 1.2 if order // 100 % 2 else 1.0
    rows = {one.name: _row(one, level, failing, broken, rng) for one in SUITE}
    versions = {"python": "3.11", "jax": "0.10.2", "numpy": "2.4.6"}
    return {
        **{"commit_hash": commit, "env_name": _ENVIRONMENT, "date": 1000 * (_EPOCH_S + order)},
        **{"params": {**_HARDWARE, **versions}, "python": "3.11", "env_vars": {}},
        "requirements": {name: versions[name] for name in ("jax", "numpy")},
        **{"result_columns": list(_COLUMNS), "results": rows, "durations": {}, "version": 2},
    }


def _row(
    benchmark: Benchmark, level: float, failing: str | None, broken: bool, rng: np.random.Generator
) -> list[Any]:
    if broken:
        return [None, benchmark.literals, "1", 1_700_000_000_000, 1.0, *[None] * 8]
    combinations = benchmark.combinations
    fails = np.array([failing in one for one in combinations])
    if benchmark.typical is not None:
        values = [None if bad else round(level * benchmark.typical) for bad in fails]
        return [values, benchmark.literals, "1", 1_700_000_000_000, 1.0, *[None] * 8]
    typical = np.array([_typical_s(*one) for one in combinations])
    noise = 1 + 0.03 * rng.standard_normal((_SAMPLES, len(combinations)))
    samples = np.abs(level * typical * noise)
    middle, low, high = (np.quantile(samples, q, axis=0) for q in (0.5, 0.0, 1.0))
    lower, upper = (np.quantile(samples, q, axis=0) for q in (0.25, 0.75))

    def listed(figures: Any) -> list[float | None]:
        # A phase that its condition has not is not applicable: asv writes NaN.
        return [None if bad else float(one) for one, bad in zip(figures, fails, strict=True)]

    each = [None if bad else one.tolist() for one, bad in zip(samples.T, fails, strict=True)]
    ones = [None if bad else 1 for bad in fails]
    return [
        *(listed(middle), benchmark.literals, "1", 1_700_000_000_000, 1.0),
        *(listed(low), listed(high), listed(lower), listed(upper), ones),
        *([None if bad else _SAMPLES for bad in fails], each, [None] * len(combinations)),
    ]


def _typical_s(problem: str, condition: str, phase: str) -> float:
    size = 1 + 0.3 * PROBLEMS.index(problem)
    if condition == "warm_memory":
        return 0.0 if phase in ("import", "backend", "trace", "lower") else 1e-3 * size
    return size * _TYPICAL_S[phase]
