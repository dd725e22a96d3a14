"""A function of a vector of variables as one of single numbers, for derivatives without vectors.

Models are written with their parameters one by one, but traced as functions of a vector, which
they begin by taking apart. Its derivative would be put together and taken apart again, for each
point and in each evaluation.
"""

from typing import Any

from trustfit._jaxpr import Jaxpr, Literal, Var


def of_scalars(jaxpr: Jaxpr, position: int) -> Jaxpr | None:
    """Return a jaxpr with a scalar input for each element of the input at a position.

    They stand in its place. None if the jaxpr uses the vector, shape (n,), as a whole.
    """
    x: Any = jaxpr.invars[position]
    (n,) = x.aval.shape
    elements: dict[Any, Var] = {}
    parts: dict[Any, int] = {}  # vectors of one element: which one it is
    scalars: list[Var | None] = [None] * n
    kept: list[Any] = []
    for equation in jaxpr.eqns:
        name, params = equation.primitive.name, equation.params
        # An operation may take nothing, as one that counts up does.
        source = next((atom for atom in equation.invars[:1] if is_variable(atom)), None)
        if name == "unstack" and source is x:
            taken = dict(zip(equation.outvars, range(n), strict=True))
        elif name == "squeeze" and source in parts:
            taken = {equation.outvars[0]: parts[source]}
        elif name == "slice" and source is x and params["strides"] in (None, (1,)):
            (first,), (last,) = params["start_indices"], params["limit_indices"]
            if last - first != 1:
                return None
            parts[equation.outvars[0]] = first
            continue
        else:
            kept.append(equation)
            continue
        for variable, index in taken.items():
            scalars[index] = scalars[index] or Var(variable.aval)
            elements[variable] = _known(scalars[index])
    vectors = {x, *parts}
    if any(atom in vectors for equation in kept for atom in equation.invars if is_variable(atom)):
        return None
    if any(atom in vectors for atom in jaxpr.outvars if is_variable(atom)):
        return None
    some = next((scalar for scalar in scalars if scalar is not None), None)
    if some is None:
        return None
    inputs = [scalar or Var(some.aval) for scalar in scalars]
    invars = [*jaxpr.invars[:position], *inputs, *jaxpr.invars[position + 1 :]]
    equations = [
        equation.replace(invars=[_renamed(atom, elements) for atom in equation.invars])
        for equation in kept
    ]
    outvars = [_renamed(atom, elements) for atom in jaxpr.outvars]
    debug_info = jaxpr.debug_info._replace(arg_names=("",) * len(invars))
    return Jaxpr((), invars, outvars, equations, jaxpr.effects, debug_info)


def _known(scalar: Var | None) -> Var:
    assert scalar is not None
    return scalar


def is_variable(atom: Any) -> bool:
    """Return whether an atom of a jaxpr is a variable, not a literal."""
    return not isinstance(atom, Literal)


def _renamed(atom: Any, elements: dict[Any, Var]) -> Any:
    return atom if isinstance(atom, Literal) else elements.get(atom, atom)
