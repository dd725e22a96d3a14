"""Whether two commits differ in one figure: significance and magnitude, each by itself.

*Significance* asks whether the samples could be of one kind: Mann-Whitney's U test of the recorded
samples, two-sided, at asv's own level of 0.002. *Magnitude* asks whether the change is larger than
what this series shows where nothing changed (`jitscope.noise`). A verdict needs both. Counters are
exact: any difference is a fact, and needs no samples.

In every benchmark of the suite less is better.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from jitscope.noise import Noise
from jitscope.series import Point

ALPHA = 0.002
"""asv's level of significance."""
MIN_SAMPLES = 7
"""Six against six can never be significant at this level."""
_EXACT_UP_TO = 8

Verdict = Literal[
    "improved",
    "regressed",
    "unchanged",
    "insufficient",
    "errored",
    "missing base",
    "not comparable",
]
_COMPARED = {"jax": "JAX", "jaxlib": "jaxlib", "numpy": "NumPy", "python": "Python"}


@dataclass(frozen=True)
class Judgement:
    """How one figure of a commit compares with that of another.

    Attributes
    ----------
    verdict : str
    ratio : float or None
        Head over base; None where either is unknown, or base is 0.
    difference : float or None
        Head less base, in the series' unit.
    p_value : float or None
        Of Mann-Whitney's test; None where there was none, as for counters.
    significant : bool or None
        Whether the difference is more than chance; None: not tested. True of any difference of
        counters.
    magnitude : float or None
        The larger over the smaller, less 1: half the time is as far from no change as twice the
        time. None where the ratio is unknown or 0.
    threshold : float or None
        What the magnitude has to exceed; None where nothing says.
    reason : str
        Why the verdict is what it is, in a sentence.
    apart : bool
        Whether the two were measured in different sessions, between which the machine may have
        changed.
    """

    verdict: Verdict
    ratio: float | None
    difference: float | None
    p_value: float | None
    significant: bool | None
    magnitude: float | None
    threshold: float | None
    reason: str
    apart: bool = False


def judge(base: Point, head: Point, *, noise: Noise | None, counter: bool) -> Judgement:
    """Compare a commit's figure with that of another.

    Parameters
    ----------
    base, head : Point
        Of the same benchmark and parameters.
    noise : Noise or None
        What the series shows where nothing changed; None: unknown, so that any magnitude counts.
    counter : bool
        Whether the figure is deterministic.

    Returns
    -------
    Judgement
    """
    refused = _refused(base, head)
    if refused is not None:
        verdict, reason = refused
        return _judgement(base, head, verdict, None, noise, reason)
    if counter:
        return _judge_counts(base, head, noise)
    counts = len(base.finite), len(head.finite)
    if min(counts) < MIN_SAMPLES:
        reason = (
            f"The base has {counts[0]} samples and the commit {counts[1]}: "
            f"{MIN_SAMPLES} of each are needed."
        )
        return _judgement(base, head, "insufficient", None, noise, reason)
    return _judge_times(base, head, noise)


def p_value_of(base: Sequence[float], head: Sequence[float]) -> float:
    """Return the two-sided p-value of Mann-Whitney's U test; 1 where all samples are equal.

    Few samples are tested exactly, tied ones too: the normal approximation cannot call seven
    against seven significant if two of them are equal.
    """
    both = np.concatenate((base, head))
    if np.ptp(both) == 0:
        return 1.0
    tied = len(np.unique(both)) < len(both)
    if tied and max(len(base), len(head)) <= _EXACT_UP_TO:
        return _p_value_of_few(base, head)
    return float(stats.mannwhitneyu(base, head).pvalue)


def _p_value_of_few(base: Sequence[float], head: Sequence[float]) -> float:
    """Exact p-value with ties: the share of all ways to deal the samples that are as extreme."""
    ranks = stats.rankdata(np.concatenate((base, head)))
    dealt = np.array(list(itertools.combinations(range(len(ranks)), len(base))))
    sums = ranks[dealt].sum(axis=1)
    far = np.abs(sums - sums.mean())
    return float(np.mean(far >= far[0] - 1e-9))


def _refused(base: Point, head: Point) -> tuple[Verdict, str] | None:
    """Why two points cannot be compared at all; None where they can."""
    if head.status in ("failed", "broken"):
        return "errored", f"The commit gave no value: it is {head.status}."
    if head.value is None:
        what = "was not measured" if head.status == "missing" else "does not apply"
        return "insufficient", f"At the commit this {what}."
    if base.value is None:
        what = {"missing": "was not measured", "skipped": "does not apply to it"}
        return "missing base", f"The base {what.get(base.status, f'is {base.status}')}."
    other = _differing(base, head)
    return ("not comparable", f"Measured with another {other}.") if other else None


def _differing(base: Point, head: Point) -> str:
    found = [] if base.machine == head.machine else [f"machine ({base.machine}, {head.machine})"]
    for name, shown in _COMPARED.items():
        was, now = base.versions.get(name), head.versions.get(name)
        if was != now:
            found.append(f"{shown} ({was or 'none'}, then {now or 'none'})")
    return ", ".join(found)


def _judge_counts(base: Point, head: Point, noise: Noise | None) -> Judgement:
    assert base.value is not None
    assert head.value is not None
    difference = head.value - base.value
    rounding = noise.absolute if noise is not None else 0.0
    if difference == 0:
        return _judgement(base, head, "unchanged", None, noise, "The counts are equal.")
    if abs(difference) <= rounding:
        reason = f"They differ by no more than rounding may bring, {rounding:g}."
        return _judgement(base, head, "unchanged", None, noise, reason)
    verdict: Verdict = "improved" if difference < 0 else "regressed"
    return _judgement(base, head, verdict, None, noise, "Counts are exact.", significant=True)


def _judge_times(base: Point, head: Point, noise: Noise | None) -> Judgement:
    p_value = p_value_of(base.finite, head.finite)
    threshold = noise.least(base, head) if noise is not None else 0.0
    magnitude = _magnitude(base, head)
    if p_value >= ALPHA:
        verdict, reason = "unchanged", f"No difference was shown: p = {p_value:.2g}."
    elif magnitude is not None and magnitude <= threshold:
        verdict = "unchanged"
        reason = (
            f"The difference is significant (p = {p_value:.2g}), but not more than this series "
            f"varies by itself{_when(base, head)}, {threshold:.1%}."
        )
    else:
        assert base.value is not None
        assert head.value is not None
        verdict = "improved" if head.value < base.value else "regressed"
        reason = f"More than it varies{_when(base, head)}, {threshold:.1%}; p = {p_value:.2g}."
    return _judgement(base, head, verdict, p_value, noise, reason)


def _when(base: Point, head: Point) -> str:
    return " from session to session" if base.is_apart_from(head) else ""


def _ratio(base: Point, head: Point) -> float | None:
    return head.value / base.value if base.value and head.value is not None else None


def _magnitude(base: Point, head: Point) -> float | None:
    ratio = _ratio(base, head)
    return max(ratio, 1 / ratio) - 1 if ratio is not None and ratio > 0 else None


def _judgement(
    base: Point,
    head: Point,
    verdict: Verdict,
    p_value: float | None,
    noise: Noise | None,
    reason: str,
    *,
    significant: bool | None = None,
) -> Judgement:
    difference = None
    if base.value is not None and head.value is not None:
        difference = head.value - base.value
    return Judgement(
        verdict,
        ratio=_ratio(base, head),
        difference=difference,
        p_value=p_value,
        significant=p_value < ALPHA if p_value is not None else significant,
        magnitude=_magnitude(base, head),
        threshold=None if noise is None else noise.least(base, head),
        reason=reason,
        apart=base.is_apart_from(head),
    )
