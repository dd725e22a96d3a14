"""Python 3.11 only: take the buffer protocol away from a class for a while.

From Python 3.12 the protocol has a name, ``__buffer__``, and needs none of this (PEP 688).
"""

import ctypes
import struct
import sys
from collections.abc import Generator
from contextlib import contextmanager

# Offsets in CPython 3.11's PyTypeObject, 64 bits.
_TP_BASICSIZE = 32
_TP_AS_BUFFER = 160


@contextmanager
def without_buffer_protocol(cls: type) -> Generator[None, None, None]:
    """Empty a class's ``bf_getbuffer`` slot, so that NumPy falls back to ``__array__``.

    Meanwhile ``memoryview`` of an instance raises TypeError.

    Raises
    ------
    RuntimeError
        The interpreter's layout is not known, or the class has no such slot.
    """
    if (
        sys.implementation.name != "cpython"
        or sys.version_info[:2] != (3, 11)
        or struct.calcsize("P") != 8
        or ctypes.c_ssize_t.from_address(id(cls) + _TP_BASICSIZE).value != cls.__basicsize__
    ):
        raise RuntimeError(
            "before Python 3.12 conversions can only be seen on 64-bit CPython 3.11; "
            "use Python 3.12 or later."
        )
    # The protocol's first member is `bf_getbuffer`.
    procedures = ctypes.c_void_p.from_address(id(cls) + _TP_AS_BUFFER).value
    slot = ctypes.c_void_p.from_address(procedures) if procedures else ctypes.c_void_p()
    original = slot.value
    if original is None:
        raise RuntimeError(
            f"`{cls.__name__}` does not offer the buffer protocol (any more); "
            "use Python 3.12 or later."
        )
    slot.value = None
    try:
        yield
    finally:
        slot.value = original
