"""What a step needs to know of the rows at a point: the local quadratic model of the cost."""

from typing import Any, Protocol

from trustfit._trust_region import Answer


class LocalModel(Protocol):
    """A way to keep the rows [J f] and to minimize the quadratic model that they make.

    `trustfit._gram.Gram` keeps the Gram matrix, `trustfit._triangle.Triangle` the triangle of the
    QR factorisation, `trustfit._lsmr.Lsmr` the rows themselves. M is what is kept at a point, S
    the model in scaled space: J_h = J diag(d), with diag(diag_h) added to J_h.T J_h. J and f are
    already scaled by the loss.
    """

    def reduce(self, J: Any, f: Any, /) -> Any:
        """Return M."""
        ...

    def gradient(self, M: Any, /) -> Any:
        """Return g = J.T f, shape (n,)."""
        ...

    def column_norms(self, M: Any, /) -> Any:
        """Return the norms of J's columns, shape (n,)."""
        ...

    def is_finite(self, M: Any, /) -> Any:
        """Return whether J and f were finite."""
        ...

    def scaled(self, M: Any, d: Any, diag_h: Any, /) -> Any:
        """Return S."""
        ...

    def trust_region_step(self, S: Any, g_h: Any, Delta: Any, alpha: Any, /) -> Answer:
        """Return the step, and whether the condition of S allowed the method."""
        ...

    def restrict(self, S: Any, directions: Any, /) -> Any:
        """Return directions.T (J_h.T J_h + diag(diag_h)) directions; directions of shape (n, k)."""
        ...
