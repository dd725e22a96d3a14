"""Write a file that a user named, whole or not at all."""

import os
from pathlib import Path

from jitscope.errors import UserError


def write_whole(path: Path, text: str) -> None:
    """Write text, in place of what was there; folders that are missing are made.

    Raises
    ------
    UserError
        The file cannot be written.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        if partial.is_file():
            partial.unlink()
        raise UserError(
            f"{path} cannot be written ({error.strerror}); name another file."
        ) from error
