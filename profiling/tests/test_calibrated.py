"""What the recorders cost: measured once, remembered, and set beside the budgets."""

import json
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from jitscope import calibrated
from jitscope.cli import main
from jitscope.errors import UserError
from jitscope.overhead import Cost, Overhead

COST = Cost(9_000.0, 8_000.0, 9_500.0, 15)
OVERHEAD = Overhead(COST, COST, COST)


@pytest.fixture(name="runs")
def fake_children(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    runs: list[Any] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        if "jitscope.calibrated" in command:
            runs.append(command)
        return subprocess.CompletedProcess(command, 0, json.dumps(asdict(OVERHEAD)) + "\n", "")

    monkeypatch.setattr(calibrated.subprocess, "run", run)
    return runs


def test_it_is_measured_once_and_remembered(runs: list[Any], tmp_path: Path):
    assert calibrated.remembered_overhead(tmp_path) == OVERHEAD
    assert calibrated.remembered_overhead(tmp_path) == OVERHEAD
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
    failed = subprocess.CompletedProcess([], 1, "", "Traceback\nRuntimeError: unsupported JAX 9")
    monkeypatch.setattr(calibrated.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(UserError, match="unsupported JAX 9"):
        calibrated.remembered_overhead(tmp_path)


@pytest.mark.parametrize(
    ("most_us", "verdict"), [(9.5, "met"), (9.0, "undecided"), (7.9, "missed")]
)
def test_the_whole_interval_decides(most_us: float, verdict: str):
    assert calibrated.verdict_of(COST, most_us) == verdict


def test_the_command_for_real(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert main(["calibrate", "--json", str(tmp_path / "x.json")]) == 0
    shown = capsys.readouterr().out
    assert "a jitted call, light mode" in shown
    assert "not measured" not in shown
    written = json.loads((tmp_path / "x.json").read_text())
    assert written["per_jit_call_ns"]["n"] == 15
