"""Point by point agreement with SciPy's TRF, both given the same exact Jacobian."""

from typing import Any

import numpy as np
import pytest

from .cases import (
    DECAY,
    GAUSSIAN,
    Case,
    decay_residual,
    gaussian_residual,
    powell,
    rosenbrock,
    square_root,
)

CASES = {
    "gaussian near": Case(gaussian_residual, (1.0, 0.7, 1.0), GAUSSIAN),
    "gaussian far": Case(gaussian_residual, (0.3, 2.5, 1.9), GAUSSIAN),
    "decay": Case(decay_residual, (1.0, 1.0, 1.0), DECAY),
    "decay from zero": Case(decay_residual, (0.0, 0.0, 0.0), DECAY),
    "rosenbrock": Case(rosenbrock, (-2.0, 1.0)),
    "powell": Case(powell, (3.0, 1.0)),
    "square root": Case(square_root, (4.7, 1.0)),
}
BOUNDED = {
    "gaussian, bound active": ("gaussian near", ([0, 0, 0], [1.5, 3, 2])),
    "gaussian, start far, bound active": ("gaussian far", ([0, 0.6, 0], [5, 3, 2])),
    "gaussian, none active": ("gaussian near", ([0, -1, 0.1], [5, 3, 2])),
    "decay, one-sided": ("decay", ([0, -np.inf, -np.inf], [np.inf, 1.2, np.inf])),
    "decay, start on a bound": ("decay", ([1, 0, -1], [3, 5, 1])),
    "rosenbrock, lower": ("rosenbrock", ([-np.inf, -1.5], np.inf)),
    "rosenbrock, active": ("rosenbrock", ([-3, 0.5], [0.4, 4])),
}
# Where lsmr stops by its loose default tolerance, rounding decides which iteration is the last.
TIGHT: dict[str, Any] = {"tr_solver": "lsmr", "tr_options": {"atol": 1e-14, "btol": 1e-14}}


def assert_agree(case: Case, **options: Any) -> Any:
    """Compare everything that the two solvers return, polishing apart; return ours."""
    options["polish"] = False
    ours = case.ours(**options)
    scipys = case.scipys(**{k: v for k, v in options.items() if k != "polish"})
    start = case.ours(**{**options, "max_nfev": 1})
    largest = np.max(np.abs(start.grad))
    np.testing.assert_allclose(ours.grad, scipys.grad, rtol=1e-6, atol=1e-8 * largest)
    np.testing.assert_allclose(
        ours.optimality, scipys.optimality, rtol=1e-6, atol=1e-8 * start.optimality
    )
    np.testing.assert_allclose(ours.x, scipys.x, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(ours.cost, scipys.cost, rtol=1e-8, atol=1e-20)
    np.testing.assert_allclose(ours.fun, scipys.fun, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(ours.jac, scipys.jac, rtol=1e-6, atol=1e-8)
    np.testing.assert_array_equal(ours.active_mask, scipys.active_mask)
    assert (ours.nfev, ours.njev, ours.status) == (scipys.nfev, scipys.njev, scipys.status)
    assert ours.message == scipys.message
    assert ours.success == scipys.success
    return ours


@pytest.mark.parametrize(
    "solver", [{}, {"tr_solver": "exact"}, TIGHT], ids=["None", "exact", "lsmr"]
)
@pytest.mark.parametrize("name", CASES)
def test_unbounded(name: str, solver: dict[str, Any]):
    assert_agree(CASES[name], **solver)


@pytest.mark.parametrize("solver", [{}, TIGHT], ids=["exact", "lsmr"])
@pytest.mark.parametrize("name", BOUNDED)
def test_bounded(name: str, solver: dict[str, Any]):
    case, bounds = BOUNDED[name]
    assert_agree(CASES[case], bounds=bounds, **solver)


@pytest.mark.parametrize(
    "bounds", [(-np.inf, np.inf), ([0, 0, 0], [1.5, 3, 2])], ids=["free", "box"]
)
@pytest.mark.parametrize("loss", ["soft_l1", "huber", "cauchy", "arctan"])
def test_losses(loss: Any, bounds: Any):
    assert_agree(CASES["gaussian near"], loss=loss, f_scale=0.07, bounds=bounds)


@pytest.mark.parametrize("x_scale", ["jac", 2.5, [1.0, 0.1, 3.0]], ids=str)
@pytest.mark.parametrize(
    "bounds", [(-np.inf, np.inf), ([0, 0, 0], [1.5, 3, 2])], ids=["free", "box"]
)
def test_x_scale(x_scale: Any, bounds: Any):
    assert_agree(CASES["gaussian far"], x_scale=x_scale, bounds=bounds)


def test_x_scale_jac_with_a_column_of_zeros():
    case = Case(lambda x: x[0] ** 2 - np.array([1.0, 2.0]) + 0 * x[1], (3.0, 1.0))
    assert_agree(case, x_scale="jac")


def test_lsmr_at_its_own_tolerance_finds_the_same_minimum():
    case = CASES["gaussian near"]
    ours, scipys = (solve(tr_solver="lsmr") for solve in (case.ours, case.scipys))
    np.testing.assert_allclose(ours.x, scipys.x, rtol=1e-5)
    np.testing.assert_allclose(ours.cost, scipys.cost, rtol=1e-9)


def test_lsmr_without_regularization_and_with_damping():
    for option in ({"regularize": False}, {"damp": 0.1}):
        tr_options = {**TIGHT["tr_options"], **option}
        assert_agree(CASES["decay"], tr_solver="lsmr", tr_options=tr_options)


def test_one_variable_with_lsmr():
    case = Case(lambda x: x * np.array([1.0, 2.0, 3.0]) - np.array([1.0, 2.1, 2.9]), (40.0,))
    result = case.ours(**TIGHT)
    assert result.success
    np.testing.assert_allclose(result.x, case.scipys().x, rtol=1e-8)


def test_fewer_residuals_than_variables():
    case = Case(lambda x: np.array([1.0, 2.0, 4.0]) @ x[:, None] - 3.0, (1.0, 1.0, 1.0))
    assert_agree(case)
    assert_agree(case, bounds=(0, 2))


@pytest.mark.parametrize("max_nfev", range(1, 9))
@pytest.mark.parametrize("name", ["gaussian far", "decay from zero", "powell", "square root"])
def test_every_step_of_the_way(name: str, max_nfev: int):
    ours = assert_agree(CASES[name], max_nfev=max_nfev)
    assert ours.status == 0
    assert not ours.success


@pytest.mark.parametrize(
    ("tolerances", "status"),
    [
        ({"ftol": None, "xtol": None, "gtol": 1e-6}, 1),
        ({"ftol": 1e-6, "xtol": None, "gtol": None}, 2),
        ({"ftol": None, "xtol": 1e-6, "gtol": None}, 3),
        ({"ftol": 1e-5, "xtol": 1e-5, "gtol": None}, 4),
    ],
)
def test_each_tolerance_ends_the_solve(tolerances: dict[str, Any], status: int):
    assert assert_agree(CASES["decay"], **tolerances).status == status


def test_residuals_that_stop_being_finite_shorten_the_step():
    ours = assert_agree(CASES["square root"])
    assert ours.nfev > ours.njev  # a trial step did fall where the root is not a number
