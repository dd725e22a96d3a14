import json
import re
from pathlib import Path

import pytest
from jitscope.history import read_history
from jitscope.report.forge import address_of
from jitscope.report.rendering import Neighbours
from jitscope.report.setups import setup_lines
from jitscope.report.site_data import rounded, write_data
from jitscope.report.timeline_data import problems_by_setup, timeline_data
from jitscope.report.timeline_page import render_timeline_page
from jitscope.series import series_of

from .planted import GeneratedHistory as Planted

ALONE = Neighbours(asv=False, profile=False)


def read_data(path: Path) -> object:
    found = re.fullmatch(r"jitscope\.receive\('[\w-]+', '(.*)'\);\n", path.read_text("utf-8"))
    assert found is not None
    return json.loads(re.sub(r"\\(['\\])", r"\1", found[1]))


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("git@github.com:owner/name.git", "https://github.com/owner/name/commit/"),
        ("https://github.com/owner/name", "https://github.com/owner/name/commit/"),
        ("https://me:secret@github.com/o/n.git", "https://github.com/o/n/commit/"),
        ("ssh://git@gitlab.com:22/a/b/c.git", "https://gitlab.com/a/b/c/-/commit/"),
        ("git@git.sr.ht:~me/name", "https://git.sr.ht/~me/name/commit/"),
        ("https://github.com.example.org/o/n", None),
        ("https://example.org/github.com/o/n", None),
        ('git@github.com:o/n"><script>', None),
        ("/srv/git/name", None),
    ],
)
def test_a_commit_is_linked_where_its_forge_is_known(remote: str, address: str | None) -> None:
    assert address_of(remote) == address


def test_data_files_are_one_call_with_text(tmp_path: Path) -> None:
    hostile = ["'); alert(1); ('", "\\", "</script>", "\u2028", "é", "__proto__"]
    path = write_data(tmp_path, "odd", hostile)
    text = path.read_text("utf-8")
    assert "</script" not in text
    assert "\u2028" not in text
    assert read_data(path) == hostile


def test_data_files_refuse_what_a_browser_cannot_read(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_data(tmp_path, "odd", [float("nan")])
    assert rounded(float("inf")) is None
    assert rounded(123456.7) == 123460


def test_data_files_have_a_largest_size(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="split it"):
        write_data(tmp_path, "large", "x" * 10_000_001)


def test_a_timeline_has_a_value_for_every_measured_commit(site_history: Planted) -> None:
    history = read_history(site_history.root)
    series = series_of(history)
    here, there = setup_lines(history)
    assert here.name == "reference, JAX 0.10.2, NumPy 2.4.6, Python 3.11"
    assert here.machine == "reference (Planted CPU, 2 CPUs, Linux)"
    assert problems_by_setup(series, (here, there))[here.key] == ("linear_100", "gaussian_1000")
    own = [one for one in series if one.key.setup == here.key]
    data = timeline_data(own, here, "gaussian_1000")
    # The first commit, before the suite, and the unmeasured one are not among them.
    assert data["orders"] == [1, 2, 3, 4, 6]
    cold = data["conditions"][0]
    assert cold["status"] == ["ok", "ok", "broken", "ok", "failed"]
    phases = {one["name"]: one for one in cold["phases"]}
    assert phases["compile"]["ms"] == pytest.approx([500, 450, None, 0.97 * 450, None])
    assert phases["compile"]["n"] == [7, 7, 0, 1, 0]
    assert cold["wall"]["ms"][0] == pytest.approx(2000)
    assert cold["unobserved"]["ms"][0] == pytest.approx(1800)
    counters = {one["label"]: one for one in data["counters"]}
    assert counters["conversions to host"]["value"] == [34, 2, None, None, 2]
    assert counters["modules compiled, first fit"]["conditions"] == ["cold", "warm_disk"]
    assert counters["modules compiled, same data"]["conditions"] == ["warm_memory"]


def test_an_empty_history_says_what_to_run(site_empty: Planted) -> None:
    html = render_timeline_page(
        read_history(site_empty.root), (), (), {}, profiles={}, address=None, beside=ALONE
    )
    assert "make bench" in html
    assert "plotly" not in html
