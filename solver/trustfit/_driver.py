"""Which of the drivers solves a problem.

The *fused* one runs the whole solve in one compiled loop. The *stepped* one is a loop on the host,
for everything that has to come back to Python while the solve runs. A solve that could be fused is
*served* in one of two ways (`trustfit._serve`): by the compiled program, or, while there is none,
by the loop on the host around the same functions, evaluated by NumPy.
"""

from typing import Literal, NamedTuple, TypeAlias

Driver: TypeAlias = Literal["fused", "stepped"]

Wish: TypeAlias = Literal["auto", "compiled", "numpy"]
"""How a user wants a solve to be served that could be fused."""

Served: TypeAlias = Literal["compiled", "numpy", "stepped"]
"""How one was: as a compiled program, by NumPy, or by the stepped driver."""


class Needs(NamedTuple):
    """What a call asks for, as far as it decides about the driver.

    Attributes
    ----------
    watched : bool
        A callback, or the table of ``verbose=2``.
    differences : bool
        Finite differences, dense or sparse.
    lsmr : bool
        The iterative trust-region solver.
    callable_loss : bool
        A loss written by the user.
    traceable : bool
        Whether JAX can trace the functions, as far as is known.
    """

    watched: bool = False
    differences: bool = False
    lsmr: bool = False
    callable_loss: bool = False
    traceable: bool = True


def choose(needs: Needs) -> Driver:
    """Return the driver: the fused one unless something needs the host."""
    on_host = needs.watched or needs.differences or needs.lsmr or needs.callable_loss
    return "stepped" if on_host or not needs.traceable else "fused"
