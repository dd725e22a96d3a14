"""The page "Predicted and measured": what each optimisation was to bring, and what it brought."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jitscope.expectations import CONFIDENCE, Comparison, Prediction, saved_percent
from jitscope.history import History
from jitscope.report.panels import software_line
from jitscope.report.rendering import Neighbours, render

QUANTITY_WORDS = {
    "solver_run_time": "Time of one more fit, once all is compiled",
    "total_first_call": "Time of the first fit in a fresh process, import excluded",
}
SIGNS = {"met": "✓", "exceeded": "▲", "missed": "✗", "undecided": "?"}
WIDTH = 200
"""Width of a sketch in its own units."""


@dataclass(frozen=True)
class Sketch:
    """Places along a line for one comparison, 0 to `WIDTH`: prediction, interval, ratio, 1."""

    low: float
    high: float
    one: float
    lo: float | None
    hi: float | None
    ratio: float | None


@dataclass(frozen=True)
class Line:
    """One row of the page: a comparison, in words and as a sketch."""

    comparison: Comparison
    predicted: str
    measured: str
    interval: str
    sketch: Sketch


@dataclass(frozen=True)
class Group:
    """One expectation in one setup: the same commit, the same parent, the same machine.

    `against` says what the base is to the commit; `base` is None where two problems of one commit
    are compared.
    `quantities` holds pairs of a quantity in words and its lines, which share one scale.
    """

    prediction: Prediction
    setup: str | None
    base: str | None
    against: str
    commit: str | None
    message: str | None
    quantities: tuple[tuple[str, tuple[Line, ...]], ...]


def render_expectations_page(
    history: History, comparisons: Sequence[Comparison], *, beside: Neighbours
) -> str:
    """HTML of the page; `comparisons` come from `jitscope.expectations.compare`."""
    newest = history.results.drop_duplicates(["machine", "environment"], keep="last")
    setups = {
        (row["machine"], row["environment"]): (
            f"{row['machine']} with {software_line(row['versions'])}"
        )
        for row in newest.to_dict("records")
    }
    return render(
        "expectations.html",
        page="expectations",
        groups=_groups(comparisons, history, setups),
        signs=SIGNS,
        confidence=f"{CONFIDENCE:.0%}",
        problem_words=problem_words,
        width=WIDTH,
        beside=beside,
    )


def in_words(prediction: Prediction, low: float, high: float | None = None) -> str:
    """Put a speedup, or a range, as the prediction was put: "1.10 to 1.30 times", "3.6% saved".

    Where nothing is saved, it says how much longer it took: "2.8 to 68.0% longer". Growth is put
    as "4.10 to 4.32 times the time".
    """
    ends = (low,) if high is None or low == high else (low, high)
    if prediction.unit == "growth":
        return " to ".join(f"{1 / ratio:.2f}" for ratio in reversed(ends)) + " times the time"
    if prediction.unit == "speedup":
        return " to ".join(f"{ratio:.2f}" for ratio in ends) + " times"
    saved = [saved_percent(ratio) for ratio in ends]
    if max(saved) < 0:
        return " to ".join(f"{-percent:.1f}" for percent in reversed(saved)) + "% longer"
    return " to ".join(f"{percent:.1f}" for percent in saved) + "% saved"


def problem_words(comparison: Comparison) -> str:
    """Name the problem of a comparison, and the one that it is beside."""
    problem = "every problem" if comparison.problem == "*" else comparison.problem
    beside = comparison.prediction.beside
    return problem if beside is None else f"{problem} beside {beside}"


def against_words(prediction: Prediction, *, base_is_parent: bool) -> str:
    """Say what a commit is compared with: the words before the base's hash."""
    if prediction.since is not None:
        return "against the solver at"
    return (
        "against its parent" if base_is_parent else "against the solver of its parent, measured at"
    )


def predicted_words(prediction: Prediction) -> str:
    """Put the predicted range in words."""
    return in_words(prediction, prediction.low, prediction.high)


def measured_words(comparison: Comparison) -> tuple[str, str]:
    """Put the measured speedup and its interval in words; empty if there is none."""
    speedup = comparison.speedup
    if speedup is None:
        return "not measured", ""
    prediction = comparison.prediction
    return in_words(prediction, speedup.ratio), in_words(prediction, speedup.lo, speedup.hi)


def _lines(members: Sequence[Comparison]) -> tuple[Line, ...]:
    values = [1.0]
    for member in members:
        values += [member.prediction.low, member.prediction.high]
        values += [member.speedup.lo, member.speedup.hi] if member.speedup else []
    span = max(max(values) - min(values), 0.02)
    start = min(values) - 0.05 * span
    return tuple(
        Line(
            member,
            predicted_words(member.prediction),
            *measured_words(member),
            _sketch(member, start, 1.1 * span),
        )
        for member in members
    )


def _sketch(comparison: Comparison, start: float, span: float) -> Sketch:
    def place(value: float) -> float:
        return round(WIDTH * (value - start) / span, 1)

    prediction, speedup = comparison.prediction, comparison.speedup
    ends = (speedup.lo, speedup.hi, speedup.ratio) if speedup else (None, None, None)
    lo, hi, ratio = (None if value is None else place(value) for value in ends)
    return Sketch(place(prediction.low), place(prediction.high), place(1.0), lo, hi, ratio)


def _groups(
    comparisons: Sequence[Comparison],
    history: History,
    setups: Mapping[tuple[str, str], str],
) -> list[Group]:
    commits = {row["commit"]: row for row in history.commits.to_dict("records")}
    found: dict[tuple[str, str | None], dict[str, list[Comparison]]] = {}
    for comparison in comparisons:
        setup = setups[comparison.setup] if comparison.setup else None
        group = found.setdefault((comparison.prediction.expectation, setup), {})
        group.setdefault(comparison.prediction.quantity, []).append(comparison)
    return [_group(setup, by_quantity, commits) for (_, setup), by_quantity in found.items()]


def _group(
    setup: str | None,
    by_quantity: Mapping[str, Sequence[Comparison]],
    commits: Mapping[str, Mapping[Hashable, Any]],
) -> Group:
    first = next(iter(by_quantity.values()))[0]
    made = commits.get(first.commit or "", {})
    against = against_words(first.prediction, base_is_parent=first.base == made.get("parent"))
    base = None if first.prediction.beside is not None else first.base
    return Group(
        *(first.prediction, setup, base, against, first.commit, made.get("subject")),
        tuple((QUANTITY_WORDS[name], _lines(members)) for name, members in by_quantity.items()),
    )
