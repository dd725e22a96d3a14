"""Reads protocol buffers without their schema: enough for what XLA writes into a profile.

See https://protobuf.dev/programming-guides/encoding for the format.
"""

from collections.abc import Iterator

Value = int | memoryview


def fields(message: memoryview) -> Iterator[tuple[int, Value]]:
    """Yield number and value of each field, in order.

    Parameters
    ----------
    message : memoryview
        Of bytes.

    Yields
    ------
    int, int or memoryview
        Text, bytes and messages within come as views; numbers of a fixed width, too.

    Raises
    ------
    ValueError
        This is no protocol buffer, or it is cut off.
    """
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, position = _varint(message, position)
            yield number, value
            continue
        if kind == 2:
            size, position = _varint(message, position)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError(f"a protocol buffer has fields of kind 0, 1, 2 and 5; got {kind}.")
        if position + size > len(message):
            raise ValueError(f"field {number} of the protocol buffer is cut off.")
        yield number, message[position : position + size]
        position += size


def messages(message: memoryview, number: int) -> Iterator[memoryview]:
    """Yield the values of the fields of that number which are not plain integers."""
    for found, value in fields(message):
        if found == number and not isinstance(value, int):
            yield value


def text(message: memoryview, number: int) -> str:
    """Return the last field of that number as text; "" where there is none."""
    found = ""
    for value in messages(message, number):
        found = str(value, "utf-8", "replace")
    return found


def integer(message: memoryview, number: int) -> int:
    """Return the last field of that number; 0 where there is none, as the format says."""
    found = 0
    for other, value in fields(message):
        if other == number and isinstance(value, int):
            found = value
    return found


def integers(message: memoryview, number: int) -> list[int]:
    """Return the entries of a repeated integer, written one by one or packed."""
    found: list[int] = []
    for other, value in fields(message):
        if other != number:
            continue
        if isinstance(value, int):
            found.append(value)
            continue
        position = 0
        while position < len(value):
            entry, position = _varint(value, position)
            found.append(entry)
    return found


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    number = shift = 0
    while position < len(message):
        byte = message[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, position
        shift += 7
    raise ValueError("the protocol buffer ends within a number.")
