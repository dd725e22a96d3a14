"""asv's results and git's log as two tidy tables: what was measured, and the commits it belongs to.

asv keeps one JSON file for each machine, commit and environment (results format 2). Reading the
files here rather than through ``asv.results.Results`` keeps the samples beside their statistics,
names the broken file in one sentence, and lets one odd benchmark be skipped with a note instead
of ending the page.
"""

import ast
import functools
import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from asv_runner.statistics import compute_stats

from jitscope import adapters
from jitscope._git import GitError, run_git
from jitscope.errors import UserError
from jitscope.failures import FILE, Failed, Reasons, read_failures
from jitscope.lineage import solver_trees

RESULTS_FORMAT = 2
"""Version of asv's results format that this module reads."""

_LATEST_MS = 1e14
"""Beyond the year 5000 a time in milliseconds is no time."""

PHASE_BENCHMARK = "bench_phases.Phases.track_phase_s"
"""The benchmark that the pages are made of."""

RESULT_COLUMNS = (
    *("commit", "machine", "environment", "benchmark", "value", "status", "n", "lo", "hi"),
    *("samples", "versions", "hardware", "measured_at"),
)
COMMIT_COLUMNS = (
    *("commit", "order", "parent", "subject", "author_date", "expectations", "solver"),
)


@dataclass(frozen=True)
class Benchmark:
    """One benchmark of today's suite: its unit, and the columns of its parameters in their order.

    The unit is "" where the suite states none.
    """

    unit: str
    parameters: tuple[str, ...]


@dataclass(frozen=True)
class History:
    """Everything that was measured, and the commits it was measured on.

    Attributes
    ----------
    results : pandas.DataFrame
        One row for each commit, machine, environment, benchmark and combination of parameters:
        ``RESULT_COLUMNS`` and one column for each parameter name (None where a benchmark has no
        such parameter; ``param_NAME`` where the name is one of ours). ``value`` is the median in
        the benchmark's own unit, ``lo`` and ``hi`` asv's 99% interval of it (None when there are
        too few samples for one), ``n`` the number of finite samples, ``samples`` a tuple of
        floats in the order of measurement (NaN where a sample has no value). ``status`` is "ok",
        "failed" (no value), "skipped" (not applicable, NaN) or "broken" (failed, as did
        everything else of this commit's own solver: it does not build). ``versions`` maps
        requirement to version, ``hardware`` holds cpu, number of cpus, memory and system as asv
        recorded them. ``measured_at`` is when the benchmark last ran on the commit (UTC, ISO
        8601; None where asv did not say).
    commits : pandas.DataFrame
        Every commit on the first-parent line of HEAD, oldest first: full hash, ``order`` (0 is
        the oldest), first parent's hash (or None), first line of the message, author date (ISO
        8601), the ids of its ``Expectation:`` trailers as a tuple, and git's name of the solver's
        tree (or None): commits with equal names hold the same solver.
    notes : tuple of str
        What was left out of ``results``, and why; a sentence each.
    suite : mapping of str to Benchmark
        Today's benchmarks, by name.
    failures : mapping of Failed to str
        Why something failed, where that was kept; text of the measured commits.
    """

    results: pd.DataFrame
    commits: pd.DataFrame
    notes: tuple[str, ...]
    suite: Mapping[str, Benchmark] = field(default_factory=dict[str, Benchmark])
    failures: Reasons = field(default_factory=dict[Failed, str])

    def rows(self) -> list[dict[str, Any]]:
        """Return `results` as one dict a row."""
        # The cells are Python's own already: pandas would look at each one again.
        columns = {str(name): self.results[name].tolist() for name in self.results.columns}
        cells = zip(*columns.values(), strict=True)
        return [dict(zip(columns, row, strict=True)) for row in cells]


def read_history(root: Path, results_dir: Path | None = None, *, head: str = "HEAD") -> History:
    """Read asv's results and git's log of one project.

    Parameters
    ----------
    root : Path
        Working tree of the project.
    results_dir : Path, optional
        asv's results folder; ``root/results/asv`` unless given.
    head : str
        Revision whose first-parent line is read.

    Returns
    -------
    History
        Rows ordered by revision, never by date: rebased commits keep misleading dates.

    Raises
    ------
    UserError
        If git fails, or a results file cannot be read.
    """
    commits = read_commits(root, head)
    folder = results_dir if results_dir is not None else root / "results" / "asv"
    paths = sorted(p for p in folder.glob("*/*.json") if p.name != "machine.json")
    if not paths:
        return History(pd.DataFrame(columns=list(RESULT_COLUMNS)), commits, ())
    benchmarks = _read_json(folder / "benchmarks.json", root)
    notes: list[str] = []
    rows: list[dict[str, Any]] = []
    for path in paths:
        rows += _rows_of_file(_read_results(path, root), benchmarks, notes)
    reasons = _reasons(folder.parent / FILE.name, notes)
    found = _ordered(rows, commits, notes)
    return replace(found, suite=_suite(benchmarks), failures=reasons)


def _reasons(path: Path, notes: list[str]) -> Reasons:
    try:
        return read_failures(path)
    except UserError as error:
        notes.append(f"Why commits failed is not known: {error}")
        return {}


def _suite(benchmarks: Mapping[str, Any]) -> dict[str, Benchmark]:
    return {
        name: Benchmark(str(one.get("unit") or ""), _columns(one.get("param_names", ())))
        for name, one in benchmarks.items()
        if isinstance(one, dict)
    }


def _columns(names: Sequence[str]) -> tuple[str, ...]:
    """Columns of a benchmark's parameters."""
    return tuple(name if name not in RESULT_COLUMNS else f"param_{name}" for name in names)


def read_commits(root: Path, head: str = "HEAD") -> pd.DataFrame:
    """Commits on the first-parent line of a revision, oldest first; see `History.commits`.

    Raises
    ------
    UserError
        If git is missing, or `root` is not a repository with a commit.
    """
    fields = ("%H", "%P", "%s", "%aI", "%(trailers:key=Expectation,valueonly,separator=%x2C)")
    plain = ("-c", "i18n.logOutputEncoding=UTF-8", "-c", "log.showSignature=false")
    log = ("log", "-z", "--first-parent", "--reverse", "--format=" + "%x1f".join(fields), head)
    try:
        printed = run_git(root, *plain, *log)
    except GitError as error:
        raise UserError(
            f"git cannot read the commits of {root} ({error}): "
            "run this in a clone of the repository that has at least one commit."
        ) from error
    lines = [line for line in printed.split("\0") if line]
    rows = [_commit_row(order, line.split("\x1f")) for order, line in enumerate(lines)]
    trees = solver_trees(root, [row[0] for row in rows])
    rows = [(*row, trees[row[0]]) for row in rows]
    commits = pd.DataFrame(rows, columns=list(COMMIT_COLUMNS), dtype=object)
    return commits.astype({"order": int})


def _commit_row(order: int, fields: Sequence[str]) -> tuple[Any, ...]:
    # A subject may itself hold the separator; the other fields cannot.
    commit, parents, *subject, date, trailers = fields
    parent = parents.split()[0] if parents else None
    expectations = tuple(t.strip() for t in trailers.split(",") if t.strip())
    return commit, order, parent, "\x1f".join(subject), date, expectations


def _ordered(rows: list[dict[str, Any]], commits: pd.DataFrame, notes: list[str]) -> History:
    order = dict(zip(commits["commit"], commits["order"], strict=True))
    elsewhere = sorted({row["commit"] for row in rows} - order.keys())
    notes += [f"Commit {c[:8]} was measured, but HEAD does not descend from it." for c in elsewhere]
    kept = [row for row in rows if row["commit"] in order]
    kept.sort(key=lambda row: order[row["commit"]])
    parameters = sorted({name for row in kept for name in row} - set(RESULT_COLUMNS))
    # Objects throughout, so that an unmeasured number stays None instead of turning into NaN.
    results = pd.DataFrame(kept, columns=[*RESULT_COLUMNS, *parameters], dtype=object)
    results = results.where(results.notna(), None)
    return History(results, commits, tuple(dict.fromkeys(notes)))


def _read_json(path: Path, root: Path) -> dict[str, Any]:
    shown = path.relative_to(root) if path.is_relative_to(root) else path
    mend = f"restore it with `git checkout {shown}`, or delete it and measure again"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"The results file {shown} is missing: {mend}.") from error
    except (ValueError, OSError) as error:
        raise UserError(f"The results file {shown} cannot be read ({error}): {mend}.") from error
    if not isinstance(data, dict):
        raise UserError(f"The results file {shown} must hold a JSON object: {mend}.")
    found = data.pop("version", None)
    if found != RESULTS_FORMAT:
        raise UserError(
            f"The results file {shown} must be in asv's format {RESULTS_FORMAT}; got {found!r}. "
            "Run `asv update` if it is older."
        )
    return data


def _read_results(path: Path, root: Path) -> dict[str, Any]:
    data = _read_json(path, root)
    wanted: dict[str, type] = {"commit_hash": str, "env_name": str, "params": dict}
    wanted |= {"results": dict, "result_columns": list}
    wrong = [key for key, kind in wanted.items() if not isinstance(data.get(key), kind)]
    if wrong or not isinstance(data["params"].get("machine"), str):
        shown = path.relative_to(root) if path.is_relative_to(root) else path
        raise UserError(
            f"The results file {shown} lacks {', '.join(wrong) or 'the name of its machine'}: "
            f"restore it with `git checkout {shown}`, or delete it and measure again."
        )
    return data


def _rows_of_file(
    data: Mapping[str, Any], benchmarks: Mapping[str, Any], notes: list[str]
) -> list[dict[str, Any]]:
    params = data["params"]
    common = {
        "commit": data["commit_hash"],
        "machine": params["machine"],
        "environment": data["env_name"],
        "versions": _versions(data),
        "hardware": {key: params.get(key) for key in ("cpu", "num_cpu", "ram", "os")},
    }
    rows: list[dict[str, Any]] = []
    for name, cells in data["results"].items():
        record = dict(zip(data["result_columns"], cells, strict=False))
        problem = _why_unreadable(name, record, benchmarks)
        if problem is not None:
            notes.append(f"Results of {data['commit_hash'][:8]} left out: {problem}.")
            continue
        names = benchmarks[name]["param_names"]
        whose = {**common, "benchmark": name, "measured_at": _time_of(record.get("started_at"))}
        rows += [{**whose, **row} for row in _rows_of_benchmark(record, names)]
    # That other solvers were measured beside it says nothing of the commit's own.
    own = [row["status"] for row in rows if row.get("solver") not in adapters.PEERS]
    if "failed" in own and "ok" not in own:
        broken = {"failed": "broken"}
        rows = [{**row, "status": broken.get(row["status"], row["status"])} for row in rows]
    return rows


def _versions(data: Mapping[str, Any]) -> dict[str, str]:
    requirements = data.get("requirements") or {}
    pins = {name.removeprefix("pip+"): str(pin) for name, pin in requirements.items()}
    return {"python": str(data.get("python") or ""), **pins}


def _time_of(started_ms: Any) -> str | None:
    if not _is_number(started_ms) or not 0 < started_ms < _LATEST_MS:
        return None
    return datetime.fromtimestamp(started_ms / 1e3, UTC).isoformat(timespec="seconds")


def _why_unreadable(
    name: str, record: Mapping[str, Any], benchmarks: Mapping[str, Any]
) -> str | None:
    benchmark = benchmarks.get(name)
    if not isinstance(benchmark, dict):
        return f"the suite has no benchmark {name} any more"
    measured, today = record.get("version"), benchmark.get("version")
    if measured is not None and measured != today:
        return f"{name} was measured in version {measured!r}, and the suite has {today!r}"
    params = record.get("params") or []
    if len(params) != len(benchmark.get("param_names", [])):
        return (
            f"{name} was measured with {len(params)} parameters, and the suite has another number"
        )
    expected = math.prod(len(axis) for axis in params)
    values = record.get("result")
    if values is not None and (not isinstance(values, list) or len(values) != expected):
        return f"{name} does not hold one value for each of its {expected} parameter combinations"
    return None


def _rows_of_benchmark(record: Mapping[str, Any], names: Sequence[str]) -> Iterator[dict[str, Any]]:
    combinations = list(itertools.product(*(record.get("params") or [])))
    columns = _columns(names)

    def column(key: str) -> Sequence[Any]:
        cells = record.get(key)
        return cells if isinstance(cells, list) else [None] * len(combinations)

    cells = zip(
        *(column(key) for key in ("result", "samples", "stats_ci_99_a", "stats_ci_99_b")),
        strict=True,
    )
    for combination, (value, samples, lo, hi) in zip(combinations, cells, strict=True):
        parameters = dict(zip(columns, map(_literal, combination), strict=True))
        yield {**parameters, **_measurement(value, samples, lo, hi)}


def _measurement(value: Any, samples: Any, lo: Any, hi: Any) -> dict[str, Any]:
    """Median, interval, samples and status of one combination of parameters."""
    recorded = tuple(float(s) if _is_number(s) else math.nan for s in samples or ())
    finite = [s for s in recorded if math.isfinite(s)]
    if finite and len(finite) < len(recorded):
        # asv's own median of samples among which there are NaN depends on their order.
        value, (lo, hi) = _median_and_interval(finite)
    empty = {"value": None, "n": 0, "lo": None, "hi": None, "samples": recorded}
    if not _is_number(value) or math.isinf(value):
        return {**empty, "status": "failed"}
    if math.isnan(value):
        return {**empty, "status": "skipped"}
    bounded = _is_number(lo) and _is_number(hi) and math.isfinite(lo) and math.isfinite(hi)
    return {
        "value": float(value),
        "status": "ok",
        "n": len(finite) or 1,
        "lo": float(lo) if bounded else None,
        "hi": float(hi) if bounded else None,
        "samples": recorded,
    }


def _median_and_interval(samples: Sequence[float]) -> tuple[float, tuple[float, float]]:
    median, stats = compute_stats(samples, 1)
    assert median is not None
    assert stats is not None
    return median, (stats["ci_99_a"], stats["ci_99_b"])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@functools.lru_cache(maxsize=4096)
def _literal(text: str) -> Any:
    """What a parameter was before asv wrote its ``repr``; the text itself if that is not data."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
    return value if isinstance(value, str | int | float) else text
