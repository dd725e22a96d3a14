"""Many fits at once: those that fail harm no others."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from trustfit import OptimizeWarning, curve_fit

from .many_fits import START, gaussian, stacked


@pytest.mark.usefixtures("small_chunks")
def test_bad_fits_harm_no_others():
    x, y, _ = stacked(40)
    start = np.tile(START, (40, 1))
    y[3, 7], y[20, 0] = np.nan, np.inf
    start[5] = np.nan
    start[6] = [1.0, x[3], 0.0]  # 0 / 0
    start[39] = [1e-8, 80.0, 0.01]  # flat: nothing to go by
    good = np.setdiff1d(np.arange(40), [3, 5, 6, 20, 39])
    with pytest.warns(
        OptimizeWarning, match="4 of 40 fits did not converge, the first of them fit 3"
    ):
        popt, pcov, info, messages, ier = curve_fit(gaussian, x, y, start, full_output=True)
    np.testing.assert_array_equal(ier[[3, 5, 6, 20]], -5)
    assert messages[3] == "The residuals are not finite at the start."
    assert np.all(np.isinf(pcov[[3, 5, 6, 20]]))
    np.testing.assert_array_equal(popt[[3, 5, 20]], start[[3, 5, 20]])
    assert np.all(ier[good] > 0)
    expected = curve_fit(gaussian, x, y[good], START, full_output=True)
    np.testing.assert_allclose(popt[good], expected[0], rtol=1e-12)
    np.testing.assert_allclose(pcov[good], expected[1], rtol=1e-9)
    np.testing.assert_allclose(info["fvec"][good], expected[2]["fvec"], atol=1e-12)


def blind(x: Any, a: Any, b: Any):
    return a * jnp.nan_to_num(x) + b


@pytest.mark.parametrize("one_by_one", [False, True])
def test_abscissae_that_are_not_finite_are_the_fits_own_affair(one_by_one: bool):
    x = np.tile(np.linspace(0, 1, 10), (3, 1))
    y = 2 * x + np.arange(3.0)[:, None]
    x[1, 0] = np.nan  # for which the model takes 0, as it is
    options: dict[str, Any] = {"jac": "2-point"} if one_by_one else {}
    with pytest.warns(OptimizeWarning, match="1 of 3"):
        _, _, _, _, ier = curve_fit(blind, x, y, full_output=True, **options)
    np.testing.assert_array_equal(ier > 0, [True, False, True])
    popt, _ = curve_fit(blind, x, y, check_finite=False, **options)
    np.testing.assert_allclose(popt, [[2, 0], [2, 1], [2, 2]], atol=1e-6)


@pytest.mark.usefixtures("in_chunks")
def test_a_fit_that_spends_its_evaluations_says_so_and_no_more():
    x, y, _ = stacked(4)
    start = np.tile([2.9, 2.2, 0.6], (4, 1))
    start[2] = [0.3, 0.5, 4.0]
    with pytest.warns(
        OptimizeWarning, match="1 of 4 fits did not converge, the first of them fit 2"
    ):
        popt, pcov, info, messages, ier = curve_fit(
            gaussian, x, y, start, max_nfev=6, full_output=True, polish=False
        )
    assert ier[2] == 0
    assert info["nfev"][2] == 6
    assert messages[2] == "The maximum number of function evaluations is exceeded."
    assert np.all(np.isinf(pcov[2]))
    assert np.all(np.isfinite(popt))
    assert np.all(ier[[0, 1, 3]] > 0)


def rooted(x: Any, a: Any, b: Any):
    return jnp.sqrt(jnp.abs(a)) * x + b


def test_a_derivative_that_is_not_finite_gives_way_to_finite_differences():
    x = np.linspace(0, 1, 10)
    y = np.stack([2 * x + 1, 1.5 * x])
    start = np.array([[0.0, 1.0], [1.0, 0.0]])
    with pytest.warns(OptimizeWarning, match="finite differences"):
        popt, _ = curve_fit(rooted, x, y, start)
    np.testing.assert_allclose(popt, [[4, 1], [2.25, 0]], atol=1e-6)
