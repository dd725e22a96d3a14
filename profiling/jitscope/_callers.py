"""The line of a user's program that something in JAX is due to."""

import os
from collections.abc import Sequence
from types import CodeType, FrameType, ModuleType


class Callers:
    """Finds the nearest frame outside JAX, NumPy and jitscope.

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
        self._outside: dict[str, bool] = {}

    def find(self, frame: FrameType) -> tuple[str, int]:
        """Return file and line of the nearest frame outside."""
        while not self.is_outside(frame.f_code) and frame.f_back is not None:
            frame = frame.f_back
        return frame.f_code.co_filename, frame.f_lineno

    def is_outside(self, code: CodeType) -> bool:
        """Return whether a frame of this code is the user's."""
        # Not by code: Python works out the hash of a code object anew each time, of a string once.
        file = code.co_filename
        outside = self._outside.get(file)
        if outside is None:
            outside = file.startswith(self._users) or not file.startswith(self._skipped)
            self._outside[file] = outside
        return outside


def real_path(file: str) -> str:
    """Return a path without symbolic links; what is no file stays as it is."""
    return file if file.startswith("<") else os.path.realpath(file)
