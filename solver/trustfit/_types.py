"""Type aliases that several modules share."""

from typing import TYPE_CHECKING, Literal, TypeAlias

import jax
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import DTypeLike as DTypeLike
    from numpy.typing import NDArray as NDArray
else:
    # `numpy.typing` documents its aliases when it is imported, which takes half a millisecond.
    DTypeLike, NDArray = object, np.ndarray

FloatArray: TypeAlias = NDArray[np.float64]
Vector: TypeAlias = FloatArray | jax.Array
Loss: TypeAlias = Literal["linear", "soft_l1", "huber", "cauchy", "arctan"]
TrSolver: TypeAlias = Literal["exact", "lsmr"]
