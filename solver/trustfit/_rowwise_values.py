"""Values at one point, and what is left of their axes there.

A value of the whole fit, an array over the m points, is represented by what one point needs of it:
an array that has only those of its axes along which it differs within the point.
"""

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Any, NamedTuple, NoReturn

import jax
from jax import lax


class NotRowWise(Exception):
    """A function couples its points, or is not known to leave them apart: one sentence."""


class Axis(Enum):
    """What one point has of an axis of a value.

    An axis is what it is by where it comes from, never by its length: another one may be as long
    as there are points.
    """

    KEPT = "an axis of its array"
    UNIFORM = "nothing: the value is the same all along it"
    POINTS = "its own element"


class Value(NamedTuple):
    """A value of the whole fit, as one point has it.

    Attributes
    ----------
    array : array
        Its axes are the kept ones, in order.
    shape : tuple of int
        Of the value.
    axes : tuple of Axis
        One for each of the value's axes; at most one of them carries the points.
    """

    array: Any
    shape: tuple[int, ...]
    axes: tuple[Axis, ...]

    @property
    def carries_points(self) -> bool:
        """Whether it may differ from point to point."""
        return Axis.POINTS in self.axes

    @property
    def is_whole(self) -> bool:
        """Whether its array is the value itself."""
        return all(axis is Axis.KEPT for axis in self.axes)


def refuse(name: str, what: str) -> NoReturn:
    """Say of the operation `name` why the points cannot be taken one by one."""
    raise NotRowWise(f"`{name}` {what}.")


def shared(array: Any, shape: tuple[int, ...]) -> Value:
    """Return a value that all points have in common."""
    return Value(array, shape, (Axis.KEPT,) * len(shape))


def made(name: str, array: Any, shape: tuple[int, ...], axes: Iterable[Axis]) -> Value:
    """Return what the operation `name` made of points, unless it holds pairs of them."""
    value = Value(array, shape, tuple(axes))
    if value.axes.count(Axis.POINTS) > 1:
        refuse(name, "combines the points with one another")
    return value


def positions(axes: Sequence[Axis], chosen: Iterable[int]) -> tuple[int, ...]:
    """Return where the array of a value with these axes has the chosen ones, those it has."""
    return tuple(axes[:axis].count(Axis.KEPT) for axis in chosen if axes[axis] is Axis.KEPT)


def only_kept(axes: Sequence[Axis], parameters: Iterable[Any]) -> tuple[Any, ...]:
    """Return those of an operation's parameters, one for each axis, that belong to kept ones."""
    return tuple(one for one, axis in zip(parameters, axes, strict=True) if axis is Axis.KEPT)


def join(name: str, *axes: Axis) -> Axis:
    """Return what an axis is for the operation `name` where its operands' axes meet.

    An array as long as there are points may be in any order: it is not known to go with them.
    """
    met = set(axes)
    if {Axis.POINTS, Axis.KEPT} <= met:
        refuse(name, "combines the points with an array that is not known to go with them")
    met.discard(Axis.UNIFORM)
    return met.pop() if met else Axis.UNIFORM


def conform(value: Value, axes: Sequence[Axis]) -> Value:
    """Return the same value with these axes: its uniform ones may have become others."""
    pairs = list(zip(value.axes, axes, strict=True))
    if any(now is not to_be and now is not Axis.UNIFORM for now, to_be in pairs):
        raise AssertionError(f"Axes {value.axes} cannot become {axes}.")
    if (Axis.UNIFORM, Axis.KEPT) not in pairs:
        return value._replace(axes=tuple(axes))
    kept = [axis for axis, to_be in enumerate(axes) if to_be is Axis.KEPT]
    held = [place for place, axis in enumerate(kept) if value.axes[axis] is Axis.KEPT]
    array = lax.broadcast_in_dim(value.array, [value.shape[axis] for axis in kept], held)
    return Value(array, value.shape, tuple(axes))


def whole_along(name: str, value: Value, along: Iterable[int]) -> Value:
    """Return a value whose array has the axes that the operation `name` works along."""
    axes = list(value.axes)
    for axis in along:
        if axes[axis] is Axis.POINTS:
            refuse(name, "runs along the points")
        axes[axis] = Axis.KEPT
    return conform(value, axes)


def align(name: str, values: Sequence[Value], along: Iterable[int] = ()) -> list[Value]:
    """Return values of one rank with the same axes, whole `along` some; but for scalars."""
    along = tuple(along)
    values = [whole_along(name, value, along) if value.shape else value for value in values]
    columns = zip(*(value.axes for value in values if value.shape), strict=True)
    axes = [join(name, *column) for column in columns]
    return [conform(value, axes) if value.shape else value for value in values]


def broadcast(name: str, value: Value, shape: Sequence[int], places: Sequence[int]) -> Value:
    """Return a value repeated along new axes and those of length 1; `places` has the old ones."""
    axes = [Axis.UNIFORM] * len(shape)
    single: list[int] = []
    for axis, place in enumerate(places):
        if value.shape[axis] == shape[place]:
            axes[place] = value.axes[axis]
        elif value.axes[axis] is Axis.POINTS:
            refuse(name, "repeats a point")
        else:
            single.append(axis)
    array = value.array
    if held := positions(value.axes, single):
        array = lax.squeeze(array, held)
    return Value(array, tuple(shape), tuple(axes))


def abstract(array: Any) -> jax.ShapeDtypeStruct:
    """Return the type of an array, traced or not."""
    aval: Any = array.aval if hasattr(array, "aval") else jax.typeof(array)
    return jax.ShapeDtypeStruct(aval.shape, aval.dtype, weak_type=aval.weak_type)
