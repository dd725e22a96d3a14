"""How often the loop turns a JAX array into a NumPy one, and where."""

import inspect
from collections import Counter
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest
from trustfit import _trf

from .cases import GAUSSIAN, Case, gaussian_residual

CASE = Case(gaussian_residual, (0.3, 2.5, 1.9), GAUSSIAN)


@pytest.mark.parametrize("bounds", [(-np.inf, np.inf), ([0, 0, 0], [5, 3, 2])], ids=["free", "box"])
def test_arrays_leave_the_device_only_for_decisions(bounds: Any, monkeypatch: pytest.MonkeyPatch):
    """Every conversion is a `device_get` of the driver: one a trial step, one an accepted one."""
    calls: Counter[str] = Counter()
    device_get = jax.device_get

    def transfer(arrays: Any) -> Any:
        frame = inspect.currentframe()
        assert frame is not None
        assert frame.f_back is not None
        calls[f"{frame.f_back.f_code.co_name}, {len(jax.tree.leaves(arrays))} arrays"] += 1
        return device_get(arrays)

    def array(value: Any, *args: Any, **kwargs: Any) -> Any:
        assert not isinstance(value, jax.Array)
        return np.array(value, *args, **kwargs)

    monkeypatch.setattr(jax, "device_get", transfer)
    monkeypatch.setattr(_trf, "np", SimpleNamespace(**{**vars(np), "array": array}))
    result = CASE.ours(bounds=bounds)
    assert calls == {
        "minimize, 3 arrays": 1,
        "inner_loop, 2 arrays": result.nfev - 1,
        "minimize, 1 arrays": result.njev - 1,
        "minimize, 4 arrays": 1,
    }
