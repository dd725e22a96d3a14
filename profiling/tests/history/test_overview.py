"""The overview of a setup, and what moved with a step."""

from pathlib import Path

import pytest
from jitscope.attribution import attribute
from jitscope.overview import overview, setups_of
from jitscope.series import Series, SeriesKey

from .generated import BENCHMARK, COUNT, count, noisy, series

SETUP = ("reference", "py3.11-jax0.10.2")
PLANTED_MS = {"compile": (300.0, 420.0), "host": (50.0, 50.0), "trace": (80.0, 80.0)}


def planted(problem: str, *, seed: int, counts: tuple[int, int] = (412, 595)) -> list[Series]:
    """Ten commits; at the sixth, compiling takes 120 ms longer."""
    names = {**PLANTED_MS, "wall": (430.0, 550.0), "unobserved_wall": (420.0, 540.0)}
    found: list[Series] = []
    for offset, (phase, (old, new)) in enumerate(names.items()):
        points = noisy([old / 1e3] * 5 + [new / 1e3] * 5, seed=seed + offset, spread=0.005)
        found.append(series(points, BENCHMARK, problem=problem, condition="cold", phase=phase))
    size = [count(i, counts[i >= 5]) for i in range(10)]
    hlo = "bench_compile.ProgramSize.track_hlo_instructions"
    found.append(series(size, hlo, "instructions", problem=problem))
    same = [count(i, 3) for i in range(10)]
    found.append(series(same, COUNT, "conversions", problem=problem, direction="to_host"))
    return found


def test_a_step_names_its_phase_and_its_counter():
    every = planted("linear_100", seed=1)
    hashes = [point.commit for point in every[0].points]
    found = attribute(every, "linear_100", "cold", hashes[4], hashes[5])
    (compiling,) = (one for one in found.phases if one.moved)
    assert compiling.phase == "compile"
    assert compiling.difference_s == pytest.approx(0.12, rel=0.1)
    assert compiling.share == pytest.approx(1, rel=0.1)
    assert found.sentence.startswith("compile +")
    assert "HLO instructions 412 -> 595" in found.sentence
    assert "conversions to host unchanged" in found.sentence


def test_nothing_is_guessed_where_nothing_moved():
    every = planted("linear_100", seed=1)
    hashes = [point.commit for point in every[0].points]
    found = attribute(every, "linear_100", "cold", hashes[0], hashes[1])
    assert found.sentence == "No phase moved by more than its noise, and no counter moved."


def test_an_overview_shows_the_newest_step_with_its_cause():
    every = [*planted("linear_100", seed=1), *planted("cubic_50000", seed=20)]
    seen = overview(every, SETUP)
    assert [(row.problem, row.condition) for row in seen.rows] == [
        ("linear_100", "cold"),
        ("cubic_50000", "cold"),
    ]
    for row in seen.rows:
        assert row.against_previous is not None
        assert row.against_first is not None
        assert row.against_previous.verdict == "unchanged"
        assert row.against_first.verdict == "regressed"
    assert {move.step.commit for move in seen.regressions} == {every[0].points[5].commit}
    assert all("compile" in move.attribution.sentence for move in seen.regressions)
    assert seen.improvements == ()
    assert seen.failures == ()


def test_the_mean_is_geometric_and_has_gaps_where_a_problem_is_missing():
    one, other = ([*planted(name, seed=seed)] for name, seed in (("a", 1), ("b", 40)))
    wall = [s for s in (*one, *other) if s.key.parameter("phase") == "unobserved_wall"]
    points = list(wall[1].points)
    points[7] = points[7]._replace(status="failed", value=None, samples=(), n=0)
    wall[1] = Series(wall[1].key, "s", tuple(points))
    (mean,) = overview(wall, SETUP).means
    values = [point.value for point in mean.points]
    assert values[0] == 1
    assert values[9] == pytest.approx(540 / 420, rel=0.02)
    assert values[7] is None
    assert mean.points[7].missing == (wall[1].key.label,)
    last = mean.points[9]
    assert last.lo is not None
    assert last.hi is not None
    assert last.lo < 540 / 420 < last.hi


def test_setups_begin_with_the_one_measured_last():
    old = series(noisy([1.0], seed=1))
    key = SeriesKey("other", "env", BENCHMARK, ())
    new = Series(key, "s", noisy([1.0, 1.0], seed=1))
    assert setups_of([old, new]) == (("other", "env"), SETUP)


def test_the_projects_own_history_can_be_read():
    from jitscope.history import read_history
    from jitscope.series import series_of

    root = Path(__file__).resolve().parents[3]
    every = series_of(read_history(root))
    seen = overview(every, setups_of(every)[0])
    assert len(seen.rows) == 12
    assert {row.condition for row in seen.rows} == {"cold", "warm_disk", "warm_memory"}
