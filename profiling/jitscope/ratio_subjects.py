"""What `make ratios` measures of each subject, one process at a time.

- warm call: plain calls in rounds of turns, all solvers in one process (`jitscope.interleaved`),
  and a few such processes, as one may be faster than another throughout;
- call after others: the first one of each of those turns, whose caches other solvers have filled;
- first call: one process a sample, all solvers in turns, nothing cached, or from a compilation
  cache on disk that an earlier process has filled; import and backend start are not part of it;
- new model: the mean over many models, each fitted once in one process (`jitscope.new_models`);
  solvers that compile each of them fit a few;
- peak memory: one process a sample (`jitscope.growth`);
- many fits: 10,000 curves (`jitscope.many`), processes in turns; SciPy fits a part of them in a
  loop, and its rate is a fit's.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jitscope import fresh
from jitscope.targets import (
    COMPILING,
    LARGE,
    MANY,
    MODELS,
    PAIRED,
    REFERENCE,
    SOLVERS,
    STARTING,
    VERY_MANY,
    problems_of,
)

SAMPLES = 7
PROCESSES = 3
"""Interleaved processes for each problem."""
TURNS, CALLS = 3, 3
"""Many fits: processes of each solver, and timed calls in each."""
FITS: Mapping[str, int] = {"trustfit": 10_000, "scipy_lm": 500, "optimistix": 10_000}
NEW_MODELS: Mapping[str, int] = {"trustfit": 100, "scipy_lm": 100, "nlsq": 4, "optimistix": 4}
MILLION = 1_000_000
RESULTS_NOTE = "of the million fits' memory 96 MB are their parameters and covariances"


@dataclass
class Measured:
    """Samples of one subject and problem by solver, and notes."""

    subject: str
    problem: str
    samples: dict[str, list[float]]
    notes: dict[str, str]

    @classmethod
    def of(cls, subject: str, problem: str, solvers: Sequence[str]) -> Measured:
        """Return it without any samples."""
        return cls(subject, problem, {solver: [] for solver in solvers}, {})

    def attempt(self, solver: str, measure: Callable[[], Sequence[float]]) -> None:
        """Add samples, or the reason why there are none; who failed once is not asked again."""
        if solver in self.notes:
            return
        try:
            self.samples[solver] += measure()
        except fresh.ChildFailed as error:
            self.notes[solver] = str(error)


Step = Callable[[str], None]


def measure(subjects: Sequence[str], step: Step) -> Iterator[Measured]:
    """Measure subjects, one process at a time.

    Parameters
    ----------
    subjects : sequence of str
        Of `SUBJECTS`.
    step : callable
        Told what is measured next.
    """
    if set(PAIRED) & set(subjects):
        for problem in problems_of("warm call"):
            found = _interleaved(problem, step)
            yield from (one for one in found if one.subject in subjects)
    if "first call" in subjects:
        yield from (_first_calls(problem, step) for problem in problems_of("first call"))
    if "first call from disk" in subjects:
        disk = problems_of("first call from disk")
        yield from (_first_calls_from_disk(problem, step) for problem in disk)
    if "new model" in subjects:
        yield _new_models(step)
    if "peak memory" in subjects:
        yield _peak_memory(LARGE, step)
    if "many fits" in subjects:
        yield from _many_fits(step)


def _interleaved(problem: str, step: Step) -> list[Measured]:
    found = {subject: Measured.of(subject, problem, SOLVERS) for subject in PAIRED}
    for _ in range(PROCESSES):
        step(f"warm call: {problem}")
        figures = _rounds(problem)
        for subject, calls in (("warm call", "repeated_ns"), ("call after others", "first_ns")):
            found[subject].notes |= figures["failures"]
            for solver, calls_ns in figures[calls].items():
                found[subject].samples[solver] += [ns / 1e6 for ns in calls_ns]
    return list(found.values())


def _rounds(problem: str) -> Mapping[str, Any]:
    arguments = ["--problem", problem, *(a for name in SOLVERS for a in ("--solver", name))]
    what = f"the interleaved run of {problem}"
    try:
        return fresh.run_child("jitscope.interleaved", arguments, what=what)
    except fresh.ChildFailed as error:
        failures = dict.fromkeys(SOLVERS, str(error))
        return {"repeated_ns": {}, "first_ns": {}, "failures": failures}


def _first_calls(problem: str, step: Step) -> Measured:
    found = Measured.of("first call", problem, STARTING)
    for turn in range(SAMPLES):
        for solver in _in_turns(STARTING, turn):
            step(f"first call: {problem}")
            found.attempt(solver, lambda solver=solver: [_first_call_ms(problem, solver)])
    return found


def _first_calls_from_disk(problem: str, step: Step) -> Measured:
    found = Measured.of("first call from disk", problem, COMPILING)
    with tempfile.TemporaryDirectory(prefix="jitscope-cache-") as folder:
        caches = {solver: Path(folder) / solver for solver in COMPILING}
        for turn in range(-1, SAMPLES):
            for solver in _in_turns(COMPILING, turn):
                step(f"first call from disk: {problem}")
                found.attempt(
                    solver,
                    lambda solver=solver: [_first_call_ms(problem, solver, caches[solver])],
                )
    # The first one of each filled the cache.
    found.samples = {solver: samples[1:] for solver, samples in found.samples.items()}
    return found


def _first_call_ms(problem: str, solver: str, cache_dir: Path | None = None) -> float:
    condition = "cold" if cache_dir is None else "warm_disk"
    sample = fresh.run_sample(
        problem, condition, solver=solver, observed=False, plain=True, cache_dir=cache_dir
    )
    assert sample.unobserved_call_ns is not None
    return sample.unobserved_call_ns / 1e6


def _new_models(step: Step) -> Measured:
    found = Measured.of("new model", MODELS, STARTING)
    for turn in range(SAMPLES):
        for solver in _in_turns(STARTING, turn):
            step(f"new models: {solver}")
            found.attempt(solver, lambda solver=solver: [_new_model_ms(solver)])
    for solver, models in NEW_MODELS.items():
        if models < NEW_MODELS["trustfit"] and found.samples[solver]:
            found.notes[solver] = f"the first {models} of them"
    return found


def _new_model_ms(solver: str) -> float:
    models = NEW_MODELS[solver]
    arguments = ["--solver", solver, "--models", str(models)]
    found = fresh.run_child("jitscope.new_models", arguments, what=f"new models with {solver}")
    return sum(found["calls_ns"]) / models / 1e6


def _peak_memory(problem: str, step: Step) -> Measured:
    found = Measured.of("peak memory", problem, SOLVERS)
    for turn in range(SAMPLES):
        for solver in _in_turns(SOLVERS, turn):
            step(f"peak memory: {problem}")
            arguments = ["--problem", problem, "--solver", solver, "--budget", "0"]
            what = f"the memory of {problem} with {solver}"
            found.attempt(solver, lambda a=arguments, w=what: _peak_mb("jitscope.growth", a, w))
    return found


def _peak_mb(module: str, arguments: Sequence[str], what: str) -> list[float]:
    peak = fresh.run_child(module, arguments, what=what)["peak_bytes"]
    return [] if peak is None else [peak / 1e6]


def _many_fits(step: Step) -> Iterator[Measured]:
    found = Measured.of("many fits", MANY, list(FITS))
    for turn in range(TURNS):
        for solver in _in_turns(list(FITS), turn):
            step(f"many fits: {solver}")
            found.attempt(solver, lambda solver=solver: _rates(solver, FITS[solver]))
    if found.samples[REFERENCE]:
        found.notes[REFERENCE] = f"a loop over {FITS[REFERENCE]} of them"
    yield found
    step("many fits: a million of them")
    memory = Measured.of("peak memory", VERY_MANY, ["trustfit"])
    if found.samples["trustfit"]:
        arguments = ["--solver", "trustfit", "--fits", str(MILLION), "--calls", "0"]
        what = "the memory of a million fits"
        memory.attempt("trustfit", lambda: _peak_mb("jitscope.many", arguments, what))
        memory.notes.setdefault("trustfit", RESULTS_NOTE)
    else:
        memory.notes["trustfit"] = found.notes["trustfit"]
    yield memory


def _rates(solver: str, fits: int) -> list[float]:
    arguments = ["--solver", solver, "--fits", str(fits), "--calls", str(CALLS)]
    many = fresh.run_child("jitscope.many", arguments, what=f"many fits with {solver}")
    return [many["fits"] / (ns / 1e9) for ns in many["calls_ns"]]


def _in_turns(solvers: Sequence[str], turn: int) -> list[str]:
    start = turn % len(solvers)
    return [*solvers[start:], *solvers[:start]]


def steps(subjects: Sequence[str]) -> int:
    """Return how often `measure` tells of a step."""
    count = {
        "first call": len(problems_of("first call")) * SAMPLES * len(STARTING),
        "first call from disk": len(problems_of("first call from disk"))
        * ((SAMPLES + 1) * len(COMPILING)),
        "new model": SAMPLES * len(STARTING),
        "peak memory": SAMPLES * len(SOLVERS),
        "many fits": TURNS * len(FITS) + 1,
    }
    interleaved = PROCESSES * len(problems_of("warm call")) if set(PAIRED) & set(subjects) else 0
    return interleaved + sum(count.get(subject, 0) for subject in subjects)
