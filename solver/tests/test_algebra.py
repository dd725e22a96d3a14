"""Inverses, pivots and triangles, by every path that the small part can take."""

# pyright: reportConstantRedefinition=false

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trustfit._algebra import OWN_LIMIT, invert_positive, singular_values, triangle


def unit_gram(seed: int, n: int, closeness: float) -> Any:
    """Return J.T J with unit diagonal; the first two of J's n columns are so close."""
    rng = np.random.default_rng(seed)
    J = rng.normal(size=(3 * n, n))
    if n > 1:
        J[:, 1] = J[:, 0] + closeness * J[:, 1]
    J /= np.linalg.norm(J, axis=0)
    return J.T @ J


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n=st.sampled_from([1, 2, 3, 7, OWN_LIMIT, OWN_LIMIT + 1]),
    closeness=st.sampled_from([1.0, 1e-2, 1e-4]),
)
def test_inverse_and_pivot(seed: int, n: int, closeness: float):
    B = unit_gram(seed, n, closeness)
    smallest = np.min(np.diagonal(np.linalg.cholesky(B))) ** 2
    host = invert_positive(np, B)
    with jax.enable_x64(True):
        device = invert_positive(jnp, jnp.asarray(B))
    for inverse, pivot in (host, device):
        np.testing.assert_allclose(np.asarray(inverse) @ B, np.eye(n), atol=1e-13 / smallest)
        np.testing.assert_allclose(pivot, smallest, rtol=1e-14 / smallest)


@pytest.mark.parametrize("n", [2, 5, OWN_LIMIT + 3])
def test_a_singular_matrix_has_no_positive_pivot_worth_the_name(n: int):
    B = unit_gram(0, n, 0.0)
    with jax.enable_x64(True):
        pivots = [invert_positive(np, B).pivot, float(invert_positive(jnp, jnp.asarray(B)).pivot)]
    for pivot in pivots:
        assert not pivot > 1e-14


def test_what_is_not_finite_has_no_pivot():
    B = np.array([[1.0, np.nan], [np.nan, 1.0]])
    with jax.enable_x64(True):
        pivots = [invert_positive(np, B).pivot, float(invert_positive(jnp, jnp.asarray(B)).pivot)]
    for pivot in pivots:
        assert not pivot > 0


@pytest.mark.parametrize("m", [2, 4, 9])
def test_triangle_is_square_and_has_the_gram_matrix_of_the_rows(m: int):
    rows = np.random.default_rng(m).normal(size=(m, 4))
    with jax.enable_x64(True):
        for R in (triangle(np, rows), np.asarray(triangle(jnp, jnp.asarray(rows)))):
            assert R.shape == (4, 4)
            np.testing.assert_allclose(R, np.triu(R))
            np.testing.assert_allclose(R.T @ R, rows.T @ rows, atol=1e-13)


def test_singular_values_of_what_is_not_finite_are_nan():
    U, s, V = singular_values(np, np.full((3, 2), np.inf))
    assert U.shape == (3, 2)
    assert V.shape == (2, 2)
    assert np.all(np.isnan(s))
