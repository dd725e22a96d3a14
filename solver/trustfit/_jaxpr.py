"""The classes of jaxprs, from where JAX defines them.

``jax.extend.core`` offers them to everyone, but its package imports all that JAX has for those who
extend it, kernel languages among them: a third of what importing trustfit took. So it is imported
only where a version of JAX has moved them.
"""

from typing import TYPE_CHECKING

__all__ = ["ClosedJaxpr", "DropVar", "Jaxpr", "JaxprEqn", "Literal", "Var", "jaxpr_as_fun"]

if TYPE_CHECKING:
    from jax.extend.core import (
        ClosedJaxpr,
        DropVar,
        Jaxpr,
        JaxprEqn,
        Literal,
        Var,
        jaxpr_as_fun,
    )
else:
    try:
        from jax._src import core
        from jax._src.core import DropVar, Jaxpr, JaxprEqn, Literal, Var, jaxpr_as_fun

        ClosedJaxpr = getattr(core, "ClosedJaxpr", Jaxpr)  # newer ones have a single class
    except ImportError:
        from jax.extend.core import (
            ClosedJaxpr,
            DropVar,
            Jaxpr,
            JaxprEqn,
            Literal,
            Var,
            jaxpr_as_fun,
        )
