"""Tests that models of every kind can be part of a kernel, or are known not to be."""

import subprocess
import sys
from pathlib import Path

import pytest

from . import kernel_models

_PROGRAM = Path(__file__).with_name("kernel_models.py")


def run(*groups: str) -> None:
    command = [sys.executable, str(_PROGRAM), *groups]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=600)
    lines = done.stdout.splitlines()
    failed = [line for line in lines if line.startswith("FAILED")]
    assert done.returncode == 0, "\n".join([*failed, *lines[-1:], done.stderr[-2000:]])


def test_data_that_make_no_difference():
    run("shapes:dead", "shapes:no x", "shapes:empty clip", "structure:where constant")


@pytest.mark.slow
@pytest.mark.parametrize("group", kernel_models.GROUPS)
def test_models_are_fitted_as_scipy_fits_them(group: str):
    run(group)
