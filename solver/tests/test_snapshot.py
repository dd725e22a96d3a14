"""Snapshots of arrays: every change is told, bit by bit."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from trustfit._snapshot import remember, unchanged


@pytest.mark.parametrize(
    "array",
    [
        np.arange(5.0),
        np.arange(20_000.0),
        np.arange(40_000.0)[::2],
        np.arange(40_001, dtype=np.int16),
        np.arange(20_000.0).reshape(100, 200).T,
        np.array(3.5),
        np.ones(0),
        np.ones(20_000, bool),
        np.ones(20_000, np.complex64),
    ],
    ids=lambda a: f"{a.dtype}{a.shape}",
)
def test_a_snapshot_tells_every_change(array: Any):
    array = array.copy("K") if array.flags.c_contiguous else array
    snapshot = remember([array])
    assert unchanged(snapshot, [array])
    assert not unchanged(snapshot, [])
    if array.size:
        index = np.unravel_index(array.size - 1, array.shape)
        before = array[index]
        array[index] = ~before if array.dtype == bool else -before
        assert not unchanged(snapshot, [array])
        array[index] = before
        assert unchanged(snapshot, [array])


@pytest.mark.parametrize("size", [3, 30_000])
def test_a_snapshot_compares_bits(size: int):
    assert unchanged(remember([np.full(size, np.nan)]), [np.full(size, np.nan)])
    assert not unchanged(remember([np.zeros(size)]), [-np.zeros(size)])
    assert unchanged(remember([jnp.ones(size)]), [jnp.ones(size)])
