"""What a compiled module consists of, and the scopes that its operations come from."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from jitscope import _protobuf

UNSCOPED = "(unscoped)"

# Numbers of fields in xla/service/hlo.proto and tsl/profiler/protobuf/xplane.proto.
_XSPACE_PLANES = 1
_PLANE_NAME, _PLANE_EVENT_METADATA = 2, 4
_MAP_VALUE = 2
_EVENT_NAME, _EVENT_STATS = 2, 5
_STAT_BYTES = 6
_HLO_MODULE = 1
_MODULE_NAME, _MODULE_COMPUTATIONS = 1, 3
_COMPUTATION_INSTRUCTIONS, _COMPUTATION_ID = 2, 5
_NAME, _OPCODE, _METADATA, _CALLED = 1, 2, 7, 38
_METADATA_OP_NAME = 2

# They do no work within a kernel, and XLA shares them between scopes.
_FREE = frozenset(
    ("bitcast", "broadcast", "constant", "get-tuple-element", "iota", "parameter", "tuple")
)
# The work of these is what they call; a reduction's is its own.
_OPENED = frozenset(("async-start", "call", "conditional", "fusion", "while"))

_TRANSFORM = re.compile(r"(?:batch|jvp|linearize|pmap|remat|transpose|vmap)\((.*)\)", re.DOTALL)
_FUNCTION = re.compile(r"p?jit\(.*\)", re.DOTALL)
_LOOP_PARTS = frozenset(("body", "body_pred", "cond"))
_BRANCH = re.compile(r"branch_\d+_fun")
_CALLS = frozenset(
    (
        "checkpoint",
        "closed_call",
        "core_call",
        "custom_jvp_call",
        "custom_lin",
        "custom_vjp_call",
        "custom_vjp_call_jaxpr",
        "eval_jaxpr",
        "pjit",
        "remat",
        "remat2",
        "rematted_computation",
        "shard_map",
    )
)


@dataclass(frozen=True)
class Instruction:
    """One instruction of an optimised module.

    Attributes
    ----------
    name, opcode : str
    op_name : str
        Where it comes from, as ``jit(f)/while/body/step/sin``; "" if XLA does not say.
    called : tuple of int
        Computations that it calls.
    """

    name: str
    opcode: str
    op_name: str
    called: tuple[int, ...]


@dataclass(frozen=True)
class HloModule:
    """An optimised module.

    Attributes
    ----------
    name : str
        As ``jit_f``.
    computations : mapping
        Instructions of each computation, by its number.
    """

    name: str
    computations: Mapping[int, tuple[Instruction, ...]]

    @cached_property
    def instructions(self) -> Mapping[str, Instruction]:
        """All instructions by name, which is unique in the module."""
        return {one.name: one for body in self.computations.values() for one in body}

    def inside(self, instruction: Instruction) -> Iterator[Instruction]:
        """Yield all instructions in the computations that one calls, those within them too."""
        seen: set[int] = set()
        pending = list(instruction.called)
        while pending:
            number = pending.pop()
            if number not in seen:
                seen.add(number)
                for one in self.computations.get(number, ()):
                    yield one
                    pending.extend(one.called)

    def scopes(self, instruction: Instruction) -> tuple[str, ...]:
        """Return the scopes that the work of an instruction comes from, in order.

        What has no origin, as XLA made it itself, counts as unscoped only if nothing else is in
        the instruction.
        """
        work = list(self._work(instruction))
        origins = [one.op_name for one in work if one.opcode not in _FREE and "/" in one.op_name]
        if not origins:
            origins = [one.op_name for one in work if "/" in one.op_name]
        # Of operations that XLA joined, it writes down all origins.
        single = [origin for joined in origins for origin in joined.split(";")]
        return tuple(sorted(set(map(scope_path, single)))) or (UNSCOPED,)

    def _work(self, instruction: Instruction) -> Iterator[Instruction]:
        bodies = [self.computations.get(number, ()) for number in instruction.called]
        if instruction.opcode not in _OPENED or not any(bodies):
            yield instruction
            return
        for body in bodies:
            for one in body:
                yield from self._work(one)


def scope_path(op_name: str) -> str:
    """Return the path of `jax.named_scope` in the origin of an operation.

    Functions, loops, branches, transformations and the operation's own name are taken off. A
    scope of the user's that has the name of one of JAX's calls, as ``checkpoint``, is not seen.

    Examples
    --------
    >>> scope_path("jit(f)/while/body/solve/vmap(jvp(step))/sin")
    'solve/step'
    >>> scope_path("jit(f)/while/body/add")
    '(unscoped)'
    """
    found: list[str] = []
    calls: dict[str, int] = {}
    parts = _parts(op_name)[:-1]
    for part in parts:
        # Where XLA inlined a call into a loop, the path begins anew with that call.
        if part in calls and found[-1:] == ["while"]:
            del found[calls[part] :]
        if _FUNCTION.fullmatch(part):
            calls.setdefault(part, len(found))
        inner = part
        while wrapped := _TRANSFORM.fullmatch(inner):
            inner = wrapped[1]
        names = _parts(inner)
        # Rematerialised code is `transpose(jvp(a))/jvp(a)/checkpoint`.
        if inner == part or found[-len(names) :] != names:
            found += names
    return "/".join(_without_repeats(list(_without_control(found)))) or UNSCOPED


def _parts(path: str) -> list[str]:
    """Split at slashes outside of parentheses."""
    parts, depth = [""], 0
    for character in path:
        if character == "/" and depth == 0:
            parts.append("")
            continue
        depth += (character == "(") - (character == ")")
        parts[-1] += character
    return parts


def _without_control(parts: list[str]) -> Iterator[str]:
    position = 0
    while position < len(parts):
        part = parts[position]
        after = parts[position + 1] if position + 1 < len(parts) else ""
        if (part == "while" and after in _LOOP_PARTS) or (part == "cond" and _BRANCH.match(after)):
            position += 2
            continue
        position += 1
        if part and part not in _CALLS and not _FUNCTION.fullmatch(part):
            yield part


def _without_repeats(names: list[str]) -> list[str]:
    """Take off what a loop restates of the scopes around it: ``a/while/a`` is ``a``.

    XLA writes such paths where it inlined a call that is in a loop.
    """
    position = 0
    while "while" in names[position:]:
        position = names.index("while", position)
        for length in range(1, position + 1):
            after = position + 1 + length
            if names[position - length : position] == names[position + 1 : after]:
                del names[position:after]
                break
        else:
            position += 1
    return names


def modules_of(profile: bytes) -> dict[str, HloModule]:
    """Return the modules that a profile holds, by name and number of the program: ``jit_f(2)``.

    Parameters
    ----------
    profile : bytes
        A serialised ``XSpace``, recorded with ``enable_hlo_proto``: it then holds every module
        that was alive at any time during the session.

    Raises
    ------
    ValueError
        The bytes are not such a profile.
    """
    found: dict[str, HloModule] = {}
    for plane in _protobuf.messages(memoryview(profile), _XSPACE_PLANES):
        if _protobuf.text(plane, _PLANE_NAME) != "/host:metadata":
            continue
        for entry in _protobuf.messages(plane, _PLANE_EVENT_METADATA):
            for event in _protobuf.messages(entry, _MAP_VALUE):
                program = _protobuf.text(event, _EVENT_NAME)
                found.update((program, _module(proto)) for proto in _protos(event))
    return found


def _protos(event: memoryview) -> Iterator[memoryview]:
    for stat in _protobuf.messages(event, _EVENT_STATS):
        for proto in _protobuf.messages(stat, _STAT_BYTES):
            yield from _protobuf.messages(proto, _HLO_MODULE)


def _module(module: memoryview) -> HloModule:
    return HloModule(
        _protobuf.text(module, _MODULE_NAME),
        {
            _protobuf.integer(computation, _COMPUTATION_ID): tuple(
                map(_instruction, _protobuf.messages(computation, _COMPUTATION_INSTRUCTIONS))
            )
            for computation in _protobuf.messages(module, _MODULE_COMPUTATIONS)
        },
    )


def module_of(proto: bytes) -> HloModule:
    """Return a module from its serialised ``HloModuleProto``.

    Raises
    ------
    ValueError
        The bytes are no protocol buffer.
    """
    return _module(memoryview(proto))


def _instruction(instruction: memoryview) -> Instruction:
    op_name = ""
    for metadata in _protobuf.messages(instruction, _METADATA):
        op_name = _protobuf.text(metadata, _METADATA_OP_NAME)
    return Instruction(
        _protobuf.text(instruction, _NAME),
        _protobuf.text(instruction, _OPCODE),
        op_name,
        tuple(_protobuf.integers(instruction, _CALLED)),
    )
