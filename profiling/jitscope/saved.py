"""Read a file that holds a recording or a session, whichever it is."""

from __future__ import annotations

from pathlib import Path

from jitscope import _json_files
from jitscope.recording import Recording
from jitscope.recordings import recording_of
from jitscope.session import Session, session_of


def load_saved(path: Path) -> Recording | Session:
    """Read what `jitscope run` or `jitscope profile` wrote.

    Raises
    ------
    UserError
        The file is missing, truncated, of another version, or neither of them.
    """
    data = _json_files.read(path, "record again with `jitscope run script.py`")
    if isinstance(data, dict) and "problems" in data:
        return session_of(data, path)
    return recording_of(data, path)
