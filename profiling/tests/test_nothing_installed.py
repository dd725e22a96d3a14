"""With nothing recording, no hook is installed: before, after, and after an exception."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jitscope.fresh import child_environment
from jitscope.recording import PASSES

HOOKS = Path(__file__).with_name("hooks.py")
IN_JAX = ("ArrayImpl._value", "buffer slot", "jax._src.pjit._get_fastpath_data", "listeners")
# What each pass must be seen to hook meanwhile: else the test would be blind to it.
HOOKED = {
    "phases": (*IN_JAX, "jax._src.pjit._infer_params", "ExecuteReplicated.__call__"),
    "light": ("listeners",),
    "conversions": IN_JAX,
    "budget": IN_JAX,
    "counters": ("ArrayImpl.block_until_ready", "ArrayImpl._value", "listeners"),
    "device": ("listeners",),
    "lines": ("sys trace",) if sys.version_info < (3, 12) else ("monitoring tool 2",),
    "cprofile": ("sys profile",) if sys.version_info < (3, 12) else ("monitoring tool 2",),
}


def last_line(folder: Path, *command: str) -> Any:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,  # the cprofile pass writes a file
        env=child_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(name="found", scope="module")
def in_a_fresh_process(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return last_line(tmp_path_factory.mktemp("hooks"), str(HOOKS))


def test_all_passes_are_here():
    assert {*PASSES, "light", "budget"} == set(HOOKED)


def test_importing_installs_nothing(found: Any):
    assert found["imported"] == []


@pytest.mark.parametrize("name", HOOKED)
def test_a_pass_takes_all_that_it_installed_away(found: Any, name: str):
    assert set(HOOKED[name]) <= set(found[name]["during"])
    assert found[name]["after"] == []
    assert found[name]["raised"] == []


@pytest.mark.parametrize("name", HOOKED)
def test_calls_are_back_on_the_fast_path(found: Any, name: str):
    assert found[name]["fast path"]


@pytest.mark.parametrize("ending", ["pass", "raise KeyError"])
def test_a_program_without_jax_is_left_as_it_was(tmp_path: Path, ending: str):
    script = f"""
import json, sys
from jitscope.inprocess import record
before = list(sys.meta_path)
try:
    with record():
        during = len(sys.meta_path)
        {ending}
except KeyError:
    pass
mine = [type(one).__name__ for one in sys.meta_path if type(one).__module__[:8] == "jitscope"]
print(json.dumps([during - len(before), mine, "jax" in sys.modules]))
"""
    assert last_line(tmp_path, "-c", script) == [1, [], False]
