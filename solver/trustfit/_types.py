"""Type aliases that several modules share."""

from typing import Literal, TypeAlias

import jax
import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]
Vector: TypeAlias = FloatArray | jax.Array
Loss: TypeAlias = Literal["linear", "soft_l1", "huber", "cauchy", "arctan"]
TrSolver: TypeAlias = Literal["exact", "lsmr"]
