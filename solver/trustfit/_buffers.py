"""Host memory that programs read without a copy of their own.

XLA reads an array of NumPy where it lies if that begins at a multiple of 64 bytes. Pages of fresh
memory cost a large fit as much as an evaluation of its model, so each thread keeps what it used
last.
"""

import threading
from typing import Any

import numpy as np

from trustfit._types import NDArray

_ALIGNMENT = 64
_MOST_BYTES = 1 << 25


def aligned(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """Return an array without content that begins at a multiple of 64 bytes."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = np.empty(size + _ALIGNMENT, np.uint8)
    offset = -memory.ctypes.data % _ALIGNMENT
    return memory[offset : offset + size].view(dtype).reshape(shape)


class Buffers(threading.local):
    """The arrays that this thread filled last, for those of the same shapes and types to come.

    A caller has to be done with them, and with everything that reads them, before its thread asks
    for the next.
    """

    def __init__(self) -> None:
        self._key: Any = None
        self._arrays: list[NDArray[Any]] = []

    def get(self, wanted: list[tuple[tuple[int, ...], Any]]) -> list[NDArray[Any]]:
        """Return an array for each shape and type; large ones are not kept."""
        key = tuple(wanted)
        if key == self._key:
            return self._arrays
        self._key, self._arrays = None, []  # free the old ones before there are new ones
        arrays = [aligned(shape, dtype) for shape, dtype in wanted]
        if sum(array.nbytes for array in arrays) <= _MOST_BYTES:
            self._key, self._arrays = key, arrays
        return arrays
