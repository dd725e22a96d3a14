"""How often the loop turns a JAX array into a NumPy one, and where."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jitscope.conversions import ConversionRecorder

from .cases import GAUSSIAN, Case, gaussian_residual

CASE = Case(gaussian_residual, (0.3, 2.5, 1.9), GAUSSIAN)
free_and_box = pytest.mark.parametrize(
    "bounds", [(-np.inf, np.inf), ([0, 0, 0], [5, 3, 2])], ids=["free", "box"]
)


def found_by(recorder: ConversionRecorder) -> Counter[tuple[str, str, str]]:
    """Count the arrays that became NumPy's by file, function and kind of conversion."""
    found: Counter[tuple[str, str, str]] = Counter()
    for site in recorder.sites:
        if site.direction == "to_host":
            found[Path(site.file).name, site.function.split(".")[-1], site.kind] += site.count
    return found


@free_and_box
def test_arrays_leave_the_fused_solve_once(bounds: Any):
    """The packed state, residuals and Jacobian: however many iterations there were."""
    CASE.ours(bounds=bounds)  # lowering converts constants, once
    with ConversionRecorder() as recorder:
        result = CASE.ours(bounds=bounds)
    assert result.nfev > 5
    assert found_by(recorder) == {
        ("_model.py", "_run", "numpy"): 1,
        ("_model.py", "_evaluate", "numpy"): 2,
    }


@free_and_box
def test_arrays_enter_the_fused_solve_once(bounds: Any):
    """As many arguments, whether two evaluations are made or all."""
    entered: list[int] = []
    for max_nfev in (2, None):
        CASE.ours(bounds=bounds, max_nfev=max_nfev)
        with ConversionRecorder() as recorder:
            CASE.ours(bounds=bounds, max_nfev=max_nfev)
        entered.append(sum(s.count for s in recorder.sites if s.direction == "to_device"))
    assert entered[0] == entered[1] > 0


@free_and_box
def test_arrays_leave_a_stepped_solve_once_an_evaluation(bounds: Any):
    """Residuals and Jacobian, and no `float()`, `bool()` or the like, which would wait again."""
    options: dict[str, Any] = {"bounds": bounds, "callback": lambda x: None}
    CASE.ours(**options)
    with ConversionRecorder() as recorder:
        result = CASE.ours(**options)
    assert found_by(recorder) == {("_model.py", "_evaluate", "numpy"): 2 * result.nfev}
