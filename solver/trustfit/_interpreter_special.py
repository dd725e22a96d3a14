"""Special functions, by SciPy where it is installed; it is imported when the first one is met."""

from collections.abc import Mapping
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any

import numpy as np

from trustfit._interpreter_values import Function, Rule, dtype_of, refuse

_NAMES = {
    "bessel_i0e": "i0e",
    "bessel_i1e": "i1e",
    "digamma": "digamma",
    "erf": "erf",
    "erf_inv": "erfinv",
    "erfc": "erfc",
    "igamma": "gammainc",
    "igammac": "gammaincc",
    "lgamma": "gammaln",
    "polygamma": "polygamma",
    "regularized_incomplete_beta": "betainc",
    "zeta": "zeta",
}


def _by_scipy(name: str) -> Rule:
    def rule(equation: Any) -> Function:
        if find_spec("scipy") is None:
            refuse(equation, "without SciPy")
        from scipy import special  # a fifth of a second: for models that need it only

        function, dtype = getattr(special, name), dtype_of(equation.outvars[0])
        return lambda *operands: np.asarray(function(*operands)).astype(dtype, copy=False)

    return rule


SPECIAL: Mapping[str, Rule] = MappingProxyType(
    {primitive: _by_scipy(name) for primitive, name in _NAMES.items()}
)
"""Rules of elementwise functions that NumPy does not have."""
