"""The iterative trust-region solver: the plane of the gradient and the Gauss-Newton step.

For Jacobians that are only multiplied by: arrays, SciPy's sparse matrices, LinearOperators. The
quadratic model 0.5 p_h.T (J_h.T J_h + diag(diag_h)) p_h + g_h.T p_h is minimized within
||p_h|| <= Delta, not over the whole space but over the plane of g_h and the Gauss-Newton step,
which SciPy's `lsmr` finds from products with J_h = J diag(d) and its transpose. It runs on the
host and needs SciPy. Letters as in `trustfit._trf`.

References
----------
D. C.-L. Fong and M. Saunders, "LSMR: An Iterative Algorithm for Sparse Least-Squares Problems",
SIAM J. Sci. Comput. 33 (5), 2011.
R. H. Byrd, R. B. Schnabel and G. A. Shultz, "Approximate Solution of the Trust Region Problem by
Minimization over Two-Dimensional Subspaces", Mathematical Programming 40, 1988.
"""

# SciPy's letters for matrices and radii are capitals, and change from step to step.
# pyright: reportConstantRedefinition=false

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from trustfit._algebra import Inverse
from trustfit._trust_region import Answer
from trustfit._types import FloatArray

HostMatrix: TypeAlias = Any
"""An ndarray, a SciPy sparse matrix or a LinearOperator, of shape (m, n)."""


_quietly = np.errstate(over="ignore", invalid="ignore")  # the solver looks for what is not finite


class Plane(NamedTuple):
    """An orthonormal basis S, shape (n, 2), and the model's Hessian and gradient in it.

    For a single variable it is a line, S of shape (1, 1). `d` and `diag_h` tell the scaled space
    that it belongs to.
    """

    d: FloatArray
    diag_h: FloatArray
    S: FloatArray
    B_S: FloatArray
    g_S: FloatArray


@dataclass(eq=False)
class Rows:
    """Jacobian and residuals at a point, and the plane found there.

    The plane depends on the radius at which it was first asked for, and is kept for the smaller
    ones that follow a rejected step, as in SciPy: so it is found once a point.
    """

    J: HostMatrix
    f: FloatArray
    plane: Plane | None = None


class ScaledRows(NamedTuple):
    """The rows in the scaled space: J_h = J diag(d), never formed, and diag_h."""

    rows: Rows
    d: FloatArray
    diag_h: FloatArray

    def times(self, v: FloatArray) -> FloatArray:
        """Return J_h @ v for v of shape (n,) or (n, k)."""
        return self.rows.J @ (self.d * v.T).T

    def transposed_times(self, u: FloatArray) -> FloatArray:
        """Return J_h.T @ u for u of shape (m,)."""
        return self.d * transposed_product(self.rows.J, u)


def is_operator(J: HostMatrix) -> bool:
    """Return whether J is neither an array nor a sparse matrix: entries cannot be read."""
    return not isinstance(J, np.ndarray) and hasattr(J, "rmatvec")


def linear_operator(
    shape: tuple[int, int],
    matvec: Callable[[FloatArray], FloatArray],
    rmatvec: Callable[[FloatArray], FloatArray],
    matmat: Callable[[FloatArray], FloatArray] | None = None,
) -> Any:
    """Return SciPy's LinearOperator of these products; `matvec`, `rmatvec` get flat arrays."""
    from scipy.sparse.linalg import LinearOperator  # only this path needs SciPy

    make: Any = LinearOperator  # its stub does not know that it chooses a subclass
    return make(
        shape,
        matvec=lambda v: matvec(np.ravel(v)),
        rmatvec=lambda u: rmatvec(np.ravel(u)),
        matmat=matmat,
        dtype=np.float64,  # without it, a product more to find out
    )


def transposed_product(J: HostMatrix, u: FloatArray) -> FloatArray:
    """Return J.T @ u, shape (n,), for any kind of J."""
    return J.rmatvec(u) if is_operator(J) else J.T @ u


def scale_rows(J: HostMatrix, scale: FloatArray) -> HostMatrix:
    """Return diag(scale) J, of J's kind (sparse ones as CSR): what a robust loss does to J.

    Parameters
    ----------
    J : ndarray, SciPy sparse matrix or LinearOperator, shape (m, n)
    scale : ndarray, shape (m,)
    """
    if isinstance(J, np.ndarray):
        return J * scale[:, None]
    if is_operator(J):
        return linear_operator(
            J.shape,
            matvec=lambda v: scale * (J @ v),
            rmatvec=lambda u: J.rmatvec(scale * u),
            matmat=lambda V: scale[:, None] * (J @ V),
        )
    from scipy import sparse  # only this path needs SciPy

    return sparse.diags_array(scale) @ sparse.csr_array(J)


@_quietly
def solve_in_plane(B: FloatArray, g: FloatArray, Delta: float) -> FloatArray:
    """Minimize 0.5 p.T B p + g.T p within ||p|| <= Delta in one or two dimensions.

    On the boundary p = Delta (2 t, 1 - t**2) / (1 + t**2), and the stationary points are the real
    roots of a polynomial of degree four in t; t may also be infinite, where p = (0, -Delta).

    Parameters
    ----------
    B : ndarray, shape (k, k), k = 1 or 2
        Symmetric and positive semi-definite.
    g : ndarray, shape (k,)
    Delta : float

    Returns
    -------
    p : ndarray, shape (k,)
        NaN if the model is not finite.
    """
    from scipy.linalg import cho_solve  # only this path needs SciPy

    a, b, c = B[0, 0] * Delta**2, B[0, -1] * Delta**2, B[-1, -1] * Delta**2
    d, e = g[0] * Delta, g[-1] * Delta
    polynomial = np.array([-b + d, 2 * (a - c + e), 6 * b, 2 * (-a + c + e), -b - d])
    if not np.all(np.isfinite(polynomial)):
        return np.full(len(g), np.nan)
    try:
        L = np.linalg.cholesky(B)
    except np.linalg.LinAlgError:
        pass
    else:
        p: FloatArray = -cho_solve((L, True), g, check_finite=False)
        if np.linalg.norm(p) <= Delta:
            return p
    if len(g) == 1:
        return np.where(g > 0, -Delta, Delta)
    # Every t gives a point of the boundary, so the real parts of complex roots do no harm here.
    t = np.real(np.roots(polynomial))
    on_boundary = np.stack([2 * t, 1 - t**2]) * (Delta / (1 + t**2))
    p = np.concatenate([on_boundary, [[0.0], [-Delta]]], axis=1)
    return p[:, np.argmin(0.5 * np.sum(p * (B @ p), axis=0) + g @ p)]


@dataclass(frozen=True)
class Lsmr:
    """The local model of ``tr_solver='lsmr'``: `LocalModel` for Jacobians that stay on the host.

    Attributes
    ----------
    tr_options : mapping
        "regularize" (True by default: Gauss-Newton is damped by what the best gradient step
        takes off the model, divided by Delta**2), and the options of `scipy.sparse.linalg.lsmr`.
    bounded : bool
        Whether there are bounds. Then the damping stands below J_h as rows, together with
        sqrt(diag_h); else it is `lsmr`'s own. The two stop at slightly different iterates.
    """

    tr_options: Mapping[str, Any]
    bounded: bool

    def reduce(self, J: HostMatrix, f: FloatArray) -> Rows:
        """Keep J, shape (m, n), and f, shape (m,); a sparse J as CSR."""
        if not isinstance(J, np.ndarray) and not is_operator(J):
            from scipy.sparse import csr_array  # only this path needs SciPy

            J = csr_array(J)
        return Rows(J, f)

    @_quietly
    def gradient(self, rows: Rows) -> FloatArray:
        """Return g = J.T f, shape (n,)."""
        return transposed_product(rows.J, rows.f)

    @_quietly
    def column_norms(self, rows: Rows) -> FloatArray:
        """Return the norms of J's columns, shape (n,).

        Raises
        ------
        ValueError
            If J is a LinearOperator, whose entries cannot be read.
        """
        J = rows.J
        if is_operator(J):
            raise ValueError(
                "`x_scale` must be numbers if `jac` returns a LinearOperator; got 'jac'. Pass the "
                "magnitudes of the variables, or return a sparse matrix."
            )
        squares = np.square(J) if isinstance(J, np.ndarray) else J.power(2)
        return np.sqrt(np.asarray(squares.sum(axis=0)).ravel())

    def is_finite(self, rows: Rows) -> bool:
        """Return whether f and J are finite; of a LinearOperator, whether J.T f is."""
        J = rows.J
        if not np.all(np.isfinite(rows.f)):
            return False
        if is_operator(J):
            entries = self.gradient(rows)
        else:
            entries = J if isinstance(J, np.ndarray) else J.data
        return bool(np.all(np.isfinite(entries)))

    def scaled(self, rows: Rows, d: FloatArray, diag_h: FloatArray) -> ScaledRows:
        """Return the rows in the space of the variables divided by d, both of shape (n,)."""
        return ScaledRows(rows, d, diag_h)

    @_quietly
    def trust_region_step(
        self, scaled: ScaledRows, g_h: FloatArray, Delta: float, alpha: float
    ) -> Answer:
        """Return the step of the model's least value in the plane within Delta.

        It is 0 if g_h is or Delta infinite, as at the end, and NaN if the model is not finite.
        """
        n = len(g_h)
        answer = Answer(np.zeros(n), alpha, np.True_, Inverse(np.zeros((n, n)), np.zeros(())))
        if np.isinf(Delta) or not np.linalg.norm(g_h) > 0:
            return answer._replace(p_h=np.where(np.isnan(g_h), np.nan, answer.p_h))
        plane = scaled.rows.plane
        if not (
            plane is not None
            and np.array_equal(plane.d, scaled.d)
            and np.array_equal(plane.diag_h, scaled.diag_h)
        ):
            plane = self._plane(scaled, g_h, Delta)
            scaled.rows.plane = plane
        return answer._replace(p_h=plane.S @ solve_in_plane(plane.B_S, plane.g_S, Delta))

    @_quietly
    def restrict(self, scaled: ScaledRows, directions: FloatArray) -> FloatArray:
        """Return the model's Hessian on the span of the directions, (n, k) -> (k, k)."""
        J_s = scaled.times(directions)
        return J_s.T @ J_s + directions.T @ (scaled.diag_h[:, None] * directions)

    def _plane(self, scaled: ScaledRows, g_h: FloatArray, Delta: float) -> Plane:
        gn_h = self._gauss_newton_step(scaled, self._regularization(scaled, g_h, Delta))
        S, _ = np.linalg.qr(np.stack([g_h, gn_h], axis=1))
        return Plane(scaled.d, scaled.diag_h, S, self.restrict(scaled, S), S.T @ g_h)

    def _regularization(self, scaled: ScaledRows, g_h: FloatArray, Delta: float) -> float:
        """Return what is added to the squared damping: see `tr_options`."""
        if not self.tr_options.get("regularize", True):
            return 0.0
        # Along -g_h the model is a t**2 - b t; its least value within the region is at t.
        a = 0.5 * float(self.restrict(scaled, g_h[:, None])[0, 0])
        b = float(g_h @ g_h)
        t = Delta / np.sqrt(b)
        if 0.5 * b < a * t:
            t = 0.5 * b / a
        return -t * (a * t - b) / Delta**2

    def _gauss_newton_step(self, scaled: ScaledRows, regularization: float) -> FloatArray:
        """Return the p_h of least ||J_h p_h - f||, damped: minus the Gauss-Newton step."""
        from scipy.sparse.linalg import lsmr  # only this path needs SciPy

        options = {name: v for name, v in self.tr_options.items() if name != "regularize"}
        (m, n), f = scaled.rows.J.shape, scaled.rows.f
        if not self.bounded:
            J_h = linear_operator((m, n), scaled.times, scaled.transposed_times)
            damp = float(np.sqrt(options.pop("damp", 0.0) ** 2 + regularization))
            return lsmr(J_h, f, damp=damp, **options)[0]
        below = np.sqrt(scaled.diag_h + regularization)
        augmented = linear_operator(
            (m + n, n),
            matvec=lambda v: np.concatenate([scaled.times(v), below * v]),
            rmatvec=lambda u: scaled.transposed_times(u[:m]) + below * u[m:],
        )
        return lsmr(augmented, np.concatenate([f, np.zeros(n)]), **options)[0]
