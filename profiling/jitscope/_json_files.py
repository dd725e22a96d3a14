"""Records as JSON files with a version: written whole or not at all, refused in a sentence."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from jitscope._files import write_whole
from jitscope.errors import UserError

T = TypeVar("T")


class Kind(NamedTuple):
    """What a file holds.

    Attributes
    ----------
    name : str
        As "a recording".
    versions : sequence of int
        Those that are read.
    again : str
        How to make another one, in words.
    """

    name: str
    versions: Sequence[int]
    again: str


def write(record: Any, path: Path) -> None:
    """Write a dataclass.

    Raises
    ------
    UserError
        The file cannot be written.
    """
    write_whole(path, json.dumps(asdict(record), indent=1, allow_nan=False) + "\n")


def read(path: Path, again: str) -> Any:
    """Return what a JSON file holds.

    Raises
    ------
    UserError
        It is missing or truncated.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not whole JSON ({error}); delete it and {again}.") from error
    except OSError as error:
        raise UserError(
            f"{path} cannot be read ({error.strerror}); name one that is there, or {again}."
        ) from error


def structured(data: Any, cls: type[T], path: Path, kind: Kind) -> T:
    """Return what a file held as an object.

    Raises
    ------
    UserError
        It is of another version, or no such record at all.
    """
    import cattrs

    found = data.get("schema_version") if isinstance(data, dict) else None
    if found not in kind.versions:
        readable = " and ".join(map(str, kind.versions))
        raise UserError(
            f"{path} has schema version {found}; this jitscope reads {readable} of {kind.name}. "
            f"Read it with the jitscope that wrote it, or {kind.again}."
        )
    try:
        return cattrs.structure(data, cls)
    except (cattrs.BaseValidationError, cattrs.StructureHandlerNotFoundError) as error:
        problems = "; ".join(cattrs.transform_error(error))
        raise UserError(f"{path} is not {kind.name}: {problems}.") from error
