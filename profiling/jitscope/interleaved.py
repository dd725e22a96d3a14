"""Time several solvers on one problem in turns, in this fresh interpreter.

``python -m jitscope.interleaved --problem linear_100 --solver trustfit --solver scipy_lm`` prints
one JSON object, `Interleaved`, as its last line. A round is a turn of each solver, in an order
drawn anew: whatever the machine does besides meets all of them alike, so that their ratio is
steadier than the times that it is made of. A turn is a few milliseconds of plain calls in a row.
Its first call finds the processor's caches full of another solver's code and data, and maybe that
solver's threads still spinning; the later ones are warm as in a user's own loop. Both are kept.
"""

import argparse
import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from jitscope import adapters, problems
from jitscope.adapters import Adapter
from jitscope.errors import UserError
from jitscope.problems import Problem
from jitscope.sample import check_answer, check_origin

WARM_UPS = 3
"""Calls before the first round: one compiles, another fills JAX's fast path."""
MIN_ROUNDS = 7
MAX_ROUNDS = 1000
MIN_CALLS = 3
"""Calls in a turn, at least: one after another solver's, and two after its own."""
TURN_S = 0.02
"""A turn's calls begin until this much time is over, if there were `MIN_CALLS`."""
BUDGET_S = 2.0
"""Rounds begin until this much time is over, if there were `MIN_ROUNDS`."""
_SEED = 20251006

Clock = Callable[[], int]


@dataclass(frozen=True)
class Interleaved:
    """The rounds of one problem.

    Attributes
    ----------
    problem : str
    first_ns : mapping of str to sequence of int
        Nanoseconds of the first call of each of a solver's turns, which came after another
        solver's; those at the same place belong to the same round.
    repeated_ns : mapping of str to sequence of float
        Median nanoseconds of the later calls of each turn.
    failures : mapping of str to str
        Why there are none of a solver.
    """

    problem: str
    first_ns: Mapping[str, Sequence[int]]
    repeated_ns: Mapping[str, Sequence[float]]
    failures: Mapping[str, str]


def time_rounds(
    calls: Mapping[str, Callable[[], object]],
    *,
    budget_s: float = BUDGET_S,
    clock: Clock = time.perf_counter_ns,
) -> dict[str, list[list[int]]]:
    """Make rounds of turns, each round in another order.

    Parameters
    ----------
    calls : mapping of str to callable
    budget_s : float
        Seconds after which no round begins, if there were `MIN_ROUNDS`.
    clock : callable
        Nanoseconds.

    Returns
    -------
    dict
        For each name a list of turns, each the nanoseconds of its calls.
    """
    order, shuffled = list(calls), random.Random(_SEED)
    found: dict[str, list[list[int]]] = {name: [] for name in calls}
    end_ns = clock() + int(budget_s * 1e9)
    for turn in range(MAX_ROUNDS):
        if turn >= MIN_ROUNDS and clock() >= end_ns:
            break
        shuffled.shuffle(order)
        for name in order:
            found[name].append(_turn(calls[name], clock))
    return found


def _turn(call: Callable[[], object], clock: Clock) -> list[int]:
    calls_ns: list[int] = []
    end_ns = clock() + int(TURN_S * 1e9)
    while len(calls_ns) < MIN_CALLS or clock() < end_ns:
        start_ns = clock()
        call()
        calls_ns.append(clock() - start_ns)
    return calls_ns


def warmed_up(solver: str, problem: Problem, expected_prefix: Path | None) -> Adapter:
    """Return a solver whose plain call was made before, and gave the right answer.

    Raises
    ------
    UserError
        Not installed, from elsewhere, or wrong.
    """
    adapter = adapters.get(solver)
    adapter.prepare(problem, plain=True)
    if solver == "trustfit":  # the others come with the environment, never from the commit
        check_origin(adapter, expected_prefix)
    adapter.warm_up()
    for _ in range(WARM_UPS):
        adapter.run()
    check_answer(problem, adapter.result())
    return adapter


def measure(
    problem_name: str,
    solvers: Sequence[str],
    *,
    budget_s: float = BUDGET_S,
    expected_prefix: Path | None = None,
) -> Interleaved:
    """Time solvers in turns; one that cannot take part leaves its reason.

    Parameters
    ----------
    problem_name : str
    solvers : sequence of str
    budget_s : float
        Seconds for the rounds.
    expected_prefix : Path, optional
        trustfit must have been imported from below it.
    """
    problem = problems.get(problem_name)
    ready: dict[str, Adapter] = {}
    failures: dict[str, str] = {}
    for solver in solvers:
        try:
            ready[solver] = warmed_up(solver, problem, expected_prefix)
        except UserError as error:
            failures[solver] = str(error)
    calls = {solver: adapter.run for solver, adapter in ready.items()}
    turns = time_rounds(calls, budget_s=budget_s) if calls else {}
    first = {name: [calls_ns[0] for calls_ns in found] for name, found in turns.items()}
    repeated = {
        name: [statistics.median(calls_ns[1:]) for calls_ns in found]
        for name, found in turns.items()
    }
    return Interleaved(problem_name, first, repeated, failures)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print the rounds as JSON."""
    parser = argparse.ArgumentParser(prog="python -m jitscope.interleaved", description=__doc__)
    parser.add_argument("--problem", required=True, choices=problems.names())
    parser.add_argument("--solver", action="append", required=True, choices=adapters.NAMES)
    parser.add_argument("--budget", type=float, default=BUDGET_S, help="seconds for the rounds")
    parser.add_argument("--expected-prefix", type=Path, help="where trustfit must lie")
    args = parser.parse_args(argv)
    measured = measure(
        args.problem, args.solver, budget_s=args.budget, expected_prefix=args.expected_prefix
    )
    print(json.dumps(asdict(measured)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
