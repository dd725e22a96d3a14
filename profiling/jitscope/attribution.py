"""Which phase moved between two commits, and which counter moved with it.

Phases of an observed call sum to its wall, so a phase's share of a change is exact arithmetic:
its own difference over that of the wall. What is said beside it are counters that differ, and those
that do not. Nothing is guessed: where nothing moved, that is the sentence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from jitscope.history import PHASE_BENCHMARK
from jitscope.noise import Noise, noise_of
from jitscope.phases import PHASES
from jitscope.series import Series, SeriesKey
from jitscope.verdicts import Judgement, Verdict, judge

WALL = "wall"
UNOBSERVED = "unobserved_wall"
MOVED: tuple[Verdict, ...] = ("improved", "regressed")
LEAST_SHARE = 0.05
"""A phase that is less of the wall's change than this is not named in the sentence."""

COUNTERS = {
    "bench_compile.CompiledModules.track_modules": "modules compiled",
    "bench_compile.ProgramSize.track_hlo_instructions": "HLO instructions",
    "bench_compile.ProgramSize.track_fused_kernels": "fused kernels",
    "bench_compile.ProgramSize.track_jaxpr_equations": "jaxpr equations",
    "bench_conversions.Conversions.track_count": "conversions",
    "bench_iterations.Evaluations.track_nfev": "evaluations",
    "bench_iterations.Evaluations.track_njev": "Jacobian evaluations",
    "bench_memory.TemporaryMemory.track_temporary_bytes": "temporary bytes",
    "bench_accuracy.Accuracy.track_cost": "digits lost of the cost",
    "bench_accuracy.Accuracy.track_params": "digits lost of the parameters",
}
"""Counters of the bundled suite, as the reader knows them."""
FIT_OF = {"cold": "first fit", "warm_disk": "first fit", "warm_memory": "same data"}
"""The fit whose compiled modules belong to a condition."""


@dataclass(frozen=True)
class PhaseChange:
    """One phase at two commits.

    Attributes
    ----------
    phase : str
    base_s, head_s : float or None
        Medians.
    difference_s : float or None
    share : float or None
        Of the change of the observed wall; None where that is 0 or unknown.
    judgement : Judgement
    """

    phase: str
    base_s: float | None
    head_s: float | None
    difference_s: float | None
    share: float | None
    judgement: Judgement

    @property
    def moved(self) -> bool:
        """Whether it improved or regressed."""
        return self.judgement.verdict in MOVED


@dataclass(frozen=True)
class CounterChange:
    """One counter at two commits; `name` is the reader's."""

    name: str
    key: SeriesKey
    base: float | None
    head: float | None
    judgement: Judgement

    @property
    def moved(self) -> bool:
        """Whether it differs."""
        return self.judgement.verdict in MOVED


@dataclass(frozen=True)
class Attribution:
    """What moved between two commits in one problem under one condition.

    Attributes
    ----------
    problem, condition : str
    base, commit : str
        Full hashes.
    wall : PhaseChange or None
        The observed call, whose parts the phases are; None: no such series.
    unobserved : PhaseChange or None
        The same call without hooks.
    phases : tuple of PhaseChange
        All that were measured, in the order of `jitscope.phases.PHASES`.
    counters : tuple of CounterChange
        All that were counted at both commits.
    sentence : str
        What moved, from these figures alone.
    """

    problem: str
    condition: str
    base: str
    commit: str
    wall: PhaseChange | None
    unobserved: PhaseChange | None
    phases: tuple[PhaseChange, ...]
    counters: tuple[CounterChange, ...]
    sentence: str


def attribute(
    series: Iterable[Series],
    problem: str,
    condition: str,
    base: str,
    commit: str,
    *,
    noises: Mapping[SeriesKey, Noise] | None = None,
) -> Attribution:
    """Say which phases and counters moved between two commits.

    Parameters
    ----------
    series : iterable of Series
        Of one setup.
    problem, condition : str
        As the phase benchmark names them.
    base, commit : str
        Full hashes.
    noises : mapping, optional
        Noise of each series, where it is known already.

    Returns
    -------
    Attribution
    """
    known = noises if noises is not None else {}
    wanted = [one for one in series if one.key.parameter("problem") == problem]
    parts = _phase_changes(wanted, condition, base, commit, known)
    wall = parts.pop(WALL, None)
    unobserved = parts.pop(UNOBSERVED, None)
    phases = tuple(parts[name] for name in PHASES if name in parts)
    counters = tuple(_counter_changes(wanted, condition, base, commit, known))
    return Attribution(
        *(problem, condition, base, commit, wall, unobserved, phases, counters),
        sentence_of(wall, phases, counters),
    )


def _phase_changes(
    series: Sequence[Series],
    condition: str,
    base: str,
    commit: str,
    noises: Mapping[SeriesKey, Noise],
) -> dict[str, PhaseChange]:
    found: dict[str, tuple[float | None, float | None, Judgement]] = {}
    for one in series:
        phase = one.key.parameter("phase")
        if one.key.benchmark == PHASE_BENCHMARK and one.key.parameter("condition") == condition:
            judged = _judged(one, base, commit, noises)
            if phase is not None and judged is not None:
                found[phase] = judged
    whole = found[WALL][2].difference if WALL in found else None
    return {
        phase: PhaseChange(
            *(phase, before, after, judged.difference),
            None if not whole or judged.difference is None else judged.difference / whole,
            judged,
        )
        for phase, (before, after, judged) in found.items()
    }


def _counter_changes(
    series: Sequence[Series],
    condition: str,
    base: str,
    commit: str,
    noises: Mapping[SeriesKey, Noise],
) -> Iterable[CounterChange]:
    for one in series:
        fit = one.key.parameter("fit")
        if not one.is_counter or (fit is not None and fit != FIT_OF.get(condition)):
            continue
        judged = _judged(one, base, commit, noises)
        if judged is not None and judged[0] is not None and judged[1] is not None:
            yield CounterChange(_counter_name(one), one.key, *judged)


def _counter_name(series: Series) -> str:
    name = COUNTERS.get(series.key.benchmark, series.unit)
    direction = series.key.parameter("direction")
    return name if direction is None else f"{name} {direction.replace('_', ' ')}"


def _judged(
    series: Series, base: str, commit: str, noises: Mapping[SeriesKey, Noise]
) -> tuple[float | None, float | None, Judgement] | None:
    before, after = series.at(base), series.at(commit)
    if before is None or after is None:
        return None
    if before.status == after.status == "skipped":
        return None
    noise = noises.get(series.key) or noise_of(series)
    judged = judge(before, after, noise=noise, counter=series.is_counter)
    return before.value, after.value, judged


def sentence_of(
    wall: PhaseChange | None, phases: Sequence[PhaseChange], counters: Sequence[CounterChange]
) -> str:
    """Say what moved, as in "compile +38% (+120 ms of +131 ms): HLO instructions 412 -> 595"."""
    moved = sorted(
        (one for one in phases if one.moved and _is_named(one)),
        key=lambda one: -abs(one.difference_s or 0.0),
    )
    differing = [one for one in counters if one.moved]
    if not moved and not differing:
        return "No phase moved by more than its noise, and no counter moved."
    counted = [f"{one.name} {_figure(one.base)} -> {_figure(one.head)}" for one in differing]
    still = [one.name for one in counters if not one.moved]
    parts = [", ".join(counted)] if counted else ["no counter moved"] if counters else []
    parts += [f"{', '.join(still)} unchanged"] if still and counted else []
    of_wall = None if wall is None else wall.difference_s
    head = ", ".join(_phase_words(one, of_wall) for one in moved)
    lead = head or "No phase moved by more than its noise"
    return f"{lead}: {'; '.join(parts)}." if parts else f"{lead}."


def _is_named(change: PhaseChange) -> bool:
    return change.share is None or abs(change.share) >= LEAST_SHARE


def _phase_words(change: PhaseChange, of_wall: float | None) -> str:
    ratio, difference = change.judgement.ratio, change.difference_s
    percent = "from 0" if ratio is None else f"{ratio - 1:+.0%}"
    if difference is None:
        return f"{change.phase} {percent}"
    of = "" if of_wall is None else f" of {_milliseconds(of_wall)}"
    return f"{change.phase} {percent} ({_milliseconds(difference)}{of})"


def _milliseconds(seconds: float) -> str:
    return f"{1e3 * seconds:+.3g} ms"


def _figure(value: float | None) -> str:
    if value is None:
        return "unknown"
    return f"{value:,.0f}" if value == round(value) else f"{value:,.3g}"
