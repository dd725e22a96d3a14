"""What `pip install ./profiling` brings: recordings need nothing of the extra `report`."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from jitscope.cli import OF_REPORTS

Command = Callable[..., subprocess.CompletedProcess[str]]

BLOCKER = f"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {OF_REPORTS}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
"""
PROGRAM = """
import jax
import numpy as np

print(float(jax.jit(lambda x: (x * x).sum())(np.arange(4.0))))
"""


@pytest.fixture
def jitscope(tmp_path: Path) -> Command:
    """Run a command where the extra is not installed."""
    (tmp_path / "absent").mkdir()
    (tmp_path / "absent" / "sitecustomize.py").write_text(BLOCKER, encoding="utf-8")
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    path = os.pathsep.join(filter(None, [str(tmp_path / "absent"), os.environ.get("PYTHONPATH")]))

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "jitscope", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_a_program_is_recorded_shown_and_compared(jitscope: Command, tmp_path: Path):
    passes = ("--passes", "phases,conversions,lines,device,cprofile")
    for name in ("a", "b"):
        done = jitscope(
            "run", *passes, "--json", f"{name}.json", "--html", f"{name}.html", "program.py"
        )
        assert done.returncode == 0, done.stderr
        assert "14.0" in done.stdout
        assert (tmp_path / f"{name}.html").stat().st_size > 10_000
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))["phases"]
    for command in (("show", "a.json"), ("compare", "a.json", "b.json"), ("schema",)):
        done = jitscope(*command)
        assert done.returncode == 0, done.stderr
        assert done.stdout


@pytest.mark.parametrize("command", ["html", "export"])
def test_what_needs_the_extra_says_so_in_a_sentence(jitscope: Command, command: str):
    done = jitscope("--root", str(Path(__file__).parents[2]), command)
    assert done.returncode == 2, done.stderr
    assert done.stderr.strip().endswith("run `pip install 'jitscope[report]'`.")
    assert len(done.stderr.strip().splitlines()) == 1
