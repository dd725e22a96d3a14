"""trustfit's `curve_fit`, and the only place for shims for its older versions."""

from collections.abc import Mapping
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from jitscope.adapters._curve_fit import CurveFitSolver

_DRIVERS = "trustfit._trf"


class Solver(CurveFitSolver):
    """The user's own call, with a model in jax.numpy."""

    name = "trustfit"
    module_name = "trustfit"
    install = "pip install trustfit"

    def array_module(self) -> ModuleType:
        """Return ``jax.numpy``."""
        import jax.numpy as jnp

        return jnp

    def wait(self, output: tuple[Any, ...]) -> tuple[Any, ...]:
        """Block until every JAX array is ready."""
        import jax

        return jax.block_until_ready(output)

    def stages(self) -> Mapping[str, str]:
        """Return the stages that the installed version names, if it names any."""
        self.import_solver()
        if find_spec(_DRIVERS) is None:
            return {}
        functions: Mapping[str, str] = getattr(self.import_or_explain(_DRIVERS), "STAGES", {})
        return {f"{_DRIVERS}:{function}": stage for function, stage in functions.items()}

    def iterations(self) -> Mapping[str, str]:
        """Return the functions of the host loop that mark its iterations."""
        return {"outer": f"{_DRIVERS}:factorise", "inner": f"{_DRIVERS}:propose_step"}
