from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jitscope import problems
from numpy.testing import assert_allclose
from scipy.optimize import least_squares

WELL_CONDITIONED = [name for size in problems.SIZES[:8] for name in problems.names(size)]


def exact_jacobian(problem: problems.Problem) -> Any:
    model = problem.model(jnp)

    def jacobian(params: Any) -> Any:
        with jax.enable_x64(True):
            columns = jax.jacfwd(lambda p: model(problem.x, *p))(jnp.asarray(params))
            return np.asarray(columns)

    return jacobian


def reference(problem: problems.Problem) -> Any:
    """Find the minimum again: SciPy, exact Jacobian, tolerances at rounding level."""
    model = problem.model(np)
    bounds = problem.bounds or (-np.inf, np.inf)

    def solve(start: Any, method: str) -> Any:
        return least_squares(
            lambda p: model(problem.x, *p) - problem.y,
            start,
            jac=exact_jacobian(problem),  # pyright: ignore[reportArgumentType]
            bounds=bounds,
            method=method,  # pyright: ignore[reportArgumentType]
            max_nfev=500,
            ftol=1e-15,
            xtol=1e-15,
            gtol=1e-15,
        )

    # dogbox ends exactly on an active bound, where trf stays a little inside it.
    return solve(solve(problem.p0, "trf").x, "trf" if problem.bounds is None else "dogbox")


def test_the_seeds_sizes():
    assert problems.names("small") == ("linear_100", "exponential_100")
    assert problems.names("medium") == ("exponential_1000", "gaussian_1000")
    assert problems.names("large") == ("gaussian_10000",)
    assert problems.names("xlarge") == ("cubic_50000",)
    assert len(problems.names()) == sum(len(problems.names(size)) for size in problems.SIZES)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] * (name in problems.names("longest")))
        for name in problems.names()
    ],
)
def test_the_stored_minimum_is_the_minimum(name: str):
    problem = problems.get(name)
    found = reference(problem)
    assert_allclose(problem.reference_cost, found.cost, rtol=1e-9)
    if problem.reference_params is None:
        assert problem.size == "ill-conditioned"
    else:
        assert_allclose(problem.reference_params, found.x, rtol=1e-7)


@pytest.mark.parametrize("name", WELL_CONDITIONED)
def test_fits_start_away_from_the_truth(name: str):
    problem = problems.get(name)
    assert np.all(np.abs(problem.p0 - problem.p_true) > 0.3 * np.abs(problem.p_true))
    residuals = problem.model(np)(problem.x, *problem.p0) - problem.y
    assert 0.5 * residuals @ residuals > 10 * problem.reference_cost


BOUNDED = (*problems.names("bounded"), *problems.names("first call")[1:])


@pytest.mark.parametrize("name", BOUNDED)
def test_a_bound_is_active_at_the_solution(name: str):
    problem = problems.get(name)
    assert problem.bounds is not None
    lower, upper = problem.bounds
    params = problem.reference_params
    assert np.any((params == lower) | (params == upper))
    assert np.all((problem.p0 > lower) & (problem.p0 < upper))


@pytest.mark.parametrize("name", problems.names("ill-conditioned"))
def test_ill_conditioned_jacobians_are(name: str):
    problem = problems.get(name)
    singular_values = np.linalg.svd(exact_jacobian(problem)(problem.p_true), compute_uv=False)
    assert singular_values[0] / singular_values[-1] > 1e3


@pytest.mark.parametrize("name", ["exponential_1000", "hilbert_polynomial_200"])
def test_the_model_is_the_same_in_numpy_and_jax(name: str):
    problem = problems.get(name)
    with jax.enable_x64(True):
        in_jax = problem.model(jnp)(problem.x, *problem.p_true)
    assert_allclose(np.asarray(in_jax), problem.model(np)(problem.x, *problem.p_true), rtol=1e-14)


def test_every_call_gives_the_same_numbers_and_its_own_arrays():
    first, second = problems.get("gaussian_1000"), problems.get("gaussian_1000")
    assert_allclose(first.y, second.y, rtol=0)
    first.y[:] = 0
    assert not np.array_equal(first.y, second.y)


def test_scaling_problems_differ_in_length_alone():
    small, large = problems.get("gaussian_scaling_100"), problems.get("gaussian_scaling_1000000")
    assert (len(small.x), len(large.x)) == (100, 1_000_000)
    assert_allclose(small.p0, large.p0)
    assert small.model is large.model


def test_listing_generates_no_data(monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: Any) -> Any:
        raise AssertionError("data was generated")

    monkeypatch.setattr(np, "linspace", refuse)
    assert "gaussian_scaling_1000000" in problems.names("scaling")


def test_variants_change_what_they_say():
    problem = problems.get("exponential_100")
    other = problems.vary(problem, "data")
    assert_allclose(other.x, problem.x)
    assert np.all(other.y != problem.y)
    shorter = problems.vary(problem, "length")
    assert shorter.x.shape == shorter.y.shape == (90,)
    assert np.isnan(other.reference_cost)
    assert other.reference_params is None


def test_mistakes_are_one_sentence():
    with pytest.raises(ValueError, match=r"unknown problem 'nile'; the problems are linear_100, "):
        problems.get("nile")
    with pytest.raises(ValueError, match="unknown size 'huge'; the sizes are small"):
        problems.names("huge")
    with pytest.raises(ValueError, match="`change` must be 'data' or 'length'; got 'x'"):
        problems.vary(problems.get("linear_100"), "x")  # pyright: ignore[reportArgumentType]
