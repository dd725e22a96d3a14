"""The JSON schema of a recording's file, from the dataclasses: `jitscope schema`."""

from __future__ import annotations

import argparse
import json
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from jitscope.recording import SCHEMA_VERSION, Recording

_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}


def recording_schema() -> str:
    """Return the schema as JSON text."""
    definitions: dict[str, Any] = {}
    root = _schema(Recording, definitions)
    definitions["Recording"]["properties"]["schema_version"] = {"const": SCHEMA_VERSION}
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A recording of jitscope",
        **root,
        "$defs": dict(sorted(definitions.items())),
    }
    return json.dumps(document, indent=1) + "\n"


def run(args: argparse.Namespace) -> int:
    """Print the schema."""
    del args
    print(recording_schema(), end="")
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
    raise TypeError(f"the schema knows no {kind!r}; add it to `recording_schema`.")


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
