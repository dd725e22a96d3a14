"""How often the loop turns a JAX array into a NumPy one, and where."""

import inspect
from collections import Counter
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from jitscope.conversions import ConversionRecorder

from .cases import GAUSSIAN, Case, gaussian_residual

CASE = Case(gaussian_residual, (0.3, 2.5, 1.9), GAUSSIAN)
free_and_box = pytest.mark.parametrize(
    "bounds", [(-np.inf, np.inf), ([0, 0, 0], [5, 3, 2])], ids=["free", "box"]
)


@free_and_box
def test_arrays_leave_the_device_only_for_decisions(bounds: Any, monkeypatch: pytest.MonkeyPatch):
    """The driver calls `device_get` once a trial step and once an accepted one."""
    calls: Counter[str] = Counter()
    device_get = jax.device_get

    def transfer(arrays: Any) -> Any:
        frame = inspect.currentframe()
        assert frame is not None
        assert frame.f_back is not None
        calls[f"{frame.f_back.f_code.co_name}, {len(jax.tree.leaves(arrays))} arrays"] += 1
        return device_get(arrays)

    monkeypatch.setattr(jax, "device_get", transfer)
    result = CASE.ours(bounds=bounds)
    assert calls == {
        "minimize, 3 arrays": 1,
        "inner_loop, 2 arrays": result.nfev - 1,
        "minimize, 1 arrays": result.njev - 1,
        "minimize, 4 arrays": 1,
    }


@free_and_box
def test_there_is_no_other_conversion(bounds: Any):
    """No `float()`, `bool()`, `np.asarray` or the like either, which would wait one by one."""
    CASE.ours(bounds=bounds)  # lowering converts constants, once
    with ConversionRecorder() as recorder:
        result = CASE.ours(bounds=bounds)
    found: Counter[tuple[str, str, str]] = Counter()
    for site in recorder.sites:
        if site.direction == "to_host":
            found[Path(site.file).name, site.function, site.kind] += site.count
    assert found == {
        ("_trf.py", "inner_loop", "device_get"): 2 * (result.nfev - 1),
        ("_trf.py", "minimize", "device_get"): 3 + 4 + result.njev - 1,
    }
