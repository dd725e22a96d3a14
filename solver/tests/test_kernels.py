"""Tests that models of every kind can be part of a kernel, or are known not to be."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
import trustfit
from trustfit import _chunks as chunks
from trustfit import _model

from .kernel_models.groups import GROUPS

_HERE = str(Path(__file__).parent)


def run(*groups: str) -> None:
    command = [sys.executable, "-m", "kernel_models", *groups]
    path = os.pathsep.join([_HERE, *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "PYTHONPATH": path},
    )
    lines = done.stdout.splitlines()
    failed = [line for line in lines if line.startswith("FAILED")]
    assert done.returncode == 0, "\n".join([*failed, *lines[-1:], done.stderr[-2000:]])


def test_data_that_make_no_difference():
    run("shapes:dead", "shapes:no x", "shapes:empty clip", "structure:where constant")


@pytest.mark.parametrize(
    "model",
    [lambda x, a, b: a * x + b, lambda x, a, b, c: a * jnp.exp(-b * x) + c],
    ids=["line", "exponential"],
)
def test_a_fit_of_a_curve_is_one_kernel(model: Callable[..., Any], monkeypatch: pytest.MonkeyPatch):
    """However JAX takes its parameters apart: by slices, or since 0.12 by `unstack`."""
    layouts: list[chunks.Bucket] = []

    def noted(*arguments: Any) -> chunks.Bucket:
        layouts.append(chunks.bucket_for(*arguments))
        return layouts[-1]

    monkeypatch.setattr(_model, "bucket_for", noted)
    x = np.linspace(0.0, 1.0, 100)
    trustfit.curve_fit(model, x, np.exp(-x), driver="compiled")
    assert layouts
    assert all(one.kernel for one in layouts)


@pytest.mark.slow
@pytest.mark.parametrize("group", GROUPS)
def test_models_are_fitted_as_scipy_fits_them(group: str):
    run(group)
