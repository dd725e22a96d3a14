"""The line of a user's program that something in JAX is due to."""

import os
import sysconfig
from collections.abc import Sequence
from types import FrameType, ModuleType


class Callers:
    """Finds the nearest frame outside JAX, NumPy, jitscope and the standard library.

    Parameters
    ----------
    packages : sequence of module
        Their files are passed over.
    skip : sequence of str, optional
        Paths of further files or folders that are.
    """

    def __init__(self, packages: Sequence[ModuleType], skip: Sequence[str] = ()) -> None:
        own = [os.path.dirname(__file__), *(os.path.dirname(p.__file__ or "") for p in packages)]
        self._skipped = ("<frozen ", *(path + os.sep for path in own), *skip)
        # An adapter calls a solver in its user's place.
        self._users = os.path.join(os.path.dirname(__file__), "adapters") + os.sep
        library = sysconfig.get_path("stdlib") + os.sep
        self._library = library
        self._installed = tuple(f"{library}{name}-packages{os.sep}" for name in ("site", "dist"))
        self._outside: dict[str, bool] = {}

    def find(self, frame: FrameType) -> tuple[str, int]:
        """Return file and line of the nearest frame outside."""
        while not self.is_outside(frame) and frame.f_back is not None:
            frame = frame.f_back
        return frame.f_code.co_filename, frame.f_lineno

    def is_outside(self, frame: FrameType) -> bool:
        """Return whether a frame is the user's."""
        # Not by code: Python works out the hash of a code object anew each time, of a string once.
        file = frame.f_code.co_filename
        outside = self._outside.get(file)
        if outside is None:
            if file == "<string>":  # as methods of a dataclass, which belong to its module
                return self._is_users(str(frame.f_globals.get("__file__", file)))
            outside = self._outside[file] = self._is_users(file)
        return outside

    def _is_users(self, file: str) -> bool:
        if file.startswith(self._users):
            return True
        if file.startswith(self._skipped):
            return False
        return file.startswith(self._installed) or not file.startswith(self._library)


def real_path(file: str) -> str:
    """Return a path without symbolic links; what is no file stays as it is."""
    return file if file.startswith("<") else os.path.realpath(file)
