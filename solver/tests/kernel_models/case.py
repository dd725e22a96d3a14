"""What a case is: a model and how it is fitted."""

from collections.abc import Callable
from typing import Any, NamedTuple

Model = Callable[..., Any]


class Case(NamedTuple):
    """A model, its true parameters, and how to call `curve_fit` beside that."""

    f: Model
    truth: tuple[float, ...] = (1.3, 0.7)
    kwargs: dict[str, Any] = {}  # noqa: RUF012
    x: Callable[[int], Any] | None = None
    frozen: bool = False
    """Whether parameters have no effect, so that nothing but the curve can be compared."""


def case_of(function: Model) -> Case:
    """Return the case of a*function(b*x) + 0.1 x, x between 0.1 and 0.9."""
    return Case(lambda x, a, b: a * function(b * x) + 0.1 * x)
