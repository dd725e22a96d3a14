"""Measure one call of any solver in this fresh interpreter; `jitscope.foreign` starts them.

``python -m jitscope.foreign_sample --adapter benchmarks/adapter.py --problem small --condition
cold`` prints one JSON object, a `jitscope.sample.Sample`, as its last line. What an adapter file
has to hold is in `ForeignSolver`; `jitscope init` writes the first one.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Protocol

from jitscope.errors import UserError
from jitscope.phases import PhaseRecord, PhaseRecorder
from jitscope.sample import CONDITIONS, WARM_CALLS, Sample, add_phases

_NEEDED = ("import_solver", "solver_file", "prepare", "run", "check", "stages")


class ForeignSolver(Protocol):
    """What the class `Solver` of an adapter file offers; the file's `PROBLEMS` are the names."""

    name: str
    """The distribution, as pip knows it: its version is noted."""

    def import_solver(self) -> None:
        """Import the solver and what it needs: measured as the phase ``import``."""
        ...

    def solver_file(self) -> str:
        """Return the file that the solver was imported from: which commit was measured."""
        ...

    def prepare(self, problem: str) -> None:
        """Make the data of a problem and all that the call needs. Not timed."""
        ...

    def run(self) -> None:
        """Make the call and wait for its result: the only timed region."""
        ...

    def check(self) -> None:
        """Raise an error if the last result is wrong: a fast wrong answer must not count."""
        ...

    def stages(self) -> Mapping[str, str]:
        """Return ``"module:function" -> stage`` of a driver in Python; empty if there is none."""
        ...


def load(file: Path) -> ForeignSolver:
    """Run an adapter file and return a new `Solver` of it.

    Raises
    ------
    UserError
        There is no such file, or no whole class `Solver` in it.
    """
    spec = spec_from_file_location("jitscope_foreign_adapter", file)
    if spec is None or spec.loader is None or not file.is_file():
        raise UserError(f"{file} is no Python file; `jitscope init` writes a first adapter.")
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses in it look their module up
    spec.loader.exec_module(module)
    solver_class = getattr(module, "Solver", None)
    missing = [name for name in _NEEDED if not callable(getattr(solver_class, name, None))]
    if solver_class is None or missing:
        raise UserError(f"{file} needs a class `Solver` with {', '.join(missing)}.")
    return solver_class()


def measure(
    adapter: Path,
    problem: str,
    condition: str,
    *,
    observed: bool = True,
    expected_prefix: Path | None = None,
) -> Sample:
    """Measure one sample in this interpreter, which must be fresh.

    Parameters
    ----------
    adapter : Path
        The file.
    problem : str
        As its `prepare` takes it.
    condition : {"cold", "warm_disk", "warm_memory"}
        As in `jitscope.sample`.
    observed : bool
        False measures the wall alone, with no hook installed.
    expected_prefix : Path, optional
        The solver must have been imported from below it.

    Raises
    ------
    UserError
        No adapter, or a solver from elsewhere. The solver's own errors pass through.
    """
    records: tuple[PhaseRecord, ...] = ()
    wall_ns = call_ns = None
    if condition == "warm_memory":
        solver = load(adapter)
        solver.import_solver()
        records, call_ns = _later_call(solver, problem)
        wall_ns = call_ns
    elif observed:
        solver, records = _observed_first_call(adapter, problem)
    else:
        solver, wall_ns, call_ns = _unobserved_first_call(adapter, problem)
    solver.check()
    _check_origin(solver, expected_prefix)
    return Sample(
        solver=solver.name,
        problem=problem,
        condition=condition,
        phases_ns=add_phases(records) if records else None,
        wall_ns=sum(record.wall_ns for record in records) if records else None,
        unobserved_wall_ns=wall_ns,
        unobserved_call_ns=call_ns,
        by_stage_ns=records[-1].by_stage_ns if records else {},
        calls=records[-1].calls if records else {},
        modules=[asdict(module) for record in records for module in record.modules],
        versions=_versions(solver.name),
        solver_file=solver.solver_file(),
        result={},
    )


def _observed_first_call(
    adapter: Path, problem: str
) -> tuple[ForeignSolver, tuple[PhaseRecord, ...]]:
    with PhaseRecorder() as startup:
        with startup.span("import"):
            solver = load(adapter)  # it may import the solver by itself
            solver.import_solver()
        if "jax" in sys.modules:
            with startup.span("backend"):
                _start_backend()
    solver.prepare(problem)
    return solver, (startup.record, _recorded(solver))


def _unobserved_first_call(adapter: Path, problem: str) -> tuple[ForeignSolver, int, int]:
    start_ns = time.perf_counter_ns()
    solver = load(adapter)
    solver.import_solver()
    _start_backend()
    startup_ns = time.perf_counter_ns() - start_ns
    solver.prepare(problem)
    call_ns = _timed(solver)
    return solver, startup_ns + call_ns, call_ns


def _later_call(solver: ForeignSolver, problem: str) -> tuple[tuple[PhaseRecord, ...], int]:
    solver.prepare(problem)
    solver.run()
    records: list[PhaseRecord] = []
    unobserved_ns: list[int] = []
    for _ in range(WARM_CALLS):
        records.append(_recorded(solver))
        solver.run()  # the recorder emptied JAX's fast path; this fills it again
        unobserved_ns.append(_timed(solver))
    records.sort(key=lambda record: record.wall_ns)
    return (records[WARM_CALLS // 2],), statistics.median_low(unobserved_ns)


def _recorded(solver: ForeignSolver) -> PhaseRecord:
    with PhaseRecorder(stages=solver.stages()) as recorder:
        solver.run()
    return recorder.record


def _timed(solver: ForeignSolver) -> int:
    start_ns = time.perf_counter_ns()
    solver.run()
    return time.perf_counter_ns() - start_ns


def _start_backend() -> None:
    if "jax" in sys.modules:
        sys.modules["jax"].devices()


def _check_origin(solver: ForeignSolver, expected_prefix: Path | None) -> None:
    file = Path(solver.solver_file()).resolve()
    if expected_prefix is not None and not file.is_relative_to(expected_prefix.resolve()):
        raise UserError(
            f"{solver.name} was imported from {file}, expected a file below {expected_prefix}: "
            "install the commit that is to be measured there, and not editable."
        )


def _versions(name: str) -> dict[str, str | None]:
    found: dict[str, str | None] = {"python": platform.python_version()}
    for package in ("jax", "jaxlib", "numpy", name):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the sample as JSON; a mistake is one sentence on stderr and exit code 2."""
    parser = argparse.ArgumentParser(prog="python -m jitscope.foreign_sample")
    parser.add_argument("--adapter", type=Path, required=True, help="the adapter's file")
    parser.add_argument("--problem", required=True, help="as its `prepare` takes it")
    parser.add_argument("--condition", default="cold", choices=CONDITIONS)
    parser.add_argument("--unobserved", action="store_true", help="the wall alone, no hooks")
    parser.add_argument("--expected-prefix", type=Path, help="where the solver must lie")
    args = parser.parse_args(argv)
    try:
        sample = measure(
            args.adapter,
            args.problem,
            args.condition,
            observed=not args.unobserved,
            expected_prefix=args.expected_prefix,
        )
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(asdict(sample)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
