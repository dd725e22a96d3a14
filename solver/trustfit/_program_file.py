"""The file of a program that is kept: what it is called, the program, and a checksum of both.

    trustfit program 1\\n | length of the description | description | code | SHA-256 of all before

The description is JSON. Nothing in a file is ever unpickled, or evaluated as Python.
"""

import hashlib
import json
import struct
from collections.abc import Callable
from typing import Any, NoReturn

from trustfit._executables import Array, Executable, Tree

_MAGIC = b"trustfit program 1\n"
_LENGTH = struct.Struct("<I")
_CHECKSUM_BYTES = hashlib.sha256().digest_size


class DamagedFile(Exception):
    """A file does not hold the program that it should."""


def encode(key: str, executable: Executable) -> bytes:
    """Return the content of the file of a program with this key."""
    what = {
        "key": key,
        "inputs": executable.inputs,
        "outputs": executable.outputs,
        "kept": executable.kept,
        "arguments": executable.arguments,
        "results": executable.results,
        "lapack": executable.lapack,
    }
    description = json.dumps(what).encode()
    head = _MAGIC + _LENGTH.pack(len(description))
    content = b"".join((head, description, executable.code))
    return content + hashlib.sha256(content).digest()


def decode(key: str, content: bytes) -> Executable:
    """Return the program of a file's content.

    Raises
    ------
    DamagedFile
        If that is not what was written under this key.
    """
    begin = len(_MAGIC) + _LENGTH.size
    end = len(content) - _CHECKSUM_BYTES
    if not content.startswith(_MAGIC) or end < begin:
        raise DamagedFile("it is not one of trustfit's")
    if hashlib.sha256(memoryview(content)[:end]).digest() != content[end:]:
        raise DamagedFile("its checksum is wrong")
    (length,) = _LENGTH.unpack(content[len(_MAGIC) : begin])
    try:
        what = json.loads(content[begin : begin + length])
        if what["key"] != key:
            raise DamagedFile("it holds another program")
        return Executable(
            code=content[begin + length : end],
            inputs=_list(what["inputs"], _array),
            outputs=_list(what["outputs"], _array),
            kept=_list(what["kept"], _count),
            arguments=_tree(what["arguments"]),
            results=_tree(what["results"]),
            lapack=what["lapack"] is True,
        )
    except (ValueError, TypeError, KeyError) as error:
        raise DamagedFile("its description is none") from error


def _refuse(value: Any) -> NoReturn:
    raise ValueError(f"{value!r} is not what belongs there.")


def _list(value: Any, read: Callable[[Any], Any]) -> list[Any]:
    return [read(one) for one in value] if isinstance(value, list) else _refuse(value)


def _count(value: Any) -> int:
    return value if type(value) is int and value >= 0 else _refuse(value)


def _array(value: Any) -> Array:
    shape, dtype = value
    return Array(tuple(_list(shape, _count)), dtype if isinstance(dtype, str) else _refuse(dtype))


def _tree(value: Any) -> Tree:
    return tuple(_list(value, _tree)) if isinstance(value, list) else _count(value)
