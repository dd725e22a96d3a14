"""The local model by the Gram matrix: normal equations, where their condition allows them.

What is kept of the m rows is the matrix M = [J f].T [J f], shape (n + 1, n + 1): A = J.T J, the
gradient g = J.T f and twice the cost. Forming it squares the condition of J, so that a step loses
twice the digits; scaling A to a unit diagonal takes out what the variables' units contribute. The
smallest pivot of that matrix tells when too little is left; the solve then goes on by QR
(`trustfit._triangle`).
"""

from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from trustfit._algebra import Inverse, invert_positive
from trustfit._trust_region import Answer, Damped, solve_trust_region

_WORST_PIVOT = 1e-10
"""Below it steps come from QR; a Gauss-Newton step has 1e-16 / 1e-10 as relative error here."""

COVARIANCE_PIVOT = 1e-7
"""Below it the covariance comes from QR, to keep at least eight digits."""


class Gram(NamedTuple):
    """The local quadratic model of the cost, kept as the Gram matrix of the rows.

    `m` is the number of residuals; fewer of them than variables are left to QR.
    """

    xp: ModuleType
    m: int

    def reduce(self, J: Any, f: Any) -> Any:
        """Return M, shape (n + 1, n + 1), of J, shape (m, n), and f, shape (m,)."""
        rows = self.xp.concatenate([J.T, f[None, :]])
        return rows @ rows.T

    def gradient(self, M: Any) -> Any:
        """Return g = J.T f, shape (n,)."""
        return M[:-1, -1]

    def column_norms(self, M: Any) -> Any:
        """Return the norms of J's columns, shape (n,)."""
        return self.xp.sqrt(self.xp.diagonal(M)[:-1])

    def is_finite(self, M: Any) -> Any:
        """Return whether J and f were finite (and their squares, and the sum of these, are)."""
        return self.xp.isfinite(self.xp.sum(M))

    def scaled(self, M: Any, d: Any, diag_h: Any) -> Any:
        """Return J_h.T J_h + diag(diag_h), shape (n, n)."""
        return M[:-1, :-1] * d[:, None] * d + self.xp.diag(diag_h)

    def trust_region_step(self, S: Any, g_h: Any, Delta: Any, alpha: Any) -> Answer:
        """Return the step, which is not regular if the condition of S forbids normal equations."""
        return solve_trust_region(self.xp, self._damped(S, g_h), g_h, Delta, alpha)

    def restrict(self, S: Any, directions: Any) -> Any:
        """Return the model's matrix on the span of the directions, the columns of (n, k)."""
        return directions.T @ S @ directions

    def _damped(self, S: Any, g_h: Any) -> Any:
        xp = self.xp

        def solve(alpha: Any) -> Damped:
            diagonal = xp.diagonal(S) + alpha
            unit = 1 / xp.sqrt(diagonal)
            scales = unit[:, None] * unit
            B = xp.where(np.eye(len(g_h), dtype=bool), S + alpha, S) * scales
            inverse, pivot = invert_positive(xp, B)
            p = -unit * (inverse @ (unit * g_h))
            scaled_p = unit * p
            regular = (pivot > _worst_pivot(xp, S.dtype)) & (self.m >= len(g_h))
            whole = Inverse(inverse * scales, pivot)
            return Damped(p, scaled_p @ (inverse @ scaled_p), regular, whole)

        return solve


def _worst_pivot(xp: ModuleType, dtype: Any) -> float:
    return max(_WORST_PIVOT, 100 * float(xp.finfo(dtype).eps))
