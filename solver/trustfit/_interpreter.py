"""Jaxprs evaluated by NumPy, operation by operation: nothing is compiled, and nothing waited for.

A jaxpr is prepared once, to a list of functions and of places that they read and write; what an
equation alone decides is decided then. Operations without a rule are known before anything is
evaluated: `missing` names them, and `Interpreted` refuses them. The tables of rules are those of
`_interpreter_elementwise`, `_interpreter_special`, `_interpreter_shapes`,
`_interpreter_indexing`, `_interpreter_reductions`, `_interpreter_algebra` and, for those that
evaluate jaxprs of their own, `_interpreter_nested`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from trustfit._interpreter_algebra import ALGEBRA
from trustfit._interpreter_elementwise import ELEMENTWISE
from trustfit._interpreter_indexing import INDEXING
from trustfit._interpreter_nested import NESTED
from trustfit._interpreter_reductions import REDUCTIONS
from trustfit._interpreter_shapes import SHAPES
from trustfit._interpreter_special import SPECIAL
from trustfit._interpreter_values import Function, Rule, Unsupported
from trustfit._jaxpr import Literal

RULES: Mapping[str, Rule] = MappingProxyType(
    {**ELEMENTWISE, **SPECIAL, **SHAPES, **INDEXING, **REDUCTIONS, **ALGEBRA}
)
"""Rules of operations that evaluate no jaxpr of their own, by the name of their primitive."""

_TYPES = frozenset(
    np.dtype(name)
    for name in (
        *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
        *("float32", "float64", "complex64", "complex128"),
    )
)


class _Instruction(NamedTuple):
    """What to do for one equation, reading and writing numbered places.

    `result` is -1 where there are several: they go to `results`. `dead` are places that nothing
    reads any more.
    """

    function: Function
    operands: tuple[int, ...]
    result: int
    results: tuple[int, ...]
    dead: tuple[int, ...]


def missing(closed: Any) -> frozenset[str]:
    """Return what a closed jaxpr, or one without constants, has that there is no rule for."""
    return frozenset(_missing(getattr(closed, "jaxpr", closed)))


def _missing(jaxpr: Any) -> Iterator[str]:
    for equation in jaxpr.eqns:
        yield from _missing_for(equation)


def _missing_for(equation: Any) -> Iterator[str]:
    inner: list[Any] = []

    def look_later(body: Any) -> Callable[..., list[Any]]:
        inner.append(body)
        return _never

    try:
        _function_of(equation, look_later)
    except Unsupported as error:
        yield str(error)
    for body in inner:
        yield from _missing(getattr(body, "jaxpr", body))


def _never(*_: Any) -> list[Any]:
    raise AssertionError("What only looks for rules evaluates nothing.")


def _function_of(equation: Any, prepare: Callable[[Any], Callable[..., list[Any]]]) -> Function:
    """Return the function of an equation; refuse one without a rule."""
    name = equation.primitive.name
    for variable in (*equation.invars, *equation.outvars):
        dtype = getattr(variable.aval, "dtype", None)
        if dtype not in _TYPES:
            raise Unsupported(f"{name} (of {dtype})")
    if equation.effects:
        raise Unsupported(f"{name} (with effects)")
    if name in NESTED:
        return NESTED[name](equation, prepare)
    if name not in RULES:
        raise Unsupported(name)
    return RULES[name](equation)


class Interpreted:
    """A jaxpr to be evaluated by NumPy, in two parts.

    Parameters
    ----------
    closed : ClosedJaxpr, or Jaxpr without constants
        What to evaluate.
    first : int
        How many of the outputs the first part computes, and nothing else; the second part goes on
        from there. By default all of them.

    Raises
    ------
    Unsupported
        If there is no rule for an operation.
    """

    def __init__(self, closed: Any, first: int | None = None) -> None:
        jaxpr = getattr(closed, "jaxpr", closed)
        self._places: dict[Any, int] = {}
        self._start: list[Any] = []
        for variable, constant in zip(jaxpr.constvars, getattr(closed, "consts", ()), strict=True):
            self._place(variable, np.asarray(constant))
        self._inputs = [self._place(variable) for variable in jaxpr.invars]
        count = len(jaxpr.outvars) if first is None else first
        needed = _needed(jaxpr, jaxpr.outvars[:count])
        ahead = [one for one, is_needed in zip(jaxpr.eqns, needed, strict=True) if is_needed]
        behind = [one for one, is_needed in zip(jaxpr.eqns, needed, strict=True) if not is_needed]
        every = [self._instruction(equation) for equation in (*ahead, *behind)]
        self._outputs = [self._place(atom) for atom in jaxpr.outvars]
        every = _with_deaths(every, {*self._outputs})
        self._first, self._rest, self._count = every[: len(ahead)], every[len(ahead) :], count

    def _place(self, atom: Any, value: Any = None) -> int:
        if isinstance(atom, Literal):
            aval: Any = atom.aval
            self._start.append(np.asarray(atom.val, aval.dtype)[()])
            return len(self._start) - 1
        if atom not in self._places:
            self._places[atom] = len(self._start)
            self._start.append(value)
        return self._places[atom]

    def _instruction(self, equation: Any) -> _Instruction:
        function = _function_of(equation, Interpreted)
        operands = tuple([self._place(atom) for atom in equation.invars])
        results = tuple([self._place(variable) for variable in equation.outvars])
        single = -1 if equation.primitive.multiple_results else results[0]
        return _Instruction(function, operands, single, results, ())

    def __call__(self, *inputs: Any) -> list[Any]:
        """Return the outputs, arrays and scalars of NumPy."""
        first, rest = self.begin(*inputs)
        return [*first, *rest()]

    def begin(self, *inputs: Any) -> tuple[list[Any], Callable[[], list[Any]]]:
        """Return the first outputs, and a function that returns the others."""
        memory = self._start.copy()
        for place, value in zip(self._inputs, inputs, strict=True):
            memory[place] = value
        _run(self._first, memory)

        def rest() -> list[Any]:
            _run(self._rest, memory)
            return [memory[place] for place in self._outputs[self._count :]]

        return [memory[place] for place in self._outputs[: self._count]], rest


def _run(instructions: Sequence[_Instruction], memory: list[Any]) -> None:
    for function, operands, result, results, dead in instructions:
        found = function(*[memory[place] for place in operands])
        if result >= 0:
            memory[result] = found
        else:
            for place, one in zip(results, found, strict=True):
                memory[place] = one
        for place in dead:
            memory[place] = None


def _needed(jaxpr: Any, outputs: Sequence[Any]) -> list[bool]:
    """Return which of the equations some outputs depend on."""
    wanted = {atom for atom in outputs if not isinstance(atom, Literal)}
    needed: list[bool] = []
    for equation in reversed(jaxpr.eqns):
        needed.append(not wanted.isdisjoint(equation.outvars))
        if needed[-1]:
            wanted.update(atom for atom in equation.invars if not isinstance(atom, Literal))
    return needed[::-1]


def _with_deaths(instructions: Sequence[_Instruction], outputs: set[int]) -> list[_Instruction]:
    """Return the instructions, each with the places that it is the last one to read."""
    read: set[int] = set(outputs)
    found: list[_Instruction] = []
    for one in reversed(instructions):
        last = {*one.operands, *one.results} - read
        read.update(one.operands)
        found.append(one._replace(dead=tuple(sorted(last))))
    return found[::-1]
