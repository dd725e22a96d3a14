"""The history's table cut into series."""

import re

import pytest
from jitscope.history import read_history
from jitscope.series import Series, is_counter, series_of

from .planted import GeneratedHistory

Found = dict[tuple[str, str], Series]


@pytest.fixture
def found(site_history: GeneratedHistory) -> Found:
    """Return the series of the planted history, by label and machine."""
    every = series_of(read_history(site_history.root))
    return {(one.key.machine, one.key.label): one for one in every}


def test_every_commit_has_a_point_in_order(found: Found, site_history: GeneratedHistory):
    commits = site_history.git("log", "--reverse", "--format=%H").split()
    for one in found.values():
        assert [point.commit for point in one.points] == commits
        assert [point.order for point in one.points] == list(range(len(commits)))


def test_states_are_kept_apart(found: Found):
    one = found["reference", "track_phase_s: gaussian_1000, cold, compile"]
    states = [point.status for point in one.points]
    assert states == ["missing", "ok", "ok", "broken", "ok", "missing", "failed"]
    assert one.unit == "s"
    assert not one.is_counter
    assert [point.n for point in one.measured] == [7, 7, 1]
    assert one.points[1].versions["jax"] == "0.10.2"


def test_what_never_applies_has_no_series(found: Found):
    labels = {label for _, label in found}
    assert "track_phase_s: linear_100, warm_memory, dispatch" in labels
    assert "track_phase_s: linear_100, warm_memory, import" not in labels


def test_ids_are_distinct_and_safe(found: Found):
    ids = [one.key.id for one in found.values()]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9-]*", one) for one in ids)


@pytest.mark.parametrize(
    ("name", "unit", "expected"),
    [
        ("a.B.track_x", "modules", True),
        ("a.B.track_temporary_bytes", "bytes", True),
        ("a.B.track_peak_rss", "bytes", False),
        ("a.B.time_x", "seconds", False),
        ("a.B.track_x", "digits lost", True),
        ("a.B.track_x", "times", False),
    ],
)
def test_counters_are_told_from_measurements(name: str, unit: str, expected: bool):
    assert is_counter(name, unit) is expected
