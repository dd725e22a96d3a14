"""What one length of the data costs, in this fresh interpreter: time a call, and peak memory.

``python -m jitscope.growth --problem gaussian_scaling_1000000`` prints one JSON object, `Growth`,
as its last line. The calls are plain ones.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from jitscope import _memory, adapters, problems
from jitscope.adapters import Adapter
from jitscope.errors import UserError
from jitscope.problems import Problem
from jitscope.sample import check_answer, check_origin

LENGTHS = tuple(f"gaussian_scaling_{10**digits}" for digits in (4, 5, 6, 7))
"""One problem at 10,000 to 10,000,000 points."""
MAX_CALLS = 30
BUDGET_S = 2.0
"""Timed calls begin until this much time is over; there is at least one."""
_SMALL = 100


@dataclass(frozen=True)
class Growth:
    """One solver at one length.

    Attributes
    ----------
    solver, problem : str
    points : int
        Length m of the data.
    calls_ns : tuple of int
        Nanoseconds of each call after the first.
    peak_bytes : int or None
        How far the peak of resident memory rose, over all calls, above what was resident once the
        data existed, everything was imported, and a fit of a hundred of the points was made. What
        the first call compiles for this length is part of it. None where no system call resets a
        peak.
    """

    solver: str
    problem: str
    points: int
    calls_ns: tuple[int, ...]
    peak_bytes: int | None


def shortened(problem: Problem) -> Problem:
    """Return a fit of about a hundred of the points, evenly taken."""
    step = max(1, len(problem.x) // _SMALL)
    return replace(problem, x=problem.x[::step].copy(), y=problem.y[::step].copy())


def measure(
    solver: str,
    problem_name: str,
    *,
    budget_s: float = BUDGET_S,
    expected_prefix: Path | None = None,
) -> Growth:
    """Measure one length in this interpreter, which must be fresh.

    Parameters
    ----------
    solver, problem_name : str
    budget_s : float
        Seconds for the timed calls.
    expected_prefix : Path, optional
        The solver must have been imported from below it.

    Raises
    ------
    UserError
        A wrong answer, or a solver from elsewhere or not installed.
    """
    adapter, problem = adapters.get(solver), problems.get(problem_name)
    adapter.prepare(shortened(problem), plain=True)
    check_origin(adapter, expected_prefix)
    adapter.warm_up()
    adapter.prepare(problem, plain=True)
    _memory.settle()
    level = _memory.reset_peak() if _memory.can_reset_peak() else None
    adapter.run()
    calls_ns = _timed_calls(adapter, budget_s)
    peak = None if level is None else _memory.peak_bytes() - level
    check_answer(problem, adapter.result())
    return Growth(solver, problem_name, len(problem.x), calls_ns, peak)


def _timed_calls(adapter: Adapter, budget_s: float) -> tuple[int, ...]:
    calls_ns: list[int] = []
    end = time.perf_counter() + budget_s
    while len(calls_ns) < MAX_CALLS and (not calls_ns or time.perf_counter() < end):
        start_ns = time.perf_counter_ns()
        adapter.run()
        calls_ns.append(time.perf_counter_ns() - start_ns)
    return tuple(calls_ns)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the figures as JSON; a mistake is one sentence on stderr and exit code 2."""
    parser = argparse.ArgumentParser(prog="python -m jitscope.growth", description=__doc__)
    parser.add_argument("--solver", default="trustfit", type=adapters.known)
    parser.add_argument("--problem", required=True, choices=problems.names())
    parser.add_argument("--budget", type=float, default=BUDGET_S, help="seconds for the calls")
    parser.add_argument("--expected-prefix", type=Path, help="where the solver must lie")
    args = parser.parse_args(argv)
    try:
        growth = measure(
            args.solver, args.problem, budget_s=args.budget, expected_prefix=args.expected_prefix
        )
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(asdict(growth)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
