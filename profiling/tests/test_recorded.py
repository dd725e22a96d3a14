"""asv's results files: what they lack, and that no failure takes samples away."""

import json
from pathlib import Path

import pytest
from jitscope import recorded
from jitscope.errors import UserError

COMMIT = "0123456789abcdef0123456789abcdef01234567"
MACHINE = "a-machine"
COLUMNS = ["result", "params", "version", "started_at", "duration", "stats_ci_99_a", "samples"]
BENCHMARKS = {
    "solve.time_fit": {"version": "1", "type": "time"},
    "phases.track_s": {"version": "1", "type": "track"},
    "counts.track_n": {"version": "1", "type": "track"},
    "version": 2,
}


def row(
    result: list[float | None] | None, samples: list[list[float] | None] | None
) -> list[object]:
    ends = None if result is None else [value and value / 2 for value in result]
    return [result, [["'a'", "'b'"]], "1", 0, 1.0, ends, samples]


def write(root: Path, rows: dict[str, list[object]]) -> recorded.ResultsFile:
    path = root / "results" / "asv" / MACHINE / f"{COMMIT[:8]}-env.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    data = {"commit_hash": COMMIT, "result_columns": COLUMNS, "results": rows, "version": 2}
    path.write_text(json.dumps(data), encoding="utf-8")
    found = recorded.load_results(root, MACHINE, COMMIT)
    assert found is not None
    return found


def test_everything_is_missing_where_nothing_is_recorded(tmp_path: Path):
    assert recorded.load_results(tmp_path, MACHINE, COMMIT) is None
    missing = recorded.missing_benchmarks(None, BENCHMARKS, 1)
    assert missing == ["solve.time_fit", "phases.track_s", "counts.track_n"]


def test_a_series_lacks_samples_a_counter_does_not_and_a_failure_is_not_tried_again(tmp_path: Path):
    results = write(
        tmp_path,
        {
            "solve.time_fit": row([1.0, None], [[1.0, 1.1], None]),
            "phases.track_s": row([1.0, float("nan")], [[1.0], [float("nan")]]),
            "counts.track_n": row([3, 4], None),
        },
    )
    assert recorded.missing_benchmarks(results, BENCHMARKS, 1) == []
    assert recorded.missing_benchmarks(results, BENCHMARKS, 2) == ["phases.track_s"]
    assert recorded.missing_benchmarks(results, BENCHMARKS, 3) == [
        "solve.time_fit",
        "phases.track_s",
    ]


def test_a_time_without_recorded_samples_is_missing(tmp_path: Path):
    results = write(tmp_path, {"solve.time_fit": row([1.0, 2.0], None)})
    assert "solve.time_fit" in recorded.missing_benchmarks(results, BENCHMARKS, 1)


def test_another_version_of_a_benchmark_is_measured_anew(tmp_path: Path):
    results = write(tmp_path, {"counts.track_n": row([3, 4], None)})
    newer = {"counts.track_n": {"version": "2", "type": "track"}}
    assert recorded.missing_benchmarks(results, newer, 1) == ["counts.track_n"]


def test_samples_lost_to_a_failure_are_put_back_and_new_ones_stay(tmp_path: Path):
    before = write(tmp_path, {"solve.time_fit": row([1.0, 2.0], [[1.0, 1.0], [2.0, 2.0]])})
    after = write(tmp_path, {"solve.time_fit": row([None, 2.1], [None, [2.0, 2.0, 2.1]])})
    assert recorded.restore_lost(before, after) == ["solve.time_fit"]
    kept = recorded.load_results(tmp_path, MACHINE, COMMIT)
    assert kept is not None
    assert kept.field("solve.time_fit", "result") == [1.0, 2.1]
    assert kept.field("solve.time_fit", "samples") == [[1.0, 1.0], [2.0, 2.0, 2.1]]
    assert kept.field("solve.time_fit", "stats_ci_99_a") == [0.5, 1.05]


def test_a_whole_benchmark_lost_is_put_back(tmp_path: Path):
    before = write(tmp_path, {"solve.time_fit": row([1.0, 2.0], [[1.0], [2.0]])})
    after = write(tmp_path, {"solve.time_fit": row(None, None)})
    assert after.broken
    assert recorded.restore_lost(before, after) == ["solve.time_fit"]
    kept = recorded.load_results(tmp_path, MACHINE, COMMIT)
    assert kept is not None
    assert kept.field("solve.time_fit", "samples") == [[1.0], [2.0]]


def test_a_run_that_only_adds_is_left_alone(tmp_path: Path):
    before = write(tmp_path, {"solve.time_fit": row([1.0, 2.0], [[1.0], [2.0]])})
    after = write(tmp_path, {"solve.time_fit": row([1.0, 2.0], [[1.0, 1.0], [2.0, 2.0]])})
    assert recorded.restore_lost(before, after) == []


def test_a_damaged_file_is_named_with_its_mend_and_left_alone(tmp_path: Path):
    write(tmp_path, {"solve.time_fit": row([1.0, 2.0], None)})
    path = next((tmp_path / "results" / "asv" / MACHINE).glob("*.json"))
    damaged = path.read_text(encoding="utf-8")[:-20]
    path.write_text(damaged, encoding="utf-8")
    with pytest.raises(UserError, match=rf"{path.name} is not whole JSON .*git checkout"):
        recorded.load_results(tmp_path, MACHINE, COMMIT)
    assert path.read_text(encoding="utf-8") == damaged
