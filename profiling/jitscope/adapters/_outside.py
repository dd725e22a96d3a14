"""Adapters of the user's own: a file, or a class in an importable module."""

import hashlib
import inspect
import re
import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from jitscope.adapters import Adapter
from jitscope.errors import UserError

_MEMBERS = tuple(name for name in (*Adapter.__annotations__, *vars(Adapter)) if name[0] != "_")
_NAME = re.compile(r"[\w.-]+")


def load(solver: str) -> Adapter:
    """Return a new adapter of a class outside of jitscope.

    Parameters
    ----------
    solver : str
        ``path/to/adapter.py``, whose class is `Solver`, ``path/to/adapter.py:Class`` or
        ``module:Class``.

    Raises
    ------
    UserError
        There is no such file, module or class, or it is no adapter. What the file itself raises
        passes through.
    """
    place, _, wanted = (solver, "", "Solver") if _is_file(solver) else solver.rpartition(":")
    module = from_file(Path(place)) if _is_file(place) else _from_name(place)
    kind = getattr(module, wanted, None)
    if not isinstance(kind, type):
        raise UserError(
            f"{place} has no class {wanted!r}; write one, or name another as '{place}:Class'."
        )
    if inspect.isabstract(kind):
        missing = sorted(kind.__abstractmethods__)
        raise UserError(f"{solver}: the class {wanted} still needs {', '.join(missing)}.")
    adapter = kind()
    missing = [name for name in _MEMBERS if not hasattr(adapter, name)]
    if missing:
        raise UserError(
            f"{solver}: the class {wanted} is no adapter without {', '.join(missing)}; derive it "
            "from jitscope.adapters.base.SimpleSolver, or add them."
        )
    if not isinstance(adapter.name, str) or not _NAME.fullmatch(adapter.name):
        raise UserError(
            f"{solver}: `name` must be of letters, digits, '_', '.' and '-', as files are named "
            f"after it; got {adapter.name!r}."
        )
    return adapter


def _is_file(place: str) -> bool:
    return place.endswith(".py")


def from_file(path: Path) -> ModuleType:
    """Run a file once a process, as a module that no other file's can be taken for.

    Raises
    ------
    UserError
        There is no such file. What the file itself raises passes through.
    """
    path = path.resolve()
    if path.suffix != ".py" or not path.is_file():
        raise UserError(f"there is no adapter file {path}; give the path of one.")
    digest = hashlib.sha256(str(path).encode()).hexdigest()[:8]
    name = f"jitscope_adapter_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    spec = spec_from_file_location(name, path)
    assert spec is not None, path  # every .py file has one
    assert spec.loader is not None, path
    module = sys.modules[name] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _from_name(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        # A module that this one fails to import is the user's own error, and passes through.
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        raise UserError(
            f"there is no module {error.name!r}; install it, put its folder on PYTHONPATH, or "
            "give the path of a file."
        ) from error
