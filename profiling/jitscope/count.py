"""Count, in this fresh interpreter, what does not depend on the machine's load.

Fits wait for their programs: what a solver does without them is no program's count.

``python -m jitscope.count --solver trustfit --problem exponential_1000`` prints one JSON object,
`Counts`, as its last line. Nothing here is timed; `jitscope.sample` does that.
"""

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jitscope import adapters, problems
from jitscope.adapters import Adapter, FitResult
from jitscope.conversions import ConversionRecorder
from jitscope.counters import CounterRecorder, Counters
from jitscope.errors import UserError
from jitscope.problems import Problem
from jitscope.sample import check_origin

FITS = ("first fit", "same data", "new data", "new length", "new lambda")
"""The fits of one process, in this order; each counts what the ones before it left to do."""
_EPS = sys.float_info.epsilon


@dataclass(frozen=True)
class Counts:
    """What was counted of one problem.

    Attributes
    ----------
    compiled : mapping
        Modules compiled in each of `FITS`; None for problems that are fitted once.
    jaxpr_equations, hlo_instructions, fused_kernels, temp_bytes : int or None
        Of all modules of the first fit; None where a part is unknown.
    conversions : mapping or None
        Arrays and scalars converted in a later fit of the same data, "to_host" and "to_device".
    nfev, njev : int
        Evaluations of the function and of its Jacobian, by `Adapter.evaluations`: through the
        stepped driver if there is one.
    result : mapping
        The fields of `jitscope.adapters.FitResult`, of the first fit.
    cost_digits_lost, params_digits_lost : float or None
        See `digits_lost`; None where the fit gave no parameters or the minimum is not known.
    """

    compiled: Mapping[str, int] | None
    jaxpr_equations: int | None
    hlo_instructions: int | None
    fused_kernels: int | None
    temp_bytes: int | None
    conversions: Mapping[str, int] | None
    nfev: int
    njev: int
    result: Mapping[str, Any]
    cost_digits_lost: float | None
    params_digits_lost: float | None


def digits_lost(relative_error: float) -> float:
    """Return how many of double precision's decimal digits are wrong: lower is better.

    0 for an error at rounding level or below, 15.7 for one of 100% or more.

    Parameters
    ----------
    relative_error : float
        May be negative, as a cost below the reference is: no error.
    """
    if math.isnan(relative_error):
        raise ValueError("`relative_error` must not be NaN.")
    return math.log10(min(max(relative_error, _EPS), 1.0) / _EPS)


def count(
    solver: str, problem_name: str, *, once: bool = False, expected_prefix: Path | None = None
) -> Counts:
    """Count one problem in this interpreter, which must be fresh.

    Parameters
    ----------
    once : bool
        Only the first fit.
    expected_prefix : Path, optional
        The solver must have been imported from below it.

    Raises
    ------
    UserError
        A solver from elsewhere.
    """
    adapter, problem = adapters.get(solver), problems.get(problem_name)
    adapter.wait_for_programs()
    first = _count_fit(adapter, problem)
    check_origin(adapter, expected_prefix)
    result = adapter.result()
    compiled = None if once else _compiled(adapter, problem, first)
    conversions = None if once else _conversions(adapter, problem)
    # Last: it compiles for a function of its own.
    nfev, njev = adapter.evaluations()
    return Counts(
        compiled=compiled,
        jaxpr_equations=first.jaxpr_equations,
        hlo_instructions=first.hlo_instructions,
        fused_kernels=first.fused_kernels,
        temp_bytes=first.temp_bytes,
        conversions=conversions,
        nfev=nfev,
        njev=njev,
        result=asdict(result),
        cost_digits_lost=_cost_digits_lost(problem, result),
        params_digits_lost=_params_digits_lost(problem, result),
    )


def _count_fit(adapter: Adapter, problem: Problem, *, new_function: bool = False) -> Counters:
    adapter.prepare(problem, new_function=new_function)
    with CounterRecorder() as recorder:
        adapter.run()
    return recorder.counters


def _compiled(adapter: Adapter, problem: Problem, first: Counters) -> dict[str, int]:
    later = (
        _count_fit(adapter, problem),
        _count_fit(adapter, problems.vary(problem, "data")),
        _count_fit(adapter, problems.vary(problem, "length")),
        _count_fit(adapter, problem, new_function=True),
    )
    return {fit: one.compiled for fit, one in zip(FITS, (first, *later), strict=True)}


def _conversions(adapter: Adapter, problem: Problem) -> dict[str, int]:
    adapter.prepare(problem)
    adapter.run()
    with ConversionRecorder() as recorder:
        adapter.run()
    total = {"to_host": 0, "to_device": 0}
    for site in recorder.sites:
        total[site.direction] += site.count
    return total


def _cost_digits_lost(problem: Problem, result: FitResult) -> float | None:
    if result.cost is None:
        return None
    return digits_lost((result.cost - problem.reference_cost) / problem.reference_cost)


def _params_digits_lost(problem: Problem, result: FitResult) -> float | None:
    if result.params is None or problem.reference_params is None:
        return None
    pairs = zip(result.params, problem.reference_params, strict=True)
    return digits_lost(max(float(abs(found - known) / abs(known)) for found, known in pairs))


def main(argv: Sequence[str] | None = None) -> int:
    """Count, print the counts as JSON; a mistake is one sentence on stderr and exit code 2."""
    parser = argparse.ArgumentParser(prog="python -m jitscope.count", description=__doc__)
    parser.add_argument("--solver", default="trustfit", choices=adapters.NAMES)
    parser.add_argument("--problem", required=True, choices=problems.names())
    parser.add_argument("--once", action="store_true", help="the first fit alone")
    parser.add_argument("--expected-prefix", type=Path, help="where the solver must lie")
    args = parser.parse_args(argv)
    try:
        counts = count(
            args.solver, args.problem, once=args.once, expected_prefix=args.expected_prefix
        )
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(asdict(counts)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
