"""Many fits at once: each as a fit of its own."""

import warnings
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trustfit import OptimizeWarning, curve_fit

from .many_fits import START, check, gaussian, singles, stacked


def plane(x: Any, a: Any, b: Any, c: Any):
    return a * x[0] + jnp.exp(b * x[1]) + c


def demeaned(x: Any, a: Any, b: Any):
    """Not a function of one point."""
    return a * (x - jnp.mean(x)) + jnp.exp(b * x)


@pytest.mark.usefixtures("in_chunks")
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"sigma": 0.1, "absolute_sigma": True},
        {"sigma": np.where(np.arange(40) % 7 == 0, np.inf, np.linspace(0.1, 0.3, 40))},
        {"bounds": ([0, 0, 0], [2.5, np.inf, 2])},
        {"bounds": ([-np.inf, 2.2, 0.1], [np.inf, 2.2, 5]), "p0": [1.0, 2.2, 1.0]},
        {"loss": "soft_l1", "f_scale": 0.05, "method": "trf"},
        {"loss": "arctan", "f_scale": 0.2, "bounds": (-1, 10)},
        {"x_scale": "jac", "method": "trf"},
        {"x_scale": [1.0, 0.1, 0.1], "polish": False, "ftol": 1e-4},
    ],
)
def test_each_fit_is_a_fit_of_its_own(options: dict[str, Any]):
    x, y, _ = stacked()
    options = {"p0": START, **options}
    found = curve_fit(gaussian, x, y, full_output=True, **options)
    check(found, singles(gaussian, x, y, **options))


def own_arguments(k: int, m: int, seed: int = 1):
    rng = np.random.default_rng(seed)
    x, y, truth = stacked(k, m, seed)
    return y, {
        "x": x + 0.01 * rng.normal(size=(k, m)),
        "p0": truth * rng.uniform(0.8, 1.2, size=truth.shape),
        "sigma": rng.uniform(0.03, 0.1, size=(k, m)),
        "bounds": (truth * 0.5, truth * np.where(np.arange(k) % 2, 1.02, 2.0)[:, None]),
    }


@pytest.mark.usefixtures("in_chunks")
@pytest.mark.parametrize("own", ["p0", "x sigma", "bounds", "x p0 sigma bounds"])
def test_any_argument_may_be_one_for_each_fit(own: str):
    y, arguments = own_arguments(4, 40)
    x = np.linspace(0, 5, 40)
    options: dict[str, Any] = {"p0": START, **{name: arguments[name] for name in own.split()}}
    if own == "bounds":
        options["p0"] = [2.5, 2.0, 0.55]
        options["bounds"] = (np.zeros((4, 3)), arguments["bounds"][1] + 1)
        separate = ["bounds"]
    else:
        separate = own.split()
    if own.startswith("x p0"):
        options["p0"] = np.clip(options["p0"], *options["bounds"])
    x = options.pop("x", x)
    found = curve_fit(gaussian, x, y, full_output=True, **options)
    check(found, singles(gaussian, x, y, separate, **options))


@pytest.mark.usefixtures("in_chunks")
@pytest.mark.parametrize("separate", [False, True])
def test_several_predictors(separate: bool):
    rng = np.random.default_rng(2)
    x = rng.uniform(0, 1, size=(3 if separate else 1, 2, 30))
    y = np.stack([plane(x[i if separate else 0], 1.0, 0.5, i) for i in range(3)])
    y = y + 0.01 * rng.normal(size=y.shape)
    found = curve_fit(plane, x, y, full_output=True)
    check(found, singles(plane, x, y, ["x"] if separate else []))


@pytest.mark.usefixtures("in_chunks")
def test_a_model_that_couples_points():
    x = np.linspace(-1, 1, 20)
    y = np.stack([demeaned(x, a, 0.4) for a in (1.0, 2.0, 3.0)]) + 0.01 * np.sin(9 * x)
    check(curve_fit(demeaned, x, y, full_output=True), singles(demeaned, x, y))


def sorted_model(x: Any, a: Any, b: Any):
    return jnp.sort(a * x) + jnp.cumsum(b * x)


@pytest.mark.usefixtures("in_chunks")
def test_a_model_with_operations_that_lanes_do_not_know():
    x = np.linspace(-1, 1, 20)
    y = np.stack([sorted_model(x, a, 0.4) for a in (1.0, 2.0, 3.0)]) + 0.01 * np.sin(9 * x)
    check(curve_fit(sorted_model, x, y, full_output=True), singles(sorted_model, x, y))


@pytest.mark.usefixtures("in_chunks")
@pytest.mark.parametrize("loss", ["linear", "cauchy"])
def test_many_points(loss: str):
    x, y, _ = stacked(3, 601)
    options: dict[str, Any] = {"p0": START, "loss": loss, "method": "trf", "f_scale": 0.1}
    check(
        curve_fit(gaussian, x, y, full_output=True, **options), singles(gaussian, x, y, **options)
    )


@pytest.mark.usefixtures("in_chunks")
def test_a_jacobian_of_the_users():
    def jacobian(x: Any, a: Any, mu: Any, s: Any):
        u = (x - mu) / s
        g = jnp.exp(-(u**2) / 2)
        return jnp.stack([g, a * g * u / s, a * g * u**2 / s], axis=1)

    x, y, _ = stacked()
    options: dict[str, Any] = {"p0": START, "jac": jacobian}
    check(
        curve_fit(gaussian, x, y, full_output=True, **options), singles(gaussian, x, y, **options)
    )


@pytest.mark.usefixtures("in_chunks")
def test_one_fit():
    x, y, _ = stacked(1)
    popt, pcov = curve_fit(gaussian, x, y, START)
    assert popt.shape == (1, 3)
    assert pcov.shape == (1, 3, 3)
    np.testing.assert_allclose(popt[0], curve_fit(gaussian, x, y[0], START)[0], rtol=1e-9)


def redundant(x: Any, a: Any, b: Any, c: Any):
    return (a + b) * x + c


def test_without_full_rank_the_covariance_is_infinite_and_the_fit_that_of_a_single_call():
    x = np.linspace(0, 1, 20)
    y = np.stack([2 * x + 1, 3 * x - 1]) + 0.01 * np.sin(40 * x)
    with pytest.warns(OptimizeWarning, match=r"in 2 of 2 fits, the first of them fit 0"):
        popt, pcov = curve_fit(redundant, x, y)
    assert np.all(np.isinf(pcov))
    for one, expected in zip(y, popt, strict=True):
        with pytest.warns(OptimizeWarning):
            np.testing.assert_allclose(curve_fit(redundant, x, one)[0], expected, rtol=1e-8)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), noise=st.sampled_from([1e-6, 0.05, 0.5]))
def test_wherever_they_start_each_ends_as_a_fit_of_its_own(seed: int, noise: float):
    rng = np.random.default_rng(seed)
    x, y, truth = stacked(12, 40, seed, noise)
    start = truth * np.exp(rng.normal(size=truth.shape))
    lb, ub = truth * rng.uniform(-1, 1.05, truth.shape), truth * rng.uniform(1.1, 4, truth.shape)
    start = np.clip(start, lb, ub)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OptimizeWarning)
        found = curve_fit(gaussian, x, y, start, bounds=(lb, ub), full_output=True)
    popt, pcov, _, _, ier = found
    same = 0
    for i, one in enumerate(y):
        options: dict[str, Any] = {"bounds": (lb[i], ub[i]), "full_output": True}
        try:
            p, C, _, _, status = curve_fit(gaussian, x, one, start[i], **options)
        except RuntimeError:
            status = 0
        except OptimizeWarning:
            status = ier[i]  # its covariance is infinite: it was a fit of its own already
        else:
            if ier[i] > 0:
                error = np.sqrt(np.diagonal(C))
                assert np.all(np.abs(popt[i] - p) <= 1e-5 * error + 1e-8 * np.abs(p))
                np.testing.assert_allclose(pcov[i], C, rtol=1e-3, atol=1e-6 * np.max(C))
        same += status == ier[i]
    assert same >= 11  # where a decision hangs on rounding, it may fall out in another way


@pytest.mark.usefixtures("in_chunks")
def test_single_precision():
    x, y, _ = stacked(3)
    found = curve_fit(gaussian, x, y, START, dtype=np.float32, full_output=True)
    expected = singles(gaussian, x, y, p0=START, dtype=np.float32)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-4)
