"""`minimize` inside other programs: under jit and vmap, on trees, in either precision.

Its derivatives are tested in `test_implicit`.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import trustfit
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import lsq_linear

from .cases import DECAY, GAUSSIAN, decay, gaussian_residual
from .test_agreement import BOUNDED, CASES

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("settings_untouched")]

T = np.linspace(0, 4, 30)


def curve(params: Any, t: Any) -> Any:
    return params["a"] * jnp.exp(-params["rest"]["b"] * t) + params["rest"]["c"]


def residual(params: Any, y: Any) -> Any:
    return curve(params, T) - y


START = {"a": 1.0, "rest": {"b": 1.0, "c": 0.0}}


def observations(count: int) -> Any:
    rng = np.random.default_rng(3)
    a, b = rng.uniform(1, 3, (count, 1)), rng.uniform(0.5, 2, (count, 1))
    return (a * np.exp(-b * T) + 0.3 + 0.02 * rng.normal(size=(count, T.size))).astype(np.float32)


@pytest.mark.parametrize("name", ["gaussian far", "decay from zero", "rosenbrock", "square root"])
def test_it_is_the_fused_solve(name: str):
    case = CASES[name]
    ours = case.ours(x_scale="jac")
    with jax.enable_x64(True):
        x0 = jnp.asarray(case.x0)
        fit = trustfit.minimize(case.fun, x0, *case.args, x_scale="jac")
        assert (int(fit.status), int(fit.nfev)) == (ours.status, ours.nfev)
        np.testing.assert_allclose(fit.params, ours.x, rtol=1e-10)
        np.testing.assert_allclose(fit.cost, ours.cost, rtol=1e-12, atol=1e-28)
        np.testing.assert_allclose(fit.jtj, ours.jac.T @ ours.jac, rtol=1e-9)
        np.testing.assert_allclose(fit.optimality, ours.optimality, rtol=1e-2, atol=1e-12)


@pytest.mark.parametrize("name", list(BOUNDED)[:2])
def test_it_is_the_fused_solve_with_bounds_and_a_loss(name: str):
    case, bounds = CASES[BOUNDED[name][0]], BOUNDED[name][1]
    ours = case.ours(bounds=bounds, loss="soft_l1", f_scale=0.1)
    with jax.enable_x64(True):
        n = len(case.x0)
        lb, ub = (jnp.broadcast_to(jnp.asarray(bound, float), n) for bound in bounds)
        fit = trustfit.minimize(
            case.fun, jnp.asarray(case.x0), *case.args, bounds=(lb, ub), loss="soft_l1", f_scale=0.1
        )
        assert (int(fit.status), int(fit.nfev)) == (ours.status, ours.nfev)
        np.testing.assert_allclose(fit.params, ours.x, rtol=1e-9)
        np.testing.assert_allclose(fit.jtj, ours.jac.T @ ours.jac, rtol=1e-9)


def test_each_lane_of_a_batch_is_a_fit_of_its_own():
    ys = jnp.asarray(observations(50))
    one = jax.jit(lambda y: trustfit.minimize(residual, START, y))
    many = jax.jit(jax.vmap(lambda y: trustfit.minimize(residual, START, y)))(ys)
    alone = jax.tree.map(lambda *leaves: jnp.stack(leaves), *[one(y) for y in ys])
    np.testing.assert_array_equal(many.status, alone.status)
    np.testing.assert_array_equal(many.nfev, alone.nfev)
    assert len(set(np.asarray(many.nfev))) > 1
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-6), many.params, alone.params
    )
    # A batch made of the compiled program: batching must not leave double precision.
    outside = jax.vmap(one)(ys)
    np.testing.assert_array_equal(outside.nfev, alone.nfev)
    np.testing.assert_array_equal(outside.params["a"], many.params["a"])


def test_batches_over_start_values_data_and_both():
    ys, starts = jnp.asarray(observations(3)), {"a": jnp.array([1.0, 2.0, 3.0])}

    def fit(start: Any, y: Any) -> Any:
        return trustfit.minimize(lambda p, y: p["a"] * jnp.exp(-T) - y, start, y).params["a"]

    both = jax.jit(jax.vmap(fit))(starts, ys)
    expected = ys @ np.exp(-T) / np.sum(np.exp(-2 * T))
    np.testing.assert_allclose(both, expected, rtol=1e-6)
    np.testing.assert_allclose(jax.vmap(fit, (0, None))(starts, ys[1]), [expected[1]] * 3, 1e-6)
    grid = jax.vmap(jax.vmap(jax.jit(fit), (0, None)), (None, 0))(starts, ys)
    np.testing.assert_allclose(grid, np.tile(expected[:, None], 3), rtol=1e-6)
    in_a_scan = jax.jit(lambda ys: jax.lax.map(lambda y: fit({"a": 1.0}, y), ys))(ys)
    np.testing.assert_allclose(in_a_scan, expected, rtol=1e-6)


def test_parameters_and_residuals_are_trees():
    a = np.arange(6.0, dtype=np.float32).reshape(3, 2)

    def residual(params: Any) -> Any:
        matrix, (shift, one) = params
        return {"matrix": matrix - a, "rest": [shift - 2.5, jnp.array([one + 1, one + 1])]}

    start = (np.ones((3, 2), np.float32), [7, np.float16(3)])
    fit = jax.jit(lambda start: trustfit.minimize(residual, start))(start)
    matrix, (shift, one) = fit.params
    np.testing.assert_allclose(matrix, a, atol=1e-6)
    assert (float(shift), float(one)) == (2.5, -1.0)
    assert [leaf.dtype for leaf in (matrix, shift, one)] == [np.float32, np.float32, np.float16]
    np.testing.assert_allclose(np.diagonal(fit.jtj), [*[1] * 7, 2])


def test_double_inside_whatever_jax_is_set_to():
    y = np.exp(-1.2345678901 * T) + 1e5  # in float32 the decay drowns

    def fit(y: Any, dtype: Any = np.float64) -> Any:
        def residual(params: Any, t: Any) -> Any:
            return jnp.exp(-params * t) + 1e5 - y

        return trustfit.minimize(residual, np.float32(1.0), T, dtype=dtype)

    # NumPy arrays, as arguments or closed over, keep their precision.
    assert jax.jit(lambda: fit(y))().params == np.float32(1.2345678901)
    assert fit(y).params.dtype == np.float32
    single = fit(y, np.float32)
    assert int(single.status) in (1, 2, 3, 4, -4)
    assert abs(float(single.params) - 1.2345678901) > 1e-4
    with jax.enable_x64(True):
        double = fit(jnp.asarray(y))
        assert double.params.dtype == np.float32
        assert trustfit.minimize(lambda p: p - y, 1.0).params.dtype == np.float64


@pytest.mark.parametrize("tol", [1e-8, 1e-4])
def test_single_precision_ends(tol: float):
    tolerances: dict[str, Any] = {"ftol": tol, "xtol": tol, "gtol": 0.0}
    t, y = (jnp.asarray(a, np.float32) for a in GAUSSIAN)
    x0 = jnp.array([1.0, 0.0, 1.0])

    @jax.jit
    def fit(t: Any, y: Any) -> Any:
        return trustfit.minimize(gaussian_residual, x0, t, y, dtype="float32", **tolerances)

    found = fit(t, y)
    exact = trustfit.least_squares(gaussian_residual, x0, args=GAUSSIAN).x
    np.testing.assert_allclose(found.params, exact, rtol=1e-4)
    assert int(found.nfev) < 60
    assert int(found.status) in (2, 3, 4, -4)


def test_nothing_enters_or_leaves_a_compiled_fit():
    t, y, x0, lb = jax.device_put((T, observations(1)[0], np.ones(3, np.float32), np.zeros(3)))
    fit = jax.jit(
        lambda x0, t, y, lb: trustfit.minimize(
            lambda p, y: decay(t, *p) - y, x0, y, bounds=(lb, 9.0), loss="cauchy", x_scale="jac"
        )
    )
    fit(x0, t, y, lb)
    with jax.transfer_guard("disallow"):
        found = jax.block_until_ready(fit(x0, t, y, lb))
    assert bool(found.success)


def test_lanes_that_fail_say_how_and_leave_the_others_alone():
    good = observations(1)[0]
    hopeless = np.where(T > 3, np.nan, good).astype(np.float32)
    ys = jnp.asarray(np.stack([good, hopeless, good, good]))
    starts = {
        "a": jnp.array([1.0, 1.0, 1.0, jnp.nan]),
        "rest": {"b": jnp.ones(4), "c": jnp.ones(4)},
    }
    limits = jnp.array([300, 300, 2, 300])
    fits = jax.jit(
        jax.vmap(lambda start, y, limit: trustfit.minimize(residual, start, y, max_nfev=limit))
    )(starts, ys, limits)
    assert list(fits.status > 0) == list(fits.success) == [True, False, False, False]
    assert list(fits.status[1:]) == [-5, 0, -5]
    assert list(fits.nfev[1:]) == [1, 2, 1]
    alone = trustfit.minimize(residual, START, good)
    np.testing.assert_allclose(fits.params["a"][0], alone.params["a"], rtol=1e-6)
    assert fits.params["a"][1] == 1
    assert jnp.isnan(fits.params["a"][3])
    assert jnp.isinf(fits.cost[1])
    assert jnp.isnan(fits.optimality[1])
    assert jnp.all(jnp.isnan(fits.jtj[1]))
    assert jnp.all(jnp.isfinite(fits.jtj[0]))


@pytest.mark.parametrize(
    ("residual", "bounds", "status"),
    [
        (lambda x: jnp.sqrt(x), None, -6),  # an infinite slope at 0
        (lambda x: jnp.log(x), None, -5),
        (lambda x: x - 1, (1.0, 0.0), -7),
        (lambda x: x - 1, (jnp.nan, 0.0), -7),
        (lambda x: x - 1, None, 1),
    ],
)
def test_statuses(residual: Any, bounds: Any, status: int):
    fit = trustfit.minimize(residual, 0.0, bounds=bounds)
    assert int(fit.status) == status
    assert int(fit.status) in trustfit.MESSAGES
    assert status > 0 or float(fit.params) == 0


def test_where_normal_equations_do_not_serve_qr_takes_over_for_those_lanes_alone():
    t = np.linspace(0, 1, 40)
    y = np.cos(3 * t)

    def fit(shift: Any) -> Any:
        # Powers of t + shift: the larger the shift, the closer to dependent.
        columns = jnp.stack([(t + shift) ** k for k in range(6)], axis=1)
        return trustfit.minimize(lambda p: columns @ p - y, jnp.zeros(6))

    with jax.enable_x64(True):
        shifts = jnp.array([0.0, 20.0])
        many = jax.jit(jax.vmap(fit))(shifts)
        for lane, shift in enumerate([0.0, 20.0]):
            columns = (t[:, None] + shift) ** np.arange(6)
            # Shifted powers span the same polynomials, whose fit is well determined unshifted.
            powers = t[:, None] ** np.arange(6)
            best = powers @ np.linalg.lstsq(powers, y)[0]
            np.testing.assert_allclose(columns @ many.params[lane], best, atol=1e-6)
            np.testing.assert_allclose(many.jtj[lane], columns.T @ columns, rtol=1e-9)
        assert bool(jnp.all(many.success))
        # Near dependence, rounding decides about one evaluation more or less.
        assert int(jax.jit(fit)(shifts[0]).nfev) == many.nfev[0]


def test_closures_over_traced_values_of_every_kind():
    ys = jnp.asarray(observations(4))
    keep = jnp.arange(T.size)[None] != jnp.array([[3], [9], [0], [2]])

    def fit(y: Any, keep: Any, name: str = "level") -> Any:
        def level(p: Any, key: str) -> Any:
            return jnp.where(keep, p[key] - y, 0.0)

        return trustfit.minimize(level, {name: 0.0}, name).params[name]

    expected = jnp.sum(jnp.where(keep, ys, 0), axis=1) / (T.size - 1)
    np.testing.assert_allclose(jax.vmap(fit)(ys, keep), expected, rtol=1e-6)
    np.testing.assert_allclose(jax.vmap(jax.jit(fit))(ys, keep), expected, rtol=1e-6)


def fit_in_a_box(start: Any, lb: Any, ub: Any, target: Any) -> Any:
    matrix = jnp.array([[1.0, 0.4, 0.0], [0.0, 1.0, 0.4], [0.3, 0.0, 1.0]])
    return trustfit.minimize(lambda x: matrix @ x - target, start, bounds=(lb, ub))


FIT_IN_A_BOX = jax.jit(fit_in_a_box)
# Below 1e-38 single precision on the device knows but zero.
NUMBER = st.floats(-5, 5, width=32, allow_subnormal=False)


def single(*values: float) -> Any:
    return np.array(values, np.float32)


NUMBERS = st.builds(single, NUMBER, NUMBER, NUMBER)


def least_cost_in_a_box(lb: Any, ub: Any, target: Any) -> float:
    """Return the cost at the minimum by an active-set method, which ends there exactly."""
    matrix = np.array([[1.0, 0.4, 0.0], [0.0, 1.0, 0.4], [0.3, 0.0, 1.0]])
    free = lb < ub
    rest = target - matrix[:, ~free] @ lb[~free].astype(float)
    if not np.any(free):
        return 0.5 * float(rest @ rest)
    return float(lsq_linear(matrix[:, free], rest, (lb[free], ub[free]), method="bvls").cost)


@settings(max_examples=40, deadline=None)
@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS)
@example(single(0, 0, 0), single(0, 0, 0), single(0, 0, 1), single(0, 0, 1))
@example(single(5.8e-33, 0, 0), single(1, 0, 1), single(-1, 0, 1), single(0, 0, 0))
@example(
    single(1, -8.4e-8, -2),
    single(-2.9, -4.1, -4.5),
    single(1.3e-14, 5.1e-18, -4.5),
    single(-4.8, 0, 3.5),
)
def test_bounds_hold_and_the_solution_is_stationary(start: Any, one: Any, other: Any, target: Any):
    lb, ub = np.minimum(one, other), np.maximum(one, other)
    fit = FIT_IN_A_BOX(start, lb, ub, target)
    assert np.all((lb <= fit.params) & (fit.params <= ub))
    assert bool(fit.success)
    assert fit.cost <= least_cost_in_a_box(lb, ub, target) * (1 + 1e-6) + 1e-7
    x = np.asarray(fit.params, float)
    matrix = np.array([[1.0, 0.4, 0.0], [0.0, 1.0, 0.4], [0.3, 0.0, 1.0]])
    g = matrix.T @ (matrix @ x - target)
    assert np.all(np.abs(np.clip(x - g, lb, ub) - x) < 1e-3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"residual": 3}, "must be a function"),
        ({"params": ()}, "at least one number"),
        ({"params": 1j}, "real numbers"),
        ({"residual": lambda p: p["a"] * 1j}, "real and imaginary"),
        ({"residual": lambda p: jnp.zeros(0)}, "Check the data's shape"),
        ({"bounds": 3.0}, "pair"),
        ({"bounds": ({"b": 0.0}, 1.0)}, "the structure of `params`"),
        ({"bounds": ({"a": np.zeros(3)}, 1.0)}, "the shapes of `params`"),
        ({"x_scale": [1.0]}, "`x_scale`"),
        ({"x_scale": 0.0}, "`x_scale` must be positive"),
        ({"f_scale": -1.0}, "`f_scale` must be positive"),
        ({"params": "a"}, "real numbers"),
        ({"loss": "square"}, "`loss`"),
        ({"dtype": "float16"}, "`dtype`"),
    ],
)
def test_what_does_not_fit_together_is_refused(arguments: Any, message: str):
    arguments = {"residual": lambda p: p["a"] - 1, "params": {"a": np.zeros(2)}} | arguments
    with pytest.raises(ValueError, match=message):
        trustfit.minimize(**arguments)


def test_a_start_outside_the_bounds_is_moved_inside():
    fit = trustfit.minimize(lambda x: jnp.exp(x) - 1, 50.0, bounds=(-1.0, 2.0))
    assert bool(fit.success)
    np.testing.assert_allclose(fit.params, 0, atol=1e-6)


def test_decay_data_in_single_precision_jax_gives_what_double_does():
    t, y = DECAY
    exact = trustfit.least_squares(lambda p: decay(t, *p) - y, [1.0, 1.0, 0.0]).x
    fit = jax.jit(lambda x0: trustfit.minimize(lambda p: decay(t, *p) - y, x0))(
        jnp.array([1.0, 1.0, 0.0])
    )
    np.testing.assert_array_equal(fit.params, exact.astype(np.float32))


def test_a_traced_scale_that_is_not_positive_is_a_status():
    def fit(scale: Any) -> Any:
        return trustfit.minimize(lambda p: p - 1, jnp.zeros(2), x_scale=scale)

    many = jax.jit(jax.vmap(fit))(jnp.array([1.0, 0.0, -1.0, jnp.nan]))
    np.testing.assert_array_equal(many.success, [True, False, False, False])
    np.testing.assert_array_equal(many.status[1:], -7)
    assert "scale" in trustfit.MESSAGES[-7]


def test_bounds_may_be_an_object_and_must_leave_room():
    fit = trustfit.minimize(lambda p: p - 5, 1.0, bounds=trustfit.Bounds(0, 3))
    np.testing.assert_allclose(fit.params, 3, rtol=1e-6)
    assert int(trustfit.minimize(lambda p: p, 1.0, bounds=(jnp.inf, jnp.inf)).status) == -7
