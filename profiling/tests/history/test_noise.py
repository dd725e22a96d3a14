"""What counts as a change, within a session of measuring and from one to another."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from jitscope.history import RESULT_COLUMNS, History, read_history
from jitscope.noise import FLOOR, noise_of, noises_of
from jitscope.series import Point, Series, sessions_of
from jitscope.steps import steps_of
from jitscope.verdicts import judge

from ..site.planted import GeneratedHistory, phase_samples
from .generated import COUNT, VERSIONS, count, noisy, point, series

DRIFT = 1.15


def measured(
    levels: Sequence[float], sessions: Sequence[int], *, seed: int, same: Iterable[int] = ()
) -> tuple[Point, ...]:
    """Commits of several sessions; those named in `same` hold the first one's solver."""
    points = noisy(levels, seed=seed, spread=0.01)
    held = {place: points[0].solver for place in same}
    return tuple(
        one._replace(session=session, solver=held.get(one.order, one.solver))
        for one, session in zip(points, sessions, strict=True)
    )


def drifted(*, seed: int, same: Iterable[int] = (), **parameters: str) -> Series:
    """Ten commits that changed nothing, on a machine that was slower in the second session."""
    levels = [1.0] * 5 + [DRIFT] * 5
    return series(measured(levels, [0] * 5 + [1] * 5, seed=seed, same=same), **parameters)


def verdict(one: Series, base: int, head: int) -> str:
    points = one.points
    return judge(points[base], points[head], noise=noise_of(one), counter=False).verdict


def test_a_machine_that_changed_between_sessions_is_no_regression():
    one = drifted(seed=1, same=[6])
    noise = noise_of(one)
    assert noise.sessions == 1
    assert noise.between is not None
    assert noise.between > DRIFT - 1 > noise.threshold
    assert verdict(one, 4, 5) == "unchanged"
    assert steps_of(one, noise) == ()
    # The same difference within a session is one.
    here = one.points[5]._replace(session=0)
    assert judge(one.points[4], here, noise=noise, counter=False).verdict == "regressed"


def test_what_no_repeat_tells_is_said_to_be_unknown():
    one = drifted(seed=1)
    noise = noise_of(one)
    assert noise.sessions == 0
    (step,) = steps_of(one, noise)
    assert step.judgement.apart
    assert "from session to session" in step.judgement.reason


def test_series_of_one_benchmark_lend_each_other_what_sessions_differ_by():
    alone = drifted(seed=2, problem="a")
    lender = drifted(seed=3, same=[6], problem="b")
    elsewhere = Series(lender.key._replace(machine="other"), "s", lender.points)
    otherwise = Series(lender.key._replace(benchmark="bench_x.X.track_y"), "s", lender.points)
    key = alone.key
    assert noises_of([alone, elsewhere, otherwise])[key].sessions == 0
    lent = noises_of([alone, lender, elsewhere])[key]
    assert lent.sessions == 1
    assert lent.between is not None
    assert lent.between > DRIFT - 1
    # Within a session nothing is lent: other problems are noisier, or less so.
    assert lent.threshold == noise_of(alone).threshold


def test_a_noisy_series_hides_no_drift_that_a_quiet_one_shows():
    quiet = drifted(seed=4, same=[6], phase="wall")
    wild = noisy([1.0] * 10, seed=5, spread=0.8)
    pairs = zip(wild, quiet.points, strict=True)
    wild = [a._replace(session=b.session, solver=b.solver) for a, b in pairs]
    found = noises_of([quiet, series(wild, phase="device_wait")])[quiet.key]
    assert found.between is not None
    assert 0.2 < found.between < 0.6


def test_a_commits_later_runs_tell_of_drift_too():
    rng = np.random.default_rng(6)
    drift = np.repeat([1.0, 1.1], [3, 4])
    points = [point(i, drift * np.exp(0.01 * rng.standard_normal(7))) for i in range(8)]
    found = noise_of(series(points))
    assert found.between is not None
    # The halves lie 10% apart, the next ones perhaps twice as far.
    assert found.between > 0.15 > found.threshold
    steady = noise_of(series(noisy([1.0] * 8, seed=7, spread=0.04)))
    assert steady.between is not None
    assert steady.between < 2 * steady.threshold


def test_independent_runs_show_no_drift():
    ratios: list[float] = []
    for seed in range(100):
        found = noise_of(series(noisy([1.0] * 20, seed=seed, spread=0.05)))
        assert found.between is not None
        assert found.between >= found.threshold
        ratios.append(found.between / found.threshold)
    assert np.median(ratios) < 1.1


def test_sessions_that_differ_at_random_are_rarely_taken_for_changes():
    flagged = compared = 0
    for seed in range(60):
        rng = np.random.default_rng(100 + seed)
        effects = np.exp(0.06 * rng.standard_normal(6))
        sessions = np.repeat(np.arange(6), 4)
        # Each session measures one solver again, and three of its own.
        again = range(0, 24, 4)
        points = measured(effects[sessions].tolist(), sessions.tolist(), seed=seed, same=again)
        one = series(points)
        noise = noise_of(one)
        for place in range(3, 23, 4):
            judged = judge(points[place], points[place + 1], noise=noise, counter=False)
            flagged += judged.verdict != "unchanged"
            compared += 1
    assert compared == 300
    assert flagged / compared < 0.1


def test_the_same_figure_in_another_environment_lends_its_repeats():
    repeated = [one._replace(solver="t") for one in noisy([1.0] * 4, seed=8, spread=0.02)]
    few = series([*repeated[:2], *noisy([1.0] * 5, seed=9)[2:]], phase="wall")
    other = Series(few.key._replace(environment="py3.13-jax0.12"), "s", tuple(repeated))
    different = Series(other.key._replace(parameters=(("phase", "host"),)), "s", tuple(repeated))
    assert noises_of([few, different])[few.key].source == "samples"
    found = noises_of([few, other])[few.key]
    assert (found.source, found.n) == ("repeats", 4)


def test_a_solver_that_comes_back_repeats_what_it_was():
    points = noisy([1.0, 2.0] * 5, seed=10)
    back = series([one._replace(solver=f"t{one.order % 2}") for one in points])
    found = noise_of(back)
    assert (found.source, found.n) == ("repeats", 8)
    assert found.threshold < 0.2
    versions = {**VERSIONS, "jax": "0.12.0"}
    moved = series([p._replace(versions=versions) if p.order > 5 else p for p in back.points])
    assert noise_of(moved).n == 6


def test_counters_and_what_has_no_samples():
    assert noise_of(series([count(0, 1), count(1, 2)], COUNT, "conversions")).source == "exact"
    bare = series([point(0, [1.0])._replace(samples=()), point(1, [1.2])._replace(samples=())])
    found = noise_of(bare)
    assert (found.source, found.threshold, found.between) == ("unknown", FLOOR, FLOOR)


@pytest.mark.parametrize(("minutes", "expected"), [(59, 0), (61, 1)])
def test_a_pause_of_an_hour_parts_two_sessions(minutes: int, expected: int):
    start = pd.Timestamp("2026-01-01T12:00:00+00:00")
    times = [None, *((start + pd.Timedelta(minutes=m)).isoformat() for m in (0, 30, 30 + minutes))]
    rows = [{"machine": "m", "environment": "e", "measured_at": one} for one in times]
    results = pd.DataFrame(rows, columns=list(RESULT_COLUMNS), dtype=object)
    found = sessions_of(History(results, pd.DataFrame(), ()))["m", "e"]
    assert [found[one] for one in times if one] == [0, 0, expected]


@pytest.mark.parametrize(
    ("started_at", "expected"),
    [(1_700_000_000_000, "2023-11-14T22:13:20+00:00"), (-1, None), (1e300, None), ("x", None)],
)
def test_when_it_was_measured_is_read_and_nonsense_is_not(
    tmp_path: Path, started_at: object, expected: str | None
):
    make = GeneratedHistory(tmp_path)
    make.write_suite()
    path = make.measure(make.commit("Solve"), phase_samples(), conversions=1)
    data = json.loads(path.read_text())
    place = data["result_columns"].index("started_at")
    for row in data["results"].values():
        row[place] = started_at
    path.write_text(json.dumps(data))
    assert set(read_history(tmp_path).results["measured_at"]) == {expected}
