"""As much of JSON Schema as the published ones use, to check files against them."""

from collections.abc import Iterator, Mapping
from typing import Any

_TYPES: Mapping[str, tuple[type, ...]] = {
    "array": (list,),
    "boolean": (bool,),
    "integer": (int,),
    "null": (type(None),),
    "number": (int, float),
    "object": (dict,),
    "string": (str,),
}
_KNOWN = {
    *("$defs", "$ref", "$schema", "additionalProperties", "anyOf", "const", "enum", "items"),
    *("properties", "required", "title", "type"),
}


def mistakes(value: Any, schema: Mapping[str, Any]) -> list[str]:
    """Return where a value breaks a schema, in words; properties that it lacks are mistakes too."""
    return list(_mistakes(value, schema, schema["$defs"], "$"))


def _mistakes(value: Any, schema: Any, named: Mapping[str, Any], at: str) -> Iterator[str]:
    assert set(schema) <= _KNOWN, f"this checker knows no {set(schema) - _KNOWN}"
    if "$ref" in schema:
        yield from _mistakes(value, named[schema["$ref"].removeprefix("#/$defs/")], named, at)
    if "anyOf" in schema:
        ways = [list(_mistakes(value, one, named, at)) for one in schema["anyOf"]]
        yield from [] if [] in ways else min(ways, key=len)
    if "const" in schema and value != schema["const"]:
        yield f"{at} is {value!r}, not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at} is {value!r}, none of {schema['enum']}"
    kind = schema.get("type")
    if kind is None:
        return
    if type(value) not in _TYPES[kind]:
        yield f"{at} is {value!r}, no {kind}"
    elif kind == "array":
        for place, item in enumerate(value):
            yield from _mistakes(item, schema["items"], named, f"{at}[{place}]")
    elif kind == "object":
        yield from _of_object(value, schema, named, at)


def _of_object(value: Any, schema: Any, named: Mapping[str, Any], at: str) -> Iterator[str]:
    properties = schema.get("properties")
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{at} lacks {name}"
    for name, item in value.items():
        if properties is None:
            yield from _mistakes(item, schema["additionalProperties"], named, f"{at}.{name}")
        elif name in properties:
            yield from _mistakes(item, properties[name], named, f"{at}.{name}")
        else:
            yield f"{at} has {name}, of which the schema says nothing"
