"""trustfit's `curve_fit`, and the only place for shims for its older versions."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any

from jitscope.adapters._curve_fit import CurveFitSolver
from jitscope.adapters._shared import extra, has_module, import_or_explain
from jitscope.errors import Unsupported
from jitscope.problems import Problem

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FUSED, _STEPPED = "trustfit._fused", "trustfit._stepped"
_BEFORE_IT = "trustfit._trf"  # where the first versions had their one driver, a loop on the host
_ITERATIONS_BEFORE_IT = MappingProxyType({"outer": "factorise", "inner": "propose_step"})


def _watch(iterate: Any) -> None:
    """Watch a solve and change nothing: SciPy's `callback` for an observer."""


def _target(driver: ModuleType, function: str) -> str:
    """Return "module:function"; older versions named the functions of the driver alone."""
    return function if ":" in function else f"{driver.__name__}:{function}"


class Solver(CurveFitSolver):
    """The user's own call, with a model in jax.numpy."""

    name = "trustfit"
    module_name = "trustfit"
    install = extra("trustfit")
    # A callback is what makes a user's call a stepped one.
    stepped_options = MappingProxyType({"callback": _watch})
    waiting_options = MappingProxyType({"driver": "compiled"})
    background = "wait_until_compiled"

    def array_module(self) -> ModuleType:
        """Return ``jax.numpy``."""
        import jax.numpy as jnp

        return jnp

    def wait(self, output: tuple[Any, ...]) -> tuple[Any, ...]:
        """Block until every JAX array is ready."""
        import jax

        return jax.block_until_ready(output)

    def has_stepped_driver(self) -> bool:
        """Return whether the installed version has one beside a fused driver; imports neither."""
        # A version with a stepped driver alone makes the user's own call through it.
        return has_module(self.module_name, _STEPPED) and has_module(self.module_name, _FUSED)

    def stages(self) -> Mapping[str, str]:
        """Return the stages that the driver of the prepared call names, if it names any."""
        driver = self._driver()
        if driver is None:
            return {}
        functions: Mapping[str, str] = getattr(driver, "STAGES", {})
        return {_target(driver, one): stage for one, stage in functions.items()}

    def iterations(self) -> Mapping[str, str]:
        """Return the functions that mark the iterations of the prepared call."""
        driver = self._driver()
        if driver is None:
            return {}
        before = _ITERATIONS_BEFORE_IT if driver.__name__ == _BEFORE_IT else {}
        functions: Mapping[str, str] = getattr(driver, "ITERATIONS", before)
        return {kind: _target(driver, one) for kind, one in functions.items()}

    def prepare_many(self, problem: Problem, ys: "NDArray[Any]") -> None:
        """Build one call with all rows of `ys`, of a version that takes them."""
        self.prepare(replace(problem, y=ys[:2]), plain=True)
        try:
            fits = len(self.run_many())
        except ValueError as error:
            raise Unsupported("this version of trustfit fits one curve a call.") from error
        if fits != len(ys[:2]):
            raise Unsupported("this version of trustfit takes the rows of `ydata` for one curve.")
        self.prepare(replace(problem, y=ys), plain=True)

    def run_many(self) -> "NDArray[Any]":
        """Fit them all and return their parameters, shape (k, n)."""
        import numpy as np

        args, options = self._call
        return np.asarray(self.wait(self._module.curve_fit(*args, **options))[0])

    def _driver(self) -> ModuleType | None:
        """Return the module of the loop on the host that the prepared call runs; None if none."""
        self.import_solver()
        if self.has_stepped_driver() and not self._stepped:
            return None
        known = (one for one in (_STEPPED, _BEFORE_IT) if has_module(self.module_name, one))
        module = next(known, None)
        return None if module is None else import_or_explain(module, self.install)
