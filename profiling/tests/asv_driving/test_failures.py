"""Why something failed, as asv's log says it: `asv_failures.log` is what asv 0.6.6 printed."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from jitscope import asv_results, bench, rounds
from jitscope.errors import UserError
from jitscope.failures import FILE, LONGEST, Failed, read_failures, remember, said_in
from rich.console import Console

from .fake_asv import COUNTED, COUNTED_ROW, FAILED_ROW, TIMED, FakeAsv, git, row

LOG = (Path(__file__).parent / "asv_failures.log").read_text(encoding="utf-8")
SPLIT = LOG.index("[33.33%] · For try commit 35e6e084")
FAILING, BROKEN = LOG[:SPLIT], LOG[SPLIT:]
COMMIT = "a" * 40


def failing(name: str, reason: str) -> str:
    """What asv prints of a failing benchmark."""
    told = f'Traceback (most recent call last):\n  File "x.py", line 1, in f\n{reason}'
    below = told.replace("\n", "\n              ")
    return f"[ 9.52%] ··· {name}   failed\n[ 9.52%] ···· {below}\n"


def test_each_benchmark_has_the_line_of_its_error():
    said = said_in(FAILING)
    assert said.whole is None
    assert said.benchmarks == {
        # Of the first parameters that failed, the first line.
        "bench_a.A.track_it": "ValueError: boom <b>q'x</b>",
        "bench_a.track_all_fail": "RuntimeError: all of it",
        "bench_a.track_deep": "ModuleNotFoundError: No module named 'nonexistent_module_x'",
        "bench_a.track_exit": "benchmark failed (exit status 3)",
        "bench_a.track_slow": "benchmark timed out (timeout 2s)",
        "bench_a.B.track_b": "OSError: no cache for you",
        "bench_a.C.track_c": "KeyError: 1",
    }


def test_a_build_that_fails_is_the_whole_commits():
    said = said_in(BROKEN)
    assert said.whole == "tomllib.TOMLDecodeError: Invalid value (at line 9, column 5)"
    assert said.benchmarks == {}


def test_a_build_that_fails_while_asv_looks_for_benchmarks_is_not_the_commits():
    built = "[33.33%] · For try commit 35e6e084 <main~1>:\n[33.33%] ·· Benchmarking env\n"
    assert said_in(BROKEN + built).whole is None


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("error: subprocess-exited-with-error\n\n* did not run", "subprocess-exited-with-error"),
        ("WARNING: old pip\nERROR: No matching distribution found for x", "No matching"),
        ("note: nothing else", "note: nothing else"),
        ("", "building: exit status 1"),
    ],
)
def test_without_a_traceback_the_error_is_looked_for(told: str, reason: str):
    below = f"STDOUT -------->\n\nSTDERR -------->\n{told}".replace("\n", "\n             ")
    log = f"[33.33%] ··· Error running python -m pip (exit status 1)\n             {below}\n"
    assert reason in (said_in(log).whole or "")


def test_what_is_said_on_standard_output_counts_where_there_is_no_other():
    below = "STDOUT -------->\nTypeError: out\nSTDERR -------->\n".replace("\n", "\n             ")
    log = f"[33.33%] ··· Error running pip (exit status 1)\n             {below}\n"
    assert said_in(log).whole == "TypeError: out"


def test_a_log_of_something_else_says_nothing():
    said = said_in("· Creating environments\n\n\x00 binary ···\n[ 5%] ·· x failed to\n")
    assert (said.whole, said.benchmarks) == (None, {})


class TestKept:
    def results(self, project: Path, rows: dict[str, list[Any]]) -> asv_results.CommitResults:
        FakeAsv(project).write(COMMIT, rows)
        return asv_results.load_machine(project / bench.RESULTS, "box")[COMMIT]

    def keep(self, project: Path, rows: dict[str, list[Any]], log: str) -> dict[Failed, str]:
        remember(project, "box", self.results(project, rows), log)
        return read_failures(project / FILE)

    def test_what_failed_is_kept_until_it_does_not_any_more(self, project: Path):
        failed = {TIMED: FAILED_ROW, COUNTED: COUNTED_ROW}
        which = Failed("box", "", COMMIT, TIMED)
        log = failing(TIMED, "ValueError: one")
        assert self.keep(project, failed, log) == {which: "ValueError: one"}
        # A later run that says nothing of it leaves it as it is; another reason takes its place.
        assert self.keep(project, failed, "") == {which: "ValueError: one"}
        log = failing(TIMED, "ValueError: two")
        assert self.keep(project, failed, log) == {which: "ValueError: two"}
        assert self.keep(project, {TIMED: row([0.1]), COUNTED: COUNTED_ROW}, "") == {}

    def test_what_did_not_fail_has_no_reason(self, project: Path):
        log = failing(TIMED, "ValueError: one")
        assert self.keep(project, {TIMED: row([0.1])}, log) == {}
        assert not (project / FILE).exists()

    def test_a_broken_commit_and_those_of_others(self, project: Path):
        (project / FILE).parent.mkdir(exist_ok=True)
        other = {"machine": "m", "environment": "e", "commit": "b" * 40, "benchmark": None}
        kept = {"version": 1, "failures": [{**other, "reason": "theirs"}]}
        (project / FILE).write_text(json.dumps(kept))
        found = self.keep(project, {TIMED: FAILED_ROW}, BROKEN)
        assert found[Failed("m", "e", "b" * 40, None)] == "theirs"
        assert "TOMLDecodeError" in found[Failed("box", "", COMMIT, None)]
        assert len(found) == 2

    def test_no_folder_of_this_machine_and_one_line_of_bounded_length(self, project: Path):
        reason = f"OSError: {project.resolve()}/x {Path.home()}/y \x1b[31m {'z' * 1000}"
        (kept,) = self.keep(project, {TIMED: FAILED_ROW}, failing(TIMED, reason)).values()
        assert kept.startswith("OSError: ./x ~/y [31m zz")
        assert len(kept) == LONGEST

    @pytest.mark.parametrize(
        "text", ["{", "[]", '{"version": 2}', '{"version": 1, "failures": [{"machine": 1}]}']
    )
    def test_a_damaged_file_is_named(self, project: Path, text: str):
        (project / FILE).parent.mkdir(exist_ok=True)
        (project / FILE).write_text(text)
        with pytest.raises(UserError, match=r"failures\.json"):
            read_failures(project / FILE)


def test_measuring_a_history_keeps_its_reasons(project: Path, monkeypatch: pytest.MonkeyPatch):
    head = git(project, "rev-parse", "HEAD")
    asv = FakeAsv(project)
    asv.broken = {head}

    def run(suite: rounds.Suite, commits: Any, *options: str) -> int:
        if options[-1] != "just-discover":
            # As asv does: it has the file's number, not our buffer.
            with (project / rounds.LOG).open("a", encoding="utf-8") as log:
                log.write(BROKEN)
        return asv.run(suite, commits, *options)

    monkeypatch.setattr(rounds.Suite, "run", run)
    (project / rounds.LOG).parent.mkdir(exist_ok=True)
    (project / rounds.LOG).write_text(failing(TIMED, "ValueError: of an earlier run"))
    rounds.measure_history(project, "HEAD", console=Console(file=StringIO()))
    (kept,) = read_failures(project / FILE).items()
    assert kept[0].commit == head
    assert "TOMLDecodeError" in kept[1]
