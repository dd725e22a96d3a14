"""A recording's spans in the file format of speedscope, a viewer of timelines.

The format: https://github.com/jlfwong/speedscope/wiki/Importing-from-custom-sources
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jitscope._files import write_whole
from jitscope.errors import UserError
from jitscope.recording import PhasesPass, Recording

_SCHEMA = "https://www.speedscope.app/file-format-schema.json"


def write_speedscope(recording: Recording, path: Path) -> None:
    """Write one profile for each run of the phases pass.

    Parameters
    ----------
    recording : Recording
    path : Path

    Raises
    ------
    UserError
        There are no spans to show, or the file cannot be written.
    """
    runs = [run for run in recording.phases if run.spans]
    if not runs:
        raise UserError("the recording holds no spans; record the phases pass (`--passes phases`).")
    write_whole(path, json.dumps(document(recording, runs), allow_nan=False) + "\n")


def document(recording: Recording, runs: list[PhasesPass]) -> dict[str, Any]:
    """Return the file's content: functions hold their phases, the rest stand by themselves."""
    frames: dict[str, int] = {}
    profiles = [_profile(run, f"run {i + 1}", frames) for i, run in enumerate(runs)]
    return {
        "$schema": _SCHEMA,
        "name": " ".join(recording.command) or "a block",
        "exporter": "jitscope",
        "activeProfileIndex": 0,
        "shared": {"frames": [{"name": name} for name in frames]},
        "profiles": profiles,
    }


def _profile(run: PhasesPass, name: str, frames: dict[str, int]) -> dict[str, Any]:
    events: list[dict[str, Any]] = []
    for span in run.spans:
        names = [span.function, span.phase] if span.function else [span.phase]
        numbers = [frames.setdefault(one, len(frames)) for one in names]
        events += [{"type": "O", "frame": one, "at": span.start_ns} for one in numbers]
        events += [{"type": "C", "frame": one, "at": span.end_ns} for one in reversed(numbers)]
    return {
        "type": "evented",
        "name": name,
        "unit": "nanoseconds",
        "startValue": 0,
        "endValue": run.wall_ns,
        "events": events,
    }
