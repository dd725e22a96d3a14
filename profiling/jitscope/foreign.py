"""Phases of any solver's calls for an asv suite in any repository, as `jitscope init` writes it.

Each sample comes from a fresh interpreter. This module imports neither NumPy nor JAX: asv starts a
process for every value that it reads.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jitscope.fresh import TIMEOUT_S, ChildFailed, child_environment, in_conditions, run_child
from jitscope.phases import PHASES
from jitscope.sample import Sample

FIGURES = (*PHASES, "wall", "unobserved_wall")
"""What is followed: the phases, their sum, and the same call without hooks."""

Cache = Mapping[tuple[str, str], "list[dict[str, int | None]] | str"]


def measure_phases(
    adapter: Path, problems: Sequence[str], *, timeout_s: float = TIMEOUT_S
) -> Cache:
    """Measure calls in all conditions: what a benchmark's `setup_cache` returns.

    The environment variable JITSCOPE_SAMPLES is the number of samples, by default 1.

    Parameters
    ----------
    adapter : Path
        A file as `jitscope.foreign_sample.ForeignSolver` describes it.
    problems : sequence of str
        As its `prepare` takes them.
    timeout_s : float
        Longest that one interpreter may take.

    Returns
    -------
    mapping
        From problem and condition to the samples in nanoseconds by figure, or to the reason why
        there is none: a problem that fails, fails alone.
    """
    found: dict[tuple[str, str], list[dict[str, int | None]]] = {}
    errors: dict[tuple[str, str], str] = {}
    for _ in range(int(os.environ.get("JITSCOPE_SAMPLES", "1"))):
        for problem in problems:
            for condition, sample in _conditions(adapter, problem, timeout_s):
                if isinstance(sample, Sample):
                    found.setdefault((problem, condition), []).append(_figures_ns(sample))
                else:
                    print(sample, file=sys.stderr)
                    errors[problem, condition] = str(sample)
    return {**errors, **found}


def figure_s(cache: Cache, problem: str, condition: str, figure: str) -> dict[str, Any] | float:
    """Return the samples of a figure in seconds, as asv keeps them; NaN where not measured.

    Raises
    ------
    RuntimeError
        The measurement failed; says why.
    """
    samples = cache[problem, condition]
    if isinstance(samples, str):
        raise RuntimeError(samples)
    known = [ns / 1e9 for ns in (sample[figure] for sample in samples) if ns is not None]
    return {"samples": known, "number": 1} if known else math.nan


def run_foreign_sample(
    adapter: Path,
    problem: str,
    condition: str,
    *,
    observed: bool = True,
    cache_dir: Path | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Sample:
    """Measure one sample in a fresh interpreter.

    In an environment that asv made the solver must come from there.

    Raises
    ------
    ChildFailed
        There is no measurement; says why.
    """
    arguments = ["--adapter", str(adapter), "--problem", problem, "--condition", condition]
    if not observed:
        arguments.append("--unobserved")
    prefix = os.environ.get("ASV_ENV_DIR")  # not set with `asv run --python=same`
    if prefix is not None:
        arguments += ["--expected-prefix", prefix]
    figures = run_child(
        "jitscope.foreign_sample",
        arguments,
        what=f"the {condition} sample of {problem}",
        environment=child_environment(cache_dir),
        timeout_s=timeout_s,
    )
    return Sample(**figures)


def _conditions(
    adapter: Path, problem: str, timeout_s: float
) -> Iterator[tuple[str, Sample | ChildFailed]]:
    def run(condition: str, cache_dir: Path | None, observed: bool) -> Sample:
        return run_foreign_sample(
            adapter,
            problem,
            condition,
            observed=observed,
            cache_dir=cache_dir,
            timeout_s=timeout_s,
        )

    return in_conditions(run)


def _figures_ns(sample: Sample) -> dict[str, int | None]:
    phases_ns = sample.phases_ns or {}
    figures: dict[str, int | None] = {phase: phases_ns.get(phase) for phase in PHASES}
    return {**figures, "wall": sample.wall_ns, "unobserved_wall": sample.unobserved_wall_ns}
