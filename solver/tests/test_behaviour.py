"""Properties of every solve, whatever SciPy does."""

import subprocess
import sys
import threading
from importlib import import_module
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import trustfit
from hypothesis import given, settings
from hypothesis import strategies as st
from trustfit import _stepped

from .cases import DECAY, GAUSSIAN, Case, decay, gaussian_residual

CASE = Case(gaussian_residual, (1.0, 0.7, 1.0), GAUSSIAN)
NONE = (-np.inf, np.inf)
unit = st.floats(0.02, 0.98)


@settings(max_examples=25, deadline=None)
@given(
    lower=st.tuples(st.floats(-1, 2), st.floats(-2, 2), st.floats(0.1, 1)),
    width=st.tuples(st.floats(0.1, 3), st.floats(0.1, 3), st.floats(0.1, 3)),
    where=st.tuples(unit, unit, unit),
    solver=st.sampled_from(["exact", "lsmr"]),
)
def test_never_outside_the_bounds(lower: Any, width: Any, where: Any, solver: Any):
    lb, width = np.array(lower), np.array(width)
    start = lb + width * np.array(where)
    result = trustfit.least_squares(
        gaussian_residual,
        start,
        args=GAUSSIAN,
        bounds=(lb, lb + width),
        tr_solver=solver,
        max_nfev=30,
    )
    assert np.all(result.x >= lb)
    assert np.all(result.x <= lb + width)
    assert result.cost <= CASE.cost(start) * (1 + 1e-12)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), bounded=st.booleans())
def test_the_order_of_the_points_changes_nothing(seed: int, bounded: bool):
    order = np.random.default_rng(seed).permutation(GAUSSIAN[0].size)
    bounds = (0, [1.5, 3, 2]) if bounded else (-np.inf, np.inf)
    options: dict[str, Any] = {"bounds": bounds, "ftol": 1e-14, "xtol": 1e-12, "gtol": 1e-12}
    permuted = Case(gaussian_residual, CASE.x0, tuple(a[order] for a in GAUSSIAN)).ours(**options)
    np.testing.assert_allclose(permuted.x, CASE.ours(**options).x, rtol=1e-8)


def test_start_on_a_bound_moves_inside():
    result = CASE.ours(bounds=([1.0, 0.7, 0], [5, 3, 1.0]))
    assert result.success
    np.testing.assert_array_equal(result.active_mask, [0, -1, 0])


def test_cost_matches_residuals_and_gradient():
    result = CASE.ours()
    np.testing.assert_allclose(result.cost, 0.5 * np.sum(result.fun**2), rtol=1e-14)
    np.testing.assert_allclose(result.grad, result.jac.T @ result.fun, atol=1e-12)
    assert result.optimality == np.max(np.abs(result.grad))


def test_result_has_attributes_and_items_of_numpy():
    result = CASE.ours()
    arrays = {"x", "fun", "jac", "grad", "active_mask"}
    numbers = {"cost", "optimality", "nfev", "njev", "npolish", "status"}
    assert set(result) == arrays | numbers | {"message", "success", "driver"}
    for name in arrays:
        assert type(result[name]) is np.ndarray
        assert getattr(result, name) is result[name]
    assert type(result.cost) is type(result.optimality) is np.float64
    assert "cost: 0.15" in repr(result)
    assert type(result.nfev) is int
    assert "message" in dir(result)
    assert "nfev: " in repr(result)
    with pytest.raises(AttributeError, match="nothing"):
        _ = result.nothing
    result.extra = 1
    assert result["extra"] == 1


def test_jacobian_that_stops_being_finite_ends_with_a_status():
    @jax.custom_jvp
    def f(x: Any) -> Any:
        return x - 3

    @f.defjvp
    def _(primals: Any, tangents: Any) -> Any:
        slope = jnp.where(primals[0] > 0.5, jnp.nan, 1.0)
        return f(primals[0]), slope * tangents[0]

    result = trustfit.least_squares(f, [0.0, 0.0])
    assert result.status == -3
    assert not result.success
    assert "Jacobian are not finite" in result.message


@pytest.mark.parametrize("bounds", [NONE, (-5, 5)], ids=["free", "box"])
@pytest.mark.parametrize("solver", ["exact", "lsmr"])
def test_steps_too_small_to_change_x_end_with_a_status(solver: Any, bounds: Any):
    result = CASE.ours(
        tr_solver=solver, bounds=bounds, ftol=None, xtol=None, gtol=1e-15, max_nfev=10_000
    )
    assert result.status == -4
    assert not result.success
    assert "too small to change the variables" in result.message
    assert result.nfev < 100
    np.testing.assert_allclose(result.x, CASE.ours().x, rtol=1e-6)


@pytest.mark.parametrize("solver", ["exact", "lsmr"])
@pytest.mark.parametrize(("start", "most"), [(0.0, 300), (1.0, 40)])
def test_residuals_finite_at_the_start_only_end_with_a_status(start: float, most: int, solver: Any):
    """From 0 the region shrinks until its square would underflow, from 1 until rounding."""

    def only_at_start(x: Any) -> Any:
        return jnp.where(x == start, x + 1, jnp.nan)

    result = trustfit.least_squares(
        only_at_start, [start] * 2, tr_solver=solver, xtol=None, max_nfev=np.inf
    )
    assert result.status == -3
    assert result.nfev < most
    np.testing.assert_array_equal(result.x, [start] * 2)


@pytest.mark.usefixtures("settings_untouched")
def test_works_in_other_threads_and_inside_either_precision():
    expected = CASE.ours().x
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(CASE.ours().x)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for switch in (True, False):
        with jax.enable_x64(switch):
            found.append(CASE.ours().x)
    assert len(found) == 4
    for x in found:
        np.testing.assert_array_equal(x, expected)


def test_import_starts_no_backend_and_changes_no_setting():
    program = """
import jax
before = dict(jax.config.values)
import trustfit
from jax._src import xla_bridge
assert not xla_bridge.backends_are_initialized()
assert dict(jax.config.values) == before
import sys
assert "scipy.optimize" not in sys.modules
trustfit.curve_fit(lambda x, a: a * x, [1.0, 2, 3], [2.0, 4, 7])
assert dict(jax.config.values) == before
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_numpy_input_is_left_alone():
    x0, lb, ub = np.array([1.0, 0.7, 1.0]), np.zeros(3), np.full(3, 5.0)
    t, y = (array.copy() for array in DECAY)
    trustfit.least_squares(gaussian_residual, x0, args=(t, y), bounds=(lb, ub))
    for array, expected in [
        (x0, [1, 0.7, 1]),
        (lb, [0, 0, 0]),
        (ub, [5, 5, 5]),
        (t, DECAY[0]),
        (y, DECAY[1]),
    ]:
        np.testing.assert_array_equal(array, expected)


def test_what_is_returned_may_be_written_to():
    result = CASE.ours(bounds=(0, 5))
    popt, pcov, infodict, _, _ = trustfit.curve_fit(decay, *DECAY, full_output=True)
    arrays = [result[name] for name in ("x", "fun", "jac", "grad", "active_mask")]
    for array in [*arrays, popt, pcov, infodict["fvec"]]:
        assert array.flags.writeable


def test_stages_and_iterations_name_functions():
    assert set(_stepped.STAGES.values()) == {
        "residual and Jacobian",
        "reduction",
        "trust-region step",
        "acceptance",
        "bounds",
    }
    for target in (*_stepped.STAGES, *_stepped.ITERATIONS.values()):
        module, name = target.split(":")
        assert callable(getattr(import_module(module), name))


def test_an_early_wall_of_nan_does_not_spoil_a_later_success():
    """Poor predictions, not the wall, keep the region small around a large residual."""

    def fun(x: Any) -> Any:
        f = jnp.array([x[0] - 0.3, 49.5 + (x[0] - 0.3) ** 2])
        return jnp.where(x[0] < 0.1, jnp.nan, f)

    result = trustfit.least_squares(fun, [1.23])
    assert result.success
    np.testing.assert_allclose(result.x, [0.3], atol=2e-3)


@pytest.mark.parametrize("solver", ["exact", "lsmr"])
def test_a_wall_of_nan_is_no_minimum(solver: Any):
    result = trustfit.least_squares(
        lambda x: jnp.where(x > 2, x, jnp.nan), [5.0], tr_solver=solver, max_nfev=1000
    )
    assert result.status == -3


def test_a_small_gradient_is_a_success_even_in_front_of_a_wall():
    def fun(x: Any) -> Any:
        return jnp.where(x[0] < 1.5, jnp.nan, jnp.array([1e-4 * (x[0] - 1), 1.0]))

    assert trustfit.least_squares(fun, [2.2]).status == 1


def test_polishing_accepts_no_jacobian_that_is_not_finite():
    def jac(x: Any) -> Any:
        slope = jnp.where(jnp.abs(x[0] - 1) < 1e-5, jnp.nan, 2 * x[0])
        return jnp.array([[slope], [0.0]])

    result = trustfit.least_squares(lambda x: jnp.array([x[0] ** 2 - 1, 1e6]), [1.001], jac=jac)
    assert np.all(np.isfinite(result.jac))
    assert np.isfinite(result.optimality)


def test_an_exact_solution_without_full_rank_is_a_success():
    assert trustfit.least_squares(lambda x: x[0] + x[1] - 1, [0.5, 0.5], gtol=None).success


def test_the_first_step_without_full_rank_is_scipys():
    case = Case(lambda x: jnp.array([1e5 * x[0], 1e2 * x[1]]), (1.0, 0.1, 1.5))
    ours, scipys = case.ours(max_nfev=2, polish=False), case.scipys(max_nfev=2)
    np.testing.assert_allclose(ours.x, scipys.x, rtol=1e-8)
