"""What the benchmarks share: problems, prepared fits, and what is measured once for many of them.

asv keeps the result of a `setup_cache` for all benchmarks that inherit it from one class here,
so each fresh interpreter that `PhaseSamples` or `CountedProblems` starts serves many benchmarks.
A problem that fails is kept as its error: only the parameters that need it fail.
"""

import os
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jitscope import adapters, fresh, problems, sample
from jitscope.adapters import Adapter, TrSolver
from jitscope.growth import LENGTHS

SEED = ("linear_100", "exponential_1000", "gaussian_10000", "cubic_50000")
"""One problem of each of the four sizes."""
BOUNDED = problems.names("bounded")
ILL_CONDITIONED = problems.names("ill-conditioned")
SCALING = problems.names("scaling")

Cache = Mapping[Any, Any]

# Nothing that is measured in this process, or in one of its own, finds programs of another run.
os.environ["TRUSTFIT_CACHE"] = "off"


def expected_prefix() -> Path | None:
    """Return the asv environment, which the solver must come from; None outside asv."""
    folder = os.environ.get("ASV_ENV_DIR")
    return None if folder is None else Path(folder)


def prepared(
    problem: str,
    solver: str = "trustfit",
    *,
    tr_solver: TrSolver = "exact",
    once: bool = False,
) -> Adapter:
    """Return a fit that was called before, whose answer and origin were checked.

    It was called until all was ready, and once more, which fills JAX's fast path; or `once`.

    Raises
    ------
    UserError
        Wrong answer, or a solver that is not the measured commit's.
    """
    adapter = adapters.get(solver)
    fit = problems.get(problem)
    adapter.prepare(fit, tr_solver=tr_solver)
    if solver == "trustfit":  # the others come with the environment, never from the commit
        sample.check_origin(adapter, expected_prefix())
    if not once:
        adapter.warm_up()
    adapter.run()
    sample.check_answer(fit, adapter.result())
    return adapter


def sampled(values: list[float]) -> dict[str, Any]:
    """Return measured values so that asv keeps them as samples, with median and interval."""
    return {"samples": values, "number": 1}


def look_up(cache: Cache, key: Any) -> Any:
    """Return a measurement.

    Raises
    ------
    RuntimeError
        It failed; says why.
    """
    found = cache[key]
    if isinstance(found, str):
        raise RuntimeError(found)
    return found


class TimedFits:
    """Base of the benchmarks that time one call in a process of its own.

    One call a process is one sample: calls of the same process are not independent.
    """

    version = "1"
    number = 1
    repeat = 1
    rounds = 1
    warmup_time = 0.0
    min_run_count = 1
    timeout = 300.0


class PhaseSamples:
    """Base of the benchmarks that read the phases: measured once, in fresh interpreters.

    The environment variable JITSCOPE_SAMPLES is the number of samples, by default 1.
    """

    version = "1"
    timeout = 60.0

    def setup_cache(self) -> Cache:
        """Map problem and condition to a list of samples (dictionaries), or to an error."""
        count = int(os.environ.get("JITSCOPE_SAMPLES", "1"))
        found: dict[tuple[str, str], list[dict[str, Any]]] = {}
        errors: dict[tuple[str, str], str] = {}
        for _ in range(count):
            for problem in SEED:
                for condition, one in fresh.measure_conditions(
                    problem, expected_prefix=expected_prefix()
                ):
                    if isinstance(one, sample.Sample):
                        found.setdefault((problem, condition), []).append(asdict(one))
                    else:
                        print(one, file=sys.stderr)
                        errors[problem, condition] = str(one)
        # A sample that was measured is not lost because another one failed.
        return {**errors, **found}

    setup_cache.timeout = 3600.0  # pyright: ignore[reportFunctionMemberAccess]


class CountedProblems:
    """Base of the benchmarks that read counters: counted once, in fresh interpreters."""

    version = "1"
    timeout = 60.0

    def setup_cache(self) -> Cache:
        """Map problem to its counts (a dictionary), or to an error."""
        # Counters do not mind company, so both cores work.
        with ThreadPoolExecutor(max_workers=2) as pool:
            names = (*SEED, *BOUNDED, *ILL_CONDITIONED)
            return dict(zip(names, pool.map(_counts, names), strict=True))

    setup_cache.timeout = 1800.0  # pyright: ignore[reportFunctionMemberAccess]


class MeasuredLengths:
    """Base of the benchmarks that read what plain calls of growing length cost."""

    version = "1"
    timeout = 60.0

    def setup_cache(self) -> Cache:
        """Map problem to the fields of `jitscope.growth.Growth`, or to an error."""
        return {name: in_a_child("jitscope.growth", "--problem", name) for name in LENGTHS}

    setup_cache.timeout = 1800.0  # pyright: ignore[reportFunctionMemberAccess]


def in_a_child(module: str, *arguments: str) -> dict[str, Any] | str:
    """Return what a recorder prints in a fresh interpreter, or why it failed."""
    prefix = expected_prefix()
    options = () if prefix is None else ("--expected-prefix", str(prefix))
    what = " ".join((module.removeprefix("jitscope."), *arguments))
    try:
        return fresh.run_child(module, [*arguments, *options], what=what)
    except fresh.ChildFailed as error:
        print(error, file=sys.stderr)
        return str(error)


def _counts(problem: str) -> dict[str, Any] | str:
    once = () if problem in SEED else ("--once",)
    return in_a_child("jitscope.count", "--problem", problem, *once)
