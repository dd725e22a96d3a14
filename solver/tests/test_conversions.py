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
LINES = [
    "cost = np.array(cost_jnp)",
    "g = np.array(g_jnp)",
    "s, V, uf = (np.array(val) for val in triple)",
    "predicted_reduction = np.array(predicted_reduction_jnp)",
    "cost_new = np.array(cost_new_jnp)",
]


@pytest.mark.parametrize("bounds", [(-np.inf, np.inf), ([0, 0, 0], [5, 3, 2])], ids=["free", "box"])
def test_conversions_by_line(bounds: Any, monkeypatch: pytest.MonkeyPatch):
    counts: Counter[int] = Counter()
    outer = 0

    def array(value: Any, *args: Any, **kwargs: Any) -> Any:
        frame = inspect.currentframe()
        assert frame is not None
        assert frame.f_back is not None
        counts[frame.f_back.f_lineno] += isinstance(value, jax.Array)
        return np.array(value, *args, **kwargs)

    factorise = _trf.factorise

    def counted(*args: Any) -> Any:
        nonlocal outer
        outer += 1
        return factorise(*args)

    monkeypatch.setattr(_trf, "np", SimpleNamespace(**{**vars(np), "array": array}))
    monkeypatch.setattr(_trf, "factorise", counted)
    result = CASE.ours(bounds=bounds)
    source = inspect.getsource(_trf).splitlines()
    found = sorted(
        (line, source[line - 1].strip(), count) for line, count in counts.items() if count
    )
    inner, accepted = result.nfev - 1, result.njev - 1
    assert outer >= accepted > 0
    first, triple, predicted, new = LINES[1], LINES[2], LINES[3], LINES[4]
    expected = Counter({(LINES[0], 1): 1, (first, 1): 1, (triple, 3 * outer): 1})
    expected.update({(predicted, inner): 1, (new, inner): 1, (first, accepted): 1})
    assert Counter((text, count) for _, text, count in found) == expected
