"""What becomes of `leastsq`'s keywords, one by one."""

from typing import Any

import numpy as np
import pytest
import trustfit
from trustfit._leastsq_keywords import translate

from .cases import DECAY, decay


def jac(x: Any) -> Any:
    return np.arange(6.0).reshape(2, 3) * x


@pytest.mark.parametrize(
    ("keywords", "options"),
    [
        ({}, {}),
        ({"maxfev": 30}, {"max_nfev": 30}),
        ({"maxfev": 0}, {}),
        ({"maxfev": None}, {}),
        ({"maxfev": 30, "max_nfev": 20}, {"max_nfev": 20}),
        ({"epsfcn": 1e-6}, {"diff_step": 1e-3}),
        ({"epsfcn": 0}, {"diff_step": np.sqrt(np.finfo(float).eps)}),
        ({"factor": 100, "ftol": 1e-3}, {"ftol": 1e-3}),
    ],
)
def test_keywords_become_options(keywords: Any, options: Any):
    assert translate(keywords, None) == (options, None)


def test_diag_is_the_inverse_of_x_scale():
    options, _ = translate({"diag": [1, 2, 4]}, None)
    assert list(options) == ["x_scale"]
    np.testing.assert_array_equal(options["x_scale"], [1, 0.5, 0.25])
    ways = [
        trustfit.curve_fit(decay, *DECAY, full_output=True, max_nfev=9, **scale)[2]["fvec"]
        for scale in ({"diag": [1, 2, 4]}, {"x_scale": [1, 0.5, 0.25]})
    ]
    np.testing.assert_array_equal(*ways)


def test_epsfcn_does_not_replace_a_jacobian():
    assert translate({"epsfcn": 1e-6}, jac) == ({}, jac)


@pytest.mark.parametrize("convert", [np.asarray, np.ndarray.tolist], ids=["array", "list"])
def test_col_deriv_transposes_the_jacobian(convert: Any):
    _, turned = translate({"col_deriv": 1}, lambda x: convert(jac(x)))
    np.testing.assert_array_equal(turned(2.0), jac(2.0).T)
    assert translate({"col_deriv": 0}, jac) == ({}, jac)
    assert translate({"col_deriv": 1}, "2-point") == ({}, "2-point")


def test_keywords_given_are_left_alone():
    keywords = {"maxfev": 30, "ftol": 1e-3}
    translate(keywords, None)
    assert keywords == {"maxfev": 30, "ftol": 1e-3}
