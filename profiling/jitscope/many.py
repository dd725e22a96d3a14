"""Fit many curves of one model, in this fresh interpreter: nanoseconds, answers, peak memory.

``python -m jitscope.many --solver trustfit --fits 10000`` prints one JSON object, `Many`, as its
last line. Every curve is a Gaussian of 100 points with parameters and noise of its own; they share
abscissae and start.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jitscope import _memory, adapters, problems
from jitscope.errors import UserError
from jitscope.problems import Problem
from jitscope.sample import check_origin

if TYPE_CHECKING:
    from numpy.typing import NDArray

PROBLEM = "gaussian_scaling_100"
SPREAD = 0.1
"""Relative standard deviation of the curves' true parameters about the problem's."""
WORSE = 1e-6
"""A fit whose cost a step could lower by more than this, relatively, is a wrong answer."""
CALLS = 7
_SEED = 20251006
_ROWS = 10_000
_STEP = 1e-30


@dataclass(frozen=True)
class Many:
    """Calls that fitted the same curves.

    Attributes
    ----------
    solver : str
    fits, points : int
        Curves a call, and points a curve.
    calls_ns : sequence of int
        Nanoseconds of each call after the first.
    peak_bytes : int or None
        How far the peak of resident memory rose above what was resident once the data existed and
        two of the curves were fitted; the results are part of it. None where no system call resets
        a peak.
    """

    solver: str
    fits: int
    points: int
    calls_ns: Sequence[int]
    peak_bytes: int | None


def curves(fits: int) -> tuple[Problem, "NDArray[Any]", "NDArray[Any]"]:
    """Return the problem they share, the ordinates (fits, m) and the true parameters (fits, n)."""
    import numpy as np

    problem, rng = problems.get(PROBLEM), np.random.default_rng(_SEED)
    model = problem.model(np)
    true = problem.p_true * (1 + SPREAD * rng.standard_normal((fits, len(problem.p_true))))
    ys = np.empty((fits, len(problem.x)))
    noise = float(np.std(problem.y - model(problem.x, *problem.p_true)))
    for rows in _chunks(fits):
        ys[rows] = model(problem.x, *true[rows].T[..., None])
        ys[rows] += rng.normal(0.0, noise, ys[rows].shape)
    return problem, ys, true


def check_answers(
    problem: Problem, ys: "NDArray[Any]", true: "NDArray[Any]", params: "NDArray[Any]"
) -> None:
    """Refuse parameters that are not each curve's minimum.

    At the minimum the cost is not above that of the truth, and the Gauss-Newton step lowers it no
    more.

    Raises
    ------
    UserError
        Some are not; says how many.
    """
    import numpy as np

    if params.shape != true.shape:
        raise UserError(f"the fits gave parameters of shape {params.shape}, not {true.shape}.")
    model, wrong = problem.model(np), 0
    for rows in _chunks(len(ys)):
        cost, residuals = _cost(model, problem, ys[rows], params[rows])
        lower, _ = _cost(model, problem, ys[rows], true[rows])
        low = cost <= lower  # never of NaN
        gain = _gain(model, problem, params[rows][low], residuals[low])
        wrong += len(low) - int(np.sum(gain <= WORSE * cost[low]))
    if wrong:
        raise UserError(f"{wrong} of {len(ys)} fits did not end at their minimum.")


def _cost(model: Any, problem: Problem, ys: Any, params: Any) -> tuple[Any, Any]:
    residuals = model(problem.x, *params.T[..., None]) - ys
    return 0.5 * (residuals**2).sum(axis=1), residuals


def _gain(model: Any, problem: Problem, params: Any, residuals: Any) -> Any:
    """Return by how much a Gauss-Newton step would lower each cost, if the model were linear."""
    import numpy as np

    columns: list[Any] = []
    for place in range(params.shape[1]):
        moved = params.astype(complex)
        moved[:, place] += 1j * _STEP  # an imaginary step differentiates without cancellation
        columns.append(model(problem.x, *moved.T[..., None]).imag / _STEP)
    jacobian = np.stack(columns, axis=-1)
    gradient = np.einsum("kmn,km->kn", jacobian, residuals)
    gram = np.einsum("kmi,kmj->kij", jacobian, jacobian)
    return 0.5 * np.sum(gradient * np.linalg.solve(gram, gradient[..., None])[..., 0], axis=1)


def _chunks(fits: int) -> Iterator[slice]:
    return (slice(start, min(start + _ROWS, fits)) for start in range(0, fits, _ROWS))


def measure(
    solver: str, fits: int, *, calls: int = CALLS, expected_prefix: Path | None = None
) -> Many:
    """Fit the curves in this interpreter, which must be fresh.

    Parameters
    ----------
    solver : str
    fits : int
        How many curves.
    calls : int
        How many timed calls, after one that is not.
    expected_prefix : Path, optional
        The solver must have been imported from below it.

    Raises
    ------
    UserError
        The solver cannot, is from elsewhere or not installed, or found wrong answers.
    """
    adapter = adapters.get(solver)
    problem, ys, true = curves(fits)
    adapter.prepare_many(problem, ys[:2])
    check_origin(adapter, expected_prefix)
    adapter.run_many()
    adapter.prepare_many(problem, ys)
    _memory.settle()
    level = _memory.reset_peak() if _memory.can_reset_peak() else None
    params = adapter.run_many()
    calls_ns: list[int] = []
    for _ in range(calls):
        start_ns = time.perf_counter_ns()
        adapter.run_many()
        calls_ns.append(time.perf_counter_ns() - start_ns)
    peak = None if level is None else _memory.peak_bytes() - level
    check_answers(problem, ys, true, params)
    return Many(solver, fits, ys.shape[1], calls_ns, peak)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the figures as JSON; a mistake is one sentence on stderr and exit code 2."""
    parser = argparse.ArgumentParser(prog="python -m jitscope.many", description=__doc__)
    parser.add_argument("--solver", default="trustfit", choices=adapters.NAMES)
    parser.add_argument("--fits", type=int, required=True)
    parser.add_argument("--calls", type=int, default=CALLS)
    parser.add_argument("--expected-prefix", type=Path, help="where the solver must lie")
    args = parser.parse_args(argv)
    try:
        many = measure(
            args.solver, args.fits, calls=args.calls, expected_prefix=args.expected_prefix
        )
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(asdict(many)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
