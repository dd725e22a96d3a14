"""Tests of the memory that a large fit takes."""

import subprocess
import sys
from pathlib import Path

import pytest

_PROGRAM = """
import re
from pathlib import Path
import jax.numpy as jnp, numpy as np, trustfit

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

f = lambda x, a, b: a * jnp.exp(-b * x)
def data(m):
    x = np.linspace(0.0, 1.0, m)
    return x, 1.3 * np.exp(-0.7 * x) + 0.01 * np.cos(37.0 * np.arange(m))

trustfit.curve_fit(f, *data(1000), driver="compiled")
x, y = data(1_000_000)
Path("/proc/self/clear_refs").write_text("5")
before = peak()
trustfit.curve_fit(f, x, y, driver="compiled")
print(peak() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="reads Linux's /proc")
def test_a_fit_of_a_million_points_takes_little_memory():
    command = [sys.executable, "-c", _PROGRAM]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert float(done.stdout) < 64
