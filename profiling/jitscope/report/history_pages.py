"""Write the pages that are made of a history, and their data files."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from jitscope.history import History
from jitscope.noise import noises_of
from jitscope.overview import overview
from jitscope.report import timeline_data as timelines
from jitscope.report.compare_data import write_comparisons
from jitscope.report.compare_page import render_compare_page
from jitscope.report.compare_recorded import Recorded, comparisons_of
from jitscope.report.overview_page import render_overview_page
from jitscope.report.plain_tables import last_changes
from jitscope.report.rendering import Neighbours
from jitscope.report.setups import setup_lines
from jitscope.report.site_data import FOLDER
from jitscope.report.timeline_page import render_timeline_page
from jitscope.series import series_of


def write_history_pages(
    html: Path,
    history: History,
    recorded: Sequence[Recorded],
    *,
    profiles: Mapping[str, str],
    address: str | None,
    beside: Neighbours,
) -> None:
    """Write them all.

    Parameters
    ----------
    html : Path
        The site's folder; data of an earlier run are removed from it.
    history : History
    recorded : sequence of Recorded
        Recordings of commits and working trees, to set beside each other.
    profiles : mapping of str to str
        Address of the page of a commit's session; "HASH+" is a working tree of it.
    address : str or None
        What a hash is added to for a link to its commit.
    beside : Neighbours
        The other pages to link.
    """
    series = series_of(history)
    setups = setup_lines(history)
    problems = timelines.problems_by_setup(series, setups)
    noises = noises_of(series)
    overviews = {
        setup.key: overview(series, setup.key, noises, history.failures) for setup in setups
    }
    shutil.rmtree(html / FOLDER, ignore_errors=True)
    timelines.write_commits(html, history)
    moves = {key: one.moves for key, one in overviews.items()}
    timelines.write_timelines(html, series, setups, problems, moves, history.failures)
    write_comparisons(html, series, setups, noises)
    pages = {
        "index.html": render_overview_page(
            history, setups, overviews, address=address, beside=beside
        ),
        "timeline.html": render_timeline_page(
            history, series, setups, problems, profiles=profiles, address=address, beside=beside
        ),
        "compare.html": render_compare_page(
            history,
            series,
            setups,
            comparisons_of(recorded),
            tuple(last_changes(series, setups, overviews, noises)),
            profiles=profiles,
            address=address,
            beside=beside,
        ),
    }
    for name, text in pages.items():
        (html / name).write_text(text, encoding="utf-8")
