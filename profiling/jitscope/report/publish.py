"""Write the site: asv's own pages, and ours beside them."""

import shutil
import subprocess
import sys
from pathlib import Path

from plotly.offline import get_plotlyjs

from jitscope.expectations import compare, read_predictions
from jitscope.history import History, read_history
from jitscope.report import asv_tab
from jitscope.report.compare_recorded import read_recorded
from jitscope.report.expectations_page import render_expectations_page
from jitscope.report.forge import commit_address
from jitscope.report.history_pages import write_history_pages
from jitscope.report.rendering import TEMPLATES, Neighbours
from jitscope.report.session_pages import (
    FIRST,
    SessionPage,
    addresses_of,
    newest_session,
    session_pages,
    write_session_pages,
)
from jitscope.session import load_session

ASSETS = (
    *("site.css", "site.js", "growth.js"),
    *("overview.js", "timeline.js", "timeline_chart.js"),
    *("compare.js", "verdicts.js"),
)


def publish(root: Path, session: Path | None = None) -> Path:
    """Write ``results/html``: asv's site in ``asv/``, our pages at the top.

    Parameters
    ----------
    root : Path
        Working tree of the project, with ``asv.conf.json`` and ``results/asv``.
    session : Path, optional
        The profiling session to show first; the last one that `make profile` wrote by default.

    Returns
    -------
    Path
        The first page to open, ``results/html/index.html``.

    Raises
    ------
    UserError
        If the history or the expectations cannot be read. A failure of ``asv publish`` alone, or
        a damaged session, is printed, and the other pages are written all the same.
    """
    history = read_history(root)
    comparisons = compare(history, read_predictions(root / "results" / "expectations.toml"))
    html = root / "results" / "html"
    html.mkdir(parents=True, exist_ok=True)
    sessions = session_pages(root, session or newest_session(root))
    beside = Neighbours(_publish_asv(root, html / "asv", history), bool(sessions))
    _copy_assets(html)
    pages = {
        "expectations.html": render_expectations_page(history, comparisons, beside=beside),
    }
    recorded = read_recorded(root / "results" / "sessions")
    write_history_pages(
        html,
        history,
        recorded,
        profiles=addresses_of(sessions),
        address=commit_address(root),
        beside=beside,
    )
    for name, text in pages.items():
        (html / name).write_text(text, encoding="utf-8")
    write_session_pages(html, root, sessions, beside=beside, history=history)
    return html / "index.html"


def publish_session(root: Path, session: Path) -> Path:
    """Write the page of one session alone: what a repository without a history of ours gets.

    Parameters
    ----------
    root : Path
        Folder whose ``results/html`` it goes to; it need not be a repository.
    session : Path
        The session's file.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    UserError
        If the session cannot be read.
    """
    html = root / "results" / "html"
    html.mkdir(parents=True, exist_ok=True)
    _copy_assets(html)
    beside = Neighbours(asv=False, profile=True, history=False)
    alone = SessionPage(FIRST, load_session(session))
    write_session_pages(html, root, (alone,), beside=beside)
    return html / FIRST


def _copy_assets(html: Path) -> None:
    for name in ASSETS:
        shutil.copyfile(TEMPLATES / name, html / name)
    (html / "plotly.min.js").write_text(get_plotlyjs(), encoding="utf-8")


def _publish_asv(root: Path, folder: Path, history: History) -> bool:
    """Run ``asv publish``; whether its site now lies in `folder`."""
    shutil.rmtree(folder, ignore_errors=True)
    if history.results.empty:
        return False
    # The repository's own configuration need not name the plugin; importing it is enough.
    with_tab = "from jitscope.report import asv_tab; from asv.main import main; main()"
    command = [sys.executable, "-c", with_tab, "publish", "--no-pull", "--html-dir", str(folder)]
    done = subprocess.run(
        command, cwd=root, check=False, capture_output=True, text=True, errors="replace"
    )
    if done.returncode == 0 and (folder / "index.html").is_file():
        said = [one for one in done.stderr.splitlines() if one.startswith(asv_tab.LEFT_AS_THEY_ARE)]
        print(*said, sep="\n", end="\n" if said else "", file=sys.stderr)
        return True
    said = (done.stderr.strip() or done.stdout.strip()).splitlines()
    print(
        f"asv publish failed ({said[-1].strip() if said else 'it gave no reason'}): the page of "
        "phases is written without asv's own pages; run `python -m asv publish` to see why.",
        file=sys.stderr,
    )
    return False
