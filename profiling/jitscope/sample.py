"""Measure one sample in this fresh interpreter; `jitscope.fresh` starts such interpreters.

``python -m jitscope.sample --solver trustfit --problem exponential_1000 --condition cold`` prints
one JSON object, a `Sample`, as its last line. Importing this module imports neither NumPy nor
JAX nor a solver: that is still there to be measured.

Conditions: "cold" and "warm_disk" measure the first call of the process, import and backend
start included (whether there is a compilation cache is up to the environment); "warm_memory"
measures a later call of the same process. The call is the user's own, with ``full_output=True``;
``--plain`` leaves that out, and ``--stepped`` asks for the solver's stepped driver.
"""

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol, TypeVar

from jitscope import adapters, problems
from jitscope.adapters import Adapter, FitResult
from jitscope.errors import UserError
from jitscope.phases import PhaseRecord, PhaseRecorder
from jitscope.problems import Problem

CONDITIONS = ("cold", "warm_disk", "warm_memory")
WARM_CALLS = 5
"""Recorded calls of "warm_memory"; the one with the median wall is reported."""
WORSE = 1e-6
"""A cost that is worse than the reference by more than this, relatively, is a wrong answer."""


@dataclass(frozen=True)
class Sample:
    """One measurement of one fit.

    Attributes
    ----------
    solver, problem, condition : str
        What was measured.
    phases_ns : mapping, or None
        Exclusive nanoseconds of each phase; they add up to `wall_ns`. None where a phase was
        not measured in this condition. None as a whole for an unobserved sample.
    wall_ns : int or None
        The observed wall time.
    unobserved_wall_ns, unobserved_call_ns : int or None
        The same without hooks, and the part of it that is the call: without import
        and backend start.
    by_stage_ns, calls : mapping
        As in `jitscope.phases.PhaseRecord`; of the call, without import and backend start.
    modules : sequence of mapping
        The modules that were compiled or loaded, with the fields of `CompiledModule`.
    versions : mapping
        Of Python, JAX, jaxlib, NumPy and the solver; None where one is not installed.
    solver_file : str
        The file that the solver was imported from.
    result : mapping
        The fields of `jitscope.adapters.FitResult`.
    stepped : bool
        Whether the call went through the solver's stepped driver instead of the user's own call.
    iterations : mapping
        How often the call entered the functions that mark an "outer" and an "inner" iteration;
        without those that it never entered.
    """

    solver: str
    problem: str
    condition: str
    phases_ns: Mapping[str, int | None] | None
    wall_ns: int | None
    unobserved_wall_ns: int | None
    unobserved_call_ns: int | None
    by_stage_ns: Mapping[str, Mapping[str, int]]
    calls: Mapping[str, int]
    modules: Sequence[Mapping[str, Any]]
    versions: Mapping[str, str | None]
    solver_file: str
    result: Mapping[str, Any]
    stepped: bool = False
    iterations: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def overhead_ns(self) -> int | None:
        """What the observation cost: observed minus unobserved wall; None where one is unknown."""
        if self.wall_ns is None or self.unobserved_wall_ns is None:
            return None
        return self.wall_ns - self.unobserved_wall_ns


class TimedSolver(Protocol):
    """What every measured solver offers, an adapter's or one of an adapter file of an asv suite."""

    name: str
    """Of the solver."""

    def import_solver(self) -> None:
        """Import the solver and what it needs: measured as the phase ``import``."""
        ...

    def solver_file(self) -> str:
        """Return the file that the solver was imported from: which commit was measured."""
        ...

    def run(self) -> None:
        """Make the call and wait for its result: the only timed region."""
        ...

    def stages(self) -> Mapping[str, str]:
        """Return ``"module:function" -> stage`` of a driver in Python; empty if there is none."""
        ...


Timed = TypeVar("Timed", bound=TimedSolver)


@dataclass(frozen=True)
class Walls:
    """What a condition measured: the records that make up its wall, or the wall alone."""

    records: tuple[PhaseRecord, ...]
    unobserved_ns: int | None
    unobserved_call_ns: int | None


def check_answer(problem: Problem, result: FitResult) -> None:
    """Refuse a wrong answer: a fast one must not count.

    Raises
    ------
    UserError
        The fit did not converge, or its cost is worse than the reference.
    """
    if result.cost is None:
        raise UserError(f"{problem.name} did not converge: {result.message}")
    excess = (result.cost - problem.reference_cost) / problem.reference_cost
    if not excess <= WORSE:
        raise UserError(
            f"wrong answer for {problem.name}: cost {result.cost!r} is worse than the reference "
            f"{problem.reference_cost!r} by {excess:.1e}, relatively; {WORSE:.0e} is allowed."
        )


def check_origin(solver: TimedSolver, expected_prefix: Path | None) -> None:
    """Refuse to measure a solver that was not imported from below `expected_prefix`.

    Raises
    ------
    UserError
        It came from elsewhere, such as the working tree.
    """
    file = Path(solver.solver_file()).resolve()
    if expected_prefix is not None and not file.is_relative_to(expected_prefix.resolve()):
        raise UserError(
            f"{solver.name} was imported from {file}, expected a file below {expected_prefix}: "
            "install the commit that is to be measured there, and not editable."
        )


def _start_backend() -> None:
    if "jax" in sys.modules:
        sys.modules["jax"].devices()


@dataclass(frozen=True)
class _Call:
    """Which of a solver's calls is measured; see `Adapter.prepare`."""

    problem: str
    stepped: bool
    plain: bool

    def prepare(self, adapter: Adapter) -> None:
        problem = problems.get(self.problem)
        adapter.prepare(problem, stepped=self.stepped, plain=self.plain)


def first_call(
    load: Callable[[], Timed], prepare: Callable[[Timed], None], *, observed: bool
) -> tuple[Timed, Walls]:
    """Measure the first call of this process, import and backend start included.

    Parameters
    ----------
    load : callable
        Returns the solver, which it may import.
    prepare : callable
        Builds its call. Not timed.
    observed : bool
        False measures the wall alone, without hooks.
    """
    if not observed:
        start_ns = time.perf_counter_ns()
        solver = _imported(load)
        _start_backend()
        startup_ns = time.perf_counter_ns() - start_ns
        prepare(solver)
        call_ns = _timed(solver)
        return solver, Walls((), startup_ns + call_ns, call_ns)
    with PhaseRecorder() as startup:
        with startup.span("import"):
            solver = _imported(load)
        if "jax" in sys.modules:
            with startup.span("backend"):
                _start_backend()
    prepare(solver)
    return solver, Walls((startup.record, _recorded(solver)), None, None)


def later_call(solver: TimedSolver) -> Walls:
    """Measure a later call of a solver that is prepared, with hooks and without."""
    # A file outside may leave out what is an adapter's: then one call makes all ready.
    getattr(solver, "warm_up", solver.run)()
    records: list[PhaseRecord] = []
    unobserved_ns: list[int] = []
    for _ in range(WARM_CALLS):
        records.append(_recorded(solver))
        solver.run()  # the recorder emptied JAX's fast path; this fills it again
        unobserved_ns.append(_timed(solver))
    records.sort(key=lambda record: record.wall_ns)
    median_ns = statistics.median_low(unobserved_ns)
    return Walls((records[WARM_CALLS // 2],), median_ns, median_ns)


def _imported(load: Callable[[], Timed]) -> Timed:
    """Return a solver that is imported; a file outside may import it by being loaded."""
    solver = load()
    solver.import_solver()
    return solver


def _timed(solver: TimedSolver) -> int:
    start_ns = time.perf_counter_ns()
    solver.run()
    return time.perf_counter_ns() - start_ns


def _recorded(solver: TimedSolver) -> PhaseRecord:
    with PhaseRecorder(stages=solver.stages()) as recorder:
        solver.run()
    return recorder.record


def add_phases(records: Sequence[PhaseRecord]) -> dict[str, int | None]:
    """Add the phases of intervals that follow each other; None is not measured in any."""
    total: dict[str, int | None] = {}
    for record in records:
        for phase, own_ns in record.phases_ns.items():
            before_ns = total.get(phase)
            known = [part for part in (before_ns, own_ns) if part is not None]
            total[phase] = sum(known) if known else None
    return total


def versions(package: str) -> dict[str, str | None]:
    """Return the versions of Python, JAX, jaxlib, NumPy and a package; None: not installed."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for one in ("jax", "jaxlib", "numpy", package):
        try:
            found[one] = version(one)
        except PackageNotFoundError:
            found[one] = None
    return found


def sample_of(
    solver: TimedSolver,
    walls: Walls,
    *,
    name: str,
    package: str,
    problem: str,
    condition: str,
    result: Mapping[str, Any],
) -> Sample:
    """Return what was measured of a solver, without what only adapters of jitscope's know."""
    records = walls.records
    return Sample(
        solver=name,
        problem=problem,
        condition=condition,
        phases_ns=add_phases(records) if records else None,
        wall_ns=sum(record.wall_ns for record in records) if records else None,
        unobserved_wall_ns=walls.unobserved_ns,
        unobserved_call_ns=walls.unobserved_call_ns,
        by_stage_ns=records[-1].by_stage_ns if records else {},
        calls=records[-1].calls if records else {},
        modules=[asdict(module) for record in records for module in record.modules],
        versions=versions(package),
        solver_file=solver.solver_file(),
        result=result,
    )


def measure(
    solver: str,
    problem_name: str,
    condition: str,
    *,
    observed: bool = True,
    stepped: bool = False,
    plain: bool = False,
    expected_prefix: Path | None = None,
) -> Sample:
    """Measure one sample in this interpreter, which must be fresh.

    Parameters
    ----------
    solver, problem_name, condition : str
        Names; `condition` is one of `CONDITIONS`.
    observed : bool
        False measures the wall alone, without hooks.
    stepped : bool
        True measures a call through the solver's stepped driver.
    plain : bool
        True measures a call that asks for parameters and covariance only.
    expected_prefix : Path, optional
        The solver must have been imported from below it.

    Raises
    ------
    UserError
        Wrong answer, unconverged, or a solver from elsewhere.
    ValueError
        `stepped`, of a solver that has no stepped driver.
    """
    call = _Call(problem_name, stepped, plain)
    if condition == "warm_memory":
        adapter = adapters.get(solver)
        call.prepare(adapter)
        walls = later_call(adapter)
    else:
        if not adapters.is_outside(solver):
            adapters.get(solver)  # loads the adapter's module, which is no part of the solver
        adapter, walls = first_call(lambda: adapters.get(solver), call.prepare, observed=observed)
    check_origin(adapter, expected_prefix)
    result = adapter.result()
    check_answer(problems.get(problem_name), result)
    sample = sample_of(
        adapter,
        walls,
        name=solver,
        package=adapters.package(solver),
        problem=problem_name,
        condition=condition,
        result=asdict(result),
    )
    return replace(
        sample,
        stepped=stepped,
        iterations={
            kind: sample.calls[f"function:{function}"]
            for kind, function in adapter.iterations().items()
            if f"function:{function}" in sample.calls
        },
    )


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m jitscope.sample", description=__doc__)
    parser.add_argument("--solver", default="trustfit", type=adapters.known)
    parser.add_argument("--problem", required=True, choices=problems.names())
    parser.add_argument("--condition", default="cold", choices=CONDITIONS)
    parser.add_argument("--unobserved", action="store_true", help="the wall alone, without hooks")
    parser.add_argument("--stepped", action="store_true", help="through the stepped driver")
    parser.add_argument("--plain", action="store_true", help="without full_output")
    parser.add_argument("--expected-prefix", type=Path, help="where the solver must lie")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the sample as JSON; a mistake is one sentence on stderr and exit code 2."""
    args = _arguments(argv)
    try:
        sample = measure(
            args.solver,
            args.problem,
            args.condition,
            observed=not args.unobserved,
            stepped=args.stepped,
            plain=args.plain,
            expected_prefix=args.expected_prefix,
        )
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(asdict(sample)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
