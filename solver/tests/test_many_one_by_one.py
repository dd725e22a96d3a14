"""Many fits at once: what a program of many cannot do goes fit by fit."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from trustfit import OptimizeWarning, UnacceleratedWarning, _many, curve_fit

from .many_fits import START, check, gaussian, singles, stacked


def host_model(x: Any, a: Any, b: Any):
    return np.asarray(a) * np.exp(-np.asarray(b) * np.asarray(x))


@pytest.mark.parametrize(
    "options",
    [
        {"jac": "2-point"},
        {"callback": lambda intermediate_result: None, "method": "trf"},
        {"loss": lambda z: np.stack([z, np.ones_like(z), np.zeros_like(z)]), "method": "trf"},
        {"tr_solver": "lsmr", "method": "trf"},
        {"nan_policy": "omit"},
    ],
)
def test_what_needs_the_host_goes_fit_by_fit(options: dict[str, Any]):
    x, y, _ = stacked(2)
    if "nan_policy" in options:
        y[1, 3] = np.nan
    popt, pcov, info, messages, ier = curve_fit(gaussian, x, y, START, full_output=True, **options)
    for i, one in enumerate(y):
        p, C, single, _, _ = curve_fit(gaussian, x, one, START, full_output=True, **options)
        np.testing.assert_allclose(popt[i], p, rtol=1e-9)
        np.testing.assert_allclose(pcov[i], C, rtol=1e-9)
        fvec = info["fvec"][i]
        np.testing.assert_allclose(fvec[~np.isnan(one)], single["fvec"])
        assert np.all(np.isnan(fvec[np.isnan(one)]))
    assert len(messages) == len(ier) == 2


def test_a_function_that_jax_cannot_trace_warns_once():
    x = np.linspace(0, 2, 20)
    y = np.stack([2 * np.exp(-x), 3 * np.exp(-0.5 * x), np.full(20, np.nan)])
    with pytest.warns() as warned:
        popt, _ = curve_fit(host_model, x, y)
    assert [w.category for w in warned] == [UnacceleratedWarning, OptimizeWarning]
    np.testing.assert_allclose(popt[:2], [[2, 1], [3, 0.5]], atol=1e-5)


def trusting(x: Any, a: Any, b: Any):
    """What JAX traces is not what NumPy computes."""
    return a * x + (b if isinstance(x, np.ndarray) else b**2)


def test_a_function_whose_trace_means_something_else_is_called_from_python():
    x = np.linspace(0, 1, 10)
    y = np.stack([2 * x + 3, 1.5 * x + 0.5])
    with pytest.warns(UnacceleratedWarning):
        popt, _ = curve_fit(trusting, x, y)
    np.testing.assert_allclose(popt, [[2, 3], [1.5, 0.5]], rtol=1e-6)


def polynomial(x: Any, *c: Any):
    return jnp.polyval(jnp.stack(c), x)


@pytest.mark.usefixtures("by_programs")
def test_more_parameters_than_a_program_inverts_for():
    x = np.linspace(-1, 1, 60)
    y = np.stack([np.sin(5 * x), np.cos(4 * x)])
    popt, pcov = curve_fit(polynomial, x, y, np.zeros(17))
    np.testing.assert_allclose(popt[1], curve_fit(polynomial, x, y[1], np.zeros(17))[0])
    assert pcov.shape == (2, 17, 17)


def test_more_points_than_lanes_pay_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_many, "_VALUES", 8 * 40 - 1)
    monkeypatch.setattr(_many, "_in_chunks", lambda *args: pytest.fail("They do not pay."))
    x, y, _ = stacked(2)
    check(curve_fit(gaussian, x, y, START, full_output=True), singles(gaussian, x, y, p0=START))
