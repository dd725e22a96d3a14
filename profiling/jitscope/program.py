"""A script or a module as the program ``__main__``, as Python itself would start it."""

from __future__ import annotations

import importlib.util
import io
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType
from typing import Any

from jitscope.errors import UserError


@dataclass(frozen=True)
class Program:
    """A compiled program and the module it runs in."""

    code: CodeType
    module: ModuleType


def load_script(path: str, arguments: Sequence[str]) -> Program:
    """Compile a script and make it this process's ``__main__``.

    Raises
    ------
    UserError
        The file cannot be read.
    """
    try:
        with io.open_code(os.path.abspath(path)) as file:
            source = file.read()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); name a script.") from error
    sys.argv = [path, *arguments]
    sys.path[0] = os.path.dirname(os.path.realpath(path))
    module = _become_main(os.path.abspath(path), None)
    return Program(compile(source, os.path.abspath(path), "exec", dont_inherit=True), module)


def load_module(name: str, arguments: Sequence[str]) -> Program:
    """Compile a module, or a package's ``__main__``, and make it this process's ``__main__``.

    Raises
    ------
    UserError
        There is no such module, or it has no Python code.
    """
    sys.path[0] = os.getcwd()
    sys.argv = ["-m", *arguments]
    spec = _find(name)
    if spec is not None and spec.submodule_search_locations is not None:
        spec = _find(f"{name}.__main__")
    loader: Any = spec.loader if spec is not None else None
    code = loader.get_code(spec.name) if spec is not None and hasattr(loader, "get_code") else None
    if spec is None or code is None:
        raise UserError(f"no module {name} that Python could run; name one, as `python -m` would.")
    origin = spec.origin or name
    sys.argv[0] = origin
    return Program(code, _become_main(origin, spec))


def _find(name: str) -> ModuleSpec | None:
    try:
        return importlib.util.find_spec(name)
    except ModuleNotFoundError:
        return None


def _become_main(file: str, spec: ModuleSpec | None) -> ModuleType:
    module = ModuleType("__main__")
    module.__file__ = file
    module.__spec__ = spec
    module.__package__ = spec.parent if spec is not None else None
    module.__loader__ = spec.loader if spec is not None else None
    vars(module)["__builtins__"] = __builtins__
    sys.modules["__main__"] = module
    return module
