"""SciPy's `curve_fit` with MINPACK's Levenberg-Marquardt: its default where there are no bounds."""

from types import MappingProxyType

from jitscope.adapters import TrSolver
from jitscope.adapters._shared import Opaque
from jitscope.adapters.scipy import Solver as SciPy
from jitscope.errors import UserError
from jitscope.problems import Problem


class Solver(SciPy):
    """The user's own call: ``method='lm'``, finite differences, a model in NumPy."""

    name = "scipy_lm"
    options = MappingProxyType({"method": "lm"})

    def prepare(
        self,
        problem: Problem,
        *,
        tr_solver: TrSolver = "exact",
        new_function: bool = False,
        stepped: bool = False,
        plain: bool = False,
    ) -> None:
        """Build the call, of a problem without bounds."""
        if problem.bounds is not None or tr_solver != "exact":
            raise UserError("scipy_lm takes neither bounds nor `tr_solver`; measure scipy instead.")
        super().prepare(problem, new_function=new_function, stepped=stepped, plain=plain)

    def evaluations(self) -> tuple[int, int]:
        """Refuse: MINPACK counts no Jacobians."""
        return Opaque.evaluations(self)
