"""What the recorders cost: measured once, remembered, and set beside the budgets."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from jitscope import calibrated
from jitscope.calibrated import BUDGETS, row_of
from jitscope.cli import main
from jitscope.fresh import ChildFailed
from jitscope.overhead import Cost, Overhead, Share

COST = Cost(9_000.0, 8_000.0, 9_500.0, 15)
OVERHEAD = Overhead(COST, COST, COST)
OF = {budget.field: budget for budget in BUDGETS}


@pytest.fixture(name="runs")
def fake_children(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    runs: list[Any] = []

    def run(module: str, arguments: Sequence[str], *, what: str) -> dict[str, Any]:
        runs.append((module, arguments, what))
        return asdict(OVERHEAD)

    monkeypatch.setattr(calibrated, "run_child", run)
    return runs


def test_it_is_measured_once_and_remembered(
    runs: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert calibrated.remembered_overhead(tmp_path) == OVERHEAD
    assert "this once" in capsys.readouterr().err
    assert calibrated.remembered_overhead(tmp_path) == OVERHEAD
    assert capsys.readouterr().err == ""
    assert len(runs) == 1
    assert calibrated.measured_overhead(tmp_path) == OVERHEAD
    assert len(runs) == 2


def test_a_broken_file_is_measured_anew(runs: list[Any], tmp_path: Path):
    calibrated.remembered_overhead(tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_text("{")
    assert calibrated.remembered_overhead(tmp_path) == OVERHEAD
    assert len(runs) == 2


def test_the_reason_of_a_failure_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    broken = tmp_path / "jax"
    broken.mkdir()
    (broken / "__init__.py").write_text("raise ImportError('no such symbol')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    reason = "measuring what recording costs failed: ImportError: no such symbol"
    with pytest.raises(ChildFailed, match=reason):
        calibrated.remembered_overhead(tmp_path)


@pytest.mark.parametrize(
    ("cost", "field", "row"),
    [
        (COST, "per_conversion_ns", ("9.0 µs", "8.0 to 9.5", "10 µs", "met")),
        (Share(2.0, 1.5, 2.5, 15), "light_share", ("2.0 %", "1.5 to 2.5", "2 %", "undecided")),
        (Share(12.0, 10.1, 13.0, 9), "device_share", ("12.0 %", "10.1 to 13.0", "10 %", "missed")),
        (None, "device_share", ("not measured", "", "10 %", "")),
        (COST, "per_operation_ns", ("9.0 µs", "8.0 to 9.5", "", "")),
    ],
)
def test_each_cost_is_set_beside_its_budget(
    cost: Cost | Share | None, field: str, row: tuple[str, ...]
):
    assert row_of(OF[field], cost) == row


def test_every_cost_has_a_budget():
    assert set(OF) == set(asdict(OVERHEAD))


def test_a_report_tells_the_share_of_the_device_where_it_is_known():
    assert OVERHEAD.in_words() == (
        "Recording costs 9 µs a jitted call, 9 µs a conversion, 9.0 µs a span here."
    )
    measured = replace(OVERHEAD, device_share=Share(4.26, 4.0, 4.5, 15))
    assert measured.in_words().endswith(
        "9.0 µs a span here; profiling the device 4.3% of a fit of 20,000 points."
    )


def test_the_command_for_real(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert main(["calibrate", "--json", str(tmp_path / "x.json")]) == 0
    shown = capsys.readouterr().out
    assert "a jitted call, light mode" in shown
    assert "The fit is of 20,000 points." in shown
    assert "not measured" not in shown
    written = json.loads((tmp_path / "x.json").read_text())
    assert written["per_jit_call_ns"]["n"] == 15
    assert written["device_share"]["n"] == 15
    assert written["light_share"]["n"] == 41
    assert written["per_host_call_ns"]["n"] == written["per_operation_ns"]["n"] == 15
