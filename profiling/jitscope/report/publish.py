"""Write the site: asv's own pages, and ours beside them."""

import shutil
import subprocess
import sys
from pathlib import Path

from plotly.offline import get_plotlyjs

from jitscope.expectations import compare, read_predictions
from jitscope.history import History, read_history
from jitscope.report.expectations_page import render_expectations_page
from jitscope.report.phases_page import render_phases_page
from jitscope.report.profile_page import render_profile_page
from jitscope.report.rendering import TEMPLATES, Neighbours
from jitscope.session import load_session

ASSETS = ("site.css", "phases.js")


def publish(root: Path) -> Path:
    """Write ``results/html``: asv's site in ``asv/``, our pages at the top.

    Parameters
    ----------
    root : Path
        Working tree of the project, with ``asv.conf.json`` and ``results/asv``.

    Returns
    -------
    Path
        The first page to open, ``results/html/index.html``.

    Raises
    ------
    UserError
        If the history or the expectations cannot be read, or, once the other pages are written,
        the newest session. A failure of ``asv publish`` alone is printed, and our own pages are
        written all the same.
    """
    history = read_history(root)
    comparisons = compare(history, read_predictions(root / "results" / "expectations.toml"))
    html = root / "results" / "html"
    html.mkdir(parents=True, exist_ok=True)
    session = newest_session(root)
    beside = Neighbours(_publish_asv(root, html / "asv", history), session is not None)
    for name in ASSETS:
        shutil.copyfile(TEMPLATES / name, html / name)
    (html / "plotly.min.js").write_text(get_plotlyjs(), encoding="utf-8")
    pages = {
        "index.html": render_phases_page(history, beside=beside),
        "expectations.html": render_expectations_page(history, comparisons, beside=beside),
    }
    for name, text in pages.items():
        (html / name).write_text(text, encoding="utf-8")
    if session is not None:
        page = render_profile_page(load_session(session), root, beside=beside)
        (html / "profile.html").write_text(page, encoding="utf-8")
    return html / "index.html"


def newest_session(root: Path) -> Path | None:
    """Return the file of the last profiling session; None if there is none."""
    return max((root / "results" / "sessions").glob("*.json"), default=None)


def _publish_asv(root: Path, folder: Path, history: History) -> bool:
    """Run ``asv publish``; whether its site now lies in `folder`."""
    shutil.rmtree(folder, ignore_errors=True)
    if history.results.empty:
        return False
    command = [sys.executable, "-m", "asv", "publish", "--no-pull", "--html-dir", str(folder)]
    done = subprocess.run(
        command, cwd=root, check=False, capture_output=True, text=True, errors="replace"
    )
    if done.returncode == 0 and (folder / "index.html").is_file():
        _link_back(folder / "index.html")
        return True
    said = (done.stderr.strip() or done.stdout.strip()).splitlines()
    print(
        f"asv publish failed ({said[-1].strip() if said else 'it gave no reason'}): the page of "
        "phases is written without asv's own pages; run `python -m asv publish` to see why.",
        file=sys.stderr,
    )
    return False


def _link_back(page: Path) -> None:
    """Add our page to the tabs of asv's, if they look as they do in asv 0.6."""
    html = page.read_text(encoding="utf-8")
    tab = '<li id="nav-li-regressions">'
    link = '<li><a href="../index.html">Phases over time</a></li>'
    page.write_text(html.replace(tab, f"{link}\n{tab}", 1), encoding="utf-8")
