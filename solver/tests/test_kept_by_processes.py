"""Programs on disk, between processes of their own."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

IN_A_PROCESS = """
import jax, jax.numpy as jnp, numpy as np, sys, trustfit
lowered = []
jax.monitoring.register_event_duration_secs_listener(
    lambda event, *_, **about: event.endswith("to_mlir_module_duration") and lowered.append(about)
)
x = np.linspace(0, 4, 200)
y = 2.5 * np.exp(-1.3 * x) + 0.01 * np.sin(50 * x)
def model(x, a, k):
    return a * jnp.exp(-k * x)
def fit(driver):
    return trustfit.curve_fit(model, x, y, p0=(1, 1), driver=driver, full_output=True)[:3:2]
"""
COMPILED = "p, info = fit('compiled')\nprint(p.tobytes().hex(), len(lowered))"
FOUND_BY_JAX = """
jax.config.update("jax_compilation_cache_dir", {!r})
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
"""
AUTO = """
ways = []
for _ in range(3):
    p, info = fit('auto')
    assert trustfit.wait_until_compiled(120)
    ways.append(info["driver"])
print(p.tobytes().hex(), len(lowered), *ways)
"""


def start(code: str, folder: Path) -> "subprocess.Popen[str]":
    program = textwrap.dedent(IN_A_PROCESS) + code
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", program],
        env=os.environ | {"TRUSTFIT_CACHE": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: "subprocess.Popen[str]") -> list[str]:
    out, err = process.communicate(timeout=240)
    assert (process.returncode, err) == (0, "")
    return out.split()


@pytest.mark.slow
def test_many_processes_at_once_share_their_programs(tmp_path: Path):
    folder = tmp_path / "programs"
    first = [ended(one) for one in [start(COMPILED, folder) for _ in range(3)]]
    assert len({found[0] for found in first}) == 1
    files = {path.name for path in folder.iterdir()}
    assert len(files) == 2  # the solve, and the rows at its end
    assert all(name.endswith(".program") for name in files)
    for code in (COMPILED, AUTO):
        found = ended(start(code, folder))
        assert found[0] == first[0][0]
        assert found[1] == "0"
        ways = found[2:]  # the second fit may be overtaken
        assert not ways or (ways[0], ways[-1]) == ("numpy", "compiled")
    assert {path.name for path in folder.iterdir()} == files


@pytest.mark.slow
def test_what_jax_has_read_from_its_own_cache_is_not_written(tmp_path: Path):
    code = FOUND_BY_JAX.format(str(tmp_path / "jax")) + COMPILED
    folders = [tmp_path / "one", tmp_path / "another"]
    first, second, third = [ended(start(code, folders[i])) for i in (0, 1, 1)]
    assert len(list(folders[0].iterdir())) == 2
    assert not folders[1].exists()
    assert first == second == third  # lowered once, each
