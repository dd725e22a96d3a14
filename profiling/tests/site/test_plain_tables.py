"""What the pages show where no script runs, or no chart can be drawn."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from jitscope.history import read_history
from jitscope.noise import noises_of
from jitscope.overview import overview
from jitscope.report.plain_tables import last_changes, last_figures
from jitscope.report.publish import publish
from jitscope.report.setups import setup_lines
from jitscope.series import series_of
from jitscope.session import save_session
from playwright.sync_api import Browser, Page

from ..test_growth_report import GROWN
from .planted import GeneratedHistory as Planted
from .planted import plant_history


def test_the_last_figures_are_those_of_the_last_commit_with_a_value(site_history: Planted) -> None:
    history = read_history(site_history.root)
    hashes = history.commits["commit"].tolist()
    series, setups = series_of(history), setup_lines(history)
    tables = last_figures(series, setups)
    named = [(one.setup.key[0], one.condition.name) for one in tables]
    conditions = ("cold", "warm_disk", "warm_memory")
    assert named == [(machine, c) for machine in ("reference", "other") for c in conditions]
    cold = tables[0]
    assert cold.columns[:3] == ("whole call, unobserved", "whole call, observed", "import")
    # A phase that took no time anywhere has no column.
    assert "cache load" not in cold.columns
    linear, gaussian = cold.rows
    assert (linear.problem, gaussian.problem) == ("linear_100", "gaussian_1000")
    assert linear.last is not None
    assert gaussian.last is not None
    assert linear.last.commit == hashes[6]
    # It failed at the last commit, and the one before was not measured.
    assert gaussian.last.commit == hashes[4]
    values = [None if point is None else point.value for point in linear.figures]
    # 0.8 of the planted seconds.
    assert values[:3] == pytest.approx([1.44, 1.6, 0.72])
    assert linear.figures[0] is not None
    assert linear.figures[0].lo is not None


def test_the_last_two_commits_are_judged_phase_by_phase(site_history: Planted) -> None:
    series = series_of(read_history(site_history.root))
    setups = setup_lines(read_history(site_history.root))
    noises = noises_of(series)
    overviews = {setup.key: overview(series, setup.key, noises) for setup in setups}
    found = list(last_changes(series, setups, overviews, noises))
    linear = next(
        one for one in found if (one.problem, one.condition.name) == ("linear_100", "cold")
    )
    row = overviews[setups[0].key].rows[0]
    assert row.last is not None
    assert row.previous is not None
    assert (linear.base, linear.commit) == (row.previous.commit, row.last.commit)
    labels = [one.label for one in linear.phases]
    assert labels[:2] == ["whole call, unobserved", "whole call, observed"]
    assert "compile" in labels
    assert {one.judgement.verdict for one in linear.phases} == {"insufficient"}
    assert linear.phases[0].head.value == pytest.approx(1.44)
    # One commit on the other machine has none before it.
    assert {one.setup.key[0] for one in found} == {"reference"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = plant_history(tmp_path_factory.mktemp("plain")).root
    save_session(GROWN, root / "results" / "sessions" / "20260101T000000Z.json")
    return publish(root).parent


@pytest.fixture
def scriptless(site_browser: Browser) -> Iterator[Page]:
    context = site_browser.new_context(java_script_enabled=False)
    yield context.new_page()
    context.close()


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "figure"), [("timeline.html", "1,440 ms"), ("compare.html", "insufficient")]
)
def test_without_scripts_a_page_has_its_newest_figures(
    scriptless: Page, site: Path, name: str, figure: str
) -> None:
    scriptless.goto((site / name).as_uri())
    assert "need JavaScript" in scriptless.locator("main").inner_text()
    table = scriptless.locator("#plain table").first
    assert table.is_visible()
    assert figure in table.inner_text()
    # Nothing that cannot be used is shown.
    assert scriptless.locator("select:visible, button:visible").count() == 0


@pytest.mark.browser
@pytest.mark.slow
def test_without_scripts_the_overview_shows_every_setup(scriptless: Page, site: Path) -> None:
    scriptless.goto((site / "index.html").as_uri())
    assert scriptless.locator(".setup:visible").count() == 2
    assert scriptless.locator("select:visible").count() == 0
    scriptless.goto((site / "profile.html").as_uri())
    assert scriptless.get_by_role("region", name="Growth").is_visible()
    assert scriptless.locator(".chart:visible").count() == 0


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("name", ["timeline.html", "compare.html", "profile.html"])
def test_without_plotly_the_tables_are_whole(site_browser: Browser, site: Path, name: str) -> None:
    context = site_browser.new_context()
    context.route("**/plotly.min.js", lambda route: route.abort())
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto((site / name).as_uri())
    if name == "profile.html":
        assert page.get_by_text("which need scripts").is_visible()
    else:
        page.wait_for_selector("html[data-drawn]")
        assert "plotly.min.js did not load" in page.get_by_role("alert").inner_text()
        shown = page.locator("#commits tbody tr, #details tbody tr").count()
        assert shown > 4
        # Their tables hold what the charts would show: choosing still works.
        page.locator("input[value=warm_memory]").check()
        page.wait_for_selector("html[data-drawn]")
        assert "warm_memory" in page.url
    assert errors == []
    context.close()


@pytest.mark.browser
@pytest.mark.slow
def test_data_that_cannot_be_loaded_leave_the_tables_open(
    site_browser: Browser, site: Path
) -> None:
    context = site_browser.new_context()
    context.route("**/data/commits.js", lambda route: route.abort())
    page = context.new_page()
    page.goto((site / "timeline.html").as_uri())
    page.wait_for_selector("html[data-drawn=failed]")
    assert "run make html again" in page.get_by_role("alert").inner_text()
    assert page.locator("#plain table").first.is_visible()
    context.close()
