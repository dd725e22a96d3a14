"""The first page: where each problem stands, what moved lately, and what failed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jitscope.attribution import PhaseChange
from jitscope.history import History
from jitscope.overview import Failure, Mean, Move, Overview, Row
from jitscope.report.conditions import Condition, conditions_of
from jitscope.report.links import compare_link, timeline_link
from jitscope.report.phase_styles import phase_styles
from jitscope.report.rendering import Neighbours, render
from jitscope.report.setups import SetupLine
from jitscope.report.sparkline import Sparkline, Value, sparkline
from jitscope.report.verdict_words import (
    MINUS,
    SIGNS,
    apart_words,
    change_words,
    interval_words,
    time_words,
)
from jitscope.series import SeriesKey

MEAN_WIDTH = 300.0
MEAN_HEIGHT = 84.0
MOST_NAMED = 4
"""Series that a failure names before it counts the rest."""


@dataclass(frozen=True)
class RowLine:
    """One problem under one condition, with its sparkline."""

    row: Row
    sketch: Sparkline


@dataclass(frozen=True)
class MeanLine:
    """The geometric mean under one condition; `last` is None where no commit has one."""

    condition: Condition
    last: float | None
    lo: float | None
    hi: float | None
    commit: str
    reference: str
    sketch: Sparkline


@dataclass(frozen=True)
class MoveLine:
    """A step, with the phase that moved most; None where none did."""

    move: Move
    phase: str
    size: str


@dataclass(frozen=True)
class FailureLine:
    """A commit that failed, and the names of what failed."""

    failure: Failure
    names: tuple[str, ...]
    more: int


@dataclass(frozen=True)
class SetupView:
    """All of one setup."""

    line: SetupLine
    tables: tuple[tuple[Condition, tuple[RowLine, ...]], ...]
    means: tuple[MeanLine, ...]
    regressions: tuple[MoveLine, ...]
    improvements: tuple[MoveLine, ...]
    failures: tuple[FailureLine, ...]


def render_overview_page(
    history: History,
    setups: Sequence[SetupLine],
    overviews: Mapping[tuple[str, str], Overview],
    *,
    address: str | None,
    beside: Neighbours,
) -> str:
    """HTML of the page.

    Parameters
    ----------
    history : History
    setups : sequence of SetupLine
    overviews : mapping
        Of each setup's key.
    address : str or None
        What a hash is added to for a link to its commit.
    beside : Neighbours
        The other pages to link.
    """
    commits = {row["commit"]: row for row in history.commits.to_dict("records")}
    views = [_view(setup, overviews[setup.key]) for setup in setups]
    return render(
        "overview.html",
        page="overview",
        views=[view for view in views if view.tables or view.failures],
        commits=commits,
        address=address,
        signs=SIGNS,
        change=change_words,
        time=time_words,
        interval=interval_words,
        apart=apart_words,
        timeline=timeline_link,
        most_said=MOST_NAMED,
        compare=compare_link,
        notes=history.notes,
        beside=beside,
    )


def _view(setup: SetupLine, found: Overview) -> SetupView:
    conditions = conditions_of(row.condition for row in found.rows)
    means = {mean.condition: mean for mean in found.means}
    return SetupView(
        setup,
        tuple(
            (
                one,
                tuple(RowLine(r, _sketch(r, setup)) for r in found.rows if r.condition == one.name),
            )
            for one in conditions
        ),
        tuple(_mean_line(one, means[one.name]) for one in conditions if one.name in means),
        tuple(_move_line(move) for move in found.regressions),
        tuple(_move_line(move) for move in found.improvements),
        tuple(_failure_line(one) for one in found.failures),
    )


def _sketch(row: Row, setup: SetupLine) -> Sparkline:
    points = [row.series.points[order] for order in setup.orders]
    told = [p for p in points if p.status not in ("missing", "skipped")]
    return sparkline([Value(point.value) for point in told])


def _mean_line(condition: Condition, mean: Mean) -> MeanLine:
    known = [point for point in mean.points if point.value is not None]
    sketch = sparkline(
        [Value(p.value, p.lo, p.hi) for p in mean.points], width=MEAN_WIDTH, height=MEAN_HEIGHT
    )
    if not known:
        return MeanLine(condition, None, None, None, "", "", sketch)
    last = known[-1]
    return MeanLine(condition, last.value, last.lo, last.hi, last.commit, known[0].commit, sketch)


def _move_line(move: Move) -> MoveLine:
    changed = [one for one in move.attribution.phases if one.moved]
    most = max(changed, key=lambda one: abs(one.difference_s or 0.0), default=None)
    if most is None:
        return MoveLine(move, "no phase by itself", "")
    return MoveLine(move, phase_styles((most.phase,))[0].label, _size(most))


def _size(change: PhaseChange) -> str:
    seconds = change.difference_s
    if seconds is None:
        return ""
    return f"{MINUS if seconds < 0 else '+'}{time_words(abs(seconds))}"


def _failure_line(failure: Failure) -> FailureLine:
    names = tuple(dict.fromkeys(_name(key) for key in failure.series))
    return FailureLine(failure, names[:MOST_NAMED], max(0, len(names) - MOST_NAMED))


def _name(key: SeriesKey) -> str:
    """A failed series by benchmark and problem: a problem that fails does so in every phase."""
    benchmark = key.benchmark.rsplit(".", 1)[-1]
    problem = key.parameter("problem")
    return benchmark if problem is None else f"{benchmark} of {problem}"
