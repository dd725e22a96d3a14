"""Tests that models of every kind can be part of a kernel, or are known not to be."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.slow
@pytest.mark.parametrize("group", GROUPS)
def test_models_are_fitted_as_scipy_fits_them(group: str):
    run(group)
