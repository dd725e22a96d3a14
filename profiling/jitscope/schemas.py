"""JSON schemas of the files that hold recordings and sessions, from the dataclasses."""

from __future__ import annotations

import argparse
import json
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from jitscope.recording import SCHEMA_VERSION, Recording
from jitscope.session import SCHEMA_VERSION as SESSION_VERSION
from jitscope.session import Session

_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}


class _File(NamedTuple):
    kind: type
    version: int
    title: str


FILES = {
    "recording": _File(Recording, SCHEMA_VERSION, "A recording of jitscope"),
    "session": _File(Session, SESSION_VERSION, "A profiling session of jitscope"),
}
"""What has a published schema, by the name of its schema's file in ``docs``."""


def schema_of(name: str) -> str:
    """Return the schema of one kind of files as JSON text.

    Parameters
    ----------
    name : str
        One of `FILES`.
    """
    file = FILES[name]
    definitions: dict[str, Any] = {}
    root = _schema(file.kind, definitions)
    definitions[file.kind.__name__]["properties"]["schema_version"] = {"const": file.version}
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": file.title,
        **root,
        "$defs": dict(sorted(definitions.items())),
    }
    return json.dumps(document, indent=1) + "\n"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "of",
        nargs="?",
        default="recording",
        choices=FILES,
        help="what `jitscope run` writes (the default), or what `jitscope profile` does",
    )


def run(args: argparse.Namespace) -> int:
    """Print the schema."""
    print(schema_of(args.of), end="")
    return 0


def _schema(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    origin, parts = get_origin(kind), get_args(kind)
    if kind in _PLAIN:
        return {"type": _PLAIN[kind]}
    if origin is Literal:
        return {"enum": list(parts)}
    if origin in (Union, types.UnionType):
        return {"anyOf": [_schema(part, definitions) for part in parts]}
    if origin is tuple:
        return {"type": "array", "items": _schema(parts[0], definitions)}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": _schema(parts[1], definitions)}
    if is_dataclass(kind):
        return _object(kind, definitions)
    raise TypeError(f"the schema knows no {kind!r}; add it to `jitscope.schemas`.")


def _object(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    name = kind.__name__
    if name not in definitions:
        definitions[name] = {}
        hints = get_type_hints(kind)
        definitions[name] = {
            "type": "object",
            "properties": {f.name: _schema(hints[f.name], definitions) for f in fields(kind)},
            "required": [
                f.name
                for f in fields(kind)
                if f.default is MISSING and f.default_factory is MISSING
            ],
        }
    return {"$ref": f"#/$defs/{name}"}
