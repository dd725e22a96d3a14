"""Write the site: asv's own pages, and ours beside them."""

import shutil
import subprocess
import sys
from pathlib import Path

from plotly.offline import get_plotlyjs

from jitscope.errors import UserError
from jitscope.expectations import compare, read_predictions
from jitscope.history import History, read_history
from jitscope.report import asv_tab
from jitscope.report.compare_recorded import read_recorded
from jitscope.report.expectations_page import render_expectations_page
from jitscope.report.forge import commit_address
from jitscope.report.history_pages import write_history_pages
from jitscope.report.profile_page import render_profile_page
from jitscope.report.rendering import TEMPLATES, Neighbours, render
from jitscope.report.snakeviz_page import write_snakeviz_page
from jitscope.session import Session, load_session

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
        The profiling session to show; the last one that `make profile` wrote by default.

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
    session = session or newest_session(root)
    beside = Neighbours(_publish_asv(root, html / "asv", history), session is not None)
    _copy_assets(html)
    pages = {
        "expectations.html": render_expectations_page(history, comparisons, beside=beside),
    }
    recorded = read_recorded(root / "results" / "sessions")
    write_history_pages(html, history, recorded, address=commit_address(root), beside=beside)
    for name, text in pages.items():
        (html / name).write_text(text, encoding="utf-8")
    if session is not None:
        _write_profile(session, root, html / "profile.html", beside)
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
    page = html / "profile.html"
    beside = Neighbours(asv=False, profile=True, history=False)
    page.write_text(_profile_page(session, root, page, beside), "utf-8")
    return page


def newest_session(root: Path) -> Path | None:
    """Return the file of the last session by the time in its name; None if there is none."""
    # Milestones that somebody renamed stay out: their names say no time.
    return max((root / "results" / "sessions").glob("[0-9]*T[0-9]*Z.json"), default=None)


def _copy_assets(html: Path) -> None:
    for name in ASSETS:
        shutil.copyfile(TEMPLATES / name, html / name)
    (html / "plotly.min.js").write_text(get_plotlyjs(), encoding="utf-8")


def _profile_page(path: Path, root: Path, page: Path, beside: Neighbours) -> str:
    session = load_session(path)
    dumps = _write_dumps(session, root, page)
    return render_profile_page(session, root, beside=beside, dump_pages=dumps)


def _write_profile(session: Path, root: Path, page: Path, beside: Neighbours) -> None:
    try:
        text = _profile_page(session, root, page, beside)
    except UserError as error:
        text = render("unreadable.html", page="profile", beside=beside, reason=str(error))
        print(f"The profile page could not be written: {error}", file=sys.stderr)
    page.write_text(text, encoding="utf-8")


def _write_dumps(session: Session, root: Path, page: Path) -> dict[str, str]:
    """Write a page of each cProfile dump that is still there; their addresses by dump."""
    folder = page.parent / "cprofile"
    shutil.rmtree(folder, ignore_errors=True)
    written: dict[str, str] = {}
    for profile in session.problems:
        for call, dump in profile.cprofile.items():
            if not (root / dump).is_file():
                continue
            name = f"{len(written) + 1}.html"
            title = f"cProfile of the {call} call of {profile.solver} on {profile.problem}"
            try:
                write_snakeviz_page(root / dump, folder / name, title=title, back=f"../{page.name}")
            except UserError as error:
                print(error, file=sys.stderr)
            else:
                written[dump] = f"{folder.name}/{name}"
    return written


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
