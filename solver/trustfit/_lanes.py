"""A program for one fit as a program for many: every value gets a trailing axis of lanes.

`jax.vmap` puts a batch axis in front, so that a vector of n = 3 parameters becomes many rows of
three numbers, and a product of small matrices a batched matrix product: on a CPU both waste nearly
all of its vector units. Here the fits lie along the last axis, and all arithmetic is elementwise
over them: `Evaluator.evaluate` walks a jaxpr that was traced for one fit and applies each operation
with the lanes behind. A value that does not depend on the lane (an index, a mask, data that all
fits share) has no such axis, and what is computed from such values alone stays as it is.

A loop runs until the condition of no lane holds; a lane that is done keeps its values.

The operations of `trustfit._trf.step` are known, and those that models are commonly made of; all
others are refused. A step that uses a new one needs a new rule.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from trustfit._jaxpr import ClosedJaxpr, Jaxpr, Literal

# fmt: off
ELEMENTWISE = frozenset({
    "abs", "acos", "acosh", "add", "add_any", "and", "asin", "asinh", "atan", "atan2", "atanh",
    "bitcast_convert_type", "cbrt", "ceil", "clamp", "convert_element_type", "copy", "cos", "cosh",
    "digamma", "div", "eq", "erf", "erf_inv", "erfc", "exp", "exp2", "expm1", "floor", "ge", "gt",
    "integer_pow", "is_finite", "le", "lgamma", "log", "log1p", "logistic", "lt", "max", "min",
    "mul", "ne", "neg", "nextafter", "not", "or", "pow", "real", "reduce_precision", "rem", "round",
    "rsqrt", "select_n", "shift_right_arithmetic", "sign", "sin", "sinh", "sqrt", "square",
    "stop_gradient", "sub", "tan", "tanh", "xor",
})
# fmt: on


class UnknownOperation(NotImplementedError):
    """A jaxpr has an operation that is not known with lanes."""


class Value(NamedTuple):
    """An array with the lanes as its last axis, or one that they share."""

    array: Any
    laned: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape in one lane."""
        shape = np.shape(self.array)
        return shape[:-1] if self.laned else shape


class Evaluator:
    """Applies jaxprs to values with a given number of lanes.

    `active`, shape (lanes,), says in which of them the results count: loops do not wait for the
    others. None stands for all.
    """

    def __init__(self, lanes: int, active: Any = None) -> None:
        self.lanes = lanes
        self.active = active

    def evaluate(self, jaxpr: Jaxpr, consts: Sequence[Any], values: Sequence[Value]) -> list[Value]:
        """Return the results of a jaxpr that was traced for one lane.

        Parameters
        ----------
        jaxpr : Jaxpr
            For one lane.
        consts : sequence of arrays
            Its constants, which all lanes share.
        values : sequence of Value
            Its arguments.

        Raises
        ------
        UnknownOperation
            If it has an operation without a rule.
        """
        known = {
            variable: Value(const, False)
            for variable, const in zip(jaxpr.constvars, consts, strict=True)
        }
        known.update(zip(jaxpr.invars, values, strict=True))

        def value(atom: Any) -> Value:
            return Value(np.asarray(atom.val), False) if isinstance(atom, Literal) else known[atom]

        for equation in jaxpr.eqns:
            results = self._apply(equation, [value(atom) for atom in equation.invars])
            known.update(zip(equation.outvars, results, strict=True))
        return [value(atom) for atom in jaxpr.outvars]

    def full(self, value: Value, shape: Sequence[int]) -> Any:
        """Return an array of shape (*shape, lanes); the value is a number or can be broadcast."""
        target = (*shape, self.lanes)
        array = jnp.asarray(value.array)
        if array.shape == target and value.laned:
            return array
        if not value.shape:
            return lax.broadcast_in_dim(array, target, (len(shape),) if value.laned else ())
        return lax.broadcast_in_dim(array, target, tuple(range(array.ndim)))

    def _apply(self, equation: Any, operands: list[Value]) -> list[Value]:
        name = equation.primitive.name
        if name == "platform_index":
            return [Value(_platform(equation), False)]
        rule = RULES.get(name)
        if name == "cond" or any(operand.laned for operand in operands):
            if rule is None:
                raise UnknownOperation(
                    f"`{name}` is not known with lanes; trustfit/_lanes.py needs a rule for it."
                )
            return rule(self, equation, operands)
        results = _bound(equation, [operand.array for operand in operands])
        return [Value(result, False) for result in results]


Rule = Callable[[Evaluator, Any, list[Value]], list[Value]]
"""Of the evaluator, an equation, and its operands, of which one at least has lanes."""


def _bound(equation: Any, arrays: Sequence[Any], **changed: Any) -> list[Any]:
    """Apply an equation's operation, some of its parameters changed, to arrays."""
    parameters = {**equation.primitive.get_bind_params(equation.params), **changed}
    results = equation.primitive.bind(*arrays, **parameters)
    return list(results) if equation.primitive.multiple_results else [results]


def _laned(results: Sequence[Any]) -> list[Value]:
    return [Value(array, True) for array in results]


def _elementwise(evaluator: Evaluator, equation: Any, operands: list[Value]) -> list[Value]:
    shape = equation.outvars[0].aval.shape
    return _laned(_bound(equation, [evaluator.full(operand, shape) for operand in operands]))


def _as_it_is(_: Evaluator, equation: Any, operands: list[Value]) -> list[Value]:
    """Apply an operation that counts its axes from the first."""
    return _laned(_bound(equation, [operand.array for operand in operands]))


def _broadcast(evaluator: Evaluator, equation: Any, operands: list[Value]) -> list[Value]:
    shape, axes = equation.params["shape"], equation.params["broadcast_dimensions"]
    shape, axes = (*shape, evaluator.lanes), (*axes, len(shape))
    return _laned([lax.broadcast_in_dim(operands[0].array, shape, axes)])


def _reshape(evaluator: Evaluator, equation: Any, operands: list[Value]) -> list[Value]:
    shape = (*equation.outvars[0].aval.shape, evaluator.lanes)
    return _laned([lax.reshape(operands[0].array, shape)])


def _transpose(_: Evaluator, equation: Any, operands: list[Value]) -> list[Value]:
    permutation = equation.params["permutation"]
    return _laned([lax.transpose(operands[0].array, (*permutation, len(permutation)))])


def _slice(evaluator: Evaluator, equation: Any, operands: list[Value]) -> list[Value]:
    params = equation.params
    start, stop = (*params["start_indices"], 0), (*params["limit_indices"], evaluator.lanes)
    strides = None if params["strides"] is None else (*params["strides"], 1)
    return _laned([lax.slice(operands[0].array, start, stop, strides)])


def _concatenate(evaluator: Evaluator, equation: Any, operands: list[Value]) -> list[Value]:
    return _laned(_bound(equation, [evaluator.full(one, one.shape) for one in operands]))


def _pad(_: Evaluator, equation: Any, operands: list[Value]) -> list[Value]:
    array, value = operands
    if value.laned:
        raise UnknownOperation("`pad` with a value of each lane is not known with lanes.")
    config = (*equation.params["padding_config"], (0, 0, 0))
    return _laned([lax.pad(array.array, value.array, config)])


def _dot_general(evaluator: Evaluator, equation: Any, operands: list[Value]) -> list[Value]:
    """Multiply element by element and add up: the matrices of one fit are tiny."""
    (over_a, over_b), batched = equation.params["dimension_numbers"]
    if any(batched):
        raise UnknownOperation("`dot_general` of batches is not known with lanes.")
    a, b = (evaluator.full(one, one.shape) for one in operands)
    free_a = [i for i in range(a.ndim - 1) if i not in over_a]
    free_b = [i for i in range(b.ndim - 1) if i not in over_b]
    first, second = len(free_a), len(free_a) + len(free_b)
    a = lax.transpose(a, (*free_a, *over_a, a.ndim - 1))
    b = lax.transpose(b, (*free_b, *over_b, b.ndim - 1))
    products = lax.expand_dims(a, range(first, second)) * lax.expand_dims(b, range(first))
    return _laned([jnp.sum(products, axis=tuple(range(second, products.ndim - 1)))])


def _dynamic_slice(evaluator: Evaluator, equation: Any, operands: list[Value]) -> list[Value]:
    a, *start = operands
    if any(index.laned for index in start):
        raise UnknownOperation("`dynamic_slice` at an index of each lane is not known with lanes.")
    indices = [index.array for index in start]
    sizes = (*equation.params["slice_sizes"], evaluator.lanes)
    return _laned([lax.dynamic_slice(a.array, [*indices, np.zeros((), indices[0].dtype)], sizes)])


def _gather(evaluator: Evaluator, equation: Any, operands: list[Value]) -> list[Value]:
    a, index = operands
    if index.laned:
        raise UnknownOperation("`gather` at indices of each lane is not known with lanes.")
    numbers = equation.params["dimension_numbers"]
    behind = len(equation.outvars[0].aval.shape)
    numbers = numbers._replace(offset_dims=(*numbers.offset_dims, behind))
    sizes = (*equation.params["slice_sizes"], evaluator.lanes)
    arrays = [a.array, index.array]
    return _laned(_bound(equation, arrays, dimension_numbers=numbers, slice_sizes=sizes))


def _call(evaluator: Evaluator, equation: Any, operands: list[Value]) -> list[Value]:
    """Evaluate a function that is called, in place."""
    params = equation.params
    body = params["jaxpr"] if "jaxpr" in params else params["call_jaxpr"]
    if isinstance(body, ClosedJaxpr):
        return evaluator.evaluate(body.jaxpr, body.consts, operands)
    return evaluator.evaluate(body, (), operands)


def _platform(equation: Any) -> Any:
    """Return which branch of what follows is for the device of this program."""
    backend = jax.default_backend()
    for index, platforms in enumerate(equation.params["platforms"]):
        if platforms is None or backend in platforms:
            return np.int32(index)
    raise UnknownOperation(f"No branch of `platform_index` is for {backend!r}.")


def _cond(evaluator: Evaluator, equation: Any, operands: list[Value]) -> list[Value]:
    """Evaluate the branch that is known to be taken; else all of them, and choose in each lane."""
    index, *operands = operands
    branches = equation.params["branches"]
    if isinstance(index.array, np.ndarray | np.generic):
        branches = [branches[int(np.clip(index.array, 0, len(branches) - 1))]]
    several = [evaluator.evaluate(one.jaxpr, one.consts, operands) for one in branches]
    if len(several) == 1:
        return several[0]
    which = evaluator.full(index, ())
    shapes = [variable.aval.shape for variable in equation.outvars]
    first, *others = (
        [evaluator.full(one, shape) for one, shape in zip(results, shapes, strict=True)]
        for results in several
    )
    for count, results in enumerate(others, start=1):
        first = [jnp.where(which >= count, b, a) for a, b in zip(first, results, strict=True)]
    return _laned(first)


def _while(evaluator: Evaluator, equation: Any, operands: list[Value]) -> list[Value]:
    """Go on while any lane does; a lane that is done keeps what it has."""
    params = equation.params
    first, last = params["cond_nconsts"], params["cond_nconsts"] + params["body_nconsts"]
    of_condition, of_body, start = operands[:first], operands[first:last], operands[last:]
    condition, body = params["cond_jaxpr"], params["body_jaxpr"]

    def carried(values: Sequence[Value]) -> list[Any]:
        pairs = zip(values, equation.outvars, strict=True)
        return [evaluator.full(value, variable.aval.shape) for value, variable in pairs]

    def goes_on(arrays: Sequence[Any]) -> Any:
        values = [*of_condition, *_laned(arrays)]
        (goes,) = evaluator.evaluate(condition.jaxpr, condition.consts, values)
        return evaluator.full(goes, ())

    def advance(state: tuple[Any, list[Any]]) -> tuple[Any, list[Any]]:
        goes, old = state
        new = carried(evaluator.evaluate(body.jaxpr, body.consts, [*of_body, *_laned(old)]))
        arrays = [jnp.where(goes, a, b) for a, b in zip(new, old, strict=True)]
        return goes & goes_on(arrays), arrays

    arrays = carried(start)
    goes = goes_on(arrays)
    if evaluator.active is not None:
        goes = goes & evaluator.active
    _, arrays = lax.while_loop(lambda state: jnp.any(state[0]), advance, (goes, arrays))
    return _laned(arrays)


def _scan(evaluator: Evaluator, equation: Any, operands: list[Value]) -> list[Value]:
    """Run a loop of fixed length that carries values, and reads and makes no arrays along it.

    What no trip makes depend on the lane, such as a counter, does not get lanes.
    """
    params = equation.params
    body = params["jaxpr"]
    inside = [*body.jaxpr.invars, *body.jaxpr.outvars]
    outside = [*equation.invars, *equation.outvars]
    if any(a.aval.shape != b.aval.shape for a, b in zip(inside, outside, strict=True)):
        raise UnknownOperation("`scan` along arrays is not known with lanes.")
    first = len(operands) - len(equation.outvars)
    consts, carry = operands[:first], operands[first:]
    flags = [value.laned for value in carry]

    def arrays(values: Sequence[Value]) -> list[Any]:
        return [
            evaluator.full(value, value.shape) if flag else jnp.asarray(value.array)
            for value, flag in zip(values, flags, strict=True)
        ]

    def trip(start: Sequence[Any]) -> list[Value]:
        values = [Value(array, flag) for array, flag in zip(start, flags, strict=True)]
        return evaluator.evaluate(body.jaxpr, body.consts, [*consts, *values])

    def depend() -> list[bool]:
        found: list[bool] = []
        jax.eval_shape(lambda start: found.extend(one.laned for one in trip(start)), arrays(carry))
        return [a or b for a, b in zip(found, flags, strict=True)]

    while (found := depend()) != flags:
        flags = found
    results = lax.fori_loop(
        0, params["length"], lambda _, start: arrays(trip(start)), arrays(carry)
    )
    return [Value(array, flag) for array, flag in zip(results, flags, strict=True)]


RULES: Mapping[str, Rule] = {
    **dict.fromkeys(ELEMENTWISE, _elementwise),
    **dict.fromkeys(("closed_call", "core_call", "custom_jvp_call", "jit", "pjit"), _call),
    **dict.fromkeys(
        ("reduce_and", "reduce_max", "reduce_min", "reduce_or", "reduce_prod", "reduce_sum"),
        _as_it_is,
    ),
    "broadcast_in_dim": _broadcast,
    "concatenate": _concatenate,
    "cond": _cond,
    "dot_general": _dot_general,
    "dynamic_slice": _dynamic_slice,
    "gather": _gather,
    "pad": _pad,
    "reshape": _reshape,
    "scan": _scan,
    "slice": _slice,
    "squeeze": _reshape,
    "stack": _concatenate,
    "transpose": _transpose,
    "unstack": _as_it_is,
    "while": _while,
}
