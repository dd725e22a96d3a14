"""A history of a thousand commits: that it is read whole, and what publishing it costs."""

from pathlib import Path

from jitscope.history import read_history
from jitscope.series import series_of

from .large import SERIES, make_large_history


def test_every_series_and_every_commit_is_read(tmp_path: Path):
    hashes = make_large_history(tmp_path, 60)
    series = series_of(read_history(tmp_path))
    assert len(series) == SERIES == 200
    for one in series:
        assert [point.commit for point in one.points] == list(hashes)
        assert [point.order for point in one.points if point.status == "missing"] == [7, 27, 47]
        assert [point.order for point in one.points if point.status == "broken"] == [13]
        fails = one.key.parameter("problem") == "exponential_1000"
        assert one.points[21].status == ("failed" if fails else "ok")
