"""HEAD measured quickly: what is said of failures, and what an interrupt stops."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jitscope import asv_results, bench
from jitscope.errors import UserError

from .fake_asv import COUNTED, COUNTED_ROW, FAILED_ROW, TIMED, FakeAsv, git, row


class TestBench:
    def fake_run(
        self,
        monkeypatch: pytest.MonkeyPatch,
        code: int,
        measure: Callable[[], None] = lambda: None,
    ) -> list[list[str]]:
        commands: list[list[str]] = []

        class FakeProcess:
            def __init__(self, command: list[str], **_: Any) -> None:
                commands.append(command)

            def __enter__(self) -> "FakeProcess":
                return self

            def __exit__(self, *_: object) -> None:
                pass

            def wait(self, timeout: float) -> int:
                measure()
                return code

        real = subprocess.Popen
        monkeypatch.setattr(
            bench.subprocess,
            "Popen",
            lambda command, **options: (FakeProcess if "asv" in command else real)(
                command, **options
            ),
        )
        return commands

    def test_measures_head(self, project: Path, monkeypatch: pytest.MonkeyPatch):
        head = git(project, "rev-parse", "HEAD")
        FakeAsv(project).write(head, {TIMED: row([0.1])})
        commands = self.fake_run(monkeypatch, 0)
        found = bench.run_bench(project)
        assert (found.commit, found.machine, found.uncommitted) == (head, "box", False)
        (command,) = commands
        assert command[2:] == [
            *("asv", "run", "--machine", "box", "--quick", "--append-samples"),
            *("--show-stderr", f"{head}^!"),
        ]
        (project / "solver/trustfit/__init__.py").write_text("changed")
        assert bench.run_bench(project).uncommitted

    def test_failed_benchmarks_are_named(self, project: Path, monkeypatch: pytest.MonkeyPatch):
        head = git(project, "rev-parse", "HEAD")
        FakeAsv(project).write(head, {TIMED: row([0.1]), COUNTED: FAILED_ROW})
        self.fake_run(monkeypatch, 2)
        failures = bench.run_bench(project).failures
        assert failures is not None
        assert failures.startswith(f"1 benchmark(s) failed on {head[:8]}: {COUNTED};")

    def test_a_failure_takes_no_samples_away(self, project: Path, monkeypatch: pytest.MonkeyPatch):
        head = git(project, "rev-parse", "HEAD")
        asv = FakeAsv(project)
        asv.write(head, {TIMED: row([0.1, 0.2]), COUNTED: COUNTED_ROW})
        self.fake_run(
            monkeypatch, 2, lambda: asv.write(head, {TIMED: FAILED_ROW, COUNTED: COUNTED_ROW})
        )
        bench.run_bench(project)
        kept = asv_results.load_machine(project / bench.RESULTS, "box")[head]
        assert kept.rows[TIMED]["samples"][0] == [0.1, 0.2]

    def test_a_solver_that_does_not_build(self, project: Path, monkeypatch: pytest.MonkeyPatch):
        head = git(project, "rev-parse", "HEAD")
        FakeAsv(project).write(head, {TIMED: FAILED_ROW})
        self.fake_run(monkeypatch, 2)
        with pytest.raises(UserError, match=f"every benchmark failed on {head[:8]}"):
            bench.run_bench(project)

    def test_asv_itself_fails(self, project: Path, monkeypatch: pytest.MonkeyPatch):
        self.fake_run(monkeypatch, 1)
        with pytest.raises(UserError, match="asv ended with exit code 1"):
            bench.run_bench(project)

    def test_an_interrupt_lets_asv_stop_what_it_started(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ):
        said = project / "said"
        program = (
            "import pathlib, signal, sys, time\n"
            "def stop(*_):\n"
            f"    pathlib.Path({str(said)!r}).write_text('stopped'); sys.exit(1)\n"
            "signal.signal(signal.SIGINT, stop)\n"
            f"pathlib.Path({str(said)!r}).write_text('started'); time.sleep(60)\n"
        )
        real = subprocess.Popen

        class Interrupted(real[Any]):
            def wait(self, timeout: float | None = None) -> int:
                if timeout is not None and timeout <= 1:
                    while not said.exists() or said.read_text() != "started":
                        time.sleep(0.01)
                    raise KeyboardInterrupt
                return super().wait(timeout)

        monkeypatch.setattr(
            bench.subprocess,
            "Popen",
            lambda command, **options: Interrupted([sys.executable, "-c", program], **options),
        )
        with (
            (project / "log").open("w", encoding="utf-8") as log,
            pytest.raises(UserError, match="interrupted; what was measured before is saved"),
        ):
            bench.run_asv(project, "run", machine="box", output=log)
        assert said.read_text() == "stopped"

    def test_no_git(self, tmp_path: Path):
        with pytest.raises(UserError, match="is not a git repository"):
            bench.run_bench(tmp_path)

    def test_progress_is_read_from_what_asv_prints(self):
        said = (
            "· Discovering\n[ 5.00%] ··· bench_a.time_x\n"
            "  1.2ms\n[87.50%] ··· bench_b.Y.track_z ok\n"
        )
        assert bench.last_progress(said) == (87.5, "bench_b.Y.track_z ok")
        assert bench.last_progress("· Creating environments\n") == (None, "")

    def test_no_configuration(self, project: Path):
        (project / "asv.conf.json").unlink()
        with pytest.raises(UserError, match=r"has no asv\.conf\.json"):
            bench.run_bench(project)

    def test_corrupted_results(self, project: Path):
        path = project / bench.RESULTS / "box" / "abc-env.json"
        path.parent.mkdir(parents=True)
        path.write_text('{"results": ')
        with pytest.raises(UserError, match=r"abc-env.json is not readable as JSON"):
            bench.run_bench(project)
        assert path.read_text() == '{"results": '
