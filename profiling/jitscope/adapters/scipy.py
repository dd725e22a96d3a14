"""SciPy's `curve_fit` with its trust-region reflective method and its default Jacobian."""

from types import MappingProxyType, ModuleType
from typing import Any

from jitscope.adapters._curve_fit import CurveFitSolver
from jitscope.adapters._shared import extra


class Solver(CurveFitSolver):
    """The user's own call: ``method='trf'``, finite differences, a model in NumPy."""

    name = "scipy"
    module_name = "scipy.optimize"
    install = extra("scipy")
    options = MappingProxyType({"method": "trf"})

    def array_module(self) -> ModuleType:
        """Return NumPy."""
        import numpy as np

        return np

    def wait(self, output: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return at once: NumPy's arrays are ready."""
        return output
