"""Count what later fits of a process compile anew, in this fresh interpreter.

``python -m jitscope.recompiles`` prints one JSON object, a mapping of each of `CHANGES` to the
modules compiled, as its last line. The model closes over a float and an array, as users' models
do; every fit is the plain call of a user who changed one thing since the fit before.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from jitscope import adapters, problems
from jitscope.adapters import Adapter
from jitscope.counters import CounterRecorder
from jitscope.errors import UserError
from jitscope.problems import Problem
from jitscope.sample import check_origin

CHANGES = (
    "first fit",
    "nothing",
    "new lambda",
    "new closure float",
    "new closure array",
    "new data",
    "new length",
)
"""What is different from the fit before; the new length is nine tenths of the old one."""
_PROBLEM = "gaussian_1000"


def closing_over(offset: float, weights: Sequence[float]) -> Callable[[ModuleType], Any]:
    """Return a Gaussian's factory; the function closes over a float and over an array."""

    def factory(xp: ModuleType) -> Any:
        import numpy as np

        scales = np.asarray(weights)
        return lambda x, height, centre, width: (
            height * scales[0] * xp.exp(-0.5 * ((x - centre) / width) ** 2) + offset
        )

    return factory


def count(solver: str, *, expected_prefix: Path | None = None) -> dict[str, int]:
    """Count in this interpreter, which must be fresh.

    Raises
    ------
    UserError
        A solver from elsewhere or not installed, or a fit that does not converge.
    """
    adapter = adapters.get(solver)
    adapter.import_solver()
    adapter.wait_for_programs()
    check_origin(adapter, expected_prefix)
    problem = replace(problems.get(_PROBLEM), model=closing_over(0.25, (1.0,)))
    return {
        change: _compiled(adapter, changed, change)
        for change, changed in zip(CHANGES, _changed(problem), strict=True)
    }


def _changed(problem: Problem) -> Sequence[Problem]:
    # An equal factory is another function object, whose code is the same.
    again = replace(problem, model=closing_over(0.25, (1.0,)))
    other_float = replace(problem, model=closing_over(0.5, (1.0,)))
    other_array = replace(problem, model=closing_over(0.5, (1.5,)))
    other_data = replace(other_array, y=problem.y + 0.01 * problem.x)
    shorter = replace(other_data, x=problem.x[:900], y=other_data.y[:900])
    return (problem, problem, again, other_float, other_array, other_data, shorter)


def _compiled(adapter: Adapter, problem: Problem, change: str) -> int:
    adapter.prepare(problem, plain=True)
    with CounterRecorder() as recorder:
        adapter.run()
    if not adapter.result().success:
        raise UserError(f"the fit with {change} did not converge.")
    return recorder.counters.compiled


def main(argv: Sequence[str] | None = None) -> int:
    """Count, print the counts as JSON; a mistake is one sentence on stderr and exit code 2."""
    parser = argparse.ArgumentParser(prog="python -m jitscope.recompiles", description=__doc__)
    parser.add_argument("--solver", default="trustfit", choices=adapters.NAMES)
    parser.add_argument("--expected-prefix", type=Path, help="where the solver must lie")
    args = parser.parse_args(argv)
    try:
        counts = count(args.solver, expected_prefix=args.expected_prefix)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(counts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
