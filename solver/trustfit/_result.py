"""What a fit returns, and the words for how it ended."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

MESSAGES: Mapping[int, str] = MappingProxyType(
    {
        -4: "The trust region has become too small to change the variables, and no tolerance is "
        "satisfied.",
        -3: "The Jacobian is not finite at the last accepted point.",
        0: "The maximum number of function evaluations is exceeded.",
        1: "`gtol` termination condition is satisfied.",
        2: "`ftol` termination condition is satisfied.",
        3: "`xtol` termination condition is satisfied.",
        4: "Both `ftol` and `xtol` termination conditions are satisfied.",
    }
)


class OptimizeWarning(UserWarning):
    """The fit ended, but something about its result deserves a look."""


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
    jac : ndarray, shape (m, n)
        Jacobian at the solution, scaled by the loss so that ``jac.T @ jac`` is the Gauss-Newton
        approximation of the cost's Hessian.
    grad : ndarray, shape (n,)
        Gradient of the cost at the solution.
    optimality : float
        Largest component of the gradient; with bounds, of the gradient scaled by the distances
        to them.
    active_mask : ndarray of int, shape (n,)
        -1 where the lower bound is active, 1 where the upper one is, 0 elsewhere.
    nfev, njev : int
        Evaluations of the residuals and of the Jacobian.
    status : int
        -4: the trust region became too small to change x, where SciPy goes on until `max_nfev`;
        -3: the Jacobian stopped being finite; 0: `max_nfev` was reached; 1, 2, 3: `gtol`, `ftol`,
        `xtol` is satisfied; 4: `ftol` and `xtol` are.
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
        return "\n".join(f"{name:>{width}}: {value!r}" for name, value in self.items())
