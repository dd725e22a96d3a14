"""`infodict` and `ier`, against MINPACK through SciPy's `leastsq`."""

from typing import Any

import numpy as np
import pytest
from scipy import optimize
from trustfit._minpack_output import IER, factorise, infodict

A = np.random.default_rng(0).normal(size=(9, 4)) * [1, 10, 0.1, 3]
B = np.random.default_rng(1).normal(size=9)


@pytest.mark.parametrize("columns", [[0, 1, 2, 3], [3], [2, 0]], ids=str)
def test_factors_of_a_linear_problem_are_minpacks(columns: Any):
    """Its Jacobian is the same everywhere, so that MINPACK's is that of the solution, too."""
    J = A[:, columns]
    n = len(columns)
    output: Any = optimize.leastsq(
        lambda x: J @ x - B,
        np.zeros(n),
        Dfun=lambda x: J,  # pyright: ignore[reportArgumentType]
        full_output=True,
    )
    x, _, expected, _, _ = output
    found = infodict(J @ x - B, J, 3, 2)
    assert set(found) == set(expected)
    np.testing.assert_array_equal(found["ipvt"], expected["ipvt"])
    assert found["ipvt"].dtype == expected["ipvt"].dtype
    assert found["fjac"].shape == expected["fjac"].shape
    # Below the diagonal of the first n rows MINPACK keeps another matrix of its own.
    np.testing.assert_allclose(np.triu(found["fjac"].T), np.triu(expected["fjac"].T), atol=1e-13)
    np.testing.assert_allclose(found["fjac"][:, n:], expected["fjac"][:, n:], atol=1e-13)
    np.testing.assert_allclose(found["fvec"], expected["fvec"])
    np.testing.assert_allclose(found["qtf"], 0, atol=1e-13)


def test_factors_reproduce_the_jacobian_and_the_residuals():
    fjac, ipvt, qtf = factorise(A, B)
    R = np.triu(fjac.T[:4])
    np.testing.assert_allclose(R.T @ R, (A.T @ A)[np.ix_(ipvt, ipvt)], rtol=1e-12)
    np.testing.assert_allclose(R.T @ qtf, (A.T @ B)[ipvt], rtol=1e-12)
    assert np.all(np.diff(np.abs(np.diagonal(R))) <= 0)


def test_a_column_of_zeros_comes_last():
    fjac, ipvt, _ = factorise(np.column_stack([np.zeros(9), A[:, 0]]), B)
    assert list(ipvt) == [1, 0]
    assert fjac[1, 1] == 0


def test_the_covariance_follows_as_scipy_computes_it():
    fjac, ipvt, _ = factorise(A, B)
    inverse = np.linalg.inv(np.triu(fjac.T[:4]))
    inverse[ipvt] = inverse.copy()
    np.testing.assert_allclose(inverse @ inverse.T, np.linalg.inv(A.T @ A), rtol=1e-10)


def test_numbers_of_success_are_scipys():
    """SciPy's `least_squares` turns MINPACK's numbers into TRF's; these are the way back."""
    from scipy.optimize._lsq.least_squares import FROM_MINPACK_TO_COMMON as COMMON

    assert {COMMON[ier]: ier for ier in (1, 2, 3, 4)} == IER


def test_njev_is_told_only_of_a_jacobian_given():
    assert "njev" not in infodict(B, A, 3, None)
