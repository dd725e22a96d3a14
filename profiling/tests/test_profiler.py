"""`make profile` end to end on one problem, and what is left of it when a pass fails."""

import json
from pathlib import Path

import pytest
from jitscope import fresh, profiler
from jitscope.session import load_session


@pytest.mark.slow
def test_a_problem_is_profiled_to_the_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(profiler, "publish", lambda root, session: root / "index.html")
    assert profiler.run_profile(tmp_path, solver="trustfit", names=["linear_100"]) == 0
    (path,) = (tmp_path / "results" / "sessions").glob("*.json")
    (profile,) = load_session(path).problems
    assert profile.failures == {}
    first, warm = profile.first_call, profile.warm_call
    assert first is not None
    assert warm is not None
    for call in (first, warm):
        assert sum(ns for ns in call.phases_ns.values() if ns is not None) == call.wall_ns
    assert first.modules > 0
    assert warm.modules == 0
    assert profile.outer_iterations is not None
    assert profile.inner_iterations is not None
    assert 1 <= profile.outer_iterations <= profile.inner_iterations
    assert {"residual and Jacobian", "factorisation", "inner loop"} <= set(warm.by_stage_ns)
    assert profile.lines
    assert any(Path(line.file).name == "_trf.py" and line.hits > 0 for line in profile.lines)
    assert profile.conversions
    assert {"first", "warm"} == set(profile.cprofile)
    assert all((tmp_path / dump).stat().st_size > 0 for dump in profile.cprofile.values())


def test_a_pass_that_fails_harms_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def run_child(module: str, arguments: list[str], **_: object) -> object:
        if arguments[0] == "lines":
            raise fresh.ChildFailed("the lines pass failed: planted")
        return {} if arguments[0] == "cprofile" else json.loads("[]")

    def run_sample(*_: object, **__: object) -> object:
        raise fresh.ChildFailed("the sample failed: planted")

    monkeypatch.setattr(fresh, "run_child", run_child)
    monkeypatch.setattr(fresh, "run_sample", run_sample)
    labels: list[str] = []
    profile = profiler.profile_problem("linear_100", "trustfit", tmp_path, tmp_path, labels.append)
    assert set(profile.failures) == {"first call", "first call, no hooks", "warm call", "lines"}
    assert profile.first_call is None
    assert profile.outer_iterations is None
    assert profile.lines is None
    assert profile.conversions == ()
    assert len(labels) == len(profiler.PASS_NAMES)
