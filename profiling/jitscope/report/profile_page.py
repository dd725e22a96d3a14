"""The page of a profiling session: phases, stages, conversions and lines of each problem."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import Any

from markupsafe import Markup

from jitscope._files import write_whole
from jitscope.opportunities import opportunities
from jitscope.report import growth, programs, tables
from jitscope.report.phase_styles import PATTERNS, PHASE_STYLES, Pattern
from jitscope.report.recording_view import device_view
from jitscope.report.rendering import Neighbours, embedded_json, render, sheet_of
from jitscope.session import ProblemProfile, Session
from jitscope.session_recordings import USERS_CALLS, calls_of

STAGE_COLOURS: Mapping[str, str] = {
    "residual and Jacobian": "#2b6cb0",
    "factorisation": "#c8434f",
    "inner loop": "#f0904f",
    "other kernels": "#7cc6ef",
    "arguments and conversions": "#1b998b",
    "host": "#a98467",
    "compilation": "#f4c95d",
    tables.COMPILED_SOLVE: "#4c3b8f",
}
MOST_SCOPES = 20
MOST_OPPORTUNITIES = 5
FURTHER_COLOURS = ("#c8434f", "#f0904f", "#b86bb3", "#6f9b3c", "#3f7f93", "#8c2f39", "#6b7280")
"""For the stages that a solver names itself, in their order; the last one for all that follow."""


@dataclass(frozen=True)
class Related:
    """Pages that belong to a session's.

    Attributes
    ----------
    others : tuple of (str, str)
        Address and title of other sessions' pages, newest first.
    timelines : mapping of str to str
        Address of each problem's timeline.
    compare : str or None
        Address at which its commit is compared with others; None: it was not measured.
    """

    others: tuple[tuple[str, str], ...] = ()
    timelines: Mapping[str, str] = field(default_factory=dict[str, str])
    compare: str | None = None


@dataclass(frozen=True)
class _LineRow:
    place: str
    function: str
    hits: int
    time_us: float
    share_percent: float
    to_host: int
    to_device: int
    source: str


@dataclass(frozen=True)
class _Details:
    profile: ProblemProfile
    driver_note: str | None
    missing: list[str]
    conversions: list[tables.ConversionRow]
    lines: list[_LineRow]
    scopes: list[programs.ScopeRow]
    scope_shares: dict[str, float]
    scope_colours: Mapping[str, str]
    scope_patterns: Mapping[str, Pattern]


def write_session_alone(session: Session, root: Path, path: Path) -> None:
    """Write the page of a session as one file that needs no other, and runs no script.

    Parameters
    ----------
    session : Session
    root : Path
        Folder that file names are shown relative to.
    path : Path

    Raises
    ------
    UserError
        The file cannot be written.
    """
    beside = Neighbours(asv=False, profile=False, history=False)
    page = render_profile_page(session, root, beside=beside, sheet=sheet_of("site.css"))
    write_whole(path, page)


def render_profile_page(
    session: Session,
    root: Path,
    *,
    beside: Neighbours,
    dump_pages: Mapping[str, str] = MappingProxyType({}),
    related: Related | None = None,
    sheet: Markup | None = None,
) -> str:
    """HTML of a session.

    Parameters
    ----------
    session : Session
    root : Path
        Repository, which file names are shown relative to.
    beside : Neighbours
        The other pages to link.
    dump_pages : mapping of str to str
        Address of the page of each cProfile dump that has one, by the dump's path in the session.
    related : Related, optional
        Pages to link.
    sheet : Markup, optional
        The page's style, if it has to stand alone: its charts, which need scripts, are left out.
    """
    profiles = session.problems
    solves = [row for p in profiles for row in tables.solve_rows(p)]
    lengths = growth.growth_rows(session.growth)
    stages = list(dict.fromkeys(name for row in solves for name in row.share_percent))
    return render(
        "profile.html",
        page="profile",
        beside=beside,
        session=session,
        dump_pages=dump_pages,
        related=related or Related(),
        columns=list(tables.COLUMNS),
        phase_colours=_phase_colours(),
        phase_patterns=_phase_patterns(),
        first_calls=[row for p in profiles if (row := tables.first_call_row(p))],
        solves=solves,
        drivers=any(row.driver for row in solves),
        stages=stages,
        stage_colours=_stage_colours(stages),
        stage_patterns=_patterns((*STAGE_COLOURS, *stages)),
        details=[
            _Details(
                profile=p,
                driver_note=tables.driver_note(p),
                missing=tables.missing_notes(p),
                conversions=tables.conversion_rows(p, root),
                lines=_line_rows(p, root),
                scopes=programs.scope_rows([p], MOST_SCOPES),
                **_scope_bar(p),
            )
            for p in profiles
        ],
        counters=programs.counter_columns(profiles),
        lengths=lengths,
        growth_data=embedded_json(growth.chart_data(lengths)) if lengths and not sheet else None,
        sheet=sheet,
        opportunities=[
            (one, opportunities(one.recording)[:MOST_OPPORTUNITIES])
            for one in calls_of(session)
            if one.call in USERS_CALLS
        ],
    )


def _scope_bar(profile: ProblemProfile) -> dict[str, Any]:
    view = None if profile.device is None else device_view(profile.device)
    if view is None:
        return {"scope_shares": {}, "scope_colours": {}, "scope_patterns": {}}
    labels = {piece.label: piece for piece in view.bar}
    return {
        "scope_shares": {label: round(piece.width / 10, 1) for label, piece in labels.items()},
        "scope_colours": {label: piece.colour for label, piece in labels.items()},
        "scope_patterns": _patterns(labels),
    }


def _phase_colours() -> dict[str, str]:
    colours = {style.name: style.colour for style in PHASE_STYLES}
    # A column that joins phases takes the colour of the first of them.
    return {column: colours[phases[0]] for column, phases in tables.COLUMNS.items()}


def _phase_patterns() -> dict[str, Pattern]:
    patterns: dict[str, Pattern] = {style.name: style.pattern for style in PHASE_STYLES}
    return {column: patterns[phases[0]] for column, phases in tables.COLUMNS.items()}


def _patterns(names: Iterable[str]) -> dict[str, Pattern]:
    """By which names are told apart where their colours are not, in turn."""
    return {n: PATTERNS[k % len(PATTERNS)] for k, n in enumerate(dict.fromkeys(names))}


def _stage_colours(stages: Sequence[str]) -> dict[str, str]:
    taken = {STAGE_COLOURS[name] for name in stages if name in STAGE_COLOURS}
    free = [colour for colour in FURTHER_COLOURS if colour not in taken]
    further = (free[min(place, len(free) - 1)] for place in count())
    return {name: STAGE_COLOURS.get(name) or next(further) for name in stages}


def _line_rows(profile: ProblemProfile, root: Path) -> list[_LineRow]:
    lines = tables.line_rows(profile)
    # A line's time holds the calls it makes, so lines of different functions do not add up.
    totals_ns: Counter[tuple[str, str]] = Counter()
    for line in lines:
        totals_ns[line.time.file, line.time.function] += line.time.time_ns
    return [
        _LineRow(
            place=f"{tables.relative_place(line.time.file, root)}:{line.time.line}",
            function=line.time.function,
            hits=line.time.hits,
            time_us=line.time.time_ns / 1e3,
            share_percent=100
            * line.time.time_ns
            / (totals_ns[line.time.file, line.time.function] or 1),
            to_host=line.to_host,
            to_device=line.to_device,
            source=line.time.source,
        )
        for line in lines
    ]
