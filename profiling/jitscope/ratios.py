"""`make ratios`: how fast trustfit is beside other solvers, and whether that meets the targets.

``python -m jitscope.ratios [FILE]`` measures every subject in fresh processes, prints a table, and
writes the figures to FILE if one is given. Solvers that are not installed leave a dash.

- warm call: plain calls in rounds of turns, all solvers in one process (`jitscope.interleaved`),
  and a few such processes, as one may be faster than another throughout;
- call after others: the first one of each of those turns, whose caches other solvers have filled;
- first call: one process a sample, all solvers in turns, nothing cached, or from a compilation
  cache on disk that an earlier process has filled; import and backend start are not part of it;
- peak memory: one process a sample (`jitscope.growth`);
- many fits: 10,000 curves (`jitscope.many`), processes in turns; SciPy fits a part of them in a
  loop, and its rate is a fit's.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cattrs
from rich.console import Console
from rich.progress import Progress

from jitscope import fresh
from jitscope.environment import Environment, describe_environment
from jitscope.errors import UserError
from jitscope.figures import Interval, Target, Verdict, median_of, ratio_of
from jitscope.report.ratios_table import print_ratios
from jitscope.targets import (
    BOUNDED,
    COMPILING,
    FIRST,
    LARGE,
    MANY,
    PAIRED,
    REFERENCE,
    SOLVERS,
    SUBJECTS,
    TARGETS,
    UNITS,
    VERY_MANY,
    WARM_PROBLEMS,
)

SCHEMA_VERSION = 2
SAMPLES = 7
PROCESSES = 3
"""Interleaved processes for each problem."""
TURNS, CALLS = 3, 3
"""Many fits: processes of each solver, and timed calls in each."""
FITS: Mapping[str, int] = {"trustfit": 10_000, "scipy_lm": 500, "optimistix": 10_000}
MILLION = 1_000_000
RESULTS_NOTE = "of the million fits' memory 96 MB are their parameters and covariances"


@dataclass(frozen=True)
class Figure:
    """One solver's figure of one subject and problem.

    Attributes
    ----------
    subject : str
        One of `SUBJECTS`.
    problem, solver : str
    unit : str
        Of `samples` and `median`; "MB" is a million bytes.
    samples : tuple of float
        In the order of measurement; of a subject that is `PAIRED` those of different solvers at
        the same place are of the same round. Of a "warm call", the median of each turn.
    median : Interval or None
        None where nothing was measured; `note` says why.
    ratios : mapping of str to Interval
        The median over that of another solver, where both were measured.
    target : str or None
        What is asked of it, in words.
    verdict : str or None
        Whether its whole interval meets the target, or misses it; None without one.
    note : str or None
        Why it was not measured, or what is special about it.
    """

    subject: str
    problem: str
    solver: str
    unit: str
    samples: tuple[float, ...]
    median: Interval | None
    ratios: Mapping[str, Interval]
    target: str | None
    verdict: Verdict | None
    note: str | None


@dataclass(frozen=True)
class Ratios:
    """Everything that one run measured, and what it ran on."""

    schema_version: int
    created_utc: str
    environment: Environment
    figures: tuple[Figure, ...]


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
        for problem in WARM_PROBLEMS:
            found = _interleaved(problem, step)
            yield from (one for one in found if one.subject in subjects)
    if "first call" in subjects:
        yield from (_first_calls(problem, step) for problem in (FIRST, BOUNDED))
    if "first call from disk" in subjects:
        yield _first_calls_from_disk(FIRST, step)
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
    found = Measured.of("first call", problem, COMPILING)
    for turn in range(SAMPLES):
        for solver in _in_turns(COMPILING, turn):
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
        "first call": 2 * SAMPLES * len(COMPILING),
        "first call from disk": (SAMPLES + 1) * len(COMPILING),
        "peak memory": SAMPLES * len(SOLVERS),
        "many fits": TURNS * len(FITS) + 1,
    }
    interleaved = PROCESSES * len(WARM_PROBLEMS) if set(PAIRED) & set(subjects) else 0
    return interleaved + sum(count.get(subject, 0) for subject in subjects)


def figures_of(measured: Measured) -> list[Figure]:
    """Return a figure of each solver, with its ratios to the others that were measured."""
    return [_figure(measured, solver) for solver in measured.samples]


def _figure(measured: Measured, solver: str) -> Figure:
    samples = measured.samples[solver]
    median = median_of(samples)
    paired = measured.subject in PAIRED
    ratios = {
        other: ratio_of(samples, reference, paired=paired)
        for other, reference in measured.samples.items()
        if other != solver and samples and reference
    }
    target = _target(measured, solver)
    return Figure(
        subject=measured.subject,
        problem=measured.problem,
        solver=solver,
        unit=UNITS[measured.subject],
        samples=tuple(samples),
        median=median,
        ratios=ratios,
        target=None if target is None else str(target),
        verdict=None if target is None else target.verdict(median, ratios),
        note=measured.notes.get(solver),
    )


def _target(measured: Measured, solver: str) -> Target | None:
    if solver != "trustfit":
        return None
    place = (measured.subject, measured.problem)
    return next((one for one in TARGETS if (one.subject, one.problem) == place), None)


def run(root: Path, subjects: Sequence[str], file: Path | None, console: Console) -> Ratios:
    """Measure, print the table, and write the figures if there is a file for them."""
    figures: list[Figure] = []
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("", total=steps(subjects))

        def step(label: str) -> None:
            progress.update(task, description=label, advance=1)

        for measured in measure(subjects, step):
            figures += figures_of(measured)
    created = datetime.now(UTC).isoformat(timespec="seconds")
    ratios = Ratios(SCHEMA_VERSION, created, describe_environment(root), tuple(figures))
    print_ratios(ratios, console)
    if file is not None:
        text = json.dumps(asdict(ratios), indent=1, allow_nan=False)
        file.write_text(text + "\n", encoding="utf-8")
        console.print(f"written to {file}", highlight=False)
    return ratios


def load_ratios(file: Path) -> Ratios:
    """Read what a run wrote.

    Raises
    ------
    UserError
        If the file is not JSON, of another version, or holds something else.
    """
    again = "Run `make ratios` again."
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{file} is not whole JSON ({error}). {again}") from error
    found = data.get("schema_version") if isinstance(data, dict) else None
    if found != SCHEMA_VERSION:
        raise UserError(
            f"{file} has schema version {found}; this jitscope reads {SCHEMA_VERSION}. {again}"
        )
    try:
        return cattrs.structure(data, Ratios)
    except (cattrs.BaseValidationError, cattrs.StructureHandlerNotFoundError) as error:
        problems = "; ".join(cattrs.transform_error(error))
        raise UserError(f"{file} does not hold ratios: {problems}. {again}") from error


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m jitscope.ratios", description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", help="where the JSON goes (default: nowhere)")
    parser.add_argument("--subject", action="append", choices=SUBJECTS, help="may be repeated")
    args = parser.parse_args(argv)
    if args.file is not None and args.subject:
        parser.error("a file holds every subject: leave out `--subject` to write one.")
    if args.file is not None and not args.file.parent.is_dir():
        parser.error(f"the folder of {args.file} does not exist.")
    console = Console(width=max(120, Console().width))  # narrower, tables lose their figures
    run(Path.cwd(), args.subject or SUBJECTS, args.file, console)
    return 0


if __name__ == "__main__":
    sys.exit(main())
