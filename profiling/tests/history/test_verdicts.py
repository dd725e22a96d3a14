"""Significance and magnitude of one difference, against what is known of it."""

import itertools
import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jitscope.noise import Noise, median_error
from jitscope.verdicts import judge, p_value_of
from scipy import stats

from .generated import VERSIONS, count, missing, point

BASE = [1.00, 1.01, 0.99, 1.02, 0.98, 1.03, 0.97]
NOISE = Noise(0.05, "repeats", 10)
positive = st.floats(1e-6, 1e6)
seven = st.lists(positive, min_size=7, max_size=7)


def test_a_clear_change_is_significant_and_large():
    judged = judge(point(0, BASE), point(1, [2 * one for one in BASE]), noise=NOISE, counter=False)
    assert judged.verdict == "regressed"
    assert judged.ratio == pytest.approx(2)
    assert judged.magnitude == pytest.approx(1)
    assert judged.difference == pytest.approx(1)
    # Seven against seven, fully apart: 2 of the 3,432 ways to deal them are as extreme.
    assert judged.p_value == pytest.approx(2 / math.comb(14, 7))


def test_halving_is_as_large_as_doubling():
    double, half = ([factor * one for one in BASE] for factor in (2, 0.5))
    up = judge(point(0, BASE), point(1, double), noise=NOISE, counter=False)
    down = judge(point(0, BASE), point(1, half), noise=NOISE, counter=False)
    assert (up.verdict, down.verdict) == ("regressed", "improved")
    assert up.magnitude == pytest.approx(down.magnitude)


def test_significance_and_magnitude_are_told_apart():
    head = [1.08 * one for one in BASE]
    small = judge(point(0, BASE), point(1, head), noise=Noise(0.1, "repeats", 9), counter=False)
    assert (small.verdict, small.significant) == ("unchanged", True)
    assert "varies by itself" in small.reason
    wild = [0.5, 3.0, 0.6, 2.0, 1.5, 0.4, 2.5]
    chance = judge(point(0, BASE), point(1, wild), noise=NOISE, counter=False)
    assert (chance.verdict, chance.significant) == ("unchanged", False)
    assert chance.magnitude is not None
    assert chance.magnitude > NOISE.threshold


@pytest.mark.parametrize("sizes", [(6, 7), (7, 6), (1, 100), (6, 6)])
def test_fewer_than_seven_samples_give_no_verdict(sizes: tuple[int, int]):
    base, head = (
        np.linspace(level, level + 0.01, n) for level, n in zip((1, 9), sizes, strict=True)
    )
    judged = judge(point(0, base), point(1, head), noise=NOISE, counter=False)
    assert judged.verdict == "insufficient"
    assert f"{sizes[0]} samples and the commit {sizes[1]}" in judged.reason


def test_values_that_are_no_numbers_do_not_count_as_samples():
    head = point(1, [9.0] * 7)._replace(samples=(*([9.0] * 6), math.nan))
    assert judge(point(0, BASE), head, noise=NOISE, counter=False).verdict == "insufficient"


@pytest.mark.parametrize("package", ["jax", "jaxlib", "numpy", "python"])
@pytest.mark.parametrize("counter", [True, False])
def test_other_versions_cannot_be_compared(package: str, counter: bool):
    head = point(1, [9.0] * 7, versions={**VERSIONS, package: "99"})
    judged = judge(point(0, BASE), head, noise=NOISE, counter=counter)
    assert judged.verdict == "not comparable"
    assert "99" in judged.reason


def test_other_machines_cannot_be_compared():
    head = point(1, [9.0] * 7, machine="other")
    assert judge(point(0, BASE), head, noise=NOISE, counter=False).verdict == "not comparable"


def test_what_gave_no_value_is_told_apart():
    ok = point(0, BASE)
    for status in ("failed", "broken"):
        bad = missing(1)._replace(status=status)
        assert judge(ok, bad, noise=NOISE, counter=False).verdict == "errored"
        assert judge(bad, ok, noise=NOISE, counter=False).verdict == "missing base"
    assert judge(missing(0), ok, noise=NOISE, counter=False).verdict == "missing base"
    assert judge(ok, missing(1), noise=NOISE, counter=False).verdict == "insufficient"


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_counters_are_exact(a: int, b: int):
    judged = judge(count(0, a), count(1, b), noise=None, counter=True)
    expected = "unchanged" if a == b else "improved" if b < a else "regressed"
    assert judged.verdict == expected
    assert judged.p_value is None
    assert judged.difference == b - a


@given(seven, seven, st.randoms(use_true_random=False))
def test_the_order_of_samples_does_not_matter(
    base: list[float], head: list[float], shuffling: random.Random
):
    before = judge(point(0, base), point(1, head), noise=NOISE, counter=False)
    shuffling.shuffle(base)
    shuffling.shuffle(head)
    assert judge(point(0, base), point(1, head), noise=NOISE, counter=False) == before


@given(seven, seven, st.integers(-20, 20))
def test_the_unit_does_not_matter(base: list[float], head: list[float], power: int):
    # Powers of two scale floats exactly.
    one = judge(point(0, base), point(1, head), noise=NOISE, counter=False)
    scaled = [[2.0**power * x for x in samples] for samples in (base, head)]
    other = judge(point(0, scaled[0]), point(1, scaled[1]), noise=NOISE, counter=False)
    assert (one.verdict, one.p_value, one.ratio) == (other.verdict, other.p_value, other.ratio)


@given(seven, st.lists(st.floats(1, 10), min_size=2, max_size=5))
def test_a_larger_step_is_never_less_significant(base: list[float], factors: list[float]):
    judged = [p_value_of(base, [factor * one for one in base]) for factor in sorted(factors)]
    assert all(a >= b for a, b in itertools.pairwise(judged))


def test_ties_among_few_samples_are_tested_exactly():
    # The normal approximation gives 0.0024 here, which asv's level would refuse.
    assert p_value_of([1, 1, 2, 3, 4, 5, 6], [7, 7, 8, 9, 10, 11, 12]) == pytest.approx(2 / 3432)
    assert p_value_of([3.0] * 7, [3.0] * 7) == 1


def test_without_ties_the_p_value_is_scipys():
    rng = np.random.default_rng(5)
    for n, m in ((7, 7), (8, 7), (21, 7), (30, 40)):
        base, head = rng.standard_normal(n), rng.standard_normal(m) + 0.8
        expected = stats.mannwhitneyu(base, head).pvalue
        assert p_value_of(base.tolist(), head.tolist()) == pytest.approx(expected)


def test_the_error_of_a_median_is_that_of_the_bootstrap():
    samples = np.random.default_rng(3).uniform(1, 2, 15)
    expected = stats.bootstrap(
        (samples,), np.median, n_resamples=40_000, rng=np.random.default_rng(1)
    ).standard_error
    assert median_error(samples) == pytest.approx(expected, rel=0.03)
