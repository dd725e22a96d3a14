import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jitscope.environment import Environment
from jitscope.history import read_history
from jitscope.noise import Noise
from jitscope.recorded import DevicePass, ScopeTime
from jitscope.recording import SCHEMA_VERSION, Recording
from jitscope.recordings import save_recording
from jitscope.report.compare_recorded import comparisons_of, read_recorded
from jitscope.report.publish import publish
from jitscope.series import Point
from jitscope.verdicts import judge, p_value_of
from playwright.sync_api import Browser

from .browser import Watched
from .planted import GeneratedHistory, plant_history

TITLE = "<script>document.title='owned'</script> <b>bold</b>"
HERE = Environment("3.11.7", "Linux", "cpu", 2, {"jax": "0.10.2"}, "0" * 40, False)


def scoped(commit: str, time_ns: int, *, modified: bool = False) -> Recording:
    scope = ScopeTime("jit_f", "reduction", time_ns, 4)
    return Recording(
        schema_version=SCHEMA_VERSION,
        created_utc=f"2026-01-0{1 + modified}T00:00:00Z",
        environment=replace(HERE, commit=commit, modified=modified),
        overhead=None,
        command=("<b>fit</b>.py",),
        device=DevicePass(2 * time_ns, time_ns, (scope,), ()),
    )


def test_recordings_of_two_commits_are_compared_scope_by_scope(tmp_path: Path) -> None:
    save_recording(scoped("a" * 40, 1_000_000), tmp_path / "a.json")
    save_recording(scoped("b" * 40, 3_000_000, modified=True), tmp_path / "b.json")
    (tmp_path / "damaged.json").write_text("{")
    forth, _ = comparisons_of(read_recorded(tmp_path))
    assert (forth["base"], forth["to"]) == ("a" * 40, "b" * 40 + "+")
    assert forth["scopes"] == [{"name": "reduction", "base": 1.0, "to": 3.0}]


def test_one_recording_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    save_recording(scoped("a" * 40, 1_000_000), tmp_path / "a.json")
    assert comparisons_of(read_recorded(tmp_path)) == []


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = plant_history(tmp_path_factory.mktemp("compared")).root
    hashes = read_history(root).commits["commit"].tolist()
    sessions = root / "results" / "sessions"
    save_recording(scoped(hashes[1], 1_000_000), sessions / "first.json")
    save_recording(scoped(hashes[2], 3_000_000, modified=True), sessions / "second.json")
    return publish(root).with_name("compare.html")


def cases() -> list[tuple[list[float], list[float]]]:
    rng = np.random.default_rng(7)
    found: list[tuple[list[float], list[float]]] = []
    for sizes in ((7, 7), (8, 7), (7, 8), (9, 7), (7, 40), (40, 7), (12, 30), (21, 21), (50, 40)):
        for shift in (0.0, 0.5, 1.5, 4.0):
            base, head = rng.normal(10, 1, sizes[0]), rng.normal(10 + shift, 1, sizes[1])
            found.append((base.tolist(), head.tolist()))
            # The same with ties, within a side and across.
            found.append((np.round(base).tolist(), np.round(head).tolist()))
    found.append(([1.0] * 7, [1.0] * 7))
    return found


@pytest.mark.browser
@pytest.mark.slow
def test_the_page_tests_as_scipy_does(site_watched: Watched, compared: Path) -> None:
    page = site_watched.open(compared.as_uri())
    found: Sequence[float] = page.evaluate(
        "(cases) => cases.map(([a, b]) => jitscopeVerdicts.pValue(a, b))", cases()
    )
    assert found == pytest.approx([p_value_of(a, b) for a, b in cases()], rel=1e-6, abs=1e-12)


def points() -> list[Point]:
    rng = np.random.default_rng(3)
    jax = {"jax": "0.10.2", "numpy": "2.4.6", "python": "3.11"}
    made = [Point("c", 0, status) for status in ("missing", "failed", "broken", "skipped")]
    for median, spread, n in ((1.0, 0.01, 7), (1.05, 0.01, 7), (2.0, 0.1, 9), (2.0, 0.1, 6)):
        samples = tuple(float(s) for s in rng.normal(median, spread, n))
        value = float(np.median(samples))
        made.append(Point("c", 0, "ok", value, None, None, n, samples, jax, "here"))
    made.append(made[-2]._replace(versions={**jax, "jax": "0.11.0"}))
    made.append(made[-3]._replace(value=0.0, samples=(0.0,) * 7))
    # 5% apart: more than the noise within a session, less than that from one to another.
    made += [made[place]._replace(session=session) for place in (4, 5) for session in (0, 1)]
    return made


def as_data(point: Point) -> Any:
    if point.value is None:
        return point.status
    return [point.value, None, None, list(point.finite), point.session]


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("counter", [True, False])
def test_the_page_judges_as_the_library_does(
    site_watched: Watched, compared: Path, counter: bool
) -> None:
    page = site_watched.open(compared.as_uri())
    noise = Noise(0.03, "repeats", 9, 0.02 if counter else 0.0, between=0.08)
    series = {
        **{"counter": counter, "threshold": noise.threshold, "between": noise.between},
        "absolute": noise.absolute,
    }
    pairs = [(a, b) for a in points() for b in points()]
    found = page.evaluate(
        "([pairs, series]) => pairs.map(([a, b, versions]) =>"
        " jitscopeVerdicts.judge(a, b, series, versions, { alpha: 0.002, least: 7 }))",
        [[(as_data(a), as_data(b), [a.versions, b.versions]) for a, b in pairs], series],
    )
    verdicts: set[str] = set()
    for (a, b), there in zip(pairs, found, strict=True):
        here = judge(a, b, noise=noise, counter=counter)
        verdicts.add(here.verdict)
        assert there["verdict"] == here.verdict, (a, b, here, there)
        assert there["significant"] == here.significant
        assert (there["apart"], there["threshold"]) == (here.apart, here.threshold)
        assert there["ratio"] == pytest.approx(here.ratio)
        assert there["magnitude"] == pytest.approx(here.magnitude)
    assert len(verdicts) == 7


@pytest.mark.browser
@pytest.mark.slow
def test_two_commits_are_set_beside_each_other(
    site_watched: Watched, site_browser: Browser, compared: Path
) -> None:
    hashes = read_history(compared.parents[2]).commits["commit"].tolist()
    address = f"{compared.as_uri()}#base={hashes[1][:8]}&to={hashes[2]}"
    page = site_watched.open(address)
    row = page.locator("#summary tr", has_text="linear_100, cold").inner_text().split("\t")
    # 1,800 ms and a tenth less, in samples that do not overlap.
    assert "1,800 ms" in row[1]
    assert "1,620 ms" in row[2]
    assert row[3].strip() == "\N{MINUS SIGN}10.0%"
    assert row[4].startswith("yes, p = 0.00058")
    assert "improved" in row[6]
    counted = page.locator("#details tr", has_text="conversions to host").inner_text()
    assert "exact" in counted
    assert "improved" in counted
    assert page.locator("#bars .bars .point path").count() == 2 * 6
    command = page.locator("#command").inner_text()
    assert f"make compare BASE={hashes[1][:8]} TO={hashes[2][:8]}" in command
    assert "profile PROBLEM=linear_100" in command
    option = page.locator("select[name=to] option:checked").inner_text()
    assert "<script>" in option
    page.get_by_role("button", name="Swap").click()
    page.wait_for_selector("html[data-drawn]")
    assert "regressed" in page.locator("#summary tr", has_text="linear_100, cold").inner_text()
    link = page.url
    other = Watched(site_browser.new_context())
    again = other.open(link)
    assert again.locator("select[name=base]").input_value() == hashes[2]
    other.assert_quiet()
    other.page.context.close()
    site_watched.assert_quiet()


@pytest.mark.browser
@pytest.mark.slow
def test_a_broken_commit_is_errored_and_a_short_one_insufficient(
    site_watched: Watched, compared: Path
) -> None:
    hashes = read_history(compared.parents[2]).commits["commit"].tolist()
    page = site_watched.open(f"{compared.as_uri()}#base={hashes[1]}&to={hashes[3]}")
    assert "errored" in page.locator("#summary tbody tr").first.inner_text()
    page.select_option("select[name=to]", hashes[4])
    page.wait_for_selector("html[data-drawn]")
    assert "insufficient" in page.locator("#summary tbody tr").first.inner_text()
    site_watched.assert_quiet()


@pytest.mark.browser
@pytest.mark.slow
def test_a_working_tree_is_a_side_where_it_was_recorded(
    site_watched: Watched, compared: Path
) -> None:
    hashes = read_history(compared.parents[2]).commits["commit"].tolist()
    page = site_watched.open(f"{compared.as_uri()}#base={hashes[1]}&to={hashes[2]}%2B")
    option = page.locator("select[name=to] option:checked").inner_text()
    assert "uncommitted changes" in option
    recorded = page.locator("#recorded").inner_text()
    assert "<b>fit</b>.py" in recorded
    assert re.search(r"reduction\s+1\.00 ms\s+3\.00 ms", recorded)
    site_watched.assert_quiet()


@pytest.mark.browser
@pytest.mark.slow
def test_nothing_to_compare_says_what_to_run(site_watched: Watched, tmp_path: Path) -> None:
    history = GeneratedHistory(tmp_path)
    history.commit("Begin")
    page = site_watched.page
    page.goto(publish(tmp_path).with_name("compare.html").as_uri())
    assert "make history" in page.locator(".empty").inner_text()
    assert page.title() == "Compare"
    site_watched.assert_quiet()


@pytest.mark.browser
@pytest.mark.slow
def test_a_narrow_screen_does_not_scroll_sideways(site_browser: Browser, compared: Path) -> None:
    watched = Watched(site_browser.new_context(viewport={"width": 360, "height": 740}))
    page = watched.open(compared.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    watched.page.context.close()
    watched.assert_quiet()
