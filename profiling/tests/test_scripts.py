"""The scripts that the docs quote run, and print what is quoted."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"


@pytest.mark.slow
def test_tracing_is_told_apart_from_the_rest_of_first_fits():
    command = [sys.executable, str(SCRIPTS / "profile_tracing.py"), "--processes", "1"]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = re.findall(r"a (\w+)\(-b x\) \+ c +│ +([\d.]+) │ .*? │ +([\d.]+) │", out)
    assert [name for name, _, _ in rows] == ["exp", "sin", "tanh", "arctan", "cos"]
    assert all(float(tracing) > 0 < float(other) for _, tracing, other in rows)
    assert "jax/_src/core.py" in out
    (equations, calls) = re.findall(
        r"have (\d+) equations; tracing them makes ([\d,]+) calls", out
    )[0]
    assert int(equations) > 10 < int(calls.replace(",", ""))
