"""From the history's table to what the phases page draws: panels of bars made of phases.

A *setup* is a machine and an environment (Python, JAX); bars of different setups never share a
panel. A *panel* is one problem under one condition; it has a bar for each commit of its setup.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from jitscope.history import PHASE_BENCHMARK, History

CONVERSION_BENCHMARK = "bench_conversions.Conversions.track_count"
MODULE_BENCHMARK = "bench_compile.CompiledModules.track_modules"
MODULES_OF = {"cold": "first fit", "warm_memory": "same data"}
"""The fit whose compiled modules belong to a condition."""

WALL = "wall"
UNOBSERVED = "unobserved_wall"
BarStatus = Literal["ok", "failed", "broken", "missing"]
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Commit:
    """One commit as the page names it; `message` is the first line, `date` the author's."""

    hash: str
    message: str
    date: str


@dataclass(frozen=True)
class Measurement:
    """Median of one quantity in milliseconds, its 99% interval (or None) and number of samples."""

    name: str
    ms: float
    lo_ms: float | None
    hi_ms: float | None
    n: int


@dataclass(frozen=True)
class Bar:
    """One commit in a panel.

    Attributes
    ----------
    commit : Commit
    status : str
        "ok"; "failed": this problem gave no value; "broken": no benchmark of the commit did;
        "missing": not measured.
    phases : tuple of Measurement
        The phases that were measured, in the suite's order; empty unless `status` is "ok".
    wall, unobserved : Measurement or None
        The whole call that the phases are parts of, and the same call without hooks.
    counts : tuple of (str, float)
        Deterministic figures a fit ("conversions to host", 34.0).
    """

    commit: Commit
    status: BarStatus
    phases: tuple[Measurement, ...] = ()
    wall: Measurement | None = None
    unobserved: Measurement | None = None
    counts: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Panel:
    """The bars of one problem under one condition; `phases` are those any bar has."""

    problem: str
    condition: str
    phases: tuple[str, ...]
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Setup:
    """One machine with one environment, and its panels.

    `machine` and `software` are one line each, for the reader.
    """

    name: str
    machine: str
    software: str
    panels: tuple[Panel, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """Problems in the suite's order."""
        return tuple(dict.fromkeys(panel.problem for panel in self.panels))

    @property
    def conditions(self) -> tuple[str, ...]:
        """Conditions in the suite's order."""
        return tuple(dict.fromkeys(panel.condition for panel in self.panels))

    @property
    def commits(self) -> tuple[Commit, ...]:
        """Commits with any result in this setup, oldest first."""
        return tuple(bar.commit for bar in self.panels[0].bars)


def setups_of(history: History) -> tuple[Setup, ...]:
    """Group the phase benchmark's rows by setup.

    First comes the one that measured the newest commit, and of several the one with the most.
    """
    rows = history.rows()
    commits = {
        c["commit"]: Commit(c["commit"], c["subject"], c["author_date"])
        for c in history.commits.to_dict("records")
    }
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["machine"], row["environment"]), []).append(row)
    setups = [_setup(group, commits) for group in groups.values() if _phase_rows(group)]
    place = {commit: number for number, commit in enumerate(commits)}
    return tuple(sorted(setups, key=lambda one: (-place[one.commits[-1].hash], -len(one.commits))))


def _phase_rows(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row["benchmark"] == PHASE_BENCHMARK]


def _setup(rows: Sequence[Row], commits: Mapping[str, Commit]) -> Setup:
    measured = [commits[h] for h in dict.fromkeys(row["commit"] for row in rows)]
    phase_rows = _phase_rows(rows)
    cells: dict[tuple[str, str], dict[str, list[Row]]] = {}
    for row in phase_rows:
        panel = cells.setdefault((row["problem"], row["condition"]), {})
        panel.setdefault(row["commit"], []).append(row)
    broken = {row["commit"] for row in rows if row["status"] == "broken"}
    counts = _counts(rows)
    panels = [
        _panel(
            problem,
            condition,
            [
                _bar(
                    commit,
                    by_commit.get(commit.hash, []),
                    commit.hash in broken,
                    counts.get((commit.hash, problem, condition), ()),
                )
                for commit in measured
            ],
        )
        for (problem, condition), by_commit in cells.items()
    ]
    newest = rows[-1]
    return Setup(
        name=f"{newest['machine']}, {software_line(newest['versions'])}",
        machine=_machine_line(newest),
        software=software_line(newest["versions"]),
        panels=tuple(panels),
    )


def _panel(problem: str, condition: str, bars: Sequence[Bar]) -> Panel:
    phases = dict.fromkeys(m.name for bar in bars for m in bar.phases)
    return Panel(problem, condition, tuple(phases), tuple(bars))


def _bar(
    commit: Commit,
    rows: Sequence[Row],
    broken: bool,
    counts: tuple[tuple[str, float], ...],
) -> Bar:
    if broken:
        return Bar(commit, "broken")
    measured = [_measurement(row) for row in rows if row["status"] == "ok"]
    phases = tuple(m for m in measured if m.name not in (WALL, UNOBSERVED))
    whole = {m.name: m for m in measured if m.name in (WALL, UNOBSERVED)}
    if not phases:
        failed = any(row["status"] == "failed" for row in rows)
        return Bar(commit, "failed" if failed else "missing")
    return Bar(
        commit,
        "ok",
        phases,
        whole.get(WALL),
        whole.get(UNOBSERVED),
        counts,
    )


def _measurement(row: Row) -> Measurement:
    lo, hi = row["lo"], row["hi"]
    return Measurement(
        row["phase"],
        1e3 * row["value"],
        # The interval comes from a posterior with tails; a duration below zero says nothing.
        None if lo is None else max(0.0, 1e3 * lo),
        None if hi is None else 1e3 * hi,
        row["n"],
    )


def _counts(rows: Sequence[Row]) -> dict[tuple[str, str, str], tuple[tuple[str, float], ...]]:
    """Deterministic figures of each commit, problem and condition."""
    found: dict[tuple[str, str, str], list[tuple[str, float]]] = {}
    conditions = {row["condition"] for row in _phase_rows(rows)}
    for row in rows:
        for condition in conditions if row["status"] == "ok" else ():
            label = _count_label(row, condition)
            if label is not None:
                key = (row["commit"], row["problem"], condition)
                found.setdefault(key, []).append((label, row["value"]))
    return {key: tuple(labelled) for key, labelled in found.items()}


def _count_label(row: Row, condition: str) -> str | None:
    if row["benchmark"] == CONVERSION_BENCHMARK:
        return f"conversions {str(row['direction']).replace('_', ' ')}"
    if row["benchmark"] == MODULE_BENCHMARK and row["fit"] == MODULES_OF.get(condition):
        return "modules compiled"
    return None


def _machine_line(row: Row) -> str:
    hardware = row["hardware"]
    cpus = f"{hardware['num_cpu']} CPUs" if hardware["num_cpu"] else None
    parts = (hardware["cpu"], cpus, hardware["os"])
    return f"{row['machine']} ({', '.join(str(part) for part in parts if part)})"


def software_line(versions: Mapping[str, str]) -> str:
    """Versions of what a fit runs on, for the reader."""
    shown = {"jax": "JAX", "jaxlib": "jaxlib", "numpy": "NumPy", "python": "Python"}
    return ", ".join(f"{name} {versions[key]}" for key, name in shown.items() if versions.get(key))
