"""Trust-region reflective least squares in JAX, called like SciPy's."""

from typing import TYPE_CHECKING, Any

from trustfit._box import Bounds
from trustfit._curve_fit import curve_fit
from trustfit._least_squares import least_squares
from trustfit._result import MESSAGES, OptimizeResult, OptimizeWarning, UnacceleratedWarning
from trustfit._serve import wait_until_compiled

if TYPE_CHECKING:
    from trustfit._minimize import Fit, minimize

__all__ = [
    "MESSAGES",
    "Bounds",
    "Fit",
    "OptimizeResult",
    "OptimizeWarning",
    "UnacceleratedWarning",
    "curve_fit",
    "least_squares",
    "minimize",
    "wait_until_compiled",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import what belongs to `minimize` when it is first asked for: callers of the others do not.

    See PEP 562.
    """
    if name not in ("Fit", "minimize"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from trustfit import _minimize

    return globals().setdefault(name, getattr(_minimize, name))


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
