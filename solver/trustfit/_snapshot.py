"""The contents of arrays at one time, to tell whether they have been changed since."""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import jax
import numpy as np

from trustfit._types import NDArray

Array: TypeAlias = "NDArray[Any] | jax.Array"

_FEW_BYTES = 1 << 16


class Snapshot(NamedTuple):
    """The contents of arrays at one time."""

    contents: tuple[bytes | NDArray[np.uint64], ...]


def _content(array: Array) -> bytes | NDArray[np.uint64]:
    """Return the bits of an array; those of a large one are a view of it, if they can be."""
    host = np.asarray(array)
    if host.nbytes <= _FEW_BYTES or host.nbytes % 8 or not host.flags.c_contiguous:
        return host.tobytes()
    return host.reshape(-1).view(np.uint64)


def remember(arrays: Sequence[Array]) -> Snapshot:
    """Return a private copy of the contents of arrays, to be taken before the trace."""
    contents = map(_content, arrays)
    return Snapshot(tuple(c if isinstance(c, bytes) else c.copy() for c in contents))


def unchanged(snapshot: Snapshot, arrays: Sequence[Array]) -> bool:
    """Return whether arrays have the contents remembered, bit by bit.

    A NaN is equal to itself here, and -0.0 differs from 0.0. Shapes and types are for the
    fingerprint to compare.
    """
    if len(arrays) != len(snapshot.contents):
        return False
    for before, array in zip(snapshot.contents, arrays, strict=True):
        now = _content(array)
        both_bytes = isinstance(before, bytes) and isinstance(now, bytes)
        if not (before == now if both_bytes else np.array_equal(before, now)):
            return False
    return True
