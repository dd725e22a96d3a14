"""Planted steps come back at their commits, and nothing else does."""

import pytest
from jitscope.noise import Noise, noise_of
from jitscope.steps import steps_of

from .generated import COUNT, count, missing, noisy, series


def test_a_planted_step_is_found_at_its_commit():
    one = series(noisy([1.0] * 20 + [1.3] * 20, seed=1))
    (step,) = steps_of(one, noise_of(one))
    assert (step.base, step.commit) == (one.points[19].commit, one.points[20].commit)
    assert step.ratio == pytest.approx(1.3, rel=0.03)
    assert step.judgement.verdict == "regressed"
    assert step.suspects == ()


def test_what_lies_between_two_levels_is_suspect():
    points = list(noisy([1.0] * 10 + [0.5] * 10, seed=2))
    points[9] = missing(9)
    points[8] = missing(8, solver=points[7].solver)  # left the solver as it was
    one = series(points)
    (step,) = steps_of(one, noise_of(one))
    assert (step.base, step.commit) == (points[7].commit, points[10].commit)
    assert step.suspects == (points[9].commit,)
    assert step.judgement.verdict == "improved"


def test_the_same_solver_steps_at_no_commit():
    points = noisy([1.0] * 10 + [1.5] * 10, seed=4)
    drifted = series([*points[:10], points[10]._replace(solver=points[9].solver), *points[11:]])
    assert steps_of(drifted, noise_of(drifted)) == ()
    assert len(steps_of(series(points), noise_of(series(points)))) == 1


def test_counters_step_wherever_they_differ():
    one = series([count(i, v) for i, v in enumerate([5, 5, 6, 6, 4])], COUNT, "conversions")
    up, down = steps_of(one, noise_of(one))
    assert (up.commit, up.judgement.verdict) == (one.points[2].commit, "regressed")
    assert (down.commit, down.judgement.verdict) == (one.points[4].commit, "improved")


def test_a_step_within_the_noise_is_none():
    one = series(noisy([1.0] * 20 + [1.05] * 20, seed=3, spread=0.005))
    assert steps_of(one, Noise(0.1, "repeats", 9)) == ()
    assert len(steps_of(one, Noise(0.01, "repeats", 9))) == 1


def test_a_level_of_one_commit_is_a_step_where_its_samples_say_so():
    # As in a history of commits that each changed the solver.
    one = series(noisy([4.0, 1.0, 2.5, 2.5, 0.6, 0.6, 0.3], seed=4))
    found = steps_of(one, noise_of(one))
    assert [step.commit for step in found] == [one.points[place].commit for place in (1, 2, 4, 6)]
    assert [step.ratio for step in found] == pytest.approx([0.25, 2.5, 0.24, 0.5], rel=0.05)


def test_the_scale_of_a_series_does_not_matter():
    levels = [1.0] * 6 + [1.4] * 6 + [0.7] * 6
    one, other = (series(noisy([f * x for x in levels], seed=6)) for f in (1.0, 1024.0))
    assert [s.commit for s in steps_of(one, noise_of(one))] == [
        s.commit for s in steps_of(other, noise_of(other))
    ]
    assert len(steps_of(one, noise_of(one))) == 2


def test_a_slow_beginning_hides_no_later_step():
    one = series(noisy([100.0] * 4 + [1.0] * 12 + [1.2] * 12, seed=18))
    assert [s.commit for s in steps_of(one, noise_of(one))] == [
        one.points[4].commit,
        one.points[16].commit,
    ]


def test_one_sample_a_commit_is_pooled_to_seven():
    one = series(noisy([1.0] * 10 + [2.0] * 10, seed=9, samples=1))
    (step,) = steps_of(one, Noise(0.1, "repeats", 9))
    assert step.commit == one.points[10].commit
    assert steps_of(series(noisy([1.0] * 10 + [2.0] * 6, seed=9, samples=1)), None) == ()


def test_pure_noise_shows_a_step_in_fewer_than_five_of_a_hundred_series():
    flagged = 0
    for seed in range(200):
        one = series(noisy([1.0] * 40, seed=1000 + seed, spread=0.05))
        flagged += bool(steps_of(one, noise_of(one)))
    assert flagged <= 10


@pytest.mark.parametrize("factor", [1.15, 1.3, 2.0])
def test_planted_steps_are_found_in_noise(factor: float):
    others = 0
    for seed in range(20):
        one = series(noisy([1.0] * 20 + [factor] * 20, seed=seed, spread=0.03))
        found = [step.commit for step in steps_of(one, noise_of(one))]
        assert one.points[20].commit in found
        others += len(found) - 1
    assert others <= 1
