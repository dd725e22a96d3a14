"""What asv's results files hold and still lack, and how to keep a failed run from losing any.

asv replaces the samples of a series by a failure when the series fails in a later round, so the
files are compared before and after each round and lost samples are put back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jitscope.errors import UserError

Row = list[Any]


@dataclass(frozen=True)
class ResultsFile:
    """One of asv's results files: a commit on a machine.

    Attributes
    ----------
    path : Path
    columns : tuple of str
        Names of the fields of a row.
    rows : mapping of str to list
        By benchmark; each field is a list with one entry for each combination of parameters.
        Trailing fields may be missing.
    """

    path: Path
    columns: tuple[str, ...]
    rows: Mapping[str, Row]

    def field(self, benchmark: str, name: str) -> Any:
        """Return a field of a benchmark's row, None if it is missing."""
        row = self.rows.get(benchmark, [])
        index = self.columns.index(name)
        return row[index] if index < len(row) else None

    @property
    def broken(self) -> bool:
        """Whether no benchmark of the commit has any value, as when it does not build."""
        values = [value for name in self.rows for value in (self.field(name, "result") or [None])]
        return all(value is None for value in values)

    def failed(self) -> list[str]:
        """Names of the benchmarks of which at least one combination has no value."""
        return [
            name
            for name in self.rows
            if any(value is None for value in (self.field(name, "result") or [None]))
        ]


def load_json(path: Path, root: Path) -> Any:
    """Read one of asv's JSON files.

    Raises
    ------
    UserError
        If it is not whole JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        shown = path.relative_to(root)
        raise UserError(
            f"{shown} is not whole JSON ({error}). Restore it with `git checkout -- {shown}`, "
            "or delete it to measure that commit again."
        ) from error


def load_results(root: Path, machine: str, commit: str) -> ResultsFile | None:
    """Read the results of a commit; None if there are none.

    Parameters
    ----------
    root : Path
        The repository.
    machine : str
        asv's name of the machine.
    commit : str
        Full hash.

    Raises
    ------
    UserError
        If the file is not whole.
    """
    paths = sorted((root / "results" / "asv" / machine).glob(f"{commit[:8]}-*.json"))
    if not paths:
        return None
    data = load_json(paths[-1], root)
    return ResultsFile(paths[-1], tuple(data["result_columns"]), data["results"])


def missing_benchmarks(
    results: ResultsFile | None, benchmarks: Mapping[str, Any], samples: int
) -> list[str]:
    """Name the benchmarks that still lack samples.

    Parameters
    ----------
    results : ResultsFile or None
    benchmarks : mapping
        asv's benchmarks.json: name to description.
    samples : int
        How many samples each series must have. A series without any (a counter) is complete
        once it has a value, and one that failed is not tried again.

    Returns
    -------
    list of str
    """
    names = [name for name in benchmarks if name != "version"]
    if results is None:
        return names
    return [name for name in names if _is_missing(results, name, benchmarks[name], samples)]


def restore_lost(before: ResultsFile | None, after: ResultsFile | None) -> list[str]:
    """Put samples back that a failed run replaced, into the file on disk.

    Parameters
    ----------
    before, after : ResultsFile or None
        The file as it was before the run, and as it is on disk.

    Returns
    -------
    list of str
        Names of the benchmarks that had lost samples.
    """
    if before is None or after is None or before.columns != after.columns:
        return []
    restored = {
        name: row for name in after.rows if (row := _merged_row(before, after, name)) is not None
    }
    if restored:
        data = json.loads(after.path.read_text(encoding="utf-8"))
        data["results"].update(restored)
        partial = after.path.with_suffix(".part")
        partial.write_text(json.dumps(data, indent=0), encoding="utf-8")
        partial.replace(after.path)
    return sorted(restored)


def _is_missing(
    results: ResultsFile, name: str, benchmark: Mapping[str, Any], samples: int
) -> bool:
    values = results.field(name, "result")
    if values is None or results.field(name, "version") != benchmark["version"]:
        return True
    recorded = results.field(name, "samples") or [None] * len(values)
    timed = benchmark["type"] == "time"
    return any(
        _is_number(value) and (timed or kept is not None) and len(kept or []) < samples
        for value, kept in zip(values, recorded, strict=False)
    )


def _is_number(value: Any) -> bool:
    # asv writes None for a failure and NaN for a combination that does not apply.
    return value is not None and value == value


def _merged_row(before: ResultsFile, after: ResultsFile, name: str) -> Row | None:
    """Row of `after` with the entries of `before` wherever samples were lost; None if nowhere."""
    old_samples = before.field(name, "samples")
    if old_samples is None or before.field(name, "version") != after.field(name, "version"):
        return None
    new_samples = after.field(name, "samples") or [None] * len(old_samples)
    lost = [
        index
        for index, (old, new) in enumerate(zip(old_samples, new_samples, strict=True))
        if old is not None and len(new or []) < len(old)
    ]
    if not lost:
        return None
    width = len(old_samples)
    merged: Row = []
    for column in after.columns:
        old, new = before.field(name, column), after.field(name, column)
        if column == "result" or column == "samples" or column.startswith("stats_"):
            entries = list(new) if new is not None else [None] * width
            for index in lost:
                entries[index] = old[index] if old is not None else None
            merged.append(entries)
        else:
            merged.append(new if new is not None else old)
    return merged
