"""`make profile` end to end on one problem, and what is left of it when a pass fails."""

import json
from pathlib import Path
from typing import Any

import pytest
from jitscope import adapters, fresh, profiler, sample
from jitscope.counters import Counters
from jitscope.recorded import DevicePass
from jitscope.schemas import schema_of
from jitscope.session import load_session

from .fused_solver import ITERATIONS
from .json_schema import mistakes

ANSWERS: dict[str, Any] = {
    "cprofile": {},
    "device": {"wall_ns": 9, "busy_ns": 0, "scopes": [], "ops": []},
    "counters": {"modules": [], "traces": 2},
}
"""What passes answer that are no lists."""


@pytest.fixture
def no_growth(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the lengths out, which take most of a minute."""
    monkeypatch.setattr(profiler, "LENGTHS", ())


@pytest.mark.slow
@pytest.mark.usefixtures("no_growth")
def test_a_problem_is_profiled_to_the_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(profiler, "publish", lambda root, session: root / "index.html")
    assert profiler.run_profile(tmp_path, solver="trustfit", names=["linear_100"]) == 0
    (path,) = (tmp_path / "results" / "sessions").glob("*.json")
    written = json.loads(path.read_text(encoding="utf-8"))
    assert mistakes(written, json.loads(schema_of("session"))) == []
    (profile,) = load_session(path).problems
    assert profile.failures == {}
    first, warm = profile.first_call, profile.warm_call
    assert first is not None
    assert warm is not None
    for call in (first, warm):
        assert sum(ns for ns in call.phases_ns.values() if ns is not None) == call.wall_ns
    assert first.modules == 0  # NumPy serves it
    assert warm.modules == 0
    assert profile.outer_iterations is not None
    assert profile.inner_iterations is not None
    assert 1 <= profile.outer_iterations <= profile.inner_iterations
    split = profile.split_call
    assert split is not None
    assert sum(ns for ns in split.phases_ns.values() if ns is not None) == split.wall_ns
    assert len(set(split.by_stage_ns) - {""}) >= 3
    assert "residual and Jacobian" in split.by_stage_ns
    assert profile.lines
    assert {Path(line.file).name for line in profile.lines} & {"_stepped.py", "_trf.py"}
    assert all(line.hits > 0 for line in profile.lines)
    assert profile.conversions
    assert profile.split_conversions
    assert profile.device is not None
    assert 0 < profile.device.busy_ns <= profile.device.wall_ns
    assert profile.device.scopes
    assert profile.counters is not None
    assert profile.counters.compiled > 0  # in the fit that waits for its program
    assert {"first", "warm"} == set(profile.cprofile)
    assert all((tmp_path / dump).stat().st_size > 0 for dump in profile.cprofile.values())


@pytest.mark.slow
@pytest.mark.usefixtures("no_growth")
def test_what_the_own_call_hides_is_measured_in_steps(
    fused_solver: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(profiler, "publish", lambda root, session: root / "index.html")
    assert profiler.run_profile(tmp_path, solver="trustfit", names=["linear_100"]) == 0
    (path,) = (tmp_path / "results" / "sessions").glob("*.json")
    (profile,) = load_session(path).problems
    assert profile.failures == {}
    assert profile.split_driver == "stepped"
    fused, stepped = profile.warm_call, profile.stepped_call
    assert fused is not None
    assert stepped is not None
    assert set(fused.by_stage_ns) == {""}
    stages = {"", "residual and Jacobian", "reduction", "trust-region step"}
    assert set(stepped.by_stage_ns) == stages
    assert None not in (fused.unobserved_wall_ns, stepped.unobserved_wall_ns)
    assert (profile.outer_iterations, profile.inner_iterations) == (ITERATIONS, 2 * ITERATIONS)

    def files(places: Any) -> set[str]:
        return {Path(one.file).name for one in places}

    assert profile.lines
    assert profile.stepped_conversions
    assert profile.conversions
    assert files(profile.lines) == {"_stepped.py"}
    assert "_stepped.py" in files(profile.stepped_conversions)
    assert "_fused.py" in files(profile.conversions)
    assert "_stepped.py" not in files(profile.conversions)
    assert profile.first_call is not None
    assert profile.first_call.modules > 0
    assert set(profile.first_call.by_stage_ns) == {""}


def test_a_pass_that_fails_harms_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def run_child(module: str, arguments: list[str], **_: object) -> object:
        if arguments[0] == "lines":
            raise fresh.ChildFailed("the lines pass failed: planted")
        return ANSWERS.get(arguments[0], [])

    def run_sample(*_: object, **__: object) -> object:
        raise fresh.ChildFailed("the sample failed: planted")

    monkeypatch.setattr(fresh, "run_child", run_child)
    monkeypatch.setattr(fresh, "run_sample", run_sample)
    labels: list[str] = []
    profile = profiler.profile_problem("linear_100", "trustfit", tmp_path, tmp_path, labels.append)
    stepped = adapters.get("trustfit").has_stepped_driver()
    calls = {"first call", "first call, without hooks", "warm call", *(["stepped call"] * stepped)}
    assert set(profile.failures) == {*calls, "lines"}
    assert profile.first_call is None
    assert profile.outer_iterations is None
    assert profile.lines is None
    assert profile.conversions == ()
    assert profile.device == DevicePass(9, 0, (), ())
    assert profile.counters == Counters((), 2)
    assert len(labels) == len(profiler.PASS_NAMES) + stepped * len(profiler.STEPPED_PASS_NAMES)


def test_a_stepped_call_that_fails_leaves_the_own_one(
    fused_solver: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def run_child(module: str, arguments: list[str], **_: object) -> object:
        if "--stepped" in arguments:
            raise fresh.ChildFailed("planted")
        return ANSWERS.get(arguments[0], [])

    def run_sample(problem: str, condition: str, *, stepped: bool, **_: object) -> sample.Sample:
        if stepped:
            raise fresh.ChildFailed("planted")
        return sample.Sample(
            *("trustfit", problem, condition, {"host": 5}, 5, 4, 3, {}, {}, [], {}, "x.py", {})
        )

    monkeypatch.setattr(fresh, "run_child", run_child)
    monkeypatch.setattr(fresh, "run_sample", run_sample)
    labels: list[str] = []
    profile = profiler.profile_problem("linear_100", "trustfit", tmp_path, tmp_path, labels.append)
    assert set(profile.failures) == {*profiler.STEPPED_PASS_NAMES, "lines"}
    assert profile.warm_call is not None
    assert profile.split_driver == "stepped"
    assert profile.split_call is None
    assert profile.outer_iterations is None
    assert len(labels) == len(profiler.PASS_NAMES) + len(profiler.STEPPED_PASS_NAMES)


def test_a_length_that_takes_too_long_leaves_the_shorter_ones(monkeypatch: pytest.MonkeyPatch):
    def run_child(module: str, arguments: list[str], *, timeout_s: float, **_: object) -> object:
        assert module == "jitscope.growth"
        assert timeout_s == profiler.GROWTH_TIMEOUT_S
        solver, name = arguments[1], arguments[3]
        points = int(name.rpartition("_")[2])
        if points > 10**6:
            raise fresh.ChildFailed("it took longer than 60 s.")
        figures = {"solver": solver, "problem": name, "points": points}
        return {**figures, "calls_ns": [points, points], "peak_bytes": None}

    monkeypatch.setattr(fresh, "run_child", run_child)
    labels: list[str] = []
    grown, failures = profiler.measure_growth("scipy", labels.append)
    assert [one.points for one in grown] == [10**4, 10**5, 10**6]
    assert grown[0].calls_ns == (10**4, 10**4)
    assert failures == {"gaussian_scaling_10000000": "it took longer than 60 s."}
    assert labels == list(profiler.LENGTHS)
