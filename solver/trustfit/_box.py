"""The `Bounds` that users may hand over, for programs that import SciPy's."""

from typing import Any

import numpy as np

from trustfit._types import FloatArray


class Bounds:
    """Lower and upper bounds on the variables, called like `scipy.optimize.Bounds`.

    Parameters
    ----------
    lb, ub : array_like, shape (n,), or a number, optional
        The bounds; infinite, the default, where there is none.
    keep_feasible : array_like of bool, optional
        Kept for programs that set it. Every iterate lies within the bounds in any case.

    Attributes
    ----------
    lb, ub : ndarray, shape (n,) or (1,)
        The bounds.
    keep_feasible : ndarray of bool
        As given.
    """

    def __init__(self, lb: Any = -np.inf, ub: Any = np.inf, keep_feasible: Any = False) -> None:
        """Keep the bounds as arrays; the solver checks them against the start values."""
        arrays = (np.atleast_1d(np.asarray(bound, dtype=np.float64)) for bound in (lb, ub))
        together = np.broadcast_arrays(*arrays, np.asarray(keep_feasible, dtype=bool))
        self.lb: FloatArray = together[0].copy()
        self.ub: FloatArray = together[1].copy()
        self.keep_feasible = together[2].copy()

    def __repr__(self) -> str:
        """Show the bounds as they would be written."""
        return f"Bounds({self.lb!r}, {self.ub!r})"

    def residual(self, x: Any) -> tuple[FloatArray, FloatArray]:
        """Return the distances x - lb and ub - x, negative where x lies outside."""
        point = np.asarray(x, dtype=np.float64)
        return point - self.lb, self.ub - point
