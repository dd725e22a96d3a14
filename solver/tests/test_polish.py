"""Polishing: Anderson's step as defined, stopping tests that fired too early, what it may cost."""

# pyright: reportConstantRedefinition=false

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import trustfit
from trustfit import _polish as polishing
from trustfit._polish import Polish, mix, not_yet

from .test_agreement import BOUNDED, CASES

both_drivers = pytest.mark.parametrize(
    "options", [{}, {"callback": lambda x: None}], ids=["fused", "stepped"]
)


def after(taken: int, n: int) -> tuple[Polish, Any, Any, Any]:
    """Return a state after so many steps, with x, p and s, drawn at random."""
    rng = np.random.default_rng(taken)
    x1, p1, x, p = rng.normal(size=(4, n))
    state = not_yet(np, x1)._replace(taken=np.int32(taken), p1=p1)
    return state, x, p, rng.uniform(1, 5, n)


@pytest.mark.parametrize("taken", [0, 1, 2])
def test_a_mixed_step_is_andersons(taken: int):
    state, x, p, s = after(taken, 4)
    dx, dp = x - state.x1, p - state.p1
    gamma = np.linalg.lstsq((s * dp)[:, None], s * p)[0] if taken else 0
    expected = p - gamma * (dx + dp)
    np.testing.assert_allclose(mix(np, state, x, p, s), expected, rtol=1e-10)
    with jax.enable_x64(True):
        np.testing.assert_allclose(mix(jnp, state, x, p, s), expected, rtol=1e-10)


def test_a_step_like_the_one_before_is_left_as_it_is():
    state, x, p, s = after(1, 4)
    np.testing.assert_array_equal(mix(np, state._replace(p1=p), x, p, s), p)


def test_a_wild_step_is_the_plain_one():
    state, x, p, s = after(1, 4)
    state = state._replace(x1=state.x1 + 1e6)
    np.testing.assert_array_equal(mix(np, state, x, p, s), p)


def steep(x: Any) -> Any:
    return jnp.stack([x[0] - 1.0, 0.1 * x[0] ** 2])


@both_drivers
@pytest.mark.parametrize("bounds", [(-np.inf, np.inf), (0, 2), (0, 0.5)], ids=str)
@pytest.mark.parametrize("x0", [0.0, 1e-33, 1e-9, 1e-7])
def test_a_region_too_small_to_tell_anything_is_no_minimum(
    x0: float, bounds: Any, options: dict[str, Any]
):
    """SciPy's first region has the length of x0, and its test is satisfied by any step in it."""
    far = trustfit.least_squares(steep, [0.4], bounds=bounds)
    near = trustfit.least_squares(steep, [x0], bounds=bounds, ftol=1e-6, **options)
    assert near.success
    # On a bound, the cost is linear in x, and SciPy's test on it all that there is.
    np.testing.assert_allclose(near.x, far.x, rtol=1e-5)
    assert near.nfev < 45


@both_drivers
def test_a_step_too_short_for_rounding_to_tell_is_no_minimum(options: dict[str, Any]):
    """The other variable makes 1e-7 short beside x, and the cost 1e12 makes it vanish."""

    def residual(x: Any) -> Any:
        return jnp.stack([x[0] - 1.0, 1e6 + 0.0 * x[0], x[1] - 1e3])

    result = trustfit.least_squares(
        residual, [1e-7, 1e3], bounds=([-5, 1e3], [5, 1e3]), gtol=None, **options
    )
    # The cost, 5e11, has digits down to 1e-4, and so tells x[0] to 1e-2.
    np.testing.assert_allclose(result.x, [1.0, 1e3], rtol=2e-2)


@both_drivers
def test_without_polishing_such_a_region_ends_the_solve_as_in_scipy(options: dict[str, Any]):
    result = trustfit.least_squares(steep, [1e-7], ftol=1e-6, polish=False, **options)
    assert (result.nfev, result.status) == (2, 2)


@pytest.mark.parametrize("name", CASES)
def test_polishing_raises_no_cost(name: str):
    polished, plain = CASES[name].ours(), CASES[name].ours(polish=False)
    assert polished.cost <= plain.cost * (1 + 1e-8)
    assert plain.npolish == 0
    assert polished.nfev - polished.npolish == plain.nfev


@pytest.mark.parametrize("name", BOUNDED)
def test_polishing_stays_within_bounds(name: str):
    case, bounds = BOUNDED[name]
    x = CASES[case].ours(bounds=bounds).x
    lb, ub = (np.broadcast_to(bound, x.shape) for bound in bounds)
    assert np.all((lb <= x) & (x <= ub))


@both_drivers
def test_polishing_respects_max_nfev(options: dict[str, Any]):
    case = CASES["decay"]
    needed = case.ours()
    assert needed.npolish > 0
    plain = needed.nfev - needed.npolish
    for max_nfev in range(plain, needed.nfev):
        result = case.ours(max_nfev=max_nfev, **options)
        assert (result.nfev, result.status) == (max_nfev, needed.status)


def test_limits_are_documented():
    text = str(polishing.__doc__)
    for name in ("MOST_RESUMPTIONS", "SETTLED", "LONG", "PROMISING"):
        assert f"`{name}`" in text
