"""Why commits failed, on the pages: text of the commits, shown and never read as anything else."""

import json
from pathlib import Path

import pytest
from jitscope.failures import FILE
from jitscope.history import read_history
from jitscope.overview import overview
from jitscope.report.publish import publish
from jitscope.series import series_of

from .browser import Watched
from .planted import HOSTILE, PHASE_BENCHMARK, GeneratedHistory, plant_history

SETUP = ("reference", "virtualenv-py3.11-pip+jax0.10.2")


def with_reasons(root: Path) -> GeneratedHistory:
    """Return the planted history, with reasons of the broken commit and of a failed problem."""
    made = plant_history(root)
    hashes = read_history(root).commits["commit"].tolist()
    given = [(hashes[3], None, HOSTILE), (hashes[6], PHASE_BENCHMARK, "ValueError: <i>nan</i>")]
    failures = [
        {
            **{"machine": SETUP[0], "environment": SETUP[1], "commit": commit},
            **{"benchmark": benchmark, "reason": reason},
        }
        for commit, benchmark, reason in given
    ]
    (root / FILE).write_text(json.dumps({"version": 1, "failures": failures}), encoding="utf-8")
    return made


def test_a_failure_says_what_the_log_said(tmp_path: Path) -> None:
    history = read_history(with_reasons(tmp_path).root)
    seen = overview(series_of(history), SETUP, failures=history.failures)
    failed, _, broken = seen.failures
    assert broken.broken
    assert broken.said == (HOSTILE,)
    assert "cannot be built or imported" in broken.reason
    assert not failed.broken
    assert failed.said == ("ValueError: <i>nan</i>",)
    # Without it there is less to say.
    unknown = overview(series_of(history), SETUP).failures[-1]
    assert unknown.said == ()
    assert "may not build" in unknown.reason


def test_a_damaged_file_of_reasons_is_a_note(site_history: GeneratedHistory) -> None:
    (site_history.root / FILE).write_text("{")
    history = read_history(site_history.root)
    assert history.failures == {}
    assert any("failures.json" in note for note in history.notes)


@pytest.mark.browser
@pytest.mark.slow
def test_the_pages_show_reasons_as_text(site_watched: Watched, tmp_path: Path) -> None:
    index = publish(with_reasons(tmp_path).root)
    page = site_watched.open(index.as_uri())
    said = page.locator(".setup:not([hidden]) .said").all_inner_texts()
    assert said[0] == "ValueError: <i>nan</i>"
    assert "<script>document.title='owned'</script> <b>bold</b>" in said[1]
    page = site_watched.open(
        index.with_name("timeline.html").as_uri() + "#problem=gaussian_1000&condition=cold"
    )
    absent = page.locator("#commits td.absent").all_inner_texts()
    assert absent[0] == "failed: ValueError: <i>nan</i>"
    assert absent[1].startswith("broken: <script>")
    assert page.title() == "Timeline"
    site_watched.assert_quiet()
