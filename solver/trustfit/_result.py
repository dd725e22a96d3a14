"""What a fit returns, and the words for how it ended."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

MESSAGES: Mapping[int, str] = MappingProxyType(
    {
        -7: "A lower bound lies above its upper bound, one of them is not a number, or a scale is "
        "not positive.",
        -6: "The Jacobian is not finite at the start.",
        -5: "The residuals are not finite at the start.",
        -4: "The trust region has become too small to change the variables, and no tolerance is "
        "satisfied.",
        -3: "The residuals or the Jacobian are not finite where the next steps lead.",
        -2: "`callback` ended the solve: it raised StopIteration or returned True.",
        0: "The maximum number of function evaluations is exceeded.",
        1: "`gtol` termination condition is satisfied.",
        2: "`ftol` termination condition is satisfied.",
        3: "`xtol` termination condition is satisfied.",
        4: "Both `ftol` and `xtol` termination conditions are satisfied.",
    }
)


class OptimizeWarning(UserWarning):
    """The fit ended, but something about its result deserves a look."""


class UnacceleratedWarning(UserWarning):
    """Fits take longer than they could, for the reason that is told.

    A function could not be traced by JAX, say, and is called from Python at every step instead.
    """


class OptimizeResult(dict[str, Any]):
    """A dictionary whose items are attributes too, like SciPy's class of that name.

    Attributes
    ----------
    x : ndarray, shape (n,)
        The solution.
    cost : float
        The cost at the solution, ``0.5 * f_scale**2 * sum(rho((fun / f_scale)**2))``.
    fun : ndarray, shape (m,)
        Residuals at the solution, not scaled by the loss.
    jac : ndarray, scipy.sparse.csr_array or LinearOperator, shape (m, n)
        Jacobian at the solution, in the form in which it was given, scaled by the loss so that
        ``jac.T @ jac`` is the Gauss-Newton approximation of the cost's Hessian.
    grad : ndarray, shape (n,)
        Gradient of the cost at the solution.
    optimality : float
        Largest component of the gradient; with bounds, of the gradient scaled by the distances
        to them.
    active_mask : ndarray of int, shape (n,)
        -1 where the lower bound is active, 1 where the upper one is, 0 elsewhere.
    nfev, njev : int
        Points at which the residuals were evaluated, and points of them that were accepted, at
        which the Jacobian was used. Those that finite differences take are not counted.
    npolish : int
        How many of `nfev` came after a tolerance was first satisfied: polishing steps, refused
        ones, and iterations resumed because the first was refused.
    status : int
        -4: the trust region became too small to change x, where SciPy goes on until `max_nfev`;
        -3: residuals or Jacobian are not finite where the next steps lead; -2: `callback` ended
        the solve; 0: `max_nfev` was reached; 1, 2, 3: `gtol`, `ftol`, `xtol` is satisfied; 4:
        `ftol` and `xtol` are.
    driver : {'compiled', 'numpy', 'stepped'}
        How the solve was served: by a compiled program; by NumPy, nothing being compiled; or by a
        loop on the host around functions that may be compiled, for what a program cannot do.
    message : str
        `status` in words.
    success : bool
        Whether a tolerance is satisfied (``status > 0``).
    """

    def __getattr__(self, name: str) -> Any:
        """Look the attribute up among the items."""
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(name) from error

    __setattr__ = dict.__setitem__  # pyright: ignore[reportAssignmentType]
    __delattr__ = dict.__delitem__  # pyright: ignore[reportAssignmentType]

    def __dir__(self) -> list[str]:
        """Name the items, for completion in a shell."""
        return sorted({*super().__dir__(), *self})

    def __repr__(self) -> str:
        """Show one item a line."""
        width = max(map(len, self), default=0)
        return "\n".join(f"{name:>{width}}: {_shown(value)}" for name, value in self.items())


def _shown(value: Any) -> str:
    return str(value) if isinstance(value, np.generic) else repr(value)
