from pathlib import Path

import pytest
from jitscope.errors import UserError
from jitscope.history import read_history
from jitscope.report.readme_tables import check, filled, main, phase_table, tables_of

from .planted import GeneratedHistory as Planted
from .planted import phase_samples

ROOT = Path(__file__).resolve().parents[3]
MARKERS = (
    "before\n<!-- begin:phase-table -->\nold\n<!-- end:phase-table -->\nbetween\n"
    "<!-- begin:expectation-table -->\n<!-- end:expectation-table -->\nafter\n"
)


def test_the_projects_readme_agrees_with_its_results() -> None:
    check(ROOT)


def test_tables_hold_the_planted_figures(site_history: Planted) -> None:
    tables = tables_of(site_history.root, site_history.root / "results")
    phases = tables["phase-table"]
    # The newest commit whose problems all have seven samples is the last one elsewhere, 2 times.
    rows = [line for line in phases.splitlines() if line.startswith("| `linear_100`")]
    assert len(rows) == 2
    assert rows[0].startswith("| `linear_100` | 1,800<br><sub>")
    assert rows[0].endswith("| 7 |")
    assert "4,000<br><sub>" in rows[0]
    assert "JAX 0.10.2" in phases
    measured = tables["expectation-table"]
    assert "| `linear_100` | one more fit, compiled | 1.10 to 1.30 times | 1.39 times |" in measured
    assert "| 10.0% saved | 10.0% saved |" in measured


def test_the_newest_commit_of_all_machines_is_shown(site_empty: Planted) -> None:
    site_empty.write_suite()
    for subject in ("One", "Two"):
        site_empty.measure(site_empty.commit(subject), phase_samples())
    newest = site_empty.commit("Three")
    site_empty.measure(newest, phase_samples(), machine="another")
    table = phase_table(read_history(site_empty.root))
    assert f"Commit `{newest[:8]}`, measured on another" in table
    site_empty.measure(newest, phase_samples())
    table = phase_table(read_history(site_empty.root))
    assert f"Commit `{newest[:8]}`, measured on reference" in table


def test_too_few_samples_make_no_table(site_empty: Planted) -> None:
    site_empty.write_suite()
    site_empty.measure(site_empty.git("rev-parse", "HEAD"), lambda *_: [1.0] * 6)
    assert "make history" in phase_table(read_history(site_empty.root))


def test_only_what_stands_between_the_markers_changes() -> None:
    text = filled(MARKERS, {"phase-table": "new"})
    assert text == MARKERS.replace("old", "new")
    assert filled(text, {"phase-table": "new"}) == text


def test_a_missing_marker_is_named() -> None:
    with pytest.raises(UserError, match="begin:phase-table"):
        filled("nothing", {"phase-table": "new"})


def test_written_tables_agree_until_the_results_change(
    site_history: Planted, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = site_history.root
    monkeypatch.chdir(root)
    (root / "README.md").write_text(MARKERS)
    assert main([]) == 0
    site_history.git("add", "README.md", "results")
    site_history.commit("Record the results")
    assert main(["--check"]) == 0
    # Measuring locally is no fault of the README; committing other results without it is one.
    measured = site_history.git("rev-parse", "HEAD")
    site_history.measure(measured, lambda *_: [1.0] * 7)
    assert main(["--check"]) == 0
    site_history.git("add", "results")
    site_history.commit("Record more results")
    assert main(["--check"]) == 1
    assert "disagree with results" in capsys.readouterr().err
    assert main([]) == 0
    site_history.git("add", "README.md")
    site_history.commit("Write the tables anew")
    assert main(["--check"]) == 0
