"""Save and load a `Recording`, and publish the schema of its file.

The file is JSON with a version, never pickle; a file of another version is refused.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

from jitscope.errors import UserError
from jitscope.recording import SCHEMA_VERSION, Recording


def save_recording(recording: Recording, path: Path) -> None:
    """Write a recording as JSON, whole or not at all.

    Raises
    ------
    UserError
        The file cannot be written.
    """
    text = json.dumps(asdict(recording), indent=1, allow_nan=False)
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text + "\n", encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        partial_was_written = partial.is_file()
        if partial_was_written:
            partial.unlink()
        raise UserError(
            f"{path} cannot be written ({error.strerror}); name another file with --output."
        ) from error


def load_recording(path: Path) -> Recording:
    """Read a recording.

    Raises
    ------
    UserError
        If the file is missing, truncated, of another version or no recording at all.
    """
    import cattrs

    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(
            f"{path} is not whole JSON ({error}); delete it and record again."
        ) from error
    except OSError as error:
        raise UserError(
            f"{path} cannot be read ({error.strerror}); `jitscope run script.py` writes one."
        ) from error
    found = data.get("schema_version") if isinstance(data, dict) else None
    if found != SCHEMA_VERSION:
        raise UserError(
            f"{path} has schema version {found}; this jitscope reads {SCHEMA_VERSION}. "
            "Record again, or read it with the jitscope that wrote it."
        )
    try:
        return cattrs.structure(data, Recording)
    except (cattrs.BaseValidationError, cattrs.StructureHandlerNotFoundError) as error:
        problems = "; ".join(cattrs.transform_error(error))
        raise UserError(f"{path} is not a recording: {problems}.") from error
