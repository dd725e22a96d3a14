"""Measure one call of any solver in this fresh interpreter; `jitscope.foreign` starts them.

``python -m jitscope.foreign_sample --adapter benchmarks/adapter.py --problem small --condition
cold`` prints one JSON object, a `jitscope.sample.Sample`, as its last line. What an adapter file
has to hold is in `ForeignSolver`; `jitscope init` writes the first one.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

from jitscope.adapters._outside import from_file
from jitscope.errors import UserError
from jitscope.sample import (
    CONDITIONS,
    Sample,
    TimedSolver,
    check_origin,
    first_call,
    later_call,
    sample_of,
)

_NEEDED = ("import_solver", "solver_file", "prepare", "run", "check", "stages")


class ForeignSolver(TimedSolver, Protocol):
    """What the class `Solver` of an adapter file offers; the file's `PROBLEMS` are the names.

    Its `name` is that of the distribution, as pip knows it: the version is noted.
    """

    def prepare(self, problem: str) -> None:
        """Make the data of a problem and all that the call needs. Not timed."""
        ...

    def check(self) -> None:
        """Raise an error if the last result is wrong: a fast wrong answer must not count."""
        ...


def load(file: Path) -> ForeignSolver:
    """Run an adapter file and return a new `Solver` of it.

    Raises
    ------
    UserError
        There is no such file, or no whole class `Solver` in it.
    """
    solver_class = getattr(from_file(file), "Solver", None)
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
        False measures the wall alone, without hooks.
    expected_prefix : Path, optional
        The solver must have been imported from below it.

    Raises
    ------
    UserError
        No adapter, or a solver from elsewhere. The solver's own errors pass through.
    """
    if condition == "warm_memory":
        solver = load(adapter)
        solver.import_solver()
        solver.prepare(problem)
        walls = later_call(solver)
    else:
        solver, walls = first_call(
            lambda: load(adapter), lambda solver: solver.prepare(problem), observed=observed
        )
    solver.check()
    check_origin(solver, expected_prefix)
    return sample_of(
        solver,
        walls,
        name=solver.name,
        package=solver.name,
        problem=problem,
        condition=condition,
        result={},
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the sample as JSON; a mistake is one sentence on stderr and exit code 2."""
    parser = argparse.ArgumentParser(prog="python -m jitscope.foreign_sample")
    parser.add_argument("--adapter", type=Path, required=True, help="the adapter's file")
    parser.add_argument("--problem", required=True, help="as its `prepare` takes it")
    parser.add_argument("--condition", default="cold", choices=CONDITIONS)
    parser.add_argument("--unobserved", action="store_true", help="the wall alone, without hooks")
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
