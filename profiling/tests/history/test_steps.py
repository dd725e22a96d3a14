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


def test_counters_step_wherever_they_differ():
    one = series([count(i, v) for i, v in enumerate([5, 5, 6, 6, 4])], COUNT, "conversions")
    up, down = steps_of(one, noise_of(one))
    assert (up.commit, up.judgement.verdict) == (one.points[2].commit, "regressed")
    assert (down.commit, down.judgement.verdict) == (one.points[4].commit, "improved")


def test_a_step_within_the_noise_is_none():
    one = series(noisy([1.0] * 20 + [1.05] * 20, seed=3, spread=0.005))
    assert steps_of(one, Noise(0.1, "repeats", 9)) == ()
    assert len(steps_of(one, Noise(0.01, "repeats", 9))) == 1
