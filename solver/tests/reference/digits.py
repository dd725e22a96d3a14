"""How many decimal digits of an answer are correct."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

CERTIFIED_DIGITS = 11.0
"""Significant digits of NIST's certified values: more agreement cannot be told."""


def correct_digits(found: ArrayLike, certified: ArrayLike) -> float:
    """Return the digits that the worst of several values has right, from 0 to 11.

    It is the least ``-log10(|found - certified| / |certified|)``. A value that is not a number
    has none right.
    """
    found, certified = np.asarray(found, dtype=float), np.asarray(certified, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        digits = -np.log10(np.abs(found - certified) / np.abs(certified))
    return float(np.clip(np.nan_to_num(digits, nan=0.0, posinf=99.0), 0.0, CERTIFIED_DIGITS).min())


def standard_deviations(f: NDArray[Any], J: NDArray[Any]) -> NDArray[Any]:
    """Return the parameters' standard deviations, shape (n,), from f, (m,), and J, (m, n).

    They are the square roots of the diagonal of ``inv(J.T J) * sum(f**2) / (m - n)``, by the
    singular values of J with its columns scaled to norm 1.
    """
    m, n = J.shape
    norms = np.linalg.norm(J, axis=0)
    _, s, Vt = np.linalg.svd(J / norms, full_matrices=False)
    return np.linalg.norm(Vt.T / s, axis=1) / norms * np.sqrt(f @ f / (m - n))
