"""Write the history as tables for notebooks: Parquet and CSV, by `jitscope export`.

Each column is documented in `COLUMNS` and `COMMITS`; the Parquet files carry the same words in
their schema (``pyarrow.parquet.read_schema(file).field(name).metadata``).
"""

from __future__ import annotations

import argparse
import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jitscope.errors import UserError
from jitscope.history import RESULT_COLUMNS, History, read_history
from jitscope.series import is_counter

FOLDER = Path("results") / "export"
"""Where the tables go unless told otherwise, from the project's root."""


class Column(NamedTuple):
    """One column: its type in Parquet, and what it holds."""

    kind: str
    meaning: str


COLUMNS = {
    "commit": Column("string", "full hash of the measured commit"),
    "order": Column("int64", "its place on the first-parent line; 0 is the oldest"),
    "author_date": Column("string", "its author's date, ISO 8601; order by `order`, not by this"),
    "machine": Column("string", "name of the machine"),
    "environment": Column("string", "asv's name of the environment"),
    "benchmark": Column("string", "asv's name of the benchmark"),
    "parameters": Column("string", "its parameters, a JSON object of name and value"),
    "unit": Column("string", "the benchmark's unit; less is better in all of them"),
    "counter": Column("bool", "whether the figure does not depend on the machine's load"),
    "status": Column("string", "ok, failed, broken (nothing of the commit ran) or skipped"),
    "value": Column("double", "median of the samples, or the count; null unless status is ok"),
    "lo": Column("double", "lower end of asv's 99% interval; null where there is none"),
    "hi": Column("double", "upper end of it"),
    "n": Column("int64", "number of finite samples"),
    "samples": Column("list<double>", "samples in the order of measurement; CSV: a JSON list"),
    "measured_at": Column("string", "when it last ran, UTC; null where asv did not say"),
    "python": Column("string", "version of Python"),
    "jax": Column("string", "version of JAX"),
    "jaxlib": Column("string", "version of jaxlib"),
    "numpy": Column("string", "version of NumPy"),
    "versions": Column("string", "all pinned versions, a JSON object"),
    "cpu": Column("string", "processor, as asv recorded it"),
    "num_cpu": Column("string", "number of its cores"),
    "ram": Column("string", "memory, as asv recorded it"),
    "os": Column("string", "operating system"),
}
"""Columns of ``history``, one row for each commit, setup, benchmark and choice of parameters."""

COMMITS = {
    "commit": Column("string", "full hash"),
    "order": Column("int64", "place on the first-parent line; 0 is the oldest"),
    "parent": Column("string", "full hash of its first parent; null for the oldest"),
    "subject": Column("string", "first line of its message"),
    "author_date": Column("string", "its author's date, ISO 8601"),
    "expectations": Column("list<string>", "ids of its `Expectation:` trailers; CSV: a JSON list"),
    "solver": Column("string", "git's name of the solver's tree: equal names, equal solvers"),
}
"""Columns of ``commits``, one row for each commit of the line, measured or not."""

Row = Mapping[str, Any]


def export(history: History, folder: Path) -> tuple[Path, ...]:
    """Write ``history`` and ``commits``, each as .parquet and .csv.

    Parameters
    ----------
    history : History
    folder : Path
        Made if it is not there.

    Returns
    -------
    tuple of Path
        The files.

    Raises
    ------
    UserError
        The folder cannot be written, or pyarrow is not installed.
    """
    tables = {
        "history": (COLUMNS, list(_results(history))),
        "commits": (COMMITS, [*history.commits.to_dict("records")]),
    }
    written: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, (columns, rows) in tables.items():
            written += [folder / f"{name}.parquet", folder / f"{name}.csv"]
            _write_parquet(written[-2], columns, rows)
            written[-1].write_text(_csv(columns, rows), encoding="utf-8", newline="")
    except OSError as error:
        raise UserError(
            f"The tables cannot be written to {folder} ({error}): name another folder by `--to`."
        ) from error
    return tuple(written)


def run(args: argparse.Namespace) -> int:
    """Export the history of a project: what `jitscope export` does."""
    folder = args.to if args.to is not None else args.root / FOLDER
    for path in export(read_history(args.root), folder):
        print(path)
    return 0


def _results(history: History) -> Iterator[Row]:
    commits = {row["commit"]: row for row in history.commits.to_dict("records")}
    parameters = [str(name) for name in history.results.columns if name not in RESULT_COLUMNS]
    for row in history.rows():
        given = {name: row[name] for name in parameters if row[name] is not None}
        unit = history.suite[row["benchmark"]].unit
        versions = row["versions"]
        yield {
            **row,
            **{name: commits[row["commit"]][name] for name in ("order", "author_date")},
            **{name: versions.get(name) for name in ("python", "jax", "jaxlib", "numpy")},
            **row["hardware"],
            "parameters": json.dumps(given),
            "versions": json.dumps(versions),
            "unit": unit,
            "counter": is_counter(row["benchmark"], unit),
        }


def _write_parquet(path: Path, columns: Mapping[str, Column], rows: Sequence[Row]) -> None:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise UserError(
            "Parquet needs pyarrow: install it with `pip install 'jitscope[report]'`."
        ) from error
    kinds = {
        "list<double>": pa.list_(pa.float64()),
        "list<string>": pa.list_(pa.string()),
        "string": pa.string(),
        "double": pa.float64(),
        "int64": pa.int64(),
        "bool": pa.bool_(),
    }
    fields = [
        pa.field(name, kinds[one.kind], metadata={"description": one.meaning})
        for name, one in columns.items()
    ]
    cells = [
        pa.array([row[field.name] for row in rows], type=field.type, from_pandas=False)
        for field in fields
    ]
    parquet.write_table(pa.Table.from_arrays(cells, schema=pa.schema(fields)), path)


def _csv(columns: Mapping[str, Column], rows: Sequence[Row]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row[name], one) for name, one in columns.items()])
    return text.getvalue()


def _cell(value: Any, column: Column) -> Any:
    return json.dumps(list(value)) if column.kind.startswith("list") else value
