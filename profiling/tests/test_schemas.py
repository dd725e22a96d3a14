"""The published schemas are those of the code, and files that it writes keep to them."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jitscope
import numpy as np
import pytest
from jitscope import cli
from jitscope.growth import Growth
from jitscope.recording import PASSES
from jitscope.recordings import save_recording
from jitscope.schemas import FILES, schema_of
from jitscope.session import save_session

from .json_schema import mistakes
from .site.test_recording_page import FULL
from .test_recording_terminal import EMPTY
from .test_session import IN_STEPS, PROFILE, SESSION

DOCS = Path(__file__).parents[2] / "docs"
WHOLE = replace(
    SESSION,
    problems=(PROFILE, IN_STEPS),
    growth=(Growth("trustfit", "gaussian_scaling_10000", 10_000, (1, 2), None),),
    growth_failures={"gaussian_scaling_10": "too slow"},
)


@pytest.mark.parametrize("name", FILES)
def test_the_published_schema_is_up_to_date(name: str, capsys: pytest.CaptureFixture[str]):
    published = (DOCS / f"{name}.schema.json").read_text(encoding="utf-8")
    assert cli.main(["schema", name]) == 0
    assert capsys.readouterr().out == published == schema_of(name)


def test_a_recording_is_the_default(capsys: pytest.CaptureFixture[str]):
    assert cli.main(["schema"]) == 0
    assert capsys.readouterr().out == schema_of("recording")


def saved(record: Any, path: Path) -> Any:
    (save_session if record in (SESSION, WHOLE) else save_recording)(record, path)
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("name", "record"),
    [("session", SESSION), ("session", WHOLE), ("recording", EMPTY), ("recording", FULL)],
)
def test_files_keep_to_their_schema(name: str, record: Any, tmp_path: Path):
    schema = json.loads(schema_of(name))
    data = saved(record, tmp_path / "one.json")
    assert mistakes(data, schema) == []
    for other in set(FILES) - {name}:
        assert mistakes(data, json.loads(schema_of(other)))


@pytest.mark.parametrize("name", PASSES)
def test_real_passes_keep_to_the_schema(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import jax

    def scaled(x: Any) -> Any:
        return 2 * x

    monkeypatch.chdir(tmp_path)  # the cprofile pass writes a file
    with jitscope.record(name, functions=[scaled]) as session:
        float(jax.jit(scaled)(np.ones(3))[0])
    session.save(tmp_path / "real.json")
    data = json.loads((tmp_path / "real.json").read_text(encoding="utf-8"))
    assert data[name] not in (None, [])
    assert mistakes(data, json.loads(schema_of("recording"))) == []


@pytest.mark.parametrize(
    ("change", "mistake"),
    [
        ({"schema_version": 5}, "$.schema_version is 5, not 4"),
        ({"created_utc": 1}, "$.created_utc is 1, no string"),
        ({"more": 1}, "$ has more, of which the schema says nothing"),
        ({"problems": [{}]}, "$.problems[0] lacks problem"),
        ({"growth": {}}, "$.growth is {}, no array"),
        ({"growth_failures": {"x": 1.5}}, "$.growth_failures.x is 1.5, no string"),
    ],
)
def test_what_breaks_the_schema_is_found(change: dict[str, Any], mistake: str, tmp_path: Path):
    data = saved(SESSION, tmp_path / "one.json")
    assert mistake in mistakes(data | change, json.loads(schema_of("session")))


def test_a_driver_of_another_name_and_a_flag_for_a_number_are_found(tmp_path: Path):
    data = saved(SESSION, tmp_path / "one.json")
    data["problems"][0] |= {"split_driver": "other", "outer_iterations": True}
    found = mistakes(data, json.loads(schema_of("session")))
    assert "$.problems[0].split_driver is 'other', none of ['own', 'stepped']" in found
    assert "$.problems[0].outer_iterations is True, no integer" in found
