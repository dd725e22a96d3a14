"""`jitscope show` prints and converts a saved recording."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from jitscope.cli import main
from jitscope.recording import Recording, Span
from jitscope.recordings import save_recording
from jitscope.session import Session, save_session

from .test_growth_report import GROWN
from .test_recording_terminal import EMPTY, phases_pass
from .test_session import SESSION


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


def test_a_saved_session_is_printed_and_its_page_stands_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    saved, page = tmp_path / "s.json", tmp_path / "s.html"
    save_session(GROWN, saved)
    assert main(["show", str(saved)]) == 0
    text = capsys.readouterr().out
    assert "First call in a fresh process" in text
    assert "At most so many times as fast without it" in text
    assert max(map(len, text.splitlines())) <= 100
    assert main(["show", str(saved), "--html", str(page)]) == 0
    html = page.read_text("utf-8")
    assert re.findall(r"""<(?:script|link)\b|(?:href|src)="[^#"]""", html) == []
    assert "<style>" in html
    assert "which need scripts" not in html
    assert "Medians with their 99% intervals" in html
    assert main(["show", str(saved), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["problems"]


def test_what_a_session_has_not_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    saved = tmp_path / "s.json"
    save_session(SESSION, saved)
    assert main(["show", str(saved), "--speedscope", str(tmp_path / "t.json")]) == 2
    assert "s.json is a session, whose calls have no timeline" in capsys.readouterr().err
    saved.write_text(saved.read_text("utf-8")[:-100], "utf-8")
    assert main(["show", str(saved)]) == 2
    assert "s.json is not whole JSON" in capsys.readouterr().err
    saved.write_text('{"schema_version": 99, "problems": []}', "utf-8")
    assert main(["show", str(saved)]) == 2
    assert "schema version 99; this jitscope reads 1 and 2 and 3 and 4 of a session" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize("record", [SESSION, replace(EMPTY, phases=(phases_pass(),))])
def test_a_page_that_cannot_be_written_is_a_mistake_in_one_sentence(
    record: Session | Recording, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    saved, taken = tmp_path / "s.json", tmp_path / "taken"
    taken.mkdir()
    if isinstance(record, Session):
        save_session(record, saved)
    else:
        save_recording(record, saved)
    assert main(["show", str(saved), "--html", str(taken)]) == 2
    assert "taken cannot be written" in capsys.readouterr().err
    assert main(["show", str(saved), "--html", str(tmp_path / "new" / "s.html")]) == 0
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["s.html"]


def test_a_timeline_that_cannot_be_written_is_one_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    saved = tmp_path / "s.json"
    run = replace(phases_pass(), spans=(Span(0, 5, "trace", "f"),))
    save_recording(replace(EMPTY, phases=(run,)), saved)
    assert main(["show", str(saved), "--speedscope", str(tmp_path)]) == 2
    assert "cannot be written" in capsys.readouterr().err
