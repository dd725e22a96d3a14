"""What code can do, as far as that shows in its instructions."""

import dis
from collections.abc import Iterator
from functools import lru_cache
from types import CodeType

# What a library holds under these names is state, chance, the time or a file's content.
UNSTABLE = frozenset(
    {"config", "DataSource", "datetime64", "empty", "empty_like", "fromfile", "fromregex"}
) | {"genfromtxt", "load", "loadtxt", "memmap", "random"}
# An array's attributes that no fingerprint holds.
_UNSEEN = frozenset({"base", "ctypes", "flags"})
_OWN_STORES = ("STORE_FAST", "DELETE_FAST", "STORE_DEREF", "DELETE_DEREF")


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def _can_change(part: CodeType, instruction: dis.Instruction) -> bool:
    """Return whether an instruction stores outside of the call, or reads what is not in the key."""
    name, argument = instruction.opname, instruction.argval
    if name.startswith(("STORE_", "DELETE_")):
        return not name.startswith(_OWN_STORES) or argument in part.co_freevars
    return name.startswith("IMPORT_") or ("ATTR" in name and argument in _UNSEEN)


@lru_cache(maxsize=1024)
def names_read(code: CodeType) -> tuple[str, ...] | None:
    """Return the globals that code and the functions inside it read; None if it is refused."""
    names: set[str] = set()
    for part in _codes(code):
        # Names like `__dict__` lead past all that is checked here.
        if any(name in UNSTABLE or _is_dunder(name) for name in part.co_names):
            return None
        for instruction in dis.get_instructions(part):
            if _can_change(part, instruction):
                return None
            if "GLOBAL" in instruction.opname or instruction.opname == "LOAD_NAME":
                names.add(instruction.argval)
    return tuple(sorted(names))
