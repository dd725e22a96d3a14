"""The plane of gradient and Gauss-Newton step, against SciPy's `tr_solver='lsmr'`.

Reproduced, for arrays, sparse matrices and LinearOperators alike: every point that SciPy
evaluates at, to 1e-8, with and without bounds, regularization and damping, where `lsmr` is asked
for more than 1e-8 (atol, btol of 1e-13). With its own tolerances of 1e-6 the Gauss-Newton steps
carry such errors themselves; the points then agree as long as both stop at the same iterate.
"""

# SciPy's letters for matrices and radii are capitals, and change from step to step.
# pyright: reportConstantRedefinition=false

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import optimize, sparse
from scipy.sparse.linalg import aslinearoperator
from trustfit._bounds import Bounds
from trustfit._lsmr import Lsmr, Rows, linear_operator, scale_rows, solve_in_plane

scipys = import_module("scipy.optimize._lsq.trf")
Array = NDArray[Any]

TIGHT = {"atol": 1e-13, "btol": 1e-13, "conlim": 0, "maxiter": 500}


def residual(x: Array) -> Array:
    """Return 2 (n - 1) residuals: Rosenbrock's, chained."""
    return np.concatenate([10 * (x[1:] - x[:-1] ** 2), 1 - x[:-1]])


def jacobian(x: Array) -> Array:
    n = len(x)
    above = 10 * np.eye(n - 1, n, k=1) - 20 * x[:-1, None] * np.eye(n - 1, n)
    return np.concatenate([above, -np.eye(n - 1, n)])


X0 = np.array([-1.2, 1.0, -0.5, 1.3, 0.7])
BOX = Bounds(np.array([-1.5, -np.inf, -2, -1, -3]), np.array([0.8, 1.4, np.inf, 1.31, 2]))

KINDS: dict[str, Callable[[Array], Any]] = {
    "array": np.asarray,
    "csr": sparse.csr_array,
    "csc matrix": sparse.csc_matrix,
    "lists": sparse.lil_array,
    "operator": aslinearoperator,
}


def points_of_scipy(kind: str, bounds: Bounds | None, options: Any, **others: Any) -> list[Array]:
    points: list[Array] = []

    def fun(x: Array) -> Array:
        points.append(x.copy())
        return residual(x)

    optimize.least_squares(
        fun,
        X0,
        lambda x: KINDS[kind](jacobian(x)),  # pyright: ignore[reportArgumentType]
        bounds=(-np.inf, np.inf) if bounds is None else tuple(bounds),
        tr_solver="lsmr",
        tr_options=options,
        max_nfev=60,
        **others,
    )
    return points


class Search:
    """A plain trust-region loop around `Lsmr`, all else from SciPy, that keeps its points."""

    def __init__(self, kind: str, bounds: Bounds | None, options: Any, x_scale: Any) -> None:
        self.convert, self.box = KINDS[kind], bounds
        self.model = Lsmr(options, bounds is not None)
        self.lb, self.ub = bounds or Bounds(np.full(5, -np.inf), np.full(5, np.inf))
        self.x_scale = x_scale
        self.points: list[Array] = []
        self.planes: set[int] = set()

    def at(self, x: Array, norms: Array) -> tuple[Rows, Array, Array]:
        rows = self.model.reduce(self.convert(jacobian(x)), residual(x))
        if self.x_scale == "jac":
            norms = np.maximum(self.model.column_norms(rows), norms)
        return rows, self.model.gradient(rows), norms

    def trial(self, x: Array, S: Any, g: Array, Delta: float, theta: float) -> Any:
        d = S.d
        p_h, *_ = self.model.trust_region_step(S, d * g, Delta, 0.0)
        J_h = aslinearoperator(jacobian(x) * d)
        return scipys.select_step(
            x, J_h, S.diag_h, d * g, d * p_h, p_h.copy(), d, Delta, self.lb, self.ub, theta
        )

    def run(self, trials: int) -> list[Array]:
        x = X0 if self.box is None else scipys.make_strictly_feasible(X0, self.lb, self.ub)
        start = np.zeros(5) if self.x_scale == "jac" else np.full(5, 1 / self.x_scale)
        self.points = [x]
        rows, g, norms = self.at(x, start)
        v, dv = scipys.CL_scaling_vector(x, g, self.lb, self.ub)
        v[dv != 0] *= norms[dv != 0]
        Delta = float(np.linalg.norm(x * norms / np.sqrt(v)))
        while len(self.points) < trials:
            v, dv = scipys.CL_scaling_vector(x, g, self.lb, self.ub)
            theta = max(0.995, 1 - np.max(np.abs(g * v)))
            v[dv != 0] *= norms[dv != 0]
            S = self.model.scaled(rows, np.sqrt(v) / norms, g * dv / norms)
            step, step_h, predicted = self.trial(x, S, g, Delta, theta)
            self.planes.add(id(rows.plane))
            x_new = x + step
            if self.box is not None:
                x_new = scipys.make_strictly_feasible(x_new, self.lb, self.ub, rstep=0)
            self.points.append(x_new)
            cost, cost_new = (0.5 * residual(at) @ residual(at) for at in (x, x_new))
            length = np.linalg.norm(step_h)
            Delta, _ = scipys.update_tr_radius(
                Delta, cost - cost_new, predicted, length, length > 0.95 * Delta
            )
            new, g_new, norms_new = self.at(x_new, norms)
            accepted = bool(cost_new < cost)
            if accepted:
                rows = new
                x, g, norms = x_new, g_new, norms_new
        return self.points


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bounds", [None, BOX], ids=["free", "bounded"])
@pytest.mark.parametrize(
    ("options", "x_scale"),
    [
        ({**TIGHT}, 1.0),
        ({**TIGHT, "regularize": False}, 1.0),
        ({**TIGHT, "damp": 0.3}, 0.5),
        ({**TIGHT, "regularize": False, "damp": 0.3}, "jac"),
        ({**TIGHT}, "jac"),
        ({}, 1.0),
    ],
)
def test_every_point_is_scipys(kind: str, bounds: Bounds | None, options: Any, x_scale: Any):
    if kind == "operator" and x_scale == "jac":
        x_scale = 2.0  # its columns have no norms
    expected = points_of_scipy(kind, bounds, options, x_scale=x_scale)
    search = Search(kind, bounds, options, x_scale)
    ours = search.run(len(expected))
    assert len(expected) > 10
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-8)


def test_rejected_steps_keep_their_plane():
    """A plane at each accepted point: fewer than there are trials."""
    search = Search("array", None, TIGHT, 1.0)
    points = search.run(20)
    costs = np.array([residual(x) @ residual(x) for x in points])
    accepted = np.count_nonzero(costs[1:] < np.minimum.accumulate(costs)[:-1])
    assert accepted < 18
    made: list[int] = []
    model = Lsmr(TIGHT, False)
    J = linear_operator(
        (8, 5),
        matvec=lambda v: jacobian(X0) @ v,
        rmatvec=lambda u: made.append(1) or jacobian(X0).T @ u,
    )
    rows = model.reduce(J, residual(X0))
    g = model.gradient(rows)
    model.trust_region_step(model.scaled(rows, np.ones(5), np.zeros(5)), g, 1.0, 0.0)
    once = len(made)
    assert once > 2
    model.trust_region_step(model.scaled(rows, np.ones(5), np.zeros(5)), g, 0.25, 0.0)
    assert len(made) == once
    # Another scaled space has another plane.
    model.trust_region_step(model.scaled(rows, np.full(5, 2.0), np.zeros(5)), 2 * g, 0.25, 0.0)
    assert len(made) > once
    twice = len(made)
    model.trust_region_step(model.scaled(rows, np.full(5, 2.0), np.ones(5)), 2 * g, 0.25, 0.0)
    assert len(made) > twice


@pytest.mark.parametrize("kind", KINDS)
def test_the_parts_of_the_model(kind: str):
    rng = np.random.default_rng(3)
    J, f = rng.normal(size=(7, 4)), rng.normal(size=7)
    d, diag_h, directions = rng.uniform(0.5, 2, 4), rng.uniform(size=4), rng.normal(size=(4, 3))
    model = Lsmr({}, True)
    rows = model.reduce(KINDS[kind](J), f)
    S = model.scaled(rows, d, diag_h)
    np.testing.assert_allclose(model.gradient(rows), J.T @ f, rtol=1e-13)
    B = (J * d).T @ (J * d) + np.diag(diag_h)
    expected = directions.T @ B @ directions
    np.testing.assert_allclose(model.restrict(S, directions), expected, rtol=1e-12)
    if kind != "operator":
        np.testing.assert_allclose(model.column_norms(rows), np.linalg.norm(J, axis=0), rtol=1e-13)
    # Far from the edge of the region the step is Gauss and Newton's.
    p_h, alpha, *_ = Lsmr({**TIGHT, "regularize": False}, True).trust_region_step(
        S, d * (J.T @ f), 1e6, 0.7
    )
    np.testing.assert_allclose(p_h, -np.linalg.solve(B, d * (J.T @ f)), rtol=1e-9)
    assert alpha == 0.7


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_finite_is_found(kind: str):
    model = Lsmr({}, False)
    for planted in (np.nan, np.inf):
        J, f = np.ones((3, 2)), np.ones(3)
        assert model.is_finite(model.reduce(KINDS[kind](J), f))
        J[1, 1] = planted
        assert not model.is_finite(model.reduce(KINDS[kind](J), f))
        f[0] = planted
        assert not model.is_finite(model.reduce(KINDS[kind](np.eye(3)), f))


def test_a_linear_operator_has_no_column_norms():
    model = Lsmr({}, False)
    with pytest.raises(ValueError, match=r"`x_scale` must be numbers .* got 'jac'. Pass"):
        model.column_norms(model.reduce(aslinearoperator(np.eye(2)), np.ones(2)))


@pytest.mark.parametrize("kind", KINDS)
def test_rows_scaled_for_a_loss(kind: str):
    rng = np.random.default_rng(5)
    J, scale, v, u = (rng.normal(size=shape) for shape in ((6, 3), 6, (3, 2), 6))
    scaled = scale_rows(KINDS[kind](J), scale)
    np.testing.assert_allclose(scaled @ v, scale[:, None] * (J @ v), rtol=1e-13)
    np.testing.assert_allclose(scaled @ v[:, 0], scale * (J @ v[:, 0]), rtol=1e-13)
    rows = Lsmr({}, False).reduce(scaled, u)
    np.testing.assert_allclose(Lsmr({}, False).gradient(rows), J.T @ (scale * u), rtol=1e-13)
    assert (type(scaled) is np.ndarray) == (kind == "array")


def test_fixed_variables_stay():
    model = Lsmr(TIGHT, True)
    d, diag_h = np.array([1.0, 0, 1, 1, 0.5]), np.array([0.0, 1, 0, 2, 0])
    rows = model.reduce(jacobian(X0), residual(X0))
    g_h = d * model.gradient(rows)
    for Delta in (1e-3, 1e3):
        p_h, *_ = model.trust_region_step(model.scaled(rows, d, diag_h), g_h, Delta, 0.0)
        assert p_h[1] == 0
        assert np.all(p_h[[0, 2, 3, 4]] != 0)


def test_one_variable():
    model = Lsmr(TIGHT, False)
    rows = model.reduce(np.array([[2.0], [0.0]]), np.array([-3.0, 1.0]))
    for Delta, expected in ((10.0, 1.5), (1.0, 1.0)):
        S = model.scaled(rows, np.ones(1), np.zeros(1))
        p_h, *_ = model.trust_region_step(S, model.gradient(rows), Delta, 0.0)
        np.testing.assert_allclose(p_h, [expected], rtol=1e-12)


def test_without_a_gradient_there_is_no_step():
    model = Lsmr({}, True)
    rows = model.reduce(np.eye(3)[:, :2], np.array([0.0, 0.0, 1.0]))
    S = model.scaled(rows, np.ones(2), np.zeros(2))
    p_h, *_ = model.trust_region_step(S, model.gradient(rows), 1.0, 0.0)
    np.testing.assert_array_equal(p_h, [0, 0])


def least_on_a_grid(B: Array, g: Array, Delta: float) -> float:
    angle = np.linspace(0, 2 * np.pi, 20001)
    rim = Delta * np.stack([np.cos(angle), np.sin(angle)])
    values = 0.5 * np.sum(rim * (B @ rim), axis=0) + g @ rim
    return float(np.min(values))


@settings(max_examples=200, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    rank=st.sampled_from([0, 1, 2]),
    zero=st.sampled_from([None, 0, 1]),
    power=st.floats(-4, 4),
)
def test_the_least_value_in_the_plane(seed: int, rank: int, zero: int | None, power: float):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(rank, 2)) * 10 ** rng.uniform(-1, 1, 2)
    B, g, Delta = root.T @ root, rng.normal(size=2), 10**power
    if zero is not None:  # with B diagonal: where the polynomial loses its degree
        B = np.diag(np.diag(B))
        g[zero] = 0
    p = solve_in_plane(B, g, Delta)
    assert np.linalg.norm(p) <= Delta * (1 + 1e-12)
    value = 0.5 * p @ B @ p + g @ p
    least = least_on_a_grid(B, g, Delta)
    assert value <= least + 1e-10 * abs(least)
    if np.linalg.norm(p) < Delta * (1 - 1e-9):
        np.testing.assert_allclose(B @ p, -g, rtol=0, atol=1e-8 * float(np.linalg.norm(g)))


def test_a_model_that_is_not_finite():
    assert np.all(np.isnan(solve_in_plane(np.full((2, 2), np.inf), np.ones(2), 1.0)))
    assert np.all(np.isnan(solve_in_plane(np.eye(2), np.array([np.nan, 1.0]), 1.0)))


def test_what_is_not_finite_makes_no_noise():
    J, f = np.array([[np.inf, 1.0], [1.0, 1.0]]), np.array([0.0, 1.0])
    model = Lsmr({}, False)
    rows = model.reduce(J, f)
    assert np.isnan(model.gradient(rows)[0])
    rows = model.reduce(np.full((2, 2), 1e200), np.full(2, 1e100))
    assert np.all(model.column_norms(rows) == np.inf)
    S = model.scaled(rows, np.ones(2), np.zeros(2))
    assert np.all(np.isinf(model.restrict(S, np.eye(2))))
    p_h, *_ = model.trust_region_step(S, model.gradient(rows), 1.0, 0.0)
    assert np.all(np.isnan(p_h))
