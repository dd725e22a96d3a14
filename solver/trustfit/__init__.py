"""Trust-region reflective least squares in JAX, called like SciPy's."""

from trustfit._box import Bounds
from trustfit._curve_fit import curve_fit
from trustfit._least_squares import least_squares
from trustfit._minimize import Fit, minimize
from trustfit._result import MESSAGES, OptimizeResult, OptimizeWarning, UnacceleratedWarning

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
]
__version__ = "0.1.0"
