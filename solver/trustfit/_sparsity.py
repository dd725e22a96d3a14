"""Which entries of a sparse Jacobian may differ from zero, and which columns can share a step."""

from collections.abc import Sequence
from itertools import count
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from trustfit._types import FloatArray, NDArray

IntArray: TypeAlias = NDArray[np.integer[Any]]


class Pattern(NamedTuple):
    """The entries of an (m, n) matrix that may differ from zero, row by row as in CSR.

    Entry k stands in row ``rows[k]`` and column ``columns[k]``; those of row i are the entries
    from ``indptr[i]`` to ``indptr[i + 1]``. ``groups`` holds sets of columns that have no row in
    common, and ``entries`` the entries in each set of columns.
    """

    shape: tuple[int, int]
    indptr: IntArray
    rows: IntArray
    columns: IntArray
    groups: Sequence[IntArray]
    entries: Sequence[IntArray]

    def matrix(self, values: FloatArray) -> Any:
        """Return the entries with these values, shape (nnz,), as a `scipy.sparse.csr_array`."""
        from scipy.sparse import csr_array  # only sparse Jacobians need SciPy

        return csr_array((values, self.columns, self.indptr), shape=self.shape, copy=True)


def group_columns(pattern: Any) -> IntArray:
    """Return a group for each column, shape (n,), so that no two of one group share a row.

    The columns are taken in their order, each into the first group that it fits into: three
    groups for a tridiagonal matrix.

    Parameters
    ----------
    pattern : scipy.sparse.csc_array, shape (m, n)
        Only where it stores entries matters.

    References
    ----------
    A. Curtis, M. J. D. Powell and J. Reid, "On the Estimation of Sparse Jacobian Matrices",
    IMA Journal of Applied Mathematics 13 (1), 1974.
    """
    m, n = pattern.shape
    if n and np.any(np.bincount(pattern.indices, minlength=m) == n):
        return np.arange(n)  # a full row: every column needs a group of its own
    taken_in: list[set[int]] = [set() for _ in range(m)]
    groups = np.zeros(n, int)
    for column in range(n):
        rows = pattern.indices[pattern.indptr[column] : pattern.indptr[column + 1]]
        taken = set[int]().union(*(taken_in[row] for row in rows))
        group = next(number for number in count() if number not in taken)
        groups[column] = group
        for row in rows:
            taken_in[row].add(group)
    return groups


def read_pattern(sparsity: Any) -> Pattern:
    """Return the pattern of an array or SciPy sparse matrix of shape (m, n), zero where J is."""
    from scipy.sparse import csr_array, issparse  # only sparse Jacobians need SciPy

    matrix: Any = csr_array(
        sparsity if issparse(sparsity) else np.atleast_2d(sparsity) != 0, copy=True
    )
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    group_of = group_columns(matrix.tocsc())
    numbers = range(int(group_of.max(initial=-1)) + 1)
    columns = matrix.indices
    return Pattern(
        shape=matrix.shape,
        indptr=matrix.indptr,
        rows=np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr)),
        columns=columns,
        groups=[np.flatnonzero(group_of == number) for number in numbers],
        entries=[np.flatnonzero(group_of[columns] == number) for number in numbers],
    )
