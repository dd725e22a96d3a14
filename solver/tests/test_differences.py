"""Finite differences against SciPy's, point by point; grouping of columns; workers."""

import threading
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse
from trustfit._bounds import Bounds
from trustfit._differences import Method, finite_difference_jacobian, map_for
from trustfit._sparsity import group_columns, read_pattern

approx_derivative = import_module("scipy.optimize._numdiff").approx_derivative

METHODS: tuple[Method, ...] = ("2-point", "3-point", "cs")
Array = NDArray[Any]


def curved(x: Array) -> Array:
    """Return m = n + 1 residuals that depend on every variable, analytic in each."""
    return np.append(np.exp(0.3 * x) * np.sin(x.sum()) + x**3, x @ x)


def banded(x: Array) -> Array:
    """Return n residuals, each of a variable and its neighbours."""
    padded = np.concatenate([[0], x, [0]])
    return np.sin(padded[:-2]) + padded[1:-1] ** 3 * np.exp(0.1 * padded[2:])


def tridiagonal(n: int) -> Any:
    """Return the structure of `banded`'s Jacobian."""
    entries = np.eye(n) + np.eye(n, k=1) + np.eye(n, k=-1)
    return sparse.csr_array(entries)


class Recorded:
    """A function that keeps the points where it was evaluated."""

    def __init__(self, fun: Callable[[Array], Array]) -> None:
        self.fun = fun
        self.points: list[Array] = []

    def __call__(self, x: Array) -> Array:
        self.points.append(x.copy())
        return self.fun(x)


def both(
    fun: Callable[[Array], Array],
    x: Array,
    method: Method,
    bounds: Bounds | None = None,
    diff_step: Any = None,
    sparsity: Any = None,
) -> tuple[Any, Any, Recorded, Recorded]:
    """Return J, ours and SciPy's, and the recorded functions."""
    f, ours, scipys = fun(x), Recorded(fun), Recorded(fun)
    J = finite_difference_jacobian(
        ours, method, diff_step=diff_step, bounds=bounds, sparsity=sparsity
    )(x, f)
    groups = None if sparsity is None else (sparsity, group_columns(sparse.csc_array(sparsity)))
    box = (-np.inf, np.inf) if bounds is None else tuple(bounds)
    expected = approx_derivative(
        scipys, x, method, rel_step=diff_step, f0=f, bounds=box, sparsity=groups
    )
    return J, expected, ours, scipys


def distances() -> st.SearchStrategy[float]:
    """Return distances to a bound: none, less than a step, as long as a step, far, infinite."""
    near = st.sampled_from([0.0, 1e-13, 1e-9, 1.4901161193847656e-8, 6e-6, 1e-5, np.inf])
    return near | st.floats(-12, 1).map(lambda power: 10**power)


@st.composite
def boxes(draw: st.DrawFn) -> tuple[Array, Bounds]:
    """Return a point of every size and sign, and bounds that it satisfies."""
    n = draw(st.integers(1, 4))
    sizes = st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e-9]) | st.floats(-4, 4)
    x = np.array(draw(st.lists(sizes, min_size=n, max_size=n)))
    down, up = (np.array(draw(st.lists(distances(), min_size=n, max_size=n))) for _ in range(2))
    lb, ub = x - down, x + up
    ub = np.where(lb == ub, x + 1, ub)  # SciPy refuses fixed variables
    return x, Bounds(lb, ub)


@settings(max_examples=200, deadline=None)
@example((np.zeros(1), Bounds(np.array([-(2.0**-20)]), np.array([2.0**-19]))), "3-point", None)
@given(
    at=boxes(), method=st.sampled_from(METHODS), diff_step=st.sampled_from([None, 1e-4, 0.3, 1e-30])
)
def test_points_and_jacobian_are_scipys(
    at: tuple[Array, Bounds], method: Method, diff_step: float | None
):
    x, bounds = at
    J, expected, ours, scipys = both(curved, x, method, bounds, diff_step)
    np.testing.assert_array_equal(ours.points, scipys.points)
    np.testing.assert_allclose(J, np.atleast_2d(expected), rtol=1e-13)
    for point in ours.points:
        assert np.all((bounds.lb <= np.real(point)) & (np.real(point) <= bounds.ub))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("diff_step", [None, [1e-3, 1e-5, 0.0]])
def test_without_bounds(method: Method, diff_step: Any):
    x = np.array([0.0, -1e3, 1e-5])
    J, expected, ours, scipys = both(curved, x, method, None, diff_step)
    np.testing.assert_array_equal(ours.points, scipys.points)
    np.testing.assert_allclose(J, expected, rtol=1e-13)


@pytest.mark.parametrize("method", METHODS)
def test_one_residual_gives_one_row(method: Method):
    x = np.array([1.0, 2.0])
    J, expected, _, _ = both(lambda x: np.array([x @ x]), x, method)
    assert J.shape == (1, 2)
    np.testing.assert_allclose(J[0], expected, rtol=1e-13)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int64, np.longdouble])
@pytest.mark.parametrize("method", ["2-point", "3-point"])
def test_the_step_suits_the_type_of_the_residuals(dtype: Any, method: Method):
    J, expected, ours, scipys = both(lambda x: (4 * x).astype(dtype), np.array([1.0, 2.5]), method)
    np.testing.assert_array_equal(ours.points, scipys.points)
    np.testing.assert_allclose(J, expected, rtol=1e-13)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("by_columns", [False, True])
def test_a_fixed_variable(method: Method, by_columns: bool):
    x = np.array([0.5, 1.0, -2.0])
    bounds = Bounds(np.array([-np.inf, 1.0, -2.0]), np.array([np.inf, 1.0, 3.0]))
    fun = Recorded(banded)
    J = finite_difference_jacobian(
        fun,
        method,
        diff_step=None,
        bounds=bounds,
        sparsity=tridiagonal(3) if by_columns else None,
    )(x, banded(x))
    estimate = J.toarray() if by_columns else J
    exact = approx_derivative(banded, x, "cs")
    exact[:, 1] *= method == "cs"
    np.testing.assert_allclose(estimate, exact, rtol=1e-6, atol=1e-6)
    assert len(fun.points) == {"2-point": 2, "3-point": 4, "cs": 3}[method]
    assert all(point[1].real == 1 for point in fun.points)


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(1, 12),
    method=st.sampled_from(METHODS),
    seed=st.integers(0, 10**6),
    kind=st.sampled_from(["array", "matrix", "dense"]),
)
def test_sparse_is_scipys(n: int, method: Method, seed: int, kind: str):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    near = 10.0 ** rng.uniform(-12, 1, size=(2, n))
    bounds = Bounds(x - near[0], x + near[1])
    structure = tridiagonal(n)
    if kind != "array":
        structure = sparse.csr_matrix(structure) if kind == "matrix" else structure.toarray()
    J, expected, ours, scipys = both(banded, x, method, bounds, None, structure)
    np.testing.assert_array_equal(ours.points, scipys.points)
    assert isinstance(J, sparse.csr_array)
    np.testing.assert_allclose(J.toarray(), expected.toarray(), rtol=1e-13)
    dense, _, _, _ = both(banded, x, method, bounds)
    np.testing.assert_allclose(J.toarray(), dense * (tridiagonal(n).toarray() != 0), rtol=1e-13)
    assert len(ours.points) == min(n, 3) * (2 if method == "3-point" else 1)


def test_a_sparse_jacobian_is_not_tied_to_the_next():
    jacobian = finite_difference_jacobian(
        banded, "2-point", diff_step=None, bounds=None, sparsity=np.eye(3)
    )
    x = np.ones(3)
    first = jacobian(x, banded(x))
    first.data[:] = 0
    first.eliminate_zeros()
    assert jacobian(x, banded(x)).nnz == 3


def test_sparsity_of_another_shape():
    jacobian = finite_difference_jacobian(
        banded, "2-point", diff_step=None, bounds=None, sparsity=np.eye(3)
    )
    with pytest.raises(ValueError, match=r"`jac_sparsity` must have shape .* \(2, 2\); got \(3, 3"):
        jacobian(np.ones(2), np.ones(2))


@settings(max_examples=60, deadline=None)
@given(m=st.integers(1, 12), n=st.integers(1, 12), density=st.floats(0, 1), seed=st.integers(0, 99))
def test_columns_of_a_group_share_no_row(m: int, n: int, density: float, seed: int):
    structure = np.random.default_rng(seed).uniform(size=(m, n)) < density
    pattern = read_pattern(structure)
    np.testing.assert_array_equal(np.sort(np.concatenate(pattern.groups)), np.arange(n))
    for group in pattern.groups:
        assert np.all(structure[:, group].sum(axis=1) <= 1)
    # No column could have gone into an earlier group.
    for k, group in enumerate(pattern.groups):
        for earlier in pattern.groups[:k]:
            assert np.all((structure[:, group].T.astype(int) @ structure[:, earlier]).any(axis=1))


def test_explicit_zeros_and_duplicates_are_no_entries():
    columns, indptr = np.array([0, 0, 0, 1]), np.array([0, 2, 4])
    given = sparse.csr_array((np.array([1.0, 1, 0, 1]), columns, indptr), shape=(2, 2))
    pattern = read_pattern(given)
    assert given.nnz == 4
    np.testing.assert_array_equal(pattern.rows, [0, 1])
    np.testing.assert_array_equal(pattern.columns, [0, 1])
    assert len(pattern.groups) == 1


def test_what_is_not_finite_comes_through_silently():
    def overflows(x: Array) -> Array:
        return np.where(x > 1, np.inf, x)

    for method in ("2-point", "3-point"):
        J = finite_difference_jacobian(overflows, method, diff_step=None, bounds=None)(
            np.ones(2), np.array([1.0, np.inf])
        )
        assert not np.any(np.isfinite(np.diag(J)))


def test_complex_steps_need_complex_residuals():
    jacobian = finite_difference_jacobian(lambda x: x.real**2, "cs", diff_step=None, bounds=None)
    with pytest.raises(ValueError, match=r"must return complex numbers .* got float64"):
        jacobian(np.ones(2), np.ones(2))


def test_a_map_that_loses_points():
    def loses(fun: Any, points: Iterable[Any]) -> list[Any]:
        return [fun(point) for point in points][:-1]

    with pytest.raises(ValueError, match="shorter"):
        finite_difference_jacobian(curved, "3-point", diff_step=None, bounds=None, map_rows=loses)(
            np.ones(2), curved(np.ones(2))
        )


def through(workers: Any, fun: Callable[[Array], Any], method: Method = "3-point") -> Any:
    x = np.array([0.5, -1.0, 2.0, 3.0])
    with map_for(workers) as map_rows:
        return finite_difference_jacobian(
            fun, method, diff_step=None, bounds=None, map_rows=map_rows
        )(x, fun(x))


@pytest.mark.parametrize("workers", [None, 1, 2, np.int64(3), -1, map])
def test_workers_change_nothing(workers: Any):
    for method in METHODS:
        J = through(workers, curved, method)
        np.testing.assert_array_equal(J, through(None, curved, method))


def test_a_number_of_workers_means_threads_at_work_together():
    barrier, main = threading.Barrier(2), threading.get_ident()

    def fun(x: Array) -> Array:
        if threading.get_ident() != main:
            barrier.wait(timeout=20)  # passes only once a second thread has come
        return curved(x)

    np.testing.assert_array_equal(through(2, fun), through(None, curved))


def test_threads_compute_in_the_callers_precision(settings_untouched: None):
    def fun(x: Array) -> Array:
        return np.asarray(jnp.sin(x))

    with jax.enable_x64(True):
        J = through(2, fun)
    np.testing.assert_allclose(np.diag(J), np.cos([0.5, -1, 2, 3]), rtol=1e-8)


def test_an_error_in_a_thread_comes_through():
    main = threading.get_ident()

    def fun(x: Array) -> Array:
        if threading.get_ident() != main:
            raise KeyError("planted")
        return x

    with pytest.raises(KeyError, match="planted"):
        through(2, fun)
