"""`%%jitscope` records a cell that runs once, and stays out of the way of everything else."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("IPython")

from IPython.core.interactiveshell import InteractiveShell
from jitscope.inprocess import is_recording
from jitscope.recordings import load_recording
from traitlets.config import Config

CELL = """import jax
runs = globals().get("runs", 0) + 1
answer = jax.jit(lambda x: 2 * x)(3.0)
if answer > 5:
    big = True
"""


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.chdir(tmp_path)
    config = Config()
    config.HistoryManager.enabled = False
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=config, colors="nocolor")
    shell.run_line_magic("load_ext", "jitscope")
    yield shell
    InteractiveShell.clear_instance()


def run(shell: InteractiveShell, line: str, cell: str = CELL) -> object:
    return shell.run_cell(f"%%jitscope {line}\n{cell}")


def test_a_cell_runs_once_and_its_names_stay(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
):
    run(shell, "--into session --save kept.json --html page.html")
    told = capsys.readouterr().out
    assert "Recorded once" in told
    assert "jit(<lambda>)" in told
    assert shell.user_ns["runs"] == 1
    assert shell.user_ns["big"] is True
    recording = shell.user_ns["session"].recording
    (run_,) = recording.phases
    assert sum(ns or 0 for ns in run_.phases_ns.values()) == run_.wall_ns
    assert load_recording(Path("kept.json")) == recording
    assert "jit(&lt;lambda&gt;)" in Path("page.html").read_text(encoding="utf-8")


def test_conversions_are_found_in_the_cell(shell: InteractiveShell):
    run(shell, "conversions --into session")
    sites = shell.user_ns["session"].recording.conversions
    lines = {(site.kind, site.line) for site in sites}
    # The line below the magic is the first one.
    assert {("jit argument", 3), ("bool()", 4)} <= lines


def test_lines_of_a_function_of_an_earlier_cell(shell: InteractiveShell):
    shell.run_cell("def loop(n):\n    for i in range(n):\n        pass\n")
    run(shell, "lines --function loop --into session", "loop(7)\n")
    hits = {one.line: one.hits for one in shell.user_ns["session"].recording.lines}
    assert hits == {2: 8, 3: 7}


def test_an_exception_is_shown_once_and_recorded(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
):
    run(shell, "--into session", "1 / 0\n")
    told = capsys.readouterr().out
    assert told.count("ZeroDivisionError: division by zero") == 2  # IPython's, and the report's
    assert shell.user_ns["session"].recording.exception == "ZeroDivisionError: division by zero"
    assert not is_recording()


def test_a_cell_that_is_no_python_has_no_report(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
):
    run(shell, "--into session", "for\n")
    assert "Recorded once" not in capsys.readouterr().out
    assert "session" not in shell.user_ns
    assert not is_recording()


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("nothing", "a pass is one of"),
        ("--into not-a-name", "takes the name of a variable"),
        ("--save absent/x.json", "there is no such folder"),
        ("lines --function absent", "takes functions of earlier cells"),
    ],
)
def test_mistakes_are_a_sentence_before_anything_runs(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str], line: str, sentence: str
):
    run(shell, line)
    assert sentence in capsys.readouterr().err
    assert "runs" not in shell.user_ns


def test_a_cell_within_a_recording_is_refused(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
):
    shell.run_cell("import jitscope\nouter = jitscope.record('cprofile').__enter__()")
    try:
        run(shell, "")
    finally:
        shell.run_cell("outer.__exit__(None, None, None)")
    assert "a recorder is active already" in capsys.readouterr().err
    assert "runs" not in shell.user_ns


def test_only_the_extension_imports_ipython():
    code = (
        "import sys, jitscope.cli, jitscope.inprocess, jitscope.run, jitscope.marks\n"
        "assert 'IPython' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
