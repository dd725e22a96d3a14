"""Linear algebra of small matrices, by NumPy's LAPACK; and convolutions."""

import itertools
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from trustfit._interpreter_values import Function, Rule, dtype_of, refuse, shape_of


def _each(function: Function, *stacks: Any) -> Any:
    """Apply a function of matrices to each of the stacks of them."""
    shape = stacks[0].shape[:-2]
    if not shape:
        return function(*stacks)
    places = list(itertools.product(*map(range, shape)))
    results = [function(*(stack[place] for stack in stacks)) for place in places]
    return np.stack(results).reshape((*shape, *results[0].shape))


def _lower_triangle(matrix: Any) -> Any:
    try:
        return np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return np.full_like(matrix, np.nan)


def _cholesky(equation: Any) -> Function:
    return lambda a: _each(_lower_triangle, a)


def _triangular_solve(equation: Any) -> Function:
    params = equation.params
    left, lower, unit = params["left_side"], params["lower"], params["unit_diagonal"]
    transpose, conjugate = params["transpose_a"], params["conjugate_a"]
    n = shape_of(equation.invars[0])[-1]
    eye = np.eye(n, dtype=bool)

    upper = lower == bool(transpose)
    substitute = _from_the_last if upper == left else _from_the_first

    def solve(a: Any, b: Any) -> Any:
        a = np.tril(a) if lower else np.triu(a)
        a = np.where(eye, a.dtype.type(1), a) if unit else a
        a = np.swapaxes(a, -1, -2) if transpose else a
        a = np.conj(a) if conjugate else a
        if left:
            return _each(substitute, a, b)
        found = _each(substitute, np.swapaxes(a, -1, -2), np.swapaxes(b, -1, -2))
        return np.swapaxes(found, -1, -2)

    return solve


def _from_the_first(a: Any, b: Any) -> Any:
    """Solve by substitution, row by row: what is singular gives infinities, and not an error."""
    x = np.array(b)
    for row in range(len(a)):
        x[row] = (x[row] - a[row, :row] @ x[:row]) / a[row, row]
    return x


def _from_the_last(a: Any, b: Any) -> Any:
    return _from_the_first(a[::-1, ::-1], b[::-1])[::-1]


def _factorised(a: Any) -> Any:
    """Return [L\\U, P] in one array: the factors, and in a last column which row each one was."""
    a = np.array(a)
    m, n = a.shape
    order = np.arange(m)
    swaps = np.zeros(min(m, n), np.int32)
    for k in range(min(m, n)):
        pivot = k + int(np.argmax(np.abs(a[k:, k])))
        swaps[k] = pivot
        a[[k, pivot]], order[[k, pivot]] = a[[pivot, k]], order[[pivot, k]]
        if a[k, k] != 0:
            a[k + 1 :, k] /= a[k, k]
        a[k + 1 :, k + 1 :] -= np.outer(a[k + 1 :, k], a[k, k + 1 :])
    return a, swaps, order.astype(np.int32)


def _lu(equation: Any) -> Function:
    def lu(a: Any) -> tuple[Any, ...]:
        shape = a.shape[:-2]
        if not shape:
            return _factorised(a)
        found = [_factorised(one) for one in a.reshape(-1, *a.shape[-2:])]
        return tuple(
            np.stack(part).reshape((*shape, *part[0].shape)) for part in zip(*found, strict=True)
        )

    return lu


def _permutation(equation: Any) -> Function:
    size, dtype = equation.params["permutation_size"], dtype_of(equation.outvars[0])

    def permute(swaps: Any) -> Any:
        shape = (*swaps.shape[:-1], size)
        orders = np.broadcast_to(np.arange(size, dtype=dtype), shape).copy().reshape(-1, size)
        for order, one in zip(orders, swaps.reshape(-1, swaps.shape[-1]), strict=True):
            for k, pivot in enumerate(one):
                order[[k, pivot]] = order[[pivot, k]]
        return orders.reshape(shape)

    return permute


def _finite(function: Function, fallback: Function) -> Function:
    """Return a function that gives NaN where NumPy's would raise an error."""

    def guarded(a: Any) -> Any:
        if not np.all(np.isfinite(a)):
            return fallback(a)
        try:
            return function(a)
        except np.linalg.LinAlgError:
            return fallback(a)

    return guarded


def _nothing(equation: Any) -> Function:
    results = [np.full(shape_of(one), np.nan).astype(dtype_of(one)) for one in equation.outvars]
    return lambda a: tuple(results)


def _as_declared(equation: Any, function: Function) -> Function:
    """Return a function whose results have the types that the equation says."""
    dtypes = list(map(dtype_of, equation.outvars))
    return _finite(
        lambda a: tuple(
            np.asarray(one).astype(dtype, copy=False)
            for one, dtype in zip(function(a), dtypes, strict=True)
        ),
        _nothing(equation),
    )


def _eigh(equation: Any) -> Function:
    if equation.params.get("subset_by_index") is not None:
        refuse(equation, "of some eigenvalues only")
    side = "L" if equation.params["lower"] else "U"

    def eigh(a: Any) -> tuple[Any, Any]:
        values, vectors = np.linalg.eigh(a, side)
        return vectors, values

    return _as_declared(equation, eigh)


def _svd(equation: Any) -> Function:
    if equation.params.get("subset_by_index") is not None:
        refuse(equation, "of some singular values only")
    full = equation.params["full_matrices"]

    def svd(a: Any) -> tuple[Any, ...]:
        u, s, vh = np.linalg.svd(a, full_matrices=full)
        return s, u, vh

    if not equation.params["compute_uv"]:
        return _as_declared(equation, lambda a: (np.linalg.svd(a, compute_uv=False),))
    return _as_declared(equation, svd)


def _qr(equation: Any) -> Function:
    if equation.params.get("pivoting"):
        refuse(equation, "with exchanged columns")
    mode = "complete" if equation.params["full_matrices"] else "reduced"
    return _as_declared(equation, lambda a: tuple(np.linalg.qr(a, mode)))


def _spread(x: Any, gaps: Any, fill: int = 0) -> Any:
    """Put zeros between the elements along all axes but the first two."""
    lengths = [1 + (n - 1) * gap if n else 0 for n, gap in zip(x.shape[2:], gaps, strict=True)]
    result = np.full((*x.shape[:2], *lengths), fill, x.dtype)
    result[(slice(None), slice(None), *(slice(None, None, gap) for gap in gaps))] = x
    return result


def _convolution(equation: Any) -> Function:
    params = equation.params
    if params["feature_group_count"] != 1 or params["batch_group_count"] != 1:
        refuse(equation, "in groups")
    if any(low < 0 or high < 0 for low, high in params["padding"]):
        refuse(equation, "with negative padding")
    numbers, dtype = params["dimension_numbers"], dtype_of(equation.outvars[0])
    padding = [(0, 0), (0, 0), *params["padding"]]
    steps = (
        slice(None),
        slice(None),
        *(slice(None, None, one) for one in params["window_strides"]),
    )
    back = np.argsort(numbers.out_spec)

    def convolve(lhs: Any, rhs: Any) -> Any:
        a = np.pad(_spread(np.transpose(lhs, numbers.lhs_spec), params["lhs_dilation"]), padding)
        b = _spread(np.transpose(rhs, numbers.rhs_spec), params["rhs_dilation"])
        axes = tuple(range(2, a.ndim))
        windows = np.lib.stride_tricks.sliding_window_view(a, b.shape[2:], axes)[steps]
        window_axes = [1, *range(a.ndim, 2 * a.ndim - 2)]
        found = np.tensordot(
            windows.astype(dtype), b.astype(dtype), (window_axes, range(1, b.ndim))
        )
        return np.transpose(np.moveaxis(found, -1, 1), back)

    return convolve


ALGEBRA: Mapping[str, Rule] = MappingProxyType(
    {
        "cholesky": _cholesky,
        "conv_general_dilated": _convolution,
        "eigh": _eigh,
        "lu": _lu,
        "lu_pivots_to_permutation": _permutation,
        "qr": _qr,
        "svd": _svd,
        "triangular_solve": _triangular_solve,
    }
)
"""Rules of operations on matrices."""
