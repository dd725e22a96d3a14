"""The interpreter's rules for whole arrays give what JAX gives: shapes, indices, reductions."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from jax import lax
from trustfit._interpreter_algebra import ALGEBRA
from trustfit._interpreter_indexing import INDEXING
from trustfit._interpreter_reductions import REDUCTIONS
from trustfit._interpreter_shapes import SHAPES

from .interpreter_checks import FLOATS, INTEGERS, arrays, assert_as_jax

EXAMPLES = settings(max_examples=15, deadline=None)
NONEMPTY = ((3,), (2, 3), (2, 3, 2))
VECTOR = np.array([3.0, -1.0, np.nan, 2.0, -0.0])
MATRIX = np.arange(12.0).reshape(3, 4)
CUBE = np.arange(24.0).reshape(2, 3, 4)

SHAPE_CASES: dict[str, list[tuple[Callable[..., Any], Any]]] = {
    "broadcast_in_dim": [
        (lambda x: lax.broadcast_in_dim(x, (2, 3, 4), (1, 2)), MATRIX),
        (lambda x: lax.broadcast_in_dim(x, (5, 3), (0,)), VECTOR),
        (lambda x: lax.broadcast_in_dim(x, (3, 4), (0, 1)), MATRIX[:, :1]),
    ],
    "concatenate": [(lambda x: lax.concatenate([x, 2 * x, x[:, :1]], 1), MATRIX)],
    "empty2": [],
    "iota": [(lambda x: x + lax.broadcasted_iota(x.dtype, (3, 4), 1), MATRIX)],
    "pad": [
        (lambda x: lax.pad(x, 7.0, [(1, 2, 3)]), VECTOR),
        (lambda x: lax.pad(x, 7.0, [(-1, -2, 1)]), VECTOR),
        (lambda x: lax.pad(x, 7.0, [(2, -4, 0)]), VECTOR),
        (lambda x: lax.pad(x, 7.0, [(-3, 1, 2)]), VECTOR),
        (lambda x: lax.pad(x, 7.0, [(-2, -1, 0), (0, -7, 2)]), MATRIX),
        (lambda x: lax.pad(x[:0], 7.0, [(2, 1, 3)]), VECTOR),
    ],
    "platform_index": [(lambda x: jax.jacfwd(jnp.linalg.det)(x[:, :3]), MATRIX)],
    "reshape": [(lambda x: lax.reshape(x, (4, 3)), MATRIX)],
    "rev": [(lambda x: lax.rev(x, (0, 1)), MATRIX)],
    "slice": [(lambda x: lax.slice(x, (0, 1), (3, 4), (2, 2)), MATRIX)],
    "split": [(lambda x: lax.split(x, (1, 2, 1), 1), MATRIX)],
    "squeeze": [(lambda x: lax.squeeze(x, (1,)), MATRIX[:, :1])],
    "stack": [(lambda x: jnp.stack([x, 2 * x], 1), MATRIX)],
    "tile": [(lambda x: jnp.tile(x, (2, 1, 2)), MATRIX)],
    "transpose": [(lambda x: lax.transpose(x, (2, 0, 1)), CUBE)],
    "unstack": [(lambda x: jnp.unstack(x, axis=1), MATRIX), (lambda x: list(x), MATRIX)],
}


@pytest.mark.parametrize("name", SHAPE_CASES)
def test_shapes(name: str):
    for function, x in SHAPE_CASES[name]:
        assert_as_jax(function, x)


REDUCED: dict[str, tuple[Callable[..., Any], tuple[str, ...]]] = {
    "reduce_and": (lambda x: lax.reduce_and_p.bind(x, axes=(0,)), (*INTEGERS, "bool")),
    "reduce_max": (lambda x: jnp.max(x, 0, initial=-3), FLOATS + INTEGERS[:3]),
    "reduce_min": (lambda x: lax.reduce_min(x, (0,)), FLOATS + INTEGERS),
    "reduce_or": (lambda x: lax.reduce_or(x, (0,)), (*INTEGERS, "bool")),
    "reduce_prod": (lambda x: lax.reduce_prod(x, (0,)), FLOATS + INTEGERS),
    "reduce_sum": (lambda x: lax.reduce_sum(x, (0,)), (*FLOATS, *INTEGERS, "complex128")),
    "reduce_xor": (lambda x: lax.reduce_xor(x, (0,)), (*INTEGERS, "bool")),
    "argmax": (lambda x: lax.argmax(x, 0, np.int32), FLOATS + INTEGERS),
    "argmin": (lambda x: lax.argmin(x, 0, np.int64), FLOATS + INTEGERS),
    "cummax": (lambda x: lax.cummax(x, 0, reverse=True), FLOATS + INTEGERS),
    "cummin": (lambda x: lax.cummin(x, 0), FLOATS + INTEGERS),
    "cumprod": (lambda x: lax.cumprod(x, 0), FLOATS + INTEGERS),
    "cumsum": (lambda x: (lax.cumsum(x, 0), lax.cumsum(x, 0, reverse=True)), FLOATS + INTEGERS),
    "cumlogsumexp": (lambda x: lax.cumlogsumexp(x, 0), FLOATS),
    "sort": (lambda x: lax.sort(x, 0), FLOATS + INTEGERS),
}


@pytest.mark.parametrize("name", REDUCED)
@EXAMPLES
@given(data=st.data())
def test_reductions(name: str, data: st.DataObject):
    function, dtypes = REDUCED[name]
    (x,) = data.draw(arrays(dtypes, shapes=NONEMPTY, largest=30.0))
    rtol = 1e-11 if x.dtype == np.float64 else 1e-4 if x.dtype == np.float32 else None
    if name in ("reduce_sum", "cumsum") and x.dtype.kind == "f":
        x = np.abs(x)  # sums in another order lose other digits
    assert_as_jax(function, x, rtol=rtol)


def test_reductions_of_what_is_not_finite_and_of_nothing():
    for function in (lax.reduce_max, lax.reduce_min):
        assert_as_jax(lambda x, f=function: f(x, (0,)), VECTOR)
        assert_as_jax(lambda x, f=function: f(x, (0,)), np.zeros((0, 2)))
        assert_as_jax(lambda x, f=function: f(x, (0,)), np.zeros((0, 2), np.int32))
        assert_as_jax(lambda x, f=function: f(x, (0,)), np.array([True, False]))
    assert_as_jax(lambda x: lax.reduce_sum(x, (0, 1)), np.zeros((0, 2), np.float32))
    assert_as_jax(lambda x: (lax.argmax(x, 0, np.int32), lax.cummax(x), jnp.nanmax(x)), VECTOR)


def test_sorting_by_several_keys():
    x = np.array([1.0, np.nan, -0.0, 0.0, 1.0, -np.inf])
    y, z = np.array([2, 1, 1, 0, 0, 3]), np.arange(6)
    for keys in (1, 2):
        assert_as_jax(lambda x, y, z, n=keys: lax.sort((x, y, z), num_keys=n), x, y, z)
    assert_as_jax(lambda x: (jnp.argsort(x), jnp.median(x[2:])), x)
    assert_as_jax(lambda x: lax.sort((x, x.T.T), 0, num_keys=1), MATRIX[::-1].copy())
    assert_as_jax(lambda x: lax.top_k(x, 3), np.array([[1.0, 5, 5, 2], [4, 4, 4, 4]]))


@EXAMPLES
@given(st.data())
def test_products(data: st.DataObject):
    dtype = data.draw(st.sampled_from(("float64", "float32", "int32", "complex128")))
    spec, left, right = data.draw(
        st.sampled_from(
            [
                ("ij,jk->ik", (2, 3), (3, 4)),
                ("bij,bjk->bik", (2, 2, 3), (2, 3, 2)),
                ("ij,kl->ijkl", (2, 3), (1, 2)),
                ("i,i->", (4,), (4,)),
                ("ijk,kj->i", (2, 3, 2), (2, 3)),
                ("bi,ib->b", (3, 2), (2, 3)),
                ("ij,jk->ik", (2, 0), (0, 3)),
            ]
        )
    )
    whole = st.integers(-9, 9)
    a, b = (data.draw(hnp.arrays("int64", one, elements=whole)) for one in (left, right))
    assert_as_jax(lambda a, b: jnp.einsum(spec, a, b), a.astype(dtype), b.astype(dtype))
    assert_as_jax(
        lambda a, b: lax.dot(a, b, preferred_element_type=np.float64),
        *(np.ones((2, 2), np.float32), np.eye(2, dtype=np.float32)),
    )


MODES = ("clip", "fill", "promise_in_bounds")
PLACES = st.lists(st.integers(-6, 6), min_size=3, max_size=3)


@EXAMPLES
@given(PLACES, st.sampled_from(MODES), st.sampled_from(("float64", "int32", "uint8", "bool")))
def test_gathering(places: list[int], mode: str, dtype: str):
    index, x = np.array(places), MATRIX.astype(dtype)
    if mode == "promise_in_bounds":
        index = np.clip(index, 0, 2)
    assert_as_jax(lambda x, i: x.at[i].get(mode=mode), x, index)
    assert_as_jax(lambda x, i: x.at[:, i].get(mode=mode), x, index)
    assert_as_jax(lambda x, i: x.at[i[:, None], i[None, :2]].get(mode=mode), x, index)
    assert_as_jax(lambda x, i: x.at[1:, i, None].get(mode=mode), x, index)
    assert_as_jax(lambda x, i: jax.vmap(lambda row, k: row.at[k].get(mode=mode))(x, i), x, index)
    assert_as_jax(lambda x, i: jnp.take(x, i, axis=1, mode="wrap"), x, index)
    assert_as_jax(lambda x, i: jnp.take_along_axis(x, i[:, None] % 4, axis=1), x, index)


@EXAMPLES
@given(PLACES, st.sampled_from(MODES), st.sampled_from(("set", "add", "mul", "min", "max")))
def test_scattering(places: list[int], mode: str, what: str):
    index = np.array(places)
    if mode == "promise_in_bounds":
        index = np.clip(index, 0, 2)

    def change(at: Any, value: Any) -> Any:
        return getattr(at, what)(value, mode=mode)

    part = np.arange(3.0) + 2.5
    assert_as_jax(lambda x, i, v: change(x.at[i, 1], v), MATRIX, index, part)
    assert_as_jax(lambda x, i, v: change(x.at[:, i], v[:, None]), MATRIX, index, part)
    assert_as_jax(lambda x, i, v: change(x.at[i, 1:3], v[:, None]), MATRIX, index, part)
    assert_as_jax(
        lambda x, i, v: change(x.at[i], v[0]), MATRIX.astype(np.int32), index, part.astype(np.int32)
    )
    assert_as_jax(
        lambda x, i, v: jax.vmap(lambda row, k, one: change(row.at[k], one))(x, i, v),
        *(MATRIX, index, part),
    )


@EXAMPLES
@given(st.integers(-5, 9), st.integers(-5, 9))
def test_dynamic_slices(i: int, j: int):
    at = np.array([i, j])
    assert_as_jax(lambda x, at: lax.dynamic_slice(x, (at[0], at[1]), (2, 3)), MATRIX, at)
    assert_as_jax(lambda x, at: x[at[0]], MATRIX, at)
    part = -np.ones((2, 2))
    assert_as_jax(
        lambda x, part, at: lax.dynamic_update_slice(x, part, (at[0], at[1])), MATRIX, part, at
    )


def test_derivatives_of_indexing():
    x, i = VECTOR[[0, 1, 3]], np.array([2, 0, 0])
    assert_as_jax(jax.grad(lambda x: jnp.sum(x[i] ** 2)), x)
    assert_as_jax(jax.jacfwd(lambda x: jnp.sort(x)), x)
    assert_as_jax(jax.jacrev(lambda x: jnp.cumsum(jnp.pad(x, 1)[::-1])), x)
    assert_as_jax(jax.jacfwd(lambda x: jnp.interp(np.linspace(0, 2, 5), np.arange(3.0), x)), x)


SQUARE = np.array([[4.0, 1.0, 0.5], [1.0, 3.0, -0.2], [0.5, -0.2, 2.0]])
SEVERAL = np.stack([SQUARE, SQUARE + np.eye(3), SQUARE * 2])


def _triangular(lower: bool, trans: int, unit: bool) -> Callable[..., Any]:
    return lambda a: jax.scipy.linalg.solve_triangular(
        a, a[:, :2], lower=lower, trans=trans, unit_diagonal=unit
    )


def _convolved(x: Any) -> Any:
    return lax.conv_general_dilated(
        *(x[None, None], x[None, None, :2, :2], (2, 1), [(1, 0), (2, 1)]),
        lhs_dilation=(1, 2),
        rhs_dilation=(2, 1),
    )


MATRICES: dict[str, list[tuple[Callable[..., Any], Any]]] = {
    "cholesky": [
        (jnp.linalg.cholesky, SQUARE),
        (jnp.linalg.cholesky, SEVERAL),
        (jnp.linalg.cholesky, -SQUARE),
    ],
    "conv_general_dilated": [
        (lambda x: jnp.convolve(x, x[:3], mode="same"), np.arange(6.0)),
        (lambda x: jnp.convolve(x[:2], x, mode="full"), np.arange(6.0)),
        (_convolved, MATRIX),
    ],
    "eigh": [
        (jnp.linalg.eigvalsh, SEVERAL),
        (lambda a: jnp.abs(jnp.linalg.eigh(a)[1]), SQUARE),
    ],
    "lu": [
        (lambda a: jax.scipy.linalg.lu_factor(a), SEVERAL - 3),
        (jnp.linalg.det, SQUARE),
        (jnp.linalg.slogdet, SQUARE * 0),
    ],
    "lu_pivots_to_permutation": [(lambda a: jnp.linalg.solve(a, a[:, 0]), SQUARE[::-1].copy())],
    "qr": [
        (lambda a: jnp.abs(jnp.linalg.qr(a)[1]), SEVERAL),
        (lambda a: jnp.abs(jnp.linalg.qr(a, "complete")[1]), MATRIX.T + np.eye(4, 3)),
    ],
    "svd": [
        (lambda a: jnp.linalg.svd(a, compute_uv=False), MATRIX + np.eye(3, 4)),
        (lambda a: jnp.abs(jnp.linalg.svd(a, full_matrices=False)[2]), SQUARE),
        (jnp.linalg.pinv, SQUARE),
        (lambda a: jnp.linalg.svd(a * jnp.nan, compute_uv=False), SQUARE),
    ],
    "triangular_solve": [
        *(
            (_triangular(lower, trans, unit), SQUARE)
            for lower in (True, False)
            for trans in (0, 1)
            for unit in (True, False)
        ),
        (lambda a: lax.linalg.triangular_solve(a, a, left_side=False, lower=True), SEVERAL),
        (lambda a: lax.linalg.triangular_solve(a, a, left_side=False), SEVERAL),
        (lambda a: jax.scipy.linalg.solve_triangular(a * jnp.eye(3) * 0, a), SQUARE),
    ],
}


@pytest.mark.parametrize("name", MATRICES)
def test_matrices(name: str):
    for function, a in MATRICES[name]:
        assert_as_jax(function, a, rtol=1e-9)


TRANSFORMS = ("fft", "ifft", "rfft", "fft2", "ifftn", "rfft2")


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_fourier_transforms(name: str, dtype: str):
    x = MATRIX.astype(dtype)
    assert_as_jax(getattr(jnp.fft, name), x, rtol=1e-10 if dtype == "float64" else 1e-4)
    assert_as_jax(lambda x: jnp.fft.irfft(jnp.fft.rfft(x), 3), x, rtol=1e-4)


def test_every_rule_is_compared():
    elsewhere = {"dot_general", "fft", "top_k"}
    assert {*REDUCTIONS} == {*REDUCED, *elsewhere}
    assert {*SHAPES} == {*SHAPE_CASES}
    assert {*ALGEBRA} == {*MATRICES}
    operations = {"", "-add", "-mul", "-min", "-max", "-sub"}
    scatters = {f"scatter{one}" for one in operations}
    scatters |= {name.replace("-", "_") for name in scatters}
    assert {*INDEXING} == {"dynamic_slice", "dynamic_update_slice", "gather", *scatters}
