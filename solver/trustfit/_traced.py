"""The user's functions as jaxprs: traced once for what they are, and shared by what they compute.

`trace` makes a `Traced` of residuals and Jacobian. Where the model takes its points one by one, it
holds them at one point, and says nothing of how many there are; numbers and arrays that the
functions close over are arguments. So its key, by which programs are compiled, stays the same for
new data of any length, for other constants, and for another function that computes the same.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

import jax
import numpy as np

from trustfit._canonical import canonicalise, lift_constants
from trustfit._collection import collection_paused
from trustfit._identity import fingerprint
from trustfit._inspection import count_equations, inspect
from trustfit._jaxpr import ClosedJaxpr, jaxpr_as_fun
from trustfit._rowwise import NotRowWise, per_point
from trustfit._snapshot import Snapshot, remember, unchanged
from trustfit._structure import Key
from trustfit._types import FloatArray

Data: TypeAlias = Any
"""A tree of arrays that are handed to the user's functions beside x."""

Kind: TypeAlias = Literal["number", "points", "shared"]

_MOST_KEPT = 256
"""Traces that are remembered."""


class UserFunctions(NamedTuple):
    """Residuals f, shape (m,), and Jacobian J, shape (m, n), of (x, data), and what they are.

    `what` holds the functions that the user wrote, and what else than data these are called with;
    `caller` says who calls them, and so in which way.
    """

    what: tuple[Any, ...]
    caller: str
    residual: Callable[[jax.Array, Data], jax.Array]
    jacobian: Callable[[jax.Array, Data], jax.Array] | None


class Argument(NamedTuple):
    """What is handed to a traced function beside x.

    A "number" of float64; an array with a part for each of the "points", which lie along `axis`;
    or one that is "shared" by all.
    """

    kind: Kind
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    axis: int = 0


class Traced(NamedTuple):
    """Residuals and Jacobian as a jaxpr; equal if they compute the same.

    Attributes
    ----------
    key : Key
        Of all that a program of it depends on.
    jaxpr : ClosedJaxpr
        (arguments before x, x, arguments behind) -> f, or f and J. At one point, if `by_points`:
        a number and a vector of shape (n,), points having lost their axis.
    arguments : tuple of Argument
        All inputs but x.
    position : int
        The place of x among the inputs.
    by_points : bool
        Whether the functions take the points one by one.
    own_jacobian : bool
        Whether J is among the results.
    equations : int
        How many there are in the functions as they were traced.
    """

    key: Key
    jaxpr: ClosedJaxpr
    arguments: tuple[Argument, ...]
    position: int
    by_points: bool
    own_jacobian: bool
    equations: int

    def __eq__(self, other: object) -> bool:
        """Return whether both compute the same."""
        return isinstance(other, Traced) and self.key == other.key

    def __ne__(self, other: object) -> bool:
        """Return whether they do not; a tuple's own would compare the jaxprs."""
        return not self == other

    def __hash__(self) -> int:
        """Return the hash of what it is equal by."""
        return hash(self.key)

    def function(self) -> Callable[..., list[Any]]:
        """Return (x, arguments) -> f, or f and J, as they are in `jaxpr`."""
        evaluate = jaxpr_as_fun(self.jaxpr)

        def call(x: Any, arguments: Sequence[Any]) -> list[Any]:
            at = self.position
            return evaluate(*arguments[:at], x, *arguments[at:])

        return call


class Remembered:
    """A trace, and what belongs to it but not to the programs made of it.

    Attributes
    ----------
    traced : Traced
        What was traced.
    constants : tuple of arrays
        The values of its first arguments; the leaves of the data are those of the others.
    m : int
        Number of residuals.
    snapshot : Snapshot or None
        What the arrays held that the functions can read; None if that cannot be known.
    trusted : bool
        Not before a comparison with a plain call, where there is reason for one.
    """

    def __init__(
        self, traced: Traced, constants: tuple[Any, ...], m: int, snapshot: Snapshot | None
    ) -> None:
        self.traced = traced
        self.constants = constants
        self.m = m
        self.snapshot = snapshot
        self.trusted = False


class Traces:
    """Traces by what was traced, the last few hundred of them."""

    def __init__(self) -> None:
        self._known: OrderedDict[Hashable, Remembered] = OrderedDict()

    def get(self, functions: UserFunctions, n: int, data: Data) -> Remembered:
        """Return the functions traced, now or earlier.

        Parameters
        ----------
        functions : UserFunctions
            Traced anew unless nothing that they can read has changed.
        n : int
            Number of variables.
        data : tree of arrays
            Only shapes and types count.
        """
        leaves, tree = jax.tree.flatten(data)
        types = tuple([_type_of(leaf) for leaf in leaves])
        found = fingerprint(functions.what)
        if found is None:
            return trace(functions, n, data, None)
        key = (found.key, functions.caller, n, tree, types)
        known = self._known.get(key)
        if known and known.snapshot and unchanged(known.snapshot, found.arrays):
            return known
        snapshot = remember(found.arrays)
        with collection_paused():
            found_now = trace(functions, n, data, snapshot)
        self._known[key] = found_now
        while len(self._known) > _MOST_KEPT:
            self._known.popitem(last=False)
        return found_now


def _type_of(leaf: Any) -> Hashable:
    if isinstance(leaf, np.ndarray):
        return (leaf.shape, leaf.dtype)
    return (leaf.shape, leaf.dtype, getattr(leaf, "weak_type", False))


def trace(functions: UserFunctions, n: int, data: Data, snapshot: Snapshot | None) -> Remembered:
    """Trace the user's functions for a number of variables and data of these shapes.

    Raises
    ------
    Mismatch
        If the trace cannot mean what a call does: see `trustfit._inspection`.
    """
    x = jax.ShapeDtypeStruct((n,), np.float64)
    closed = jax.make_jaxpr(functions.residual)(x, data)
    inspect(closed)
    equations = count_equations(closed.jaxpr)
    (m,) = closed.out_avals[0].shape
    jacobian = functions.jacobian
    if jacobian is not None:
        closed = jax.make_jaxpr(lambda x, data: (functions.residual(x, data), jacobian(x, data)))(
            x, data
        )
        _check_jacobian(closed.out_avals[1].shape, m, n)
        equations = count_equations(closed.jaxpr)
    jaxpr, constants = lift_constants(closed)
    inner, axes = _at_one_point(jaxpr, len(constants), m)
    canonical = canonicalise(inner, constants)
    numbers = len(canonical.values) - len(constants)
    lifted = canonical.jaxpr.invars[:numbers]
    arguments = [_argument(variable.aval, None) for variable in lifted]
    arguments += [
        _argument(variable.aval, axis)
        for variable, axis in zip(jaxpr.invars, axes or [None] * len(jaxpr.invars), strict=True)
    ]
    position = len(canonical.values)
    del arguments[position]
    traced = Traced(
        key=Key((canonical.key, tuple(arguments) if axes is None else _lengthless(arguments))),
        jaxpr=ClosedJaxpr(canonical.jaxpr, ()),
        arguments=tuple(arguments),
        position=position,
        by_points=axes is not None,
        own_jacobian=jacobian is not None,
        equations=equations,
    )
    return Remembered(traced, canonical.values, m, snapshot)


def _check_jacobian(shape: tuple[int, ...], m: int, n: int) -> None:
    if shape != (m, n):
        raise ValueError(
            f"`jac` must return an array of shape (m, n) = {(m, n)}; got "
            f"{shape}. Put a row for each residual, a column for each parameter."
        )


def _at_one_point(jaxpr: Any, constants: int, m: int) -> tuple[Any, tuple[int | None, ...] | None]:
    """Return a jaxpr at one point, and where its inputs had them; or the jaxpr, and None.

    An array as long as there are residuals is taken to have a part for each of them, along its
    last such axis. If that is not so, the proof fails.
    """
    axes = [_axis_of(variable.aval.shape, m) for variable in jaxpr.invars]
    axes[constants] = None  # x
    if all(axis is None for axis in axes):
        return jaxpr, None
    try:
        one = per_point(jaxpr, axes, m)
    except NotRowWise:
        return jaxpr, None
    if one.jaxpr.consts:
        return jaxpr, None
    return one.jaxpr.jaxpr, one.axes


def _axis_of(shape: tuple[int, ...], m: int) -> int | None:
    found = [axis for axis, length in enumerate(shape) if length == m]
    return found[-1] if found else None


def _argument(aval: Any, axis: int | None) -> Argument:
    dtype = np.dtype(aval.dtype) if isinstance(aval.dtype, np.dtype) else aval.dtype
    if axis is not None:
        return Argument("points", aval.shape, dtype, axis)
    is_number = aval.shape == () and dtype == np.float64
    return Argument("number" if is_number else "shared", aval.shape, dtype)


def _lengthless(arguments: Sequence[Argument]) -> Hashable:
    """Return the arguments without the number of points."""
    return tuple((one.kind, one.axis, one.dtype, point_shape(one)) for one in arguments)


def point_shape(argument: Argument) -> tuple[int, ...]:
    """Return the shape of what an argument has for one point."""
    if argument.kind != "points":
        return argument.shape
    return argument.shape[: argument.axis] + argument.shape[argument.axis + 1 :]


def numbers_of(traced: Traced, values: Sequence[Any]) -> FloatArray:
    """Return those of the arguments' values that are numbers."""
    kinds = [argument.kind for argument in traced.arguments]
    return np.array([v for v, kind in zip(values, kinds, strict=True) if kind == "number"], float)
