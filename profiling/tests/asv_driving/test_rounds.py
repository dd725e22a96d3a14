"""Which commits are measured, in which order, and what a failure or an interrupt leaves."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from jitscope import asv_results, bench, rounds
from jitscope.errors import UserError
from jitscope.rounds import measure_history, missing, select_commits
from rich.console import Console

from .fake_asv import COLUMNS, COUNTED, COUNTED_ROW, TIMED, VERSIONS, FakeAsv, commit, git, row


def run(project: Path, **options: Any) -> tuple[rounds.History, str]:
    console = Console(file=StringIO(), width=200)
    history = measure_history(project, console=console, **options)
    assert isinstance(console.file, StringIO)
    return history, console.file.getvalue()


def results(commit: str, rows: dict[str, list[Any]]) -> asv_results.CommitResults:
    named = {name: dict(zip(COLUMNS, one, strict=True)) for name, one in rows.items()}
    return asv_results.CommitResults(Path("x.json"), commit, named)


class TestCommits:
    def subjects(self, project: Path, known: Any = None) -> list[str]:
        found = select_commits(project, None, known)
        return [git(project, "log", "-1", "--format=%s", commit) for commit in found]

    def measured(self, project: Path, revision: str, samples: int) -> Any:
        commit = git(project, "rev-parse", revision)
        return {commit: results(commit, {TIMED: row([0.1] * samples)})}

    def test_by_default_predicted_ones_what_they_are_compared_with_and_head(self, project: Path):
        # The parent, "notes A", holds the solver of "solver A".
        assert self.subjects(project) == ["solver A", "solver B", "notes B"]

    def test_a_change_of_the_solver_that_claims_nothing_is_left_out(self, project: Path):
        source = "def curve_fit():\n    return 3\n"
        commit(project, {"solver/trustfit/__init__.py": source}, "solver C")
        commit(project, {"notes.txt": "C"}, "notes C")
        assert self.subjects(project) == ["solver A", "solver B", "notes C"]

    def test_a_parent_that_is_measured_already_stands_for_its_solver(self, project: Path):
        known = self.measured(project, "HEAD~2", 7)
        assert self.subjects(project, known) == ["notes A", "solver B", "notes B"]

    def test_of_measured_ones_with_one_solver_the_one_with_most_samples(self, project: Path):
        known = {
            **self.measured(project, "HEAD~2", 1),
            **self.measured(project, "HEAD~3", 7),
            **self.measured(project, "HEAD~1", 9),
        }
        assert self.subjects(project, known) == ["solver A", "solver B", "notes B"]

    def test_a_prediction_right_after_another_is_compared_with_it(self, project: Path):
        source = "def curve_fit():\n    return 3\n"
        claim = "solver C\n\nExpectation: c"
        commit(project, {"results.toml": "c"}, "predict C")
        commit(project, {"solver/trustfit/__init__.py": source}, claim)
        # B is measured for its own sake, so that the notes and the prediction need not be.
        known = self.measured(project, "HEAD~1", 7)
        assert self.subjects(project, known) == ["solver A", "solver B", "solver C"]

    def test_before_there_is_a_solver_nothing_is_measured(self, project: Path):
        git(project, "checkout", "-q", "--orphan", "young")
        source = "def curve_fit():\n    return 3\n"
        commit(project, {"solver/trustfit/__init__.py": ""}, "layout")
        commit(project, {"solver/trustfit/__init__.py": source}, "first\n\nExpectation: one")
        assert self.subjects(project) == ["first"]

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

    def test_only_what_was_asked_for(self, project: Path, asv: FakeAsv):
        history, _ = run(project, samples=2, bench="Timed")
        assert not history.incomplete
        known = asv_results.load_machine(project / rounds.RESULTS, "box")
        assert [set(one.rows) for one in known.values()] == [{TIMED}] * 3

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
        for measured in select_commits(project, None):
            found = asv_results.load_machine(project / bench.RESULTS, "box")[measured]
            assert len(found.rows[TIMED]["samples"][0]) == 3

    def test_a_parent_that_was_measured_is_not_measured_in_another_place(
        self, project: Path, asv: FakeAsv
    ):
        parent = git(project, "rev-parse", "HEAD~2")
        asv.write(parent, {TIMED: row([0.1])})
        history, _ = run(project, samples=2)
        assert history.commits[0] == parent
        assert {commit for commit, _ in asv.runs} == set(history.commits)

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
    def test_everything_of_an_unmeasured_commit(self):
        assert missing(None, VERSIONS, 7) == (TIMED, COUNTED)

    def test_too_few_samples(self):
        known = results("abc", {TIMED: row([0.1] * 6), COUNTED: COUNTED_ROW})
        assert missing(known, VERSIONS, 7) == (TIMED,)
        assert missing(known, VERSIONS, 6) == ()

    def test_values_without_samples_do_not_count(self):
        known = results("abc", {TIMED: row(None), COUNTED: COUNTED_ROW})
        assert missing(known, VERSIONS, 7) == (TIMED,)

    def test_another_version_does_not_count(self):
        known = results("abc", {TIMED: row([0.1] * 7, version="0"), COUNTED: COUNTED_ROW})
        assert missing(known, VERSIONS, 7) == (TIMED,)

    def test_failed_parameters_are_not_waited_for(self):
        failed = [[0.1, None], [["'p'", "'q'"]], "1", [1, None], [[0.1] * 7, None]]
        known = results("abc", {TIMED: failed, COUNTED: COUNTED_ROW})
        assert missing(known, VERSIONS, 7) == ()
        assert list(asv_results.failures(known)) == [f"{TIMED}('q')"]
