"""What each optimisation was predicted to bring, beside what it brought.

Predictions stand in ``results/expectations.toml``; a commit that makes one names its id in a
trailer ``Expectation: ID`` and is compared with its first parent, on the same machine in the same
environment. Where the parent was not measured enough, an ancestor right before it that holds the
same solver, byte for byte, stands for it. Measurements come from the recorded samples alone:

- ``solver_run_time`` is ``unobserved_wall`` under ``warm_memory``: a later call in the same
  process, made without hooks;
- ``total_first_call`` is the first call of a fresh process, made without hooks; import and
  back end's start are not part of it.

An expectation may be judged elsewhere: ``until`` names the expectation whose commit answers it, and
``since`` the one whose parent that commit is compared with (by default its own). A prediction with
``beside`` compares two problems at that one commit: how the time grows from one to the other.

The speedup is the ratio of the medians, old / new. Its interval is the 99% percentile bootstrap of
`scipy.stats.bootstrap`: each commit's samples are resampled on their own (they are not paired,
because commits may differ in the number of rounds), with a fixed seed, so that the same results
always give the same figures.
"""

import math
import tomllib
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from jitscope.errors import UserError
from jitscope.history import PHASE_BENCHMARK, History
from jitscope.lineage import same_solver

FIRST_CALL_BENCHMARK = "bench_jit.FirstCall.track_first_call_s"
QUANTITIES = ("solver_run_time", "total_first_call")
MIN_SAMPLES = 7
CONFIDENCE = 0.99
RESAMPLES = 9999
SEED = 20251006

Verdict = Literal["met", "exceeded", "missed", "undecided"]
Unit = Literal["speedup", "saved_percent", "growth"]
Samples = NDArray[np.float64]
Setup = tuple[str, str]


@dataclass(frozen=True)
class Prediction:
    """A predicted range of the speedup, old time / new time, of one quantity.

    `low` equals `high` where a single figure was predicted; `unit` is how it was put. `problem` is
    "*" for every measured problem. `since` and `until` are ids, `beside` is a problem: see the
    module's docstring. Growth is kept as its inverse, so that more is faster everywhere.
    """

    expectation: str
    title: str
    source: str
    problem: str
    quantity: str
    low: float
    high: float
    unit: Unit
    since: str | None = None
    until: str | None = None
    beside: str | None = None


@dataclass(frozen=True)
class Speedup:
    """Ratio of medians, old / new, with the ends of its 99% interval."""

    ratio: float
    lo: float
    hi: float


@dataclass(frozen=True)
class Comparison:
    """A prediction and what was measured for one problem in one setup.

    `commit` and `base` are full hashes: `base` is the commit's first parent, or the ancestor with
    the same solver that was measured in its place, or that of the commit that `since` names; the
    commit itself where two problems are compared. `n_base` and `n_commit` are numbers of usable
    samples. Where `speedup` is None, `reason` says why in a sentence.
    """

    prediction: Prediction
    problem: str
    setup: Setup | None
    base: str | None
    commit: str | None
    n_base: int
    n_commit: int
    speedup: Speedup | None
    verdict: Verdict
    reason: str


def read_predictions(path: Path) -> tuple[Prediction, ...]:
    """Read ``expectations.toml``.

    Raises
    ------
    UserError
        If the file is missing, is not TOML, or a prediction lacks something.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing: restore it with git.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not valid TOML ({error}): mend that line.") from error
    return tuple(
        _prediction(path, expectation, prediction)
        for expectation in data.get("expectation", [])
        for prediction in expectation.get("prediction", [])
    )


def _prediction(
    path: Path, expectation: Mapping[str, Any], prediction: Mapping[str, Any]
) -> Prediction:
    name = expectation.get("id")
    missing = [key for key in ("id", "title", "source") if not expectation.get(key)]
    missing += [key for key in ("problem", "quantity") if not prediction.get(key)]
    if missing:
        raise UserError(f"Expectation {name!r} in {path} lacks {', '.join(missing)}: add it.")
    if prediction["quantity"] not in QUANTITIES:
        raise UserError(
            f"Expectation {name!r} in {path}: `quantity` must be one of {', '.join(QUANTITIES)}; "
            f"got {prediction['quantity']!r}."
        )
    low, high, unit = _range(f"Expectation {name!r} in {path}", prediction)
    return Prediction(
        *(expectation["id"], expectation["title"], expectation["source"]),
        *(prediction["problem"], prediction["quantity"]),
        *(low, high, unit),
        *(expectation.get("since"), expectation.get("until"), prediction.get("beside")),
    )


def _range(where: str, prediction: Mapping[str, Any]) -> tuple[float, float, Unit]:
    match prediction:
        case {"speedup": [int() | float() as low, int() | float() as high]} if 0 < low <= high:
            return float(low), float(high), "speedup"
        case {"saved_percent": int() | float() as percent} if percent < 100:
            speedup = 1 / (1 - percent / 100)
            return speedup, speedup, "saved_percent"
        case {"growth": int() | float() as times, "beside": str()} if times > 0:
            return 1 / times, 1 / times, "growth"
        case _:
            raise UserError(
                f"{where} needs either `speedup = [low, high]` with 0 < low <= high, "
                "`saved_percent` below 100, or `growth` above 0 and the problem `beside` which it "
                f"is; got {dict(prediction)}."
            )


class _Made(NamedTuple):
    """The commit that a prediction was made for, and those that it may be compared with."""

    commit: str
    bases: tuple[str, ...]


def compare(history: History, predictions: Sequence[Prediction]) -> tuple[Comparison, ...]:
    """Set each prediction beside the recorded samples.

    Returns
    -------
    tuple of Comparison
        One for each prediction, problem and setup that measured the commit or its parent; one
        without a setup where no commit names the expectation, or nothing measured it.
    """
    samples = _samples_by_place(history)
    commits = history.commits.to_dict("records")
    ancestry = {row["commit"]: row["parent"] for row in commits}
    trees = {row["commit"]: row["solver"] for row in commits}
    made = {
        name: _Made(row["commit"], same_solver(row["parent"], ancestry, trees))
        if row["parent"] is not None
        else _Made(row["commit"], ())
        for row in reversed(commits)
        for name in row["expectations"]
    }
    return tuple(
        comparison
        for prediction in predictions
        for comparison in _comparisons(prediction, _made_for(prediction, made), samples)
    )


def _made_for(prediction: Prediction, made: Mapping[str, _Made]) -> _Made | None:
    """Return the commit that answers a prediction; None where none is named for it yet."""
    until = made.get(prediction.until or prediction.expectation)
    since = made.get(prediction.since) if prediction.since else until
    if until is None or since is None:
        return None
    return _Made(until.commit, (until.commit,) if prediction.beside else since.bases)


Place = tuple[Setup, str, str]
"""Setup, commit and problem."""


def _samples_by_place(history: History) -> dict[Place, dict[str, Samples]]:
    """Samples of each quantity, in seconds, at each place that was measured at all."""
    found: dict[Place, dict[str, Samples]] = {}
    results = history.results
    # Of all that a long history holds, this needs two series a problem.
    wanted = results["benchmark"] == FIRST_CALL_BENCHMARK
    if "phase" in results:
        wanted |= results["phase"] == "unobserved_wall"
    for row in results.loc[wanted].to_dict("records"):
        quantity = _quantity(row)
        if quantity is not None:
            place = ((row["machine"], row["environment"]), row["commit"], row["problem"])
            recorded = row["samples"] if row["status"] == "ok" else ()
            values = np.asarray(recorded, dtype=np.float64)
            usable = values[np.isfinite(values) & (values > 0)]
            found.setdefault(place, {})[quantity] = usable
    return found


def _quantity(row: Mapping[Hashable, Any]) -> str | None:
    """Return the quantity that a row of the history measures; None for the other rows."""
    if row["benchmark"] == FIRST_CALL_BENCHMARK:
        return "total_first_call"
    if row["benchmark"] == PHASE_BENCHMARK:
        series = (row["condition"], row["phase"])
        return "solver_run_time" if series == ("warm_memory", "unobserved_wall") else None
    return None


def _comparisons(
    prediction: Prediction,
    made: _Made | None,
    samples: Mapping[Place, Mapping[str, Samples]],
) -> list[Comparison]:
    if made is None:
        return [_undecided(prediction, None, None, "No commit names it in a trailer yet.")]
    commit, bases = made
    places = [place for place in samples if place[1] == commit or place[1] in bases]
    wanted = [p for p in places if prediction.problem in ("*", p[2])]
    pairs = dict.fromkeys((setup, problem) for setup, _, problem in wanted)
    if not pairs or not bases:
        parent = bases[0] if bases else None
        return [_undecided(prediction, parent, commit, "Neither commit nor parent was measured.")]
    base_of = {setup: _base(bases, setup, samples) for setup, _ in pairs}
    empty: Mapping[str, Samples] = {}
    return [
        _comparison(
            prediction,
            *(problem, setup, base_of[setup], commit),
            samples.get((setup, base_of[setup], prediction.beside or problem), empty).get(
                prediction.quantity, np.empty(0)
            ),
            samples.get((setup, commit, problem), empty).get(prediction.quantity, np.empty(0)),
        )
        for setup, problem in pairs
    ]


def _base(
    bases: Sequence[str], setup: Setup, samples: Mapping[Place, Mapping[str, Samples]]
) -> str:
    """Return what a commit is compared with in one setup; `bases` are the nearest first."""
    recorded = dict.fromkeys(bases, 0)
    for (where, commit, _), by_quantity in samples.items():
        if where == setup and commit in recorded:
            recorded[commit] = max(recorded[commit], *map(len, by_quantity.values()))
    # A quick look at the parent (`make bench`) must not stand in the way of a measured history.
    enough = (commit for commit, n in recorded.items() if n >= MIN_SAMPLES)
    return next(enough, max(bases, key=recorded.__getitem__))


def _undecided(
    prediction: Prediction, base: str | None, commit: str | None, reason: str
) -> Comparison:
    problem = prediction.problem
    return Comparison(prediction, problem, None, base, commit, 0, 0, None, "undecided", reason)


def _comparison(
    prediction: Prediction,
    problem: str,
    setup: Setup,
    base: str,
    commit: str,
    old: Samples,
    new: Samples,
) -> Comparison:
    speedup = speedup_of(old, new) if min(len(old), len(new)) > 1 else None
    if min(len(old), len(new)) < MIN_SAMPLES:
        verdict: Verdict = "undecided"
        reason = (
            f"The parent has {len(old)} samples and the commit {len(new)}: "
            f"{MIN_SAMPLES} of each are needed."
        )
    else:
        assert speedup is not None
        verdict, reason = verdict_of(speedup, prediction.low, prediction.high)
    return Comparison(
        *(prediction, problem, setup, base, commit, len(old), len(new), speedup, verdict, reason)
    )


def speedup_of(old: Samples, new: Samples) -> Speedup:
    """Ratio of medians with its bootstrap interval; see the module's docstring.

    Parameters
    ----------
    old, new : ndarray, shape (n,) and (m,), float64
        At least two positive durations each, in the same unit.
    """

    def ratio(a: Samples, b: Samples, axis: int = -1) -> Samples:
        return np.median(a, axis=axis) / np.median(b, axis=axis)

    interval = stats.bootstrap(
        (old, new),
        ratio,
        n_resamples=RESAMPLES,
        vectorized=True,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(SEED),
    ).confidence_interval
    return Speedup(float(ratio(old, new)), float(interval.low), float(interval.high))


def verdict_of(speedup: Speedup, low: float, high: float) -> tuple[Verdict, str]:
    """Judge an interval against a predicted range, and give the reason in a sentence.

    "missed" and "exceeded" mean that the whole interval lies below or above the range. "met"
    means that the two overlap and that no change at all is ruled out; where no change was itself
    predicted, that the whole interval lies within the range. Anything else is "undecided".
    """
    if speedup.hi < low:
        return "missed", "The whole interval lies below the prediction."
    if speedup.lo > high:
        return "exceeded", "The whole interval lies above the prediction."
    if low <= 1 <= high:
        if low <= speedup.lo and speedup.hi <= high:
            return "met", "The whole interval lies within the prediction."
        return "undecided", "The interval reaches beyond the prediction."
    if speedup.lo <= 1 <= speedup.hi:
        return "undecided", "The interval holds both the prediction and no change at all."
    return "met", "The interval overlaps the prediction and excludes no change."


def saved_percent(speedup: float) -> float:
    """Return 100 * (1 - new / old), the share of the old time that is saved."""
    return 100 * (1 - 1 / speedup) if speedup > 0 else -math.inf
