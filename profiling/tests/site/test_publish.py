import json
import re

import pytest
from jitscope.errors import UserError
from jitscope.history import read_history
from jitscope.report.panels import Panel, Setup, setups_of
from jitscope.report.publish import publish
from jitscope.report.rendering import embedded_json, interval, number
from jitscope.report.setups import setup_lines

from .planted import GeneratedHistory as Planted
from .planted import phase_samples


def panel_of(setup: Setup, problem: str, condition: str) -> Panel:
    return next(p for p in setup.panels if (p.problem, p.condition) == (problem, condition))


@pytest.mark.parametrize(
    ("value", "text"),
    [(1234.5, "1,234"), (99.96, "100.0"), (12.34, "12.3"), (0.012345, "0.0123"), (0, "0")],
)
def test_numbers_have_three_digits_and_no_exponent(value: float, text: str) -> None:
    assert number(value) == text


def test_an_interval_that_is_missing_is_said_to_be() -> None:
    assert interval(None, None) == "no interval"
    assert interval(1.0, 2.0) == "1.00 to 2.00"


def test_embedded_data_cannot_leave_its_script_element() -> None:
    hostile = "</script><!-- & \u2028 \u2029 é"
    text = str(embedded_json({"message": hostile}))
    assert not re.search("[<>&\u2028\u2029]", text)
    assert json.loads(text) == {"message": hostile}


def test_embedded_data_refuses_what_a_browser_cannot_read() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        embedded_json([float("nan")])


def test_every_commit_has_a_bar_with_its_own_status(site_history: Planted) -> None:
    here, there = setups_of(read_history(site_history.root))
    assert [bar.status for bar in panel_of(here, "gaussian_1000", "cold").bars] == [
        *("ok", "ok", "broken", "ok", "failed")
    ]
    assert [bar.status for bar in panel_of(here, "linear_100", "cold").bars] == [
        *("ok", "ok", "broken", "ok", "ok")
    ]
    assert [bar.status for bar in there.panels[0].bars] == ["ok"]
    assert here.machine == "reference (Planted CPU, 2 CPUs, Linux)"
    assert here.software == "JAX 0.10.2, NumPy 2.4.6, Python 3.11"


def test_a_bar_holds_milliseconds_samples_and_counts(site_history: Planted) -> None:
    here, _ = setups_of(read_history(site_history.root))
    panel = panel_of(here, "linear_100", "cold")
    first = panel.bars[0]
    assert panel.phases == (
        *("import", "backend", "trace", "lower", "compile", "cache_load", "host"),
    )
    assert {m.name: m.ms for m in first.phases} == pytest.approx(
        {
            "import": 900,
            "backend": 100,
            "trace": 200,
            "lower": 100,
            "compile": 500,
            "host": 200,
            "cache_load": 0,
        }
    )
    assert first.wall is not None
    assert first.unobserved is not None
    assert (first.wall.ms, first.unobserved.ms) == pytest.approx((2000, 1800))
    assert first.wall.n == 7
    conversions = (("conversions to host", 34.0), ("conversions to device", 34.0))
    assert set(first.counts) == {*conversions, ("modules compiled", 9.0)}
    later = panel_of(here, "linear_100", "warm_memory").bars[0]
    assert set(later.counts) == {*conversions, ("modules compiled", 0.0)}
    from_disk = panel_of(here, "linear_100", "warm_disk").bars[0]
    assert set(from_disk.counts) == set(conversions)


@pytest.mark.slow
def test_publishing_writes_both_sites_that_link_to_each_other(site_history: Planted) -> None:
    page = publish(site_history.root)
    assert page == site_history.root / "results" / "html" / "index.html"
    assert 'href="asv/index.html"' in page.read_text()
    assert 'href="../index.html"' in (page.parent / "asv" / "index.html").read_text()
    for asset in ("plotly.min.js", "site.css", "timeline.js", "timeline.html", "expectations.html"):
        assert (page.parent / asset).stat().st_size > 0


def test_a_failing_asv_publish_is_told_and_our_page_still_written(
    site_history: Planted, capsys: pytest.CaptureFixture[str]
) -> None:
    (site_history.root / "asv.conf.json").unlink()
    page = publish(site_history.root)
    assert "asv publish failed" in capsys.readouterr().err
    assert "gaussian_1000" in page.read_text()
    assert "asv/index.html" not in page.read_text()


def test_publishing_damaged_results_names_the_file(site_history: Planted) -> None:
    damaged = next((site_history.results / "other").glob("*-*.json"))
    damaged.write_text("{")
    with pytest.raises(UserError, match=damaged.name[:8]):
        publish(site_history.root)


def test_the_machine_that_measured_the_newest_commit_comes_first(site_empty: Planted) -> None:
    site_empty.write_suite()
    for subject in ("One", "Two"):
        site_empty.measure(site_empty.commit(subject), phase_samples())
    site_empty.measure(newest := site_empty.commit("Three"), phase_samples(), machine="another")
    history = read_history(site_empty.root)
    assert [one.key[0] for one in setup_lines(history)] == ["another", "reference"]
    assert [len(one.commits) for one in setups_of(history)] == [1, 2]
    site_empty.measure(newest, phase_samples())
    history = read_history(site_empty.root)
    assert [one.key[0] for one in setup_lines(history)] == ["reference", "another"]
    assert [len(one.commits) for one in setups_of(history)] == [3, 1]
