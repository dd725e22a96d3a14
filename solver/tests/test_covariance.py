"""The covariance of the parameters by itself: its digits, its units, and where there is none."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.linalg import aslinearoperator
from trustfit._covariance import covariance, dense

J = np.random.default_rng(5).normal(0.5, 1, size=(12, 3))
FREE = np.zeros(3, bool)
exponents = st.integers(-12, 12)


def of(R: Any, cost: float = 0.7, fixed: Any = FREE, absolute_sigma: bool = True) -> Any:
    return covariance(R, cost, len(J), np.asarray(fixed), absolute_sigma=absolute_sigma)


def test_is_the_inverse_of_the_normal_matrix():
    expected = np.linalg.inv(J.T @ J)
    np.testing.assert_allclose(of(J), expected, rtol=1e-12)
    np.testing.assert_allclose(of(J, absolute_sigma=False), expected * 2 * 0.7 / 9, rtol=1e-12)


def test_any_factor_of_the_normal_matrix_gives_the_same():
    np.testing.assert_allclose(of(np.linalg.qr(J).R), of(J), rtol=1e-12)


@settings(max_examples=50, deadline=None)
@given(st.tuples(exponents, exponents, exponents))
def test_units_of_the_parameters_change_nothing_but_units(powers: Any):
    units = 10.0 ** np.array(powers)
    np.testing.assert_allclose(of(J * units), of(J) / np.outer(units, units), rtol=1e-11)


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(3)), st.permutations(range(12)))
def test_order_changes_nothing_but_the_order(columns: Any, rows: Any):
    expected = of(J)[np.ix_(columns, columns)]
    np.testing.assert_allclose(of(J[np.ix_(rows, columns)]), expected, rtol=1e-11)


@pytest.mark.parametrize(
    "R",
    [
        np.column_stack([J[:, :2], J[:, 0] - 2 * J[:, 1]]),
        np.column_stack([J[:, :2], np.zeros(12)]),
        np.column_stack([J[:, :2], np.full(12, np.nan)]),
    ],
    ids=["dependent", "zero", "not a number"],
)
def test_infinite_without_full_rank(R: Any):
    assert np.all(np.isposinf(of(R)))


def test_infinite_where_the_error_of_the_jacobian_hides_the_rank():
    R = np.column_stack([J[:, :2], J[:, 0] + 1e-9 * J[:, 2]])
    for error in (1e-16, 1.5e-8):
        pcov = covariance(R, 0.7, 12, FREE, absolute_sigma=True, relative_error=error)
        assert np.all(np.isposinf(pcov)) == (error > 1e-9)


def test_infinite_with_fewer_residuals_than_parameters():
    pcov = covariance(np.eye(3)[:2], 0.0, 2, FREE, absolute_sigma=True)
    assert np.all(np.isposinf(pcov))


def test_infinite_without_a_degree_of_freedom():
    square = J[:3]
    for absolute in (True, False):
        pcov = covariance(square, 0.0, 3, FREE, absolute_sigma=absolute)
        assert np.all(np.isfinite(pcov)) == absolute


def test_fixed_parameters_are_known_exactly():
    pcov = of(J, fixed=[False, True, False], absolute_sigma=False)
    expected = np.linalg.inv(J[:, [0, 2]].T @ J[:, [0, 2]]) * 2 * 0.7 / 10
    np.testing.assert_allclose(pcov[np.ix_([0, 2], [0, 2])], expected, rtol=1e-12)
    assert not np.any(pcov[1])
    assert not np.any(pcov[:, 1])
    assert not np.any(of(J, fixed=[True] * 3, absolute_sigma=False))


def test_a_fixed_parameter_does_not_hide_that_others_are_undetermined():
    R = np.column_stack([J[:, 0], J[:, 1], 3 * J[:, 0]])
    pcov = of(R, fixed=[False, True, False])
    assert np.all(np.isposinf(pcov[np.ix_([0, 2], [0, 2])]))
    assert not np.any(pcov[1])


@pytest.mark.parametrize("kind", [np.asarray, csr_array, aslinearoperator])
def test_jacobians_of_every_kind_become_arrays(kind: Any):
    np.testing.assert_array_equal(dense(kind(J)), J)
