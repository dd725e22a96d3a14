"""What a recording is written as, besides JSON: a page, and a timeline for speedscope."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from jitscope.errors import UserError
from jitscope.recording import Span
from jitscope.recordings import save_recording
from jitscope.report.recording_page import write_page
from jitscope.report.speedscope import write_speedscope

from .test_recording_terminal import EMPTY, phases_pass

SPANS = (
    Span(0, 30, "host", ""),
    Span(30, 70, "trace", "jit(f)"),
    Span(70, 90, "compile", "jit(f)"),
)


def test_speedscope_opens_and_closes_frames_in_order(tmp_path: Path):
    run = replace(phases_pass(), wall_ns=100, spans=SPANS)
    file = tmp_path / "x.speedscope.json"
    write_speedscope(replace(EMPTY, phases=(run, run)), file)
    data = json.loads(file.read_text())
    assert len(data["profiles"]) == 2
    frames = [frame["name"] for frame in data["shared"]["frames"]]
    assert frames == ["host", "jit(f)", "trace", "compile"]
    for profile in data["profiles"]:
        opened: list[int] = []
        at = profile["startValue"]
        for event in profile["events"]:
            assert at <= event["at"] <= profile["endValue"]
            at = event["at"]
            if event["type"] == "O":
                opened.append(event["frame"])
            else:
                assert opened.pop() == event["frame"]
        assert opened == []


def test_speedscope_without_spans_says_what_to_record(tmp_path: Path):
    with pytest.raises(UserError, match="--passes phases"):
        write_speedscope(EMPTY, tmp_path / "x.json")


def test_the_page_is_self_contained_and_shows_names_as_text(tmp_path: Path):
    file = tmp_path / "x.html"
    hostile = "<script>alert(1)</script>"
    write_page(replace(EMPTY, command=(hostile,), phases=(phases_pass(),)), file)
    page = file.read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "Content-Security-Policy" in page
    assert "http://" not in page
    assert "https://" not in page
    assert "60.0" in page


def test_a_file_that_cannot_be_written_is_named_and_leaves_nothing(tmp_path: Path):
    taken = tmp_path / "taken"
    taken.mkdir()
    with pytest.raises(UserError, match=r"taken cannot be written \(.*\); name another file"):
        save_recording(EMPTY, taken)
    assert list(tmp_path.iterdir()) == [taken]
    with pytest.raises(UserError, match=r"a\.json cannot be written \(File exists\)"):
        save_recording(EMPTY, Path(__file__) / "a.json")
