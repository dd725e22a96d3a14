"""The local model by QR: for Jacobians whose columns are too close to dependent for `_gram`.

What is kept of the m rows is the triangle M of [J f] = Q M, shape (n + 1, n + 1), which has the
condition of J itself. Each scaled model is then solved by the singular values of the triangle, as
SciPy's 'exact' solver does by those of J, and with the same rule for a rank that is not full.
"""

from types import ModuleType
from typing import Any, NamedTuple

from trustfit._algebra import Inverse, singular_values, triangle
from trustfit._trust_region import Answer, Damped, solve_trust_region


class Svd(NamedTuple):
    """Singular values s, right vectors V and uf = U.T f of J_h with sqrt(diag_h) below it."""

    s: Any
    V: Any
    uf: Any


class Triangle(NamedTuple):
    """The local quadratic model of the cost, kept as the triangle of the rows.

    `m` is the number of residuals, on which the threshold of the rank depends.
    """

    xp: ModuleType
    m: int

    def reduce(self, J: Any, f: Any) -> Any:
        """Return M, shape (n + 1, n + 1), of J, shape (m, n), and f, shape (m,)."""
        rows = self.xp.concatenate([J, f[:, None]], axis=1)
        return triangle(self.xp, rows)

    def gradient(self, M: Any) -> Any:
        """Return g = J.T f, shape (n,)."""
        return M[:-1, :-1].T @ M[:-1, -1]

    def column_norms(self, M: Any) -> Any:
        """Return the norms of J's columns, shape (n,)."""
        return self.xp.sqrt(self.xp.sum(M[:-1, :-1] ** 2, axis=0))

    def is_finite(self, M: Any) -> Any:
        """Return whether J and f were finite."""
        return self.xp.all(self.xp.isfinite(M))

    def scaled(self, M: Any, d: Any, diag_h: Any) -> Svd:
        """Return the singular value decomposition of the model in scaled space."""
        xp = self.xp
        n = len(d)
        rows = xp.concatenate([M[:-1, :-1] * d, xp.diag(xp.sqrt(diag_h))])
        U, s, V = singular_values(xp, rows)
        return Svd(s, V, U[:n].T @ M[:-1, -1])

    def trust_region_step(self, S: Svd, g_h: Any, Delta: Any, alpha: Any) -> Answer:
        """Return the step, which is always regular: QR serves every condition."""
        answer = solve_trust_region(self.xp, self._damped(S), g_h, Delta, alpha)
        return answer._replace(regular=self.xp.ones((), bool))

    def restrict(self, S: Svd, directions: Any) -> Any:
        """Return the model's matrix on the span of the directions, the columns of (n, k)."""
        images = S.s[:, None] * (S.V.T @ directions)
        return images.T @ images

    def _damped(self, S: Svd) -> Any:
        xp = self.xp
        s, V, uf = S
        suf = s * uf
        eps = float(xp.finfo(s.dtype).eps)
        n = len(s)
        none = Inverse(xp.zeros((n, n), s.dtype), xp.zeros((), s.dtype))
        full_rank = (self.m >= len(s)) & (s[-1] > eps * self.m * s[0])

        def solve(alpha: Any) -> Damped:
            denominator = s**2 + alpha
            safe = xp.where((denominator == 0) | xp.isnan(denominator), 1.0, denominator)
            return Damped(-V @ (suf / safe), xp.sum(suf**2 / safe**3), full_rank, none)

        return solve
