"""Every reference problem: the minimum that SciPy's TRF finds, at no more than its evaluations.

The stepped driver solves them all, for a compilation of the fused one takes seconds. That both
agree is held here on a few problems of every kind, and shown on all by `make exactness`.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from .reference.problem import Problem
from .reference.solvers import (
    MAX_NFEV,
    TIGHT,
    Outcome,
    as_low,
    disagreement,
    ours,
    scipys,
    start_cost,
)
from .reference.suite import PROBLEMS, SETS

pytestmark = pytest.mark.slow

Compare = Callable[[Problem], tuple[Outcome, Outcome]]
# From here SciPy runs along a valley towards infinity and ends where no source knows a minimum.
OFF_TO_INFINITY = "MGH09, start 2, start x 10"


# Small and large n, rank-deficient, ill-conditioned (by QR), bounded from a start on the bounds.
FUSED_TOO = (
    "freudenstein_roth",
    "watson 12",
    "brown_almost_linear",
    "linear_rank_1",
    "solid_fuel_ignition",
    "osborne_2, two active",
    "rosenbrock, start on a bound that stays active",
    "Hahn1, start 1",
    "Thurber, start 2, start on the active bound",
)


@pytest.fixture(scope="module")
def compare() -> Compare:
    """Return a function that puts a problem to both solvers, once: (ours, SciPy's)."""

    @cache
    def outcomes(problem: Problem) -> tuple[Outcome, Outcome]:
        return ours(problem, "stepped", max_nfev=MAX_NFEV), scipys(problem, max_nfev=MAX_NFEV)

    return outcomes


def test_names_tell_problems_apart():
    assert len({problem.name for problem in PROBLEMS}) == len(PROBLEMS)
    assert len(SETS["Moré-Garbow-Hillstrom"]) >= 25


@pytest.mark.parametrize(
    "problem", [one for one in PROBLEMS if one.minima and one.name != OFF_TO_INFINITY], ids=str
)
def test_formula_and_data_give_a_published_minimum(problem: Problem):
    found = 2 * scipys(problem, max_nfev=MAX_NFEV, **TIGHT).cost
    # Published to five digits or more; of an infimum at infinity, a solver sees about as many.
    tolerances = [1e-5 * minimum + 1e-10 for minimum in problem.minima]
    near = zip(problem.minima, tolerances, strict=True)
    assert any(abs(found - minimum) <= tolerance for minimum, tolerance in near), found


@pytest.mark.parametrize("problem", PROBLEMS, ids=str)
def test_finds_the_minimum_that_scipy_finds(compare: Compare, problem: Problem):
    found, scipy_found = compare(problem)
    assert scipy_found.status > 0, "SciPy finds none: this problem tests nothing"
    assert found.status > 0
    assert as_low(found, scipy_found, start_cost(problem)), (found.cost, scipy_found.cost)


@pytest.mark.parametrize("problem", SETS["bounded"], ids=str)
def test_stays_within_bounds(compare: Compare, problem: Problem):
    assert problem.bounds is not None
    lb, ub = problem.bounds
    x = compare(problem)[0].x
    assert np.all(lb <= x)
    assert np.all(x <= ub)


def test_takes_at_most_a_tenth_more_evaluations_than_scipy(compare: Compare):
    counts = {problem.name: [one.nfev for one in compare(problem)] for problem in PROBLEMS}
    found, scipy_found = np.sum(list(counts.values()), axis=0)
    more = {name: both for name, both in counts.items() if both[0] > 1.1 * both[1]}
    assert found <= 1.1 * scipy_found, f"{found} against {scipy_found}; more than a tenth: {more}"


@pytest.mark.parametrize("name", FUSED_TOO)
def test_fused_and_stepped_driver_agree(compare: Compare, name: str):
    (problem,) = (one for one in PROBLEMS if one.name == name)
    fused = ours(problem, "fused", max_nfev=MAX_NFEV)
    assert disagreement(problem, fused, compare(problem)[0]) is None
