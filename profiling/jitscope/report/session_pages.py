"""The pages of profiling sessions, one each, linked with those of the history.

The newest is ``profile.html``, which every page's menu names; an older one is named after its file.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from jitscope.errors import UserError
from jitscope.history import PHASE_BENCHMARK, History
from jitscope.report.links import compare_link, timeline_link
from jitscope.report.profile_page import Related, render_profile_page
from jitscope.report.rendering import Neighbours, render
from jitscope.report.setups import SetupLine, setup_lines
from jitscope.report.snakeviz_page import write_snakeviz_page
from jitscope.session import Session, load_session

FIRST = "profile.html"
MOST = 24
"""Sessions that get a page: the newest."""
DUMPS = "cprofile"
"""Folder of the pages of cProfile dumps."""
_CONDITION = "warm_memory"


@dataclass(frozen=True)
class SessionPage:
    """One session and where its page lies.

    Attributes
    ----------
    address : str
        Name of the page's file.
    session : Session or None
        None where the file cannot be read.
    problem : str
        Why it cannot; empty where it can.
    """

    address: str
    session: Session | None
    problem: str = ""

    @property
    def side(self) -> str | None:
        """The commit's full hash, or "HASH+" of a working tree; None: not in git."""
        if self.session is None or self.session.environment.commit is None:
            return None
        return self.session.environment.commit + ("+" if self.session.environment.modified else "")

    @property
    def title(self) -> str:
        """Name for the reader, as in "2026-01-02 03:04, trustfit at 1234abcd"."""
        if self.session is None:
            return self.address
        solvers = ", ".join(dict.fromkeys(one.solver for one in self.session.problems))
        made = self.session.created_utc[:16].replace("T", " ")
        side = self.side
        at = "" if side is None else f" at {side[:8]}"
        return f"{made}, {solvers}{at}{' with changes' if side and side.endswith('+') else ''}"


def newest_session(root: Path) -> Path | None:
    """Return the file of the last session by the time in its name; None if there is none."""
    # Milestones that somebody renamed stay out: their names say no time.
    return max((root / "results" / "sessions").glob("[0-9]*T[0-9]*Z.json"), default=None)


def session_pages(root: Path, first: Path | None) -> tuple[SessionPage, ...]:
    """Read the sessions that get a page.

    Parameters
    ----------
    root : Path
        The project; sessions lie in its ``results/sessions``.
    first : Path or None
        The one whose page is `FIRST`, even if it cannot be read; None: the newest of all.

    Returns
    -------
    tuple of SessionPage
        `first`, then the others, newest first. Damaged ones among these, and recordings, which lie
        in the same folder, are passed over.
    """
    given = None if first is None else first.resolve()
    others = [
        page
        for path in (root / "results" / "sessions").glob("*.json")
        if path.resolve() != given and (page := _read(path, _name(path))).session
    ]
    others.sort(key=lambda page: (page.session.created_utc if page.session else "", page.address))
    newest_first = others[::-1][:MOST]
    if first is not None:
        return (_read(first, FIRST), *newest_first[: MOST - 1])
    return tuple(
        replace(page, address=FIRST) if place == 0 else page
        for place, page in enumerate(newest_first)
    )


def _name(path: Path) -> str:
    """Name of a session's page: letters, digits and hyphens, whatever its file is called."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", path.stem).strip("-")
    # Different names may be made of the same letters.
    digest = hashlib.sha256(path.stem.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"profile-{plain if plain == path.stem else f'{plain}-{digest}'.lstrip('-')}.html"


def _read(path: Path, address: str) -> SessionPage:
    try:
        return SessionPage(address, load_session(path))
    except UserError as error:
        return SessionPage(address, None, str(error))


def addresses_of(pages: Iterable[SessionPage]) -> dict[str, str]:
    """Return the address of the newest page of each commit, by `SessionPage.side`."""
    found: dict[str, str] = {}
    for page in pages:
        if page.side is not None:
            found.setdefault(page.side, page.address)
    return found


def write_session_pages(
    html: Path,
    root: Path,
    pages: Sequence[SessionPage],
    *,
    beside: Neighbours,
    history: History | None = None,
) -> None:
    """Write the pages of all sessions, and those of their cProfile dumps; remove older ones.

    Parameters
    ----------
    html : Path
        The site's folder.
    root : Path
        Repository, which file names are shown relative to.
    pages : sequence of SessionPage
    beside : Neighbours
        The other pages to link.
    history : History, optional
        What can be linked on the pages of the history.
    """
    for old in html.glob("profile*.html"):
        old.unlink()
    shutil.rmtree(html / DUMPS, ignore_errors=True)
    numbers = iter(range(1, 1_000_000))
    for page in pages:
        path = html / page.address
        if page.session is None:
            print(f"The profile page could not be written: {page.problem}", file=sys.stderr)
            text = render("unreadable.html", page="profile", beside=beside, reason=page.problem)
        else:
            text = render_profile_page(
                page.session,
                root,
                beside=beside,
                dump_pages=_write_dumps(page.session, root, path, numbers),
                related=_related(page, pages, history),
            )
        path.write_text(text, encoding="utf-8")


def _write_dumps(
    session: Session, root: Path, page: Path, numbers: Iterator[int]
) -> Mapping[str, str]:
    """Write a page of each cProfile dump that is still there; their addresses by dump."""
    written: dict[str, str] = {}
    for profile in session.problems:
        for call, dump in profile.cprofile.items():
            if not (root / dump).is_file():
                continue
            address = f"{DUMPS}/{next(numbers)}.html"
            title = f"cProfile of the {call} call of {profile.solver} on {profile.problem}"
            try:
                target = page.parent / address
                write_snakeviz_page(root / dump, target, title=title, back=f"../{page.name}")
            except UserError as error:
                print(error, file=sys.stderr)
            else:
                written[dump] = address
    return MappingProxyType(written)


def _related(page: SessionPage, pages: Sequence[SessionPage], history: History | None) -> Related:
    others = tuple((one.address, one.title) for one in pages if one is not page and one.session)
    session = page.session
    if history is None or history.results.empty or session is None:
        return Related(others)
    results = history.results
    drawn = set(results.loc[results["benchmark"] == PHASE_BENCHMARK].get("problem", ()))
    setup = _setup_of(page.side, history)
    name = "" if setup is None else setup.name
    names = [one.problem for one in session.problems]
    timelines = {one: timeline_link(one, _CONDITION, name) for one in names if one in drawn}
    compare = None
    if setup is not None and page.side is not None:
        compare = compare_link("", page.side, next(iter(timelines), ""), "", setup.name)
    return Related(others, timelines, compare)


def _setup_of(side: str | None, history: History) -> SetupLine | None:
    """The setup that measured a commit; None where none did."""
    order = dict(zip(history.commits["commit"], history.commits["order"], strict=True))
    place = None if side is None else order.get(side)
    return next((one for one in setup_lines(history) if place in one.orders), None)
