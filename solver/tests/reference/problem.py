"""What a reference problem is."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

Box = tuple[tuple[float, ...], tuple[float, ...]]


@dataclass(frozen=True, eq=False)
class Problem:
    """A least-squares problem: minimize half the sum of squares of its residuals.

    Attributes
    ----------
    name : str
    fun : callable
        ``fun(x, *args)``, the residuals in `jax.numpy`, from shape (n,) to shape (m,). The same
        function object for each problem that differs in other things only: compiled once.
    x0 : tuple of n floats
        Start.
    args : tuple of ndarray
        Data.
    bounds : pair of tuples of n floats, or None
        Lower and upper bounds of x.
    minima : tuple of float
        Sums of squares at the minima (and at infima that no point reaches) that the problem's
        source publishes, as many digits as it prints; empty where it gives none.
    """

    name: str
    fun: Callable[..., Any]
    x0: tuple[float, ...]
    args: tuple[NDArray[Any], ...] = ()
    bounds: Box | None = None
    minima: tuple[float, ...] = ()

    def far(self, factor: float) -> "Problem":
        """Return the problem that starts `factor` times as far from the origin."""
        start = tuple(factor * value for value in self.x0)
        return replace(self, name=f"{self.name}, start x {factor:g}", x0=start)

    def within(
        self,
        lb: tuple[float, ...],
        ub: tuple[float, ...],
        why: str,
        start: tuple[float, ...] | None = None,
    ) -> "Problem":
        """Return the problem with bounds, whose minima nobody has published."""
        return replace(
            self,
            name=f"{self.name}, {why}",
            x0=self.x0 if start is None else start,
            bounds=(lb, ub),
            minima=(),
        )

    def __str__(self) -> str:
        """Name the problem, as pytest shows it."""
        return self.name
