"""NIST's 27 data sets from both starts: how many certified digits a fit gets right.

`curve_fit` is called as users call it, with every default, and so answered by the fused driver.
`least_squares` is called with a callback, and so answered by the stepped driver, which compiles in
less time; only `max_nfev` departs from its defaults, whose 100 n evaluations end two runs, SciPy's
too, before any tolerance does.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import numpy as np
import pytest
import trustfit
from numpy.typing import NDArray

from .reference import nist
from .reference.digits import correct_digits, standard_deviations
from .reference.nist import Dataset
from .reference.solvers import MAX_NFEV, TIGHT, ours, rows

pytestmark = pytest.mark.slow

Array = NDArray[np.float64]
Fit = Callable[[Dataset, int], tuple[Array, Array]]


def go_on(x: Array) -> None:
    """Let the solve go on."""


def by_least_squares(dataset: Dataset, start: int, **options: Any) -> tuple[Array, Array]:
    """Return parameters and standard deviations."""
    run = nist.problem(dataset, start)
    result = trustfit.least_squares(
        run.fun, run.x0, args=run.args, max_nfev=MAX_NFEV, callback=go_on, **options
    )
    assert result.success, result.message
    return result.x, standard_deviations(result.fun, result.jac)


def by_least_squares_scaled(dataset: Dataset, start: int) -> tuple[Array, Array]:
    return by_least_squares(dataset, start, x_scale="jac")


def by_curve_fit(dataset: Dataset, start: int) -> tuple[Array, Array]:
    popt, pcov = trustfit.curve_fit(
        dataset.model, dataset.x, dataset.y, p0=dataset.starts[start - 1]
    )
    return popt, np.sqrt(np.diag(pcov))


FITS = (by_least_squares, by_least_squares_scaled, by_curve_fit)


@pytest.fixture(scope="module", params=FITS, ids=lambda fit: fit.__name__[3:])
def fit(request: pytest.FixtureRequest) -> Fit:
    """Return each way of fitting in turn; it fits each run once only."""
    return cache(request.param)


each_dataset = pytest.mark.parametrize("dataset", nist.DATASETS.values(), ids=str)
each_run = pytest.mark.parametrize(("dataset", "start"), nist.RUNS, ids=lambda value: str(value))


def test_all_sets_are_there():
    assert len(nist.DATASETS) == 27
    assert {dataset.formula for dataset in nist.DATASETS.values()} == set(nist.MODELS)
    for dataset in nist.DATASETS.values():
        assert dataset.y.shape == dataset.x.shape[-1:]
        assert len(dataset.starts[0]) == len(dataset.starts[1]) == len(dataset.certified)


@each_dataset
def test_formula_and_data_give_the_certified_sum_and_deviations(dataset: Dataset):
    f, J = rows(nist.problem(dataset, 2), dataset.certified)
    if dataset.name == "Lanczos1":
        # The certified residuals, 1e-13, are far below what 11 digits of the parameters tell.
        assert f @ f < 1e-20
        return
    np.testing.assert_allclose(f @ f, dataset.certified_rss, rtol=1e-9)
    assert correct_digits(standard_deviations(f, J), dataset.certified_std) > 7


@each_run
def test_six_digits_of_every_parameter(fit: Fit, dataset: Dataset, start: int):
    x, _ = fit(dataset, start)
    assert correct_digits(x, dataset.certified) >= 6


@each_run
def test_five_digits_of_every_standard_deviation(fit: Fit, dataset: Dataset, start: int):
    _, std = fit(dataset, start)
    if dataset.name == "Lanczos1":
        # The residuals, 1e-13, are the rounding of the data's 13 digits: the last bits of x and of
        # the model's values, 1e-16, decide on their sum of squares, which the deviations hang on.
        assert np.all(np.abs(std / dataset.certified_std - 1) < 0.5)
        return
    assert correct_digits(std, dataset.certified_std) >= 5


@pytest.mark.parametrize("x_scale", [1.0, "jac"])
def test_tight_tolerances_give_more_than_nine_digits_on_average(x_scale: Any):
    digits = {}
    for problem, (dataset, _) in zip(nist.PROBLEMS, nist.RUNS, strict=True):
        found = ours(problem, "stepped", x_scale=x_scale, max_nfev=MAX_NFEV, **TIGHT)
        digits[problem.name] = correct_digits(found.x, dataset.certified)
    assert np.mean(list(digits.values())) >= 9.3, sorted(digits.items(), key=lambda item: item[1])
    assert min(digits.values()) >= 6


def test_digits_are_counted():
    assert correct_digits([1.001, 2.0], [1.0, 2.0]) == pytest.approx(3)
    assert correct_digits([1.0, 2.0], [1.0, 2.0]) == 11
    assert correct_digits([np.nan, 2.0], [1.0, 2.0]) == 0
    assert correct_digits([-5.0], [1.0]) == 0


def test_a_wrong_formula_would_be_seen():
    dataset = nist.DATASETS["Misra1b"]
    with jax.enable_x64(True):
        wrong = np.asarray(nist.misra1c(dataset.x, *dataset.certified)) - dataset.y
    assert abs(wrong @ wrong / dataset.certified_rss - 1) > 1
