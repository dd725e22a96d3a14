"""`jitscope run` on whole programs, each in processes of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jitscope
import pytest
from jitscope.errors import UserError
from jitscope.observing import empty_recording
from jitscope.recording import PASSES
from jitscope.recordings import load_recording, save_recording

ROOT = Path(__file__).parents[2]
JAX = "import jax\nprint(float(jax.jit(lambda x: x + 1)(2.0)))\n"


def command(folder: Path, *arguments: str) -> list[str]:
    options = ["--no-report", "-o", str(folder / "out.json")]
    return [sys.executable, "-m", "jitscope.cli", "run", *options, *arguments]


def run(folder: Path, source: str, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "program.py").write_text(source)
    line = command(folder, *options, "program.py", "a", "--b")
    return subprocess.run(line, cwd=folder, capture_output=True, text=True, timeout=120)


def test_phases_of_a_script_add_up_and_contain_its_import_of_jax(tmp_path: Path) -> None:
    done = run(tmp_path, JAX)
    (phases,) = load_recording(tmp_path / "out.json").phases
    assert (done.returncode, done.stdout) == (0, "3.0\n")
    assert sum(ns or 0 for ns in phases.phases_ns.values()) == phases.wall_ns
    assert (phases.phases_ns["import"] or 0) > 0
    assert (phases.phases_ns["backend"] or 0) > 0
    assert phases.unobserved_wall_ns is None


def test_a_script_sees_what_python_would_show_it(tmp_path: Path) -> None:
    source = "import sys\nprint(sys.argv, __name__, __file__, sys.path[0])\n"
    done = run(tmp_path, source)
    python = [sys.executable, "program.py", "a", "--b"]
    assert done.stdout == subprocess.check_output(python, cwd=tmp_path, text=True)


@pytest.mark.parametrize("name", [*PASSES, "phases,conversions"])
def test_what_a_program_imports_is_not_there_before_it(tmp_path: Path, name: str) -> None:
    # Else its import would cost the recorded program less than it costs without a recorder.
    source = "import sys\nprint(*sorted({'jax', 'numpy', 'scipy', 'pandas'} & set(sys.modules)))\n"
    done = run(tmp_path, source, "--passes", name)
    early = {"conversions", "counters", "device"} & {*name.split(",")}
    wanted = [""] * (1 + 2 * ("," in name))
    if early:
        wanted[-1] = "jax numpy"
    assert done.stdout.splitlines() == wanted


@pytest.mark.parametrize(
    ("ending", "code"), [("sys.exit(3)", 3), ("sys.exit()", 0), ("sys.exit('no')", 1), ("", 0)]
)
def test_the_exit_code_is_the_scripts(tmp_path: Path, ending: str, code: int) -> None:
    assert run(tmp_path, f"import sys\n{ending}\n").returncode == code


def test_an_exception_is_shown_without_frames_of_jitscope(tmp_path: Path) -> None:
    done = run(tmp_path, "def f():\n    raise ValueError('no data')\nf()\n")
    assert done.returncode == 1
    assert "child.py" not in done.stderr
    assert "in f" in done.stderr
    assert load_recording(tmp_path / "out.json").exception == "ValueError: no data"


def test_ctrl_c_still_writes_what_was_recorded(tmp_path: Path) -> None:
    source = "import time\nopen('started', 'w').close()\ntime.sleep(60)\n"
    (tmp_path / "program.py").write_text(source)
    line = command(tmp_path, "program.py")
    # Where tests run in the background, interrupts are ignored, and children inherit that.
    heeding = (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); "
        "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    )
    line = [sys.executable, "-c", heeding, *line[1:]]
    process = subprocess.Popen(line, cwd=tmp_path, start_new_session=True, stderr=subprocess.PIPE)
    while not (tmp_path / "started").exists():
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert load_recording(tmp_path / "out.json").exception == "KeyboardInterrupt"


def test_lines_of_the_script_are_followed_to_nested_functions(tmp_path: Path) -> None:
    source = "def f():\n    def g():\n        return 1\n    return g()\nfor _ in range(5): f()\n"
    done = run(tmp_path, source, "--passes", "lines")
    lines = load_recording(tmp_path / "out.json").lines
    assert done.returncode == 0
    assert lines is not None
    assert {line.line: line.hits for line in lines}[3] == 5
    assert (tmp_path / "out.lprof").is_file()


def test_a_module_runs_with_its_relative_imports(tmp_path: Path) -> None:
    package = tmp_path / "pkg"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "other.py").write_text("VALUE = 7\n")
    (package / "__main__.py").write_text("from .other import VALUE\nprint(VALUE)\n")
    line = command(tmp_path, "-m", "pkg")
    assert subprocess.check_output(line, cwd=tmp_path, text=True, timeout=60) == "7\n"


def test_a_pass_without_a_recording_says_why(tmp_path: Path) -> None:
    done = run(tmp_path, "import os\nos._exit(5)\n")
    assert done.returncode == 5
    assert "exit code 5" in load_recording(tmp_path / "out.json").failures["phases"]


@pytest.mark.parametrize("text", ['{"schema_version": 1, ', '{"schema_version": 99}', "[]"])
def test_a_broken_or_newer_file_names_itself(tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken.json"
    path.write_text(text)
    with pytest.raises(UserError, match=r"broken\.json"):
        load_recording(path)


def test_a_recording_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    recording = empty_recording(("a.py",))
    save_recording(recording, tmp_path / "r.json")
    assert load_recording(tmp_path / "r.json") == recording


def test_a_block_passes_its_exception_through_and_leaves_no_hook(
    hook_state: Callable[[], dict[str, Any]],
) -> None:
    before = hook_state()
    session = jitscope.record()
    with pytest.raises(ZeroDivisionError), session:
        _ = 1 / 0
    assert hook_state() == before
    assert session.recording.exception == "ZeroDivisionError: division by zero"


def test_nested_blocks_are_refused() -> None:
    with (
        jitscope.record(),
        pytest.raises(RuntimeError, match="active already"),
        jitscope.record("counters"),
    ):
        pass


def test_a_missing_script_is_refused_before_anything_runs(tmp_path: Path) -> None:
    line = command(tmp_path, "absent.py")
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith("jitscope: absent.py is no file")


def test_several_passes_are_announced_before_they_start(tmp_path: Path) -> None:
    done = run(tmp_path, JAX, "--passes", "phases,conversions,counters,cprofile")
    recording = load_recording(tmp_path / "out.json")
    assert done.stderr.startswith("jitscope: the script will run 5 times")
    assert recording.conversions
    assert recording.counters is not None
    assert recording.phases[0].unobserved_wall_ns is not None
    assert (tmp_path / "out.prof").is_file()
    assert "cProfile of out" in (tmp_path / "out.prof.html").read_text(encoding="utf-8")


def test_importing_jitscope_imports_neither_jax_nor_numpy() -> None:
    code = "import jitscope, sys; assert not {'jax', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_files_that_cannot_be_written_are_refused_before_anything_runs(tmp_path: Path) -> None:
    done = run(tmp_path, "print('ran')", "--html", str(tmp_path / "absent" / "x.html"))
    assert done.returncode == 2
    assert "there is no folder" in done.stderr
    assert done.stdout == ""
    done = run(tmp_path, "print('ran')", "--passes", "lines", "--speedscope", "x.json")
    assert done.returncode == 2
    assert "add it to --passes" in done.stderr


def test_the_report_follows_the_scripts_own_output(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(JAX)
    page, timeline = tmp_path / "x.html", tmp_path / "x.speedscope.json"
    files = ["-o", str(tmp_path / "out.json"), "--html", str(page), "--speedscope", str(timeline)]
    line = [sys.executable, "-m", "jitscope.cli", "run", *files, "program.py"]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.stdout == "3.0\n"
    assert "jit(<lambda>)" in done.stderr
    assert "program.py:2" in done.stderr
    assert "Recording costs" in done.stderr
    assert "jit(&lt;lambda&gt;)" in page.read_text(encoding="utf-8")
    assert json.loads(timeline.read_text())["profiles"]


def test_threads_and_coroutines_of_a_script(tmp_path: Path) -> None:
    source = (
        "import asyncio, threading, jax\n"
        "def work(): jax.jit(lambda x: x * 3)(1.0)\n"
        "async def main(): await asyncio.sleep(0); jax.jit(lambda x: x * 5)(1.0)\n"
        "thread = threading.Thread(target=work, name='worker-9')\n"
        "thread.start(); thread.join()\n"
        "asyncio.run(main())\n"
    )
    run(tmp_path, source)
    (phases,) = load_recording(tmp_path / "out.json").phases
    assert [thread.name for thread in phases.threads] == ["worker-9"]
    assert [one.cause for one in phases.requests] == ["first call"]
