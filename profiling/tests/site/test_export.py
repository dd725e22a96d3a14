"""The history as Parquet and CSV."""

import csv
import json
import math
from pathlib import Path

import pytest
from jitscope.cli import main
from jitscope.export import COLUMNS, COMMITS, export
from jitscope.history import read_history
from pyarrow import parquet

from .planted import HOSTILE, PHASE_BENCHMARK, GeneratedHistory

DOCS = Path(__file__).resolve().parents[3] / "docs" / "how-it-measures.md"


@pytest.fixture
def exported(site_history: GeneratedHistory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the planted history's tables."""
    folder = tmp_path_factory.mktemp("export") / "made" / "on the way"
    export(read_history(site_history.root), folder)
    return folder


def test_parquet_holds_every_row_with_its_samples(exported: Path, site_history: GeneratedHistory):
    history = read_history(site_history.root)
    table = parquet.read_table(exported / "history.parquet")
    assert table.schema.names == list(COLUMNS)
    rows = table.to_pylist()
    assert len(rows) == len(history.results)
    for row, was in zip(rows, history.rows(), strict=True):
        assert (row["commit"], row["status"], row["value"]) == (
            *(was["commit"], was["status"], was["value"]),
        )
        assert [one for one in row["samples"] if not math.isnan(one)] == [
            one for one in was["samples"] if not math.isnan(one)
        ]
        assert len(row["samples"]) == len(was["samples"])
    cold = next(r for r in rows if r["benchmark"] == PHASE_BENCHMARK and r["status"] == "ok")
    assert list(json.loads(cold["parameters"])) == ["condition", "phase", "problem"]
    assert (cold["unit"], cold["counter"], cold["jax"]) == ("s", False, "0.10.2")
    broken = next(r for r in rows if r["status"] == "broken")
    assert broken["value"] is None  # unmeasured is null, never 0 and never NaN


def test_each_column_says_what_it_holds(exported: Path):
    for name, columns in (("history", COLUMNS), ("commits", COMMITS)):
        schema = parquet.read_schema(exported / f"{name}.parquet")
        for column, described in columns.items():
            found = schema.field(column).metadata[b"description"].decode()
            assert found == described.meaning


def test_csv_says_the_same(exported: Path):
    rows = parquet.read_table(exported / "history.parquet").to_pylist()
    with (exported / "history.csv").open(newline="", encoding="utf-8") as file:
        plain = list(csv.DictReader(file))
    assert len(plain) == len(rows)
    for one, other in zip(plain, rows, strict=True):
        assert one["commit"] == other["commit"]
        assert one["value"] == ("" if other["value"] is None else repr(other["value"]))
        assert len(json.loads(one["samples"])) == len(other["samples"])


def test_messages_survive_as_they_are(exported: Path):
    subjects = parquet.read_table(exported / "commits.parquet")["subject"].to_pylist()
    assert HOSTILE in subjects
    with (exported / "commits.csv").open(newline="", encoding="utf-8") as file:
        assert [row["subject"] for row in csv.DictReader(file)] == subjects


def test_an_empty_history_has_the_same_columns(site_empty: GeneratedHistory, tmp_path: Path):
    folder = tmp_path / "export"
    assert main(["--root", str(site_empty.root), "export", "--to", str(folder)]) == 0
    table = parquet.read_table(folder / "history.parquet")
    assert table.num_rows == 0
    assert table.schema.names == list(COLUMNS)


def test_a_folder_that_cannot_be_made_is_named(
    site_empty: GeneratedHistory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "file").write_text("in the way")
    folder = tmp_path / "file" / "export"
    assert main(["--root", str(site_empty.root), "export", "--to", str(folder)]) == 2
    assert "name another folder by `--to`" in capsys.readouterr().err


def test_the_columns_are_documented():
    text = DOCS.read_text(encoding="utf-8")
    for columns in (COLUMNS, COMMITS):
        for name, described in columns.items():
            assert f"| `{name}` | {described.meaning} |" in text
