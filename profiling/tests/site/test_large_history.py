"""A history of a thousand commits: that it is read whole, and what publishing it costs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from jitscope.history import read_history
from jitscope.series import series_of
from playwright.sync_api import Browser

from .browser import Watched
from .large import SERIES, make_large_history

LONGEST_S = 60
MOST_BYTES = 2_000_000_000
LARGEST_FILE_BYTES = 10_000_000
INTERACTIVE_MS = 2_000
STATIC = ("expectations.html",)
"""Pages without a chart: nothing tells when they are drawn."""
# CPU time, as wall time is also that of whatever else the machine does: publishing does one thing
# after the other, so that they are equal on a machine of its own.
PUBLISH = """
import json, resource, sys
from pathlib import Path
from jitscope.report.publish import publish
publish(Path(sys.argv[1]))
used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
cpu_s = sum(one.ru_utime + one.ru_stime for one in used)
print(json.dumps({"cpu_s": cpu_s, "peak_bytes": 1024 * max(one.ru_maxrss for one in used)}))
"""


def test_every_series_and_every_commit_is_read(tmp_path: Path):
    hashes = make_large_history(tmp_path, 60)
    series = series_of(read_history(tmp_path))
    assert len(series) == SERIES == 200
    for one in series:
        assert [point.commit for point in one.points] == list(hashes)
        assert [point.order for point in one.points if point.status == "missing"] == [7, 27, 47]
        assert [point.order for point in one.points if point.status == "broken"] == [13]
        fails = one.key.parameter("problem") == "exponential_1000"
        assert one.points[21].status == ("failed" if fails else "ok")


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository with a thousand commits."""
    root = tmp_path_factory.mktemp("large")
    make_large_history(root)
    return root


@pytest.fixture(scope="module")
def published(large: Path) -> tuple[Path, dict[str, float]]:
    """Return the site's folder, and the time and memory that a fresh process took for it."""
    done = subprocess.run(
        [sys.executable, "-c", PUBLISH, str(large)], check=True, capture_output=True, text=True
    )
    return large / "results" / "html", json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_publishing_stays_within_its_limits(published: tuple[Path, dict[str, float]]):
    html, took = published
    print(took)
    assert took["cpu_s"] < LONGEST_S
    assert took["peak_bytes"] < MOST_BYTES
    sizes = {path: path.stat().st_size for path in html.rglob("*") if path.is_file()}
    assert {path: size for path, size in sizes.items() if size > LARGEST_FILE_BYTES} == {}


@pytest.mark.slow
@pytest.mark.browser
def test_every_page_is_soon_interactive(
    site_browser: Browser, published: tuple[Path, dict[str, float]]
):
    html, _ = published
    took_ms = {page.name: _until_interactive_ms(site_browser, page) for page in html.glob("*.html")}
    print(took_ms)
    assert len(took_ms) >= 3
    assert {page: ms for page, ms in took_ms.items() if ms > INTERACTIVE_MS} == {}


def _until_interactive_ms(browser: Browser, page: Path) -> float:
    """CPU milliseconds of the page's thread from the address until it has drawn and answers."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    watched = Watched(context)
    session = context.new_cdp_session(watched.page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    if page.name in STATIC:
        watched.page.goto(page.as_uri())
    else:
        watched.open(page.as_uri())
    # A script of ours is answered once no other one runs.
    assert watched.page.evaluate("document.readyState") == "complete"
    metrics = session.send("Performance.getMetrics")["metrics"]
    watched.assert_quiet()
    context.close()
    return 1e3 * next(one["value"] for one in metrics if one["name"] == "TaskDuration")
