import json
import math
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from jitscope import asv_results, bench, machine, rounds
from jitscope.errors import UserError
from jitscope.rounds import measure_history, missing, select_commits
from rich.console import Console

COLUMNS = ["result", "params", "version", "stats_number", "samples"]
TIMED, COUNTED = "bench_a.Timed.time_it", "bench_b.Counted.track_count"
VERSIONS = {TIMED: "1", COUNTED: "1"}


def git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), "-c", "user.name=t", "-c", "user.email=t@t", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def commit(root: Path, files: dict[str, str], subject: str) -> str:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(root, "add", "-A")
    git(root, "commit", "-q", "--no-gpg-sign", "-m", subject)
    return git(root, "rev-parse", "HEAD")


@pytest.fixture(name="project")
def make_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository: no solver, solver A, notes, solver B, notes (HEAD)."""
    root = tmp_path / "project"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    (root / ".gitignore").write_text(".asv\nresults\n")
    commit(root, {"asv.conf.json": "{}", "solver/trustfit/__init__.py": ""}, "layout")
    for number, name in enumerate("AB"):
        source = f"def curve_fit():\n    return {number}\n"
        commit(root, {"solver/trustfit/__init__.py": source}, f"solver {name}")
        commit(root, {"notes.txt": name, "solver/tests/test_it.py": name}, f"notes {name}")
    monkeypatch.setattr(machine, "register", lambda: "box")
    return root


def row(samples: list[float] | None, *, version: str = "1") -> list[Any]:
    """Return a timed row of two parameters, of which the second does not apply."""
    return [[0.1, math.nan], [["'p'", "'q'"]], version, [1, None], [samples, None]]


FAILED_ROW = [None, [["'p'", "'q'"]], "1", None, None]
COUNTED_ROW = [[12.0, 13.0], [["'p'", "'q'"]], "1", None, None]


class FakeAsv:
    """Stands in for `asv run`: adds one sample to what it is told to measure."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.runs: list[tuple[str, bool]] = []
        self.broken: set[str] = set()
        self.interrupt_after = 10**6

    def path(self, commit: str) -> Path:
        return self.root / bench.RESULTS / "box" / f"{commit[:8]}-env.json"

    def run(self, suite: Any, commits: Sequence[str], *options: str) -> int:
        (self.root / bench.RESULTS / "box").mkdir(parents=True, exist_ok=True)
        if options[-1] == "just-discover":
            known = {name: {"version": version} for name, version in VERSIONS.items()}
            path = self.root / bench.RESULTS / "benchmarks.json"
            path.write_text(json.dumps({**known, "version": 2}))
            return 0
        if len(self.runs) == self.interrupt_after:
            raise UserError("interrupted; what was measured before is saved")
        assert {"--quick", "--append-samples", "--record-samples"} <= set(options)
        (commit,) = commits
        counted = "--bench" not in options
        self.runs.append((commit, counted))
        if commit in self.broken:
            self.write(commit, {TIMED: FAILED_ROW, COUNTED: FAILED_ROW})
            return 2
        path = self.path(commit)
        rows = json.loads(path.read_text())["results"] if path.exists() else {}
        before = rows[TIMED][4][0] if TIMED in rows else []
        rows[TIMED] = row([*before, 0.1])
        if counted:
            rows[COUNTED] = COUNTED_ROW
        else:
            pattern = options[options.index("--bench") + 1]
            assert pattern == r"^bench_a\.Timed\.time_it(\(|$)"
        self.write(commit, rows)
        return 0

    def write(self, commit: str, rows: dict[str, Any]) -> None:
        data = {"commit_hash": commit, "result_columns": COLUMNS, "results": rows, "version": 2}
        self.path(commit).parent.mkdir(parents=True, exist_ok=True)
        self.path(commit).write_text(json.dumps(data))


@pytest.fixture(name="asv")
def fake_asv(project: Path, monkeypatch: pytest.MonkeyPatch) -> FakeAsv:
    asv = FakeAsv(project)
    monkeypatch.setattr(rounds.Suite, "run", lambda *args: asv.run(*args))
    return asv


def run(project: Path, **options: Any) -> tuple[rounds.History, str]:
    console = Console(file=StringIO(), width=200)
    history = measure_history(project, console=console, **options)
    assert isinstance(console.file, StringIO)
    return history, console.file.getvalue()


class TestCommits:
    def test_by_default_those_that_changed_the_solver_and_head(self, project: Path):
        subjects = [
            git(project, "log", "-1", "--format=%s", c) for c in select_commits(project, None)
        ]
        assert subjects == ["solver A", "solver B", "notes B"]

    def test_a_range(self, project: Path):
        assert select_commits(project, "HEAD~2..HEAD") == tuple(
            git(project, "rev-list", "--reverse", "HEAD~2..HEAD").split()
        )

    def test_one_commit(self, project: Path):
        assert select_commits(project, "HEAD~1") == (git(project, "rev-parse", "HEAD~1"),)

    @pytest.mark.parametrize("bad", ["nowhere", "HEAD..nowhere", "--all", ""])
    def test_unknown_range(self, project: Path, bad: str):
        with pytest.raises(UserError, match=f"unknown commit range '{bad}'; give a commit, or"):
            select_commits(project, bad)

    def test_empty_range(self, project: Path):
        with pytest.raises(UserError, match="is empty"):
            select_commits(project, "HEAD..HEAD~1")

    def test_no_git(self, tmp_path: Path):
        with pytest.raises(UserError, match="is not a git repository"):
            select_commits(tmp_path, None)


class TestRounds:
    def test_until_each_commit_has_enough_samples(self, project: Path, asv: FakeAsv):
        history, _ = run(project, samples=3)
        assert history.commits == select_commits(project, None)
        assert history.broken == ()
        assert history.incomplete == ()
        first, second, third = history.commits
        assert [commit for commit, _ in asv.runs] == [
            *(first, second, third),
            *(third, second, first),
            *(first, second, third),
        ]

    def test_counters_are_measured_in_the_first_round_alone(self, project: Path, asv: FakeAsv):
        run(project, samples=3)
        assert [counted for _, counted in asv.runs] == [True] * 3 + [False] * 6

    def test_a_measured_history_runs_nothing(self, project: Path, asv: FakeAsv):
        run(project, samples=2)
        asv.runs.clear()
        run(project, samples=2)
        assert asv.runs == []

    def test_goes_on_after_an_interrupt(self, project: Path, asv: FakeAsv):
        asv.interrupt_after = 4
        with pytest.raises(UserError, match="interrupted; what was measured before"):
            run(project, samples=3)
        asv.interrupt_after = 10**6
        run(project, samples=3)
        assert len(asv.runs) == 9
        for commit in select_commits(project, None):
            found = asv_results.load_machine(project / bench.RESULTS, "box")[commit]
            assert len(found.rows[TIMED]["samples"][0]) == 3

    def test_a_broken_commit_is_named_and_skipped(self, project: Path, asv: FakeAsv):
        broken = select_commits(project, None)[1]
        asv.broken = {broken}
        history, said = run(project, samples=3)
        assert (
            f"{broken[:8]} (solver B) is broken: nothing could be measured; skipped. Remove" in said
        )
        assert history.broken == (broken,)
        assert history.incomplete == ()
        assert [commit for commit, _ in asv.runs].count(broken) == 1
        asv.runs.clear()
        run(project, samples=3)
        assert asv.runs == []

    def test_corrupted_results_are_named_and_kept(self, project: Path, asv: FakeAsv):
        run(project, samples=1)
        path = asv.path(select_commits(project, None)[0])
        path.write_text("{broken")
        with pytest.raises(UserError, match=f"{path.name} is not readable as JSON.*git checkout"):
            run(project, samples=2)
        assert path.read_text() == "{broken"

    def test_asv_that_cannot_start(self, project: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(rounds.Suite, "run", lambda *_: 1)
        with pytest.raises(UserError, match=r"asv cannot run the suite; the end of .*history.log"):
            run(project)


class TestMissing:
    def results(self, rows: dict[str, list[Any]]) -> asv_results.CommitResults:
        named = {name: dict(zip(COLUMNS, one, strict=True)) for name, one in rows.items()}
        return asv_results.CommitResults(Path("x.json"), "abc", named)

    def test_everything_of_an_unmeasured_commit(self):
        assert missing(None, VERSIONS, 7) == (TIMED, COUNTED)

    def test_too_few_samples(self):
        results = self.results({TIMED: row([0.1] * 6), COUNTED: COUNTED_ROW})
        assert missing(results, VERSIONS, 7) == (TIMED,)
        assert missing(results, VERSIONS, 6) == ()

    def test_values_without_samples_do_not_count(self):
        results = self.results({TIMED: row(None), COUNTED: COUNTED_ROW})
        assert missing(results, VERSIONS, 7) == (TIMED,)

    def test_another_version_does_not_count(self):
        results = self.results({TIMED: row([0.1] * 7, version="0"), COUNTED: COUNTED_ROW})
        assert missing(results, VERSIONS, 7) == (TIMED,)

    def test_failed_parameters_are_not_waited_for(self):
        failed = [[0.1, None], [["'p'", "'q'"]], "1", [1, None], [[0.1] * 7, None]]
        results = self.results({TIMED: failed, COUNTED: COUNTED_ROW})
        assert missing(results, VERSIONS, 7) == ()
        assert list(asv_results.failures(results)) == [f"{TIMED}('q')"]


class TestBroken:
    def results(self, values: list[float | None] | None) -> asv_results.CommitResults:
        solvers = {"result": values, "params": [["'trustfit'", "'scipy'"]]}
        rows = {"bench_solve": solvers, "other": {"result": None, "params": [["'p'"]]}}
        return asv_results.CommitResults(Path("x.json"), "abc", rows)

    @pytest.mark.parametrize("values", [None, [None, None], [None, 0.1], [math.nan, 0.1]])
    def test_without_a_value_of_its_own_solver(self, values: list[float | None] | None):
        assert asv_results.is_broken(self.results(values))

    def test_not_with_one(self):
        assert not asv_results.is_broken(self.results([0.1, None]))


class TestLostSamples:
    def test_a_later_failure_does_not_lose_them(self, tmp_path: Path):
        asv = FakeAsv(tmp_path)
        other = row([0.2])
        asv.write("a" * 40, {TIMED: row([0.1, 0.3]), "other": other})
        before = asv_results.load_machine(tmp_path / bench.RESULTS, "box")["a" * 40]
        asv.write("a" * 40, {TIMED: FAILED_ROW, "other": row([0.2, 0.4])})
        assert asv_results.restore_lost_samples(before) == (TIMED,)
        after = asv_results.load_machine(tmp_path / bench.RESULTS, "box")["a" * 40]
        assert after.rows[TIMED]["samples"] == [[0.1, 0.3], None]
        assert after.rows["other"]["samples"] == [[0.2, 0.4], None]

    def test_a_new_version_may_drop_them(self, tmp_path: Path):
        asv = FakeAsv(tmp_path)
        asv.write("a" * 40, {TIMED: row([0.1, 0.3])})
        before = asv_results.load_machine(tmp_path / bench.RESULTS, "box")["a" * 40]
        asv.write("a" * 40, {TIMED: row([0.1], version="2")})
        text = before.path.read_text()
        assert asv_results.restore_lost_samples(before) == ()
        assert before.path.read_text() == text


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
