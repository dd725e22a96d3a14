"""`jitscope show` prints and converts a saved recording."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from jitscope.cli import main
from jitscope.recording import Span
from jitscope.recordings import save_recording

from .test_recording_terminal import EMPTY, phases_pass


def test_a_saved_recording_is_printed_and_converted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    saved, page, timeline = (tmp_path / name for name in ("a.json", "a.html", "a.speedscope.json"))
    run = replace(phases_pass(), spans=(Span(0, 5, "trace", "f"),))
    save_recording(replace(EMPTY, command=("fit_me.py",), phases=(run,)), saved)

    assert main(["show", str(saved)]) == 0
    assert "fit_me.py" in capsys.readouterr().out
    assert main(["show", str(saved), "--html", str(page), "--speedscope", str(timeline)]) == 0
    assert capsys.readouterr().out == ""
    assert "fit_me.py" in page.read_text("utf-8")
    assert json.loads(timeline.read_text("utf-8"))["name"] == "fit_me.py"
    assert main(["show", str(saved), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["command"] == ["fit_me.py"]


def test_a_missing_recording_is_a_mistake_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["show", str(tmp_path / "none.json")]) == 2
    assert "cannot be read" in capsys.readouterr().err
