"""Many fits at once: arguments that are refused, and settings that stay as they are."""

from typing import Any

import jax
import numpy as np
import pytest
from trustfit import curve_fit

from .many_fits import START, gaussian, stacked

Y = np.ones((4, 10))
X = np.arange(10.0)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"xdata": np.ones((2, 10))}, ValueError, r"pass `xdata\[None\]`"),
        ({"xdata": np.ones(9)}, ValueError, r"`xdata` must have shape \(10,\)"),
        ({"xdata": np.ones((2, 3, 10))}, ValueError, r"got \(2, 3, 10\)"),
        ({"xdata": {"a": 1}}, ValueError, "must be an array; got dict"),
        ({"xdata": np.where(X == 3, np.nan, X)}, ValueError, "`xdata` must be finite"),
        ({"ydata": np.ones((0, 10))}, ValueError, "`ydata` must not be empty"),
        ({"ydata": np.ones((10, 1)), "xdata": X}, ValueError, r"Pass `ydata.ravel\(\)`"),
        ({"ydata": np.ones((4, 2)), "xdata": X[:2]}, TypeError, "as many points as parameters"),
        ({"ydata": 1j * Y}, ValueError, "must be real numbers"),
        ({"ydata": np.ones((2, 4, 10))}, ValueError, "`ydata` must have shape"),
        ({"p0": np.ones((3, 3))}, ValueError, r"`p0` must have shape \(n,\) or \(4, n\)"),
        ({"p0": np.ones((4, 2))}, ValueError, "must have a value for each parameter"),
        ({"p0": [1, np.nan, 1]}, ValueError, "`p0` must be finite"),
        (
            {"p0": np.ones((4, 3)), "bounds": (0, [[1], [1], [0.5], [1]] * np.ones(3))},
            ValueError,
            "for fit 2",
        ),
        ({"bounds": (1, 0)}, ValueError, "no lower bound above"),
        ({"bounds": (0, np.ones((3, 3)))}, ValueError, r"or \(4, 3\); got \(3, 3\)"),
        ({"bounds": 3}, ValueError, "must be a pair"),
        ({"sigma": np.ones((10, 10))}, ValueError, "take no covariance"),
        ({"sigma": np.ones(4)}, ValueError, "For one a fit"),
        ({"sigma": np.ones(3)}, ValueError, "`sigma` must be a number or have shape"),
        ({"nan_policy": "drop"}, ValueError, "`nan_policy` must be"),
        ({"ydata": np.where(Y == 1, np.nan, 0), "nan_policy": "raise"}, ValueError, "40 of 40"),
        ({"method": "lm", "bounds": (0, 9)}, ValueError, "takes no bounds"),
        ({"typo": 1}, TypeError, "no argument `typo`"),
    ],
)
def test_wrong_arguments_are_refused_in_a_sentence(
    arguments: dict[str, Any], error: type[Exception], message: str
):
    data: dict[str, Any] = {"xdata": X, "ydata": Y}
    with pytest.raises(error, match=message):
        curve_fit(gaussian, **{**data, **arguments})


def test_rows_of_different_lengths_are_no_data():
    with pytest.raises(ValueError, match="`ydata` must be real numbers in an array"):
        curve_fit(gaussian, X, [[1.0, 2.0], [1.0]])


def test_settings_of_jax_are_left_alone(settings_untouched: Any):
    x, y, _ = stacked(2)
    before = jax.config.read("jax_enable_x64")
    popt, _ = curve_fit(gaussian, x.astype(np.float32), y.astype(np.float32), START)
    assert popt.dtype == np.float64
    assert jax.config.read("jax_enable_x64") == before


@pytest.mark.parametrize("sigma", [0.0, np.nan, np.zeros(20)], ids=["0", "nan", "zeros"])
def test_a_sigma_that_no_fit_can_have_is_refused(sigma: Any):
    x = np.linspace(0, 1, 20)
    with pytest.raises(ValueError, match="`sigma` must be other than 0 and NaN"):
        curve_fit(lambda x, a, b: a * x + b, x, np.ones((4, 20)), sigma=sigma)
