"""Save and load a `Recording`.

The file is JSON with a version, never pickle; a file of another version is refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jitscope import _json_files
from jitscope.recording import SCHEMA_VERSION, Recording

KIND = _json_files.Kind(
    "a recording", (SCHEMA_VERSION,), "record again with `jitscope run script.py`"
)


def save_recording(recording: Recording, path: Path) -> None:
    """Write a recording as JSON, whole or not at all.

    Raises
    ------
    UserError
        The file cannot be written.
    """
    _json_files.write(recording, path)


def load_recording(path: Path) -> Recording:
    """Read a recording.

    Raises
    ------
    UserError
        If the file is missing, truncated, of another version or no recording at all.
    """
    return recording_of(_json_files.read(path, KIND.again), path)


def recording_of(data: Any, path: Path) -> Recording:
    """Return the recording that a file held.

    Raises
    ------
    UserError
        It is of another version, or no recording.
    """
    return _json_files.structured(data, Recording, path, KIND)
