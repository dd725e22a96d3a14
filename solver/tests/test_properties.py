"""What must hold of every fit: units and orders are conventions and change nothing else."""

from functools import cache
from itertools import permutations
from typing import Any

import numpy as np
import pytest
import trustfit
from hypothesis import given, settings
from hypothesis import strategies as st

from .cases import DECAY, decay

START = np.array([1.0, 1.0, 1.0])
factors = st.floats(-3, 3).map(lambda power: 10.0**power)


def in_other_order(order: tuple[int, ...]) -> Any:
    """Return the decay with its three parameters in another order."""
    back = np.argsort(order)

    def model(x: Any, p: Any, q: Any, r: Any) -> Any:
        given = (p, q, r)
        return decay(x, *(given[i] for i in back))

    return model


# One program for each: a function of its own would be compiled at each example.
MODELS = {order: in_other_order(order) for order in permutations(range(3))}


@cache
def expected() -> tuple[Any, Any]:
    """Return parameters and covariance in the units and the order of the data."""
    return trustfit.curve_fit(decay, *DECAY, p0=START)


def assert_rescaled(popt: Any, pcov: Any, units: Any) -> None:
    """Compare a fit with the one in the old units; `units` are the new numbers for an old 1."""
    parameters, covariance = expected()
    np.testing.assert_allclose(popt, parameters * units, rtol=1e-7)
    np.testing.assert_allclose(pcov, covariance * np.outer(units, units), rtol=1e-5)


@settings(max_examples=25, deadline=None)
@given(factor=factors)
@pytest.mark.parametrize("bounded", [False, True])
def test_units_of_the_ordinates(bounded: bool, factor: float):
    x, y = DECAY
    units = np.array([factor, 1.0, factor])
    bounds = (-10 * units, 10 * units) if bounded else (-np.inf, np.inf)
    popt, pcov = trustfit.curve_fit(decay, x, factor * y, p0=START * units, bounds=bounds)
    assert_rescaled(popt, pcov, units)


@settings(max_examples=25, deadline=None)
@given(factor=factors)
def test_units_of_the_abscissae(factor: float):
    x, y = DECAY
    units = np.array([1.0, 1 / factor, 1.0])
    popt, pcov = trustfit.curve_fit(decay, factor * x, y, p0=START * units, x_scale="jac")
    assert_rescaled(popt, pcov, units)


@settings(max_examples=25, deadline=None)
@given(factor=factors)
def test_the_size_of_sigma_counts_only_if_it_is_absolute(factor: float):
    x, y = DECAY
    popt, pcov = trustfit.curve_fit(decay, x, y, p0=START, sigma=np.full(y.size, factor))
    assert_rescaled(popt, pcov, np.ones(3))
    _, pcov = trustfit.curve_fit(decay, x, y, p0=START, sigma=factor, absolute_sigma=True)
    _, unit = trustfit.curve_fit(decay, x, y, p0=START, sigma=1.0, absolute_sigma=True)
    np.testing.assert_allclose(pcov, factor**2 * unit, rtol=1e-5)


@pytest.mark.parametrize("order", MODELS, ids=str)
def test_the_order_of_the_parameters(order: tuple[int, ...]):
    popt, pcov = trustfit.curve_fit(MODELS[order], *DECAY, p0=START)
    parameters, covariance = expected()
    np.testing.assert_allclose(popt, parameters[list(order)], rtol=1e-8)
    np.testing.assert_allclose(pcov, covariance[np.ix_(order, order)], rtol=1e-6)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_order_of_the_points(seed: int):
    x, y = DECAY
    order = np.random.default_rng(seed).permutation(x.size)
    sigma = np.linspace(1, 2, x.size)
    popt, pcov = trustfit.curve_fit(decay, x[order], y[order], p0=START, sigma=sigma[order])
    in_order = trustfit.curve_fit(decay, x, y, p0=START, sigma=sigma)
    np.testing.assert_allclose(popt, in_order[0], rtol=1e-8)
    np.testing.assert_allclose(pcov, in_order[1], rtol=1e-6)
