"""Parameters as any tree of arrays, and as the vector x that the solver works on."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np


class Layout(NamedTuple):
    """Structure, shapes and dtypes of a tree of real arrays."""

    tree: Any
    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[Any, ...]

    @property
    def size(self) -> int:
        """The number n of parameters."""
        return sum(int(np.prod(shape)) for shape in self.shapes)

    def ravel(self, leaves: Sequence[Any], dtype: Any) -> jax.Array:
        """Return the leaves, each as its shape or to be broadcast to it, as a vector (n,)."""
        arrays = zip(leaves, self.shapes, strict=True)
        return jnp.concatenate(
            [jnp.ravel(jnp.broadcast_to(jnp.asarray(leaf, dtype), shape)) for leaf, shape in arrays]
        )

    def unravel(self, x: jax.Array, dtypes: Sequence[Any] | None = None) -> Any:
        """Return a vector (n,) as a tree, in its own dtype or in one for each leaf."""
        sizes = [int(np.prod(shape)) for shape in self.shapes]
        starts = np.cumsum([0, *sizes[:-1]])
        parts = zip(starts, sizes, self.shapes, dtypes or [x.dtype] * len(sizes), strict=True)
        leaves = [
            x[start : start + size].reshape(shape).astype(dtype)
            for start, size, shape, dtype in parts
        ]
        return jax.tree.unflatten(self.tree, leaves)

    def leaves_of(self, value: Any, name: str) -> tuple[Any, ...]:
        """Return the leaves of a tree like this one; a single number counts for each of them."""
        if _is_leaf(value) and jnp.ndim(value) == 0:
            return (value,) * len(self.shapes)
        leaves, tree = jax.tree.flatten(value)
        if tree != self.tree:
            raise ValueError(
                f"`{name}` must be a number or have the structure of `params`, {self.tree}; got "
                f"{tree}. Pass a value for each leaf, infinite where there is no bound."
            )
        for leaf, shape in zip(leaves, self.shapes, strict=True):
            if jnp.ndim(leaf) and jnp.shape(leaf) != shape:
                raise ValueError(
                    f"`{name}` must have numbers or the shapes of `params` as leaves; got "
                    f"{jnp.shape(leaf)} for {shape}. Broadcast it to that shape."
                )
        return tuple(leaves)


def _is_leaf(value: Any) -> bool:
    return jax.tree.structure(value) == jax.tree.structure(0)


def layout_of(params: Any) -> tuple[Layout, tuple[Any, ...]]:
    """Return the layout of the parameters, and their leaves.

    Raises
    ------
    ValueError
        If there are none, or a leaf does not hold real numbers.
    """
    leaves, tree = jax.tree.flatten(params)
    for leaf in leaves:
        kind = np.asarray(leaf).dtype if not hasattr(leaf, "dtype") else leaf.dtype
        if not (jnp.issubdtype(kind, jnp.floating) or jnp.issubdtype(kind, jnp.integer)):
            remedy = "Pass floating-point start values."
            if jnp.issubdtype(kind, jnp.complexfloating):
                remedy = "Pass the real and the imaginary part as two parameters."
            raise ValueError(
                f"`params` must be a tree of real numbers; got a leaf of dtype {kind}. {remedy}"
            )
    shapes = tuple(jnp.shape(leaf) for leaf in leaves)
    dtypes = tuple(jnp.result_type(leaf, float) for leaf in leaves)
    layout = Layout(tree, shapes, dtypes)
    if layout.size == 0:
        raise ValueError(
            f"`params` must hold at least one number; got {tree}. Pass the start values."
        )
    return layout, tuple(leaves)
