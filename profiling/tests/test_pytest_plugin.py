"""The pytest plugin, in test suites of its own: each runs in a fresh interpreter."""

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

HEADER = """
import jax
import jax.numpy as jnp
import numpy as np
import pytest

@jax.jit
def double(x):
    return 2 * x

HOST = np.ones(3)
"""

RunSuite = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run_suite(tmp_path: Path) -> RunSuite:
    """Return a function that runs the code of a test module under pytest, with the plugin."""

    def run(code: str, *options: str, header: str = HEADER) -> "subprocess.CompletedProcess[str]":
        (tmp_path / "test_it.py").write_text(header + code, encoding="utf-8")
        (tmp_path / "pytest.ini").write_text(
            "[pytest]\naddopts = --strict-markers -ra\nfilterwarnings = error\n", encoding="utf-8"
        )
        command = [sys.executable, "-m", "pytest", "-p", "jitscope.pytest_plugin"]
        command += ["-p", "no:cacheprovider", *options]
        return subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, check=False, env=os.environ
        )

    return run


def line_of(code: str, marker: str) -> int:
    """Return the line of the module that holds `marker`."""
    lines = (HEADER + code).splitlines()
    return next(number for number, line in enumerate(lines, 1) if marker in line)


def test_a_test_within_its_budget_passes_and_one_beyond_fails_with_the_lines(run_suite: RunSuite):
    code = """
@pytest.mark.jit_budget(compiles=1, conversions=2)
def test_within():
    assert np.asarray(double(HOST))[0] == 2

@pytest.mark.jit_budget(compiles=0, conversions=2, to_host=2)
def test_beyond():
    y = jnp.asarray(HOST)
    total = double(y[:2])  # COMPILES
    for _ in range(3):
        float(total[0])  # CONVERTS
"""
    done = run_suite(code)
    assert "1 failed, 1 passed" in done.stdout
    converts, compiles = line_of(code, "# CONVERTS"), line_of(code, "# COMPILES")
    out = done.stdout
    assert "conversions, 2 allowed:" in out
    assert "jit_budget: 3 to_host, 2 allowed:" in out
    assert f"test_it.py:{converts} test_beyond: float(), conversion to the host, 3x" in out
    assert f"test_it.py:{compiles} test_beyond: jit(double), compile, 1x" in out
    assert "Traceback" not in out


def test_a_test_that_ends_by_itself_keeps_its_outcome(run_suite: RunSuite):
    done = run_suite("""
budget = pytest.mark.jit_budget(conversions=0)

@budget
def test_fails():
    float(jnp.float32(1))
    assert "own" == "reason"

@budget
def test_skips():
    float(jnp.float32(1))
    pytest.skip("own skip")

@budget
@pytest.mark.xfail(strict=True)
def test_is_expected_to_exceed():
    float(jnp.float32(1))

@budget
@pytest.mark.xfail(run=False)
def test_does_not_run():
    raise SystemExit
""")
    assert "1 failed, 1 skipped, 2 xfailed" in done.stdout
    assert "own skip" in done.stdout
    assert "assert 'own' == 'reason'" in done.stdout
    assert "jit_budget:" not in done.stdout.partition("short test summary")[0]


def test_classes_parameters_fixtures_and_unittest(run_suite: RunSuite):
    done = run_suite("""
import unittest

@pytest.fixture
def array():
    return jnp.asarray(HOST)  # of no test's budget

@pytest.mark.jit_budget(to_host=0, to_device=0)
class TestClass:
    def test_inherits(self, array):
        pass

    @pytest.mark.jit_budget(to_host=2)
    @pytest.mark.parametrize("count", [1, 2, 3])
    def test_overrides(self, array, count):
        for _ in range(count):
            np.asarray(array)

class TestOld(unittest.TestCase):
    @pytest.mark.jit_budget(to_host=0)
    def test_exceeds(self):
        np.asarray(jnp.arange(3))

    @pytest.mark.jit_budget(to_host=0)
    def test_fails(self):
        np.asarray(jnp.arange(3))
        self.assertEqual("own", "reason")
""")
    assert "3 failed, 3 passed" in done.stdout
    assert "TestClass::test_overrides[3]" in done.stdout
    assert "AssertionError: 'own' != 'reason'" in done.stdout
    assert done.stdout.count("jit_budget: 3 to_host, 2 allowed:") >= 1


def test_the_fixture_counts_parts_of_a_test(run_suite: RunSuite):
    code = """
def test_parts(jitscope):
    with jitscope.record() as first:
        y = double(HOST)
        with pytest.raises(RuntimeError, match="has ended"):
            first.compiles
    with jitscope.record() as again:
        y = double(HOST)
        with jitscope.record() as inner:
            values = y.tolist()  # CONVERTS
    assert (first.compiles, first.traces, first.to_device) == (1, 1, 1)
    assert (again.compiles, again.traces, again.to_device, again.to_host) == (0, 0, 1, 1)
    assert inner.conversions == 1
    (site,) = inner.sites
    assert (site.kind, site.count, site.line) == ("tolist()", 1, LINE)
    assert site.file == __file__

@pytest.mark.jit_budget(conversions=3)
def test_inside_of_a_budget(jitscope):
    y = double(HOST)
    with jitscope.record() as counted:
        np.asarray(y)
        y.tolist()
    assert counted.conversions == 2

@pytest.mark.jit_budget(to_host=1)
def test_recorded_parts_belong_to_the_budget(jitscope):
    with jitscope.record():
        np.asarray(jnp.arange(4))
    np.asarray(double(HOST))
"""
    line = line_of(code, "# CONVERTS")
    done = run_suite(code.replace("LINE", str(line)), "--disable-warnings")
    assert "1 failed, 2 passed" in done.stdout, done.stdout
    assert "jit_budget: 2 to_host, 1 allowed:" in done.stdout


@pytest.mark.parametrize(
    ("marker", "sentence"),
    [
        ("conversion=1", "limits compiles, traces, conversions, to_host, to_device; got"),
        ("compiles=-1", "whole numbers from 0 on; got compiles=-1"),
        ("compiles=True", "whole numbers from 0 on; got compiles=True"),
        ("compiles='2'", "whole numbers from 0 on; got compiles='2'"),
        ("1", "takes keywords such as compiles=1"),
        ("", "takes keywords such as compiles=1"),
    ],
)
def test_a_budget_without_meaning_is_a_usage_error(run_suite: RunSuite, marker: str, sentence: str):
    done = run_suite(
        f"import pytest\n@pytest.mark.jit_budget({marker})\ndef test_it(): pass\n", header=""
    )
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert sentence in done.stderr
    assert "test_it.py::test_it" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_workers_of_xdist_count_too(run_suite: RunSuite):
    done = run_suite(
        """
@pytest.mark.jit_budget(to_host=1)
@pytest.mark.parametrize("count", [1, 2])
def test_it(count):
    for _ in range(count):
        np.asarray(double(HOST))
""",
        "-n2",
    )
    assert "1 failed, 1 passed" in done.stdout
    assert "jit_budget: 2 to_host, 1 allowed:" in done.stdout


def test_a_mistaken_budget_is_named_by_workers_too(run_suite: RunSuite):
    code = "import pytest\n@pytest.mark.jit_budget(conversion=1)\ndef test_it(): pass\n"
    done = run_suite(code, "-n2", header="")
    assert done.returncode != 0
    assert "`jit_budget` limits compiles" in done.stdout + done.stderr


def test_jax_is_imported_by_tests_that_use_it_alone(run_suite: RunSuite):
    done = run_suite(
        """
import sys
import pytest

def test_without(request):
    assert not {"jax", "jitscope.budget"} & set(sys.modules)

def test_the_fixture_alone(jitscope):
    assert "jax" not in sys.modules

@pytest.mark.jit_budget(compiles=0)
def test_with():
    assert "jax" in sys.modules
""",
        header="",
    )
    assert "3 passed" in done.stdout, done.stdout


def test_an_installed_plugin_may_be_named_on_the_command_line_as_well(
    run_suite: RunSuite, tmp_path: Path
):
    with (Path(__file__).parents[1] / "pyproject.toml").open("rb") as file:
        points = tomllib.load(file)["project"]["entry-points"]["pytest11"]
    folder = tmp_path / "jitscope_again-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Name: jitscope-again\nVersion: 1\n", encoding="utf-8")
    lines = [f"{name} = {module}" for name, module in points.items()]
    (folder / "entry_points.txt").write_text("[pytest11]\n" + "\n".join(lines), encoding="utf-8")
    done = run_suite("def test_it(jitscope): pass\n", header="")
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    assert "jitscope-again-1" in done.stdout


def test_no_hook_is_left_in_jax_after_any_outcome(run_suite: RunSuite):
    done = run_suite("""
from jax._src import monitoring, pjit
from jax._src.array import ArrayImpl

BEFORE = (vars(ArrayImpl)["_value"], pjit._get_fastpath_data, monitoring.get_event_listeners())

@pytest.mark.jit_budget(compiles=0)
def test_exceeds():
    assert pjit._get_fastpath_data is not BEFORE[1]
    double(HOST)

@pytest.mark.jit_budget(compiles=0)
def test_raises():
    raise ValueError("own")

def test_after():
    after = (vars(ArrayImpl)["_value"], pjit._get_fastpath_data, monitoring.get_event_listeners())
    assert after == BEFORE
""")
    assert "2 failed, 1 passed" in done.stdout, done.stdout
