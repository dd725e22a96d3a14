import json
import math
from pathlib import Path
from typing import Any

import pytest
from jitscope.errors import UserError
from jitscope.history import History, read_history

from .planted import GeneratedHistory as Planted

PHASE = "bench_phases.Phases.track_phase_s"


def one_row(
    history: History, subject: str, problem: str, phase: str, machine: str = "reference"
) -> Any:
    commit = history.commits.loc[history.commits["subject"].str.startswith(subject), "commit"]
    r = history.results
    rows = r[
        (r["commit"] == commit.item())
        & (r["machine"] == machine)
        & (r["problem"] == problem)
        & (r["condition"] == "cold")
        & (r["phase"] == phase)
    ]
    assert len(rows) == 1
    return rows.iloc[0]


def test_commits_come_by_revision_not_by_date(site_history: Planted) -> None:
    commits = read_history(site_history.root).commits
    assert commits["subject"].iloc[[0, 1, 3, 6]].tolist() == [
        *("Begin", "Solve", "Break the build", "Fail one problem")
    ]
    assert commits["order"].tolist() == list(range(7))
    assert commits["parent"].iloc[0] is None
    assert commits["parent"].iloc[1:].tolist() == commits["commit"].iloc[:-1].tolist()
    assert commits["author_date"].iloc[1:].is_monotonic_decreasing


def test_trailers_and_hostile_subjects_are_read_as_they_are(site_history: Planted) -> None:
    commit = read_history(site_history.root).commits.iloc[2]
    assert commit["subject"].startswith("<script>document.title='owned'</script>")
    assert commit["expectations"] == ("planted",)


def test_samples_median_and_interval_come_back(site_history: Planted) -> None:
    row = one_row(read_history(site_history.root), "Solve", "linear_100", "compile")
    assert row["status"] == "ok"
    assert row["value"] == pytest.approx(0.5)
    assert row["n"] == 7
    assert sorted(row["samples"]) == pytest.approx([0.5 * (1 + 0.01 * k) for k in range(-3, 4)])
    assert row["lo"] <= 0.485 < 0.515 <= row["hi"]
    assert row["versions"] == {"python": "3.11", "jax": "0.10.2", "numpy": "2.4.6"}
    assert row["hardware"]["cpu"] == "Planted CPU"


def test_one_sample_has_no_interval(site_history: Planted) -> None:
    row = one_row(read_history(site_history.root), "Measure once", "linear_100", "compile")
    assert (row["status"], row["n"], row["lo"], row["hi"]) == ("ok", 1, None, None)


def test_unmeasured_failed_and_broken_are_told_apart(site_history: Planted) -> None:
    history = read_history(site_history.root)
    skipped = one_row(history, "Solve", "linear_100", "to_device")
    failed = one_row(history, "Fail one problem", "gaussian_1000", "wall")
    broken = one_row(history, "Break the build", "gaussian_1000", "wall")
    assert [r["status"] for r in (skipped, failed, broken)] == ["skipped", "failed", "broken"]
    assert [r["value"] for r in (skipped, failed, broken)] == [None, None, None]
    assert [r["n"] for r in (skipped, failed, broken)] == [0, 0, 0]


def test_machines_are_kept_apart(site_history: Planted) -> None:
    history = read_history(site_history.root)
    here = one_row(history, "Fail one problem", "linear_100", "wall")
    there = one_row(history, "Fail one problem", "linear_100", "wall", machine="other")
    assert there["value"] == pytest.approx(2.5 * here["value"])


def test_a_plain_number_counts_as_one_sample(site_history: Planted) -> None:
    rows = read_history(site_history.root).results.to_dict("records")
    counts = [
        row
        for row in rows
        if row["benchmark"].startswith("bench_conversions") and row["status"] == "ok"
    ]
    assert {(row["value"], row["n"], row["phase"]) for row in counts} == {
        (34.0, 1, None),
        (2.0, 1, None),
    }


def test_missing_values_among_samples_do_not_disturb_the_median(site_empty: Planted) -> None:
    site_empty.write_suite()
    planted = [3.0, math.nan, 1.0, math.inf, 2.0]
    site_empty.measure(site_empty.git("rev-parse", "HEAD"), lambda *_: planted)
    row = one_row(read_history(site_empty.root), "Begin", "linear_100", "wall")
    assert (row["value"], row["n"]) == (2.0, 3)
    assert len(row["samples"]) == 5
    assert row["lo"] <= 1.0
    assert row["hi"] >= 3.0


def test_no_results_is_an_empty_table(site_empty: Planted) -> None:
    history = read_history(site_empty.root)
    assert history.results.empty
    assert len(history.commits) == 1


@pytest.mark.parametrize(
    "content", ['{"commit_hash": "ab', "[]", '{"version": 2}', '{"version": 9}']
)
def test_a_damaged_file_is_named_with_the_mend(site_history: Planted, content: str) -> None:
    damaged = next((site_history.results / "reference").glob("*-*.json"))
    damaged.write_text(content)
    with pytest.raises(UserError, match=rf"results/asv/reference/{damaged.stem[:8]}.*(git|asv)"):
        read_history(site_history.root)


def test_a_missing_suite_file_is_named(site_history: Planted) -> None:
    (site_history.results / "benchmarks.json").unlink()
    with pytest.raises(UserError, match=r"benchmarks\.json is missing"):
        read_history(site_history.root)


def test_no_repository_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(UserError, match="not a git repository"):
        read_history(tmp_path)


def test_no_git_is_one_sentence(site_empty: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match=r"(?i)install git"):
        read_history(site_empty.root)


def test_other_versions_and_unknown_benchmarks_are_left_out_with_a_note(
    site_history: Planted,
) -> None:
    site_history.write_suite(version="2")
    history = read_history(site_history.root)
    assert history.results.empty
    assert any("was measured in version '1', and the suite has '2'" in n for n in history.notes)

    (site_history.results / "benchmarks.json").write_text('{"version": 2}')
    notes = read_history(site_history.root).notes
    assert any("the suite has no benchmark bench_phases" in note for note in notes)


def test_other_parameters_and_wrong_lengths_are_left_out_with_a_note(
    site_history: Planted,
) -> None:
    path = next((site_history.results / "reference").glob("*-*.json"))
    data = json.loads(path.read_text())
    data["results"][PHASE][data["result_columns"].index("result")] = [1.0]
    path.write_text(json.dumps(data))
    history = read_history(site_history.root)
    assert any("one value for each" in note for note in history.notes)
    assert PHASE in set(history.results["benchmark"])


def test_commits_that_head_does_not_descend_from_are_left_out_with_a_note(
    site_history: Planted,
) -> None:
    dropped = site_history.git("rev-parse", "HEAD")
    site_history.git("reset", "-q", "--hard", "HEAD~1")
    history = read_history(site_history.root)
    assert dropped not in set(history.results["commit"])
    assert any(dropped[:8] in note for note in history.notes)
