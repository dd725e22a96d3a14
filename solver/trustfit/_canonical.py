"""What a traced function computes, apart from the numbers in it: the key of a compiled program.

A jaxpr is brought to one form in which only the computation is left. Jitted functions within it are
inlined, so that neither their names nor their identities count; the arrays and most of the numbers
that were constants of the trace become inputs, so that other ones need no other program. What is
left is compared as it stands: primitives, parameters, shapes, types, and how all are connected.
"""

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

from trustfit import _jaxpr as core
from trustfit._inlining import Inlined, Value, is_plain
from trustfit._structure import Key, structure

# As exponents these make a square or a root of a power, which costs ten times as much.
_KEPT = frozenset({0.0, 1.0, -1.0, 2.0, 0.5, -0.5})
_POWERS = frozenset({"pow", "integer_pow"})


class Canonical(NamedTuple):
    """A computation, and the numbers that it was traced with.

    Attributes
    ----------
    key : hashable
        Equal keys mean: the same computation, whose differences are all in `values`.
    jaxpr : Jaxpr
        Its inputs are the values, then the inputs that the function had. A program is to be
        compiled before the user's code runs again: derivative rules, which are part of the jaxpr,
        can hold views of the user's arrays.
    values : tuple of arrays and scalars of NumPy
        Copies, in the order of the inputs.
    """

    key: Hashable
    jaxpr: core.Jaxpr
    values: tuple[Value, ...]


def lift_constants(closed: Any) -> tuple[core.Jaxpr, tuple[Value, ...]]:
    """Return a jaxpr without constants, whose leading inputs they have become, and their values.

    Parameters
    ----------
    closed : ClosedJaxpr
        As `jax.make_jaxpr` returns it.

    Returns
    -------
    jaxpr : Jaxpr
        Without jitted functions in it; their constants are lifted too.
    constants : tuple of arrays
        Private copies.
    """
    inlined = Inlined(closed, lambda *_: False)
    return inlined.jaxpr, tuple(inlined.values)


def canonicalise(
    jaxpr: core.Jaxpr, constants: Sequence[Value] = (), *, derivatives: int = 1
) -> Canonical:
    """Return the canonical form of a jaxpr.

    Parameters
    ----------
    jaxpr : Jaxpr
        Without constants of its own: `lift_constants` makes inputs of them.
    constants : sequence of arrays
        The values of its leading inputs, as `lift_constants` returns them.
    derivatives : int
        How many times in a row the computation may be differentiated, forward. So many rules that
        the user wrote (`jax.custom_jvp`) are part of the key, each being traced for that.
    """
    inlined = Inlined(jaxpr, _is_lifted)
    values = (*inlined.values, *constants)
    content = (len(values), structure(inlined.jaxpr, derivatives))
    return Canonical(Key(content), inlined.jaxpr, values)


def _is_lifted(literal: core.Literal, name: str) -> bool:
    aval: Any = literal.aval
    is_real = is_plain(aval) and aval.dtype.kind == "f" and aval.shape == ()
    return is_real and not (name in _POWERS and float(literal.val) in _KEPT)
