"""asv's results files, as far as deciding what is still to be measured needs them.

One file holds what was measured on one commit: ``results`` maps a benchmark's name to a row, its
columns named by ``result_columns`` (trailing ones may be missing). Each column that belongs to
parameters is a list in the order of ``itertools.product(*params)``.
"""

import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jitscope import adapters
from jitscope.errors import UserError

API_VERSION = 2


@dataclass(frozen=True)
class CommitResults:
    """What one file holds.

    Attributes
    ----------
    path : Path
        The file.
    commit : str
        Full hash.
    rows : mapping
        Benchmark -> column -> value.
    environment : str
        asv's name of it.
    """

    path: Path
    commit: str
    rows: Mapping[str, Mapping[str, Any]]
    environment: str = ""


def load_json(path: Path) -> Any:
    """Read a JSON file of asv's.

    Raises
    ------
    UserError
        It is not JSON; names the file and the mend, and leaves it as it is.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise UserError(
            f"{path} is not readable as JSON ({error}); restore it with `git checkout -- {path}` "
            "or remove it to measure it again."
        ) from error


def load_machine(results_dir: Path, machine: str) -> dict[str, CommitResults]:
    """Read every results file of a machine, by full hash of its commit.

    Raises
    ------
    UserError
        One of them is corrupted.
    """
    found = (
        _load(path)
        for path in sorted((results_dir / machine).glob("*.json"))
        if path.name != "machine.json"
    )
    return {results.commit: results for results in found}


def check_all(results_dir: Path) -> None:
    """Read everything that asv and the pages will read.

    Raises
    ------
    UserError
        A file is corrupted.
    """
    for path in sorted(results_dir.rglob("*.json")):
        data = load_json(path)
        if not isinstance(data, dict):
            raise UserError(
                f"{path} is not a file of asv's; restore it with `git checkout -- {path}` or "
                "remove it to measure it again."
            )


def _load(path: Path) -> CommitResults:
    data = load_json(path)
    try:
        columns = data["result_columns"]
        rows = {
            name: dict(itertools.zip_longest(columns, row)) for name, row in data["results"].items()
        }
        return CommitResults(path, data["commit_hash"], rows, str(data.get("env_name") or ""))
    except (AttributeError, KeyError, TypeError) as error:
        raise UserError(
            f"{path} is not a results file of asv's (no usable {error}); restore it with "
            f"`git checkout -- {path}` or remove it to measure the commit again."
        ) from error


def is_failed(value: Any) -> bool:
    """Tell whether asv recorded a failure (null), rather than a value or n/a (NaN)."""
    return value is None


def _values(row: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each combination of parameters, as asv writes them, and its value."""
    combinations = list(itertools.product(*(row["params"] or ())))
    values = row["result"]
    return zip(combinations, values or [None] * len(combinations), strict=False)


def failures(results: CommitResults) -> Iterator[str]:
    """Yield the benchmarks that failed, each with the parameters for which it did."""
    for name, row in sorted(results.rows.items()):
        if row["result"] is None:
            yield name
            continue
        for parameters, value in _values(row):
            if is_failed(value):
                yield f"{name}({', '.join(parameters)})" if parameters else name


def is_broken(results: CommitResults) -> bool:
    """Tell whether nothing of the commit's own solver could be measured.

    So it is where the commit does not build, or its solver always raises; that other solvers
    were timed beside it says nothing of the commit.
    """
    peers = {repr(name) for name in adapters.PEERS}
    return bool(results.rows) and all(
        is_failed(value) or math.isnan(value) or peers.intersection(parameters)
        for row in results.rows.values()
        for parameters, value in _values(row)
    )


def samples_missing(row: Mapping[str, Any], wanted: int) -> int:
    """Return how many more samples a benchmark needs.

    Counters have no samples and need none; parameters that failed or do not apply count as done.
    """
    values, numbers = row["result"], row.get("stats_number")
    if values is None or numbers is None:
        return 0
    samples = row.get("samples") or [None] * len(values)
    return max(
        (
            wanted - len(one or ())
            for value, number, one in zip(values, numbers, samples, strict=True)
            if number is not None and not is_failed(value) and not math.isnan(value)
        ),
        default=0,
    )


def recorded_samples(results: CommitResults) -> int:
    """Return how many samples a commit has, of all its benchmarks together."""
    return sum(
        len(samples or ()) for row in results.rows.values() for samples in row.get("samples") or ()
    )


def restore_lost_samples(before: CommitResults) -> tuple[str, ...]:
    """Put back what parameters lost since `before` was read; return their benchmarks' names.

    asv drops all earlier samples of a parameter when a later run of it fails. What the other
    parameters of the benchmark have gained stays.
    """
    data = load_json(before.path)
    now = _load(before.path)
    lost = {
        name: indices
        for name, row in now.rows.items()
        if name in before.rows and (indices := _lost_samples(before.rows[name], row))
    }
    if lost:
        from asv import util

        columns = data["result_columns"]
        for name, indices in lost.items():
            merged = _merged(before.rows[name], now.rows[name], indices)
            data["results"][name] = [merged.get(column) for column in columns]
        del data["version"]
        util.write_json(str(before.path), data, API_VERSION, compact=True)
    return tuple(lost)


def _lost_samples(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[int]:
    """Return the places of the parameters that have fewer samples now."""
    if before.get("version") != now.get("version") or before.get("params") != now.get("params"):
        return []
    pairs = itertools.zip_longest(before.get("samples") or (), now.get("samples") or ())
    return [index for index, (old, new) in enumerate(pairs) if len(old or ()) > len(new or ())]


def _merged(
    before: Mapping[str, Any], now: Mapping[str, Any], indices: Sequence[int]
) -> dict[str, Any]:
    """Return the row of now, with what it was before at some places."""
    merged = dict(now)
    width = len(before["samples"])
    for column in now:
        if column not in ("result", "samples") and not column.startswith("stats_"):
            continue
        old = before.get(column) or [None] * width
        cells = list(now[column] or [None] * width)
        for index in indices:
            cells[index] = old[index]
        merged[column] = cells
    return merged
