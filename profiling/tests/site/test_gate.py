"""The gate of a pull request: exit codes, and a summary in which hostile text stays text."""

import html
import re
from pathlib import Path

import pytest
from jitscope.cli import main

from .planted import HOSTILE, GeneratedHistory, phase_samples


@pytest.fixture
def line(site_empty: GeneratedHistory) -> GeneratedHistory:
    """A repository with a suite and one measured commit: 10 conversions."""
    site_empty.write_suite()
    site_empty.measure(site_empty.git("rev-parse", "HEAD"), phase_samples(), conversions=10)
    return site_empty


def gate(history: GeneratedHistory, *options: str) -> tuple[int, str]:
    """Return the gate's exit code and summary."""
    summary = history.root / "summary.md"
    arguments = ["gate", "--base", "HEAD~1", *options, "--summary", str(summary)]
    code = main(["--root", str(history.root), *arguments])
    return code, summary.read_text(encoding="utf-8")


def test_equal_counters_pass(line: GeneratedHistory):
    line.measure(line.commit("Same"), phase_samples(), conversions=10)
    code, text = gate(line)
    assert code == 0
    assert text.startswith("## Gate: passed")


@pytest.mark.parametrize(("conversions", "code"), [(9, 0), (11, 1)])
def test_only_more_of_a_counter_fails(line: GeneratedHistory, conversions: int, code: int):
    line.measure(line.commit("Other"), phase_samples(), conversions=conversions)
    found, text = gate(line)
    assert found == code
    assert ("**regressed**" in text) is bool(code)
    assert f"| {conversions} <code>conversions</code> |" in text


def test_times_fail_only_if_asked(line: GeneratedHistory):
    line.measure(line.commit("Slow"), phase_samples(2.0), conversions=10)
    code, text = gate(line)
    assert code == 0
    assert "**regressed**" in text
    assert "+100.0%" in text
    assert gate(line, "--times")[0] == 1


def test_few_samples_never_fail(line: GeneratedHistory):
    line.measure(line.commit("Slow"), phase_samples(2.0, n=6), conversions=10)
    assert gate(line, "--times")[0] == 0


def test_a_counter_that_has_no_value_any_more_fails(line: GeneratedHistory):
    line.measure(line.commit("Break"), None)
    code, text = gate(line)
    assert code == 1
    assert "errored" in text


def test_an_unmeasured_base_says_what_to_run(site_empty: GeneratedHistory):
    site_empty.write_suite()
    base = site_empty.git("rev-parse", "HEAD")
    site_empty.measure(site_empty.commit("First"), phase_samples(), conversions=10)
    code, text = gate(site_empty)
    assert code == 2
    assert f"`make history RANGE={base[:8]}`" in text


def test_an_unmeasured_head_says_what_to_run(line: GeneratedHistory):
    head = line.commit("Not measured")
    code, text = gate(line)
    assert code == 2
    assert f"`make history RANGE={head[:8]}`" in text


def test_a_repository_without_results_says_what_to_run(site_empty: GeneratedHistory):
    site_empty.commit("Nothing measured")
    assert gate(site_empty)[0] == 2


def test_another_machine_is_no_base(line: GeneratedHistory):
    line.measure(line.commit("Moved"), phase_samples(), conversions=99, machine="other")
    code, text = gate(line)
    assert code == 2
    assert "was not measured on this machine" in text


def test_another_head_can_be_judged(line: GeneratedHistory):
    line.measure(line.commit("More"), phase_samples(), conversions=11)
    line.measure(line.commit("Less"), phase_samples(), conversions=10)
    assert gate(line)[0] == 0
    summary = line.root / "summary.md"
    arguments = ["gate", "--base", "HEAD~2", "--head", "HEAD~1", "--summary", str(summary)]
    assert main(["--root", str(line.root), *arguments]) == 1


def test_a_base_beside_the_line_is_compared_where_they_part(line: GeneratedHistory):
    line.git("branch", "topic")
    beside = line.commit("Main goes on")
    line.measure(beside, phase_samples(), conversions=1)
    line.git("checkout", "-q", "topic")
    line.measure(line.commit("Topic"), phase_samples(), conversions=10)
    summary = line.root / "summary.md"
    arguments = ["gate", "--base", "main", "--summary", str(summary)]
    assert main(["--root", str(line.root), *arguments]) == 0
    assert f"{beside[:8]} is no ancestor of" in summary.read_text()


def test_unknown_revisions_are_named(line: GeneratedHistory, capsys: pytest.CaptureFixture[str]):
    assert main(["--root", str(line.root), "gate", "--base", "nonsense"]) == 2
    assert "'nonsense' names no commit" in capsys.readouterr().err


NASTY = f"{HOSTILE} | `x` [a](http://e.org) @somebody #1 ~~s~~ *b* _i_ \\| \x1b[31m"


def test_hostile_messages_stay_text(line: GeneratedHistory):
    line.measure(line.commit(NASTY), phase_samples(), conversions=11)
    text = gate(line)[1]
    shown = re.findall("<code>(.*?)</code>", text)[1]
    assert re.fullmatch("(?:[A-Za-z0-9 ]|&#[0-9]+;)*", shown)
    assert html.unescape(shown).startswith("<script>document.title='owned'</script> <b>bold</b>")
    assert "@somebody" not in text
    assert "<script" not in text
    assert "\x1b" not in text


def test_the_summary_goes_to_the_terminal_by_default(
    line: GeneratedHistory, capsys: pytest.CaptureFixture[str]
):
    line.measure(line.commit("Same"), phase_samples(), conversions=10)
    assert main(["--root", str(line.root), "gate", "--base", "HEAD~1"]) == 0
    assert capsys.readouterr().out.startswith("## Gate: passed")


def test_a_summary_that_cannot_be_written_is_named(
    line: GeneratedHistory, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    line.measure(line.commit("Same"), phase_samples(), conversions=10)
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "summary.md"
    arguments = ["gate", "--base", "HEAD~1", "--summary", str(path)]
    assert main(["--root", str(line.root), *arguments]) == 2
    assert "cannot be written" in capsys.readouterr().err
