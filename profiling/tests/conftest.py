"""Fixtures that the tests of the recorders share."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .fused_solver import write_fused_solver
from .hooks import jax_state


class Clock:
    """A clock that moves only when it is told to."""

    def __init__(self) -> None:
        self.now_ns = 1_000

    def __call__(self) -> int:
        return self.now_ns

    def advance(self, duration_ns: int) -> None:
        self.now_ns += duration_ns


@pytest.fixture(autouse=True, scope="session")
def nothing_of_trustfit_on_disk() -> Iterator[None]:
    """Let no program of another run hide what is compiled."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRUSTFIT_CACHE", "off")
        yield


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def fused_solver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Put a small solver with a fused and a stepped driver in place of `trustfit`; its folder.

    This process and those that it starts import that one.
    """
    folder = tmp_path / "fused_solver"
    write_fused_solver(folder)
    for module in _loaded("trustfit"):
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.syspath_prepend(folder)
    inherited = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(folder), inherited))))
    yield folder
    for module in _loaded("trustfit"):
        del sys.modules[module]


def _loaded(package: str) -> list[str]:
    return [name for name in sys.modules if name.partition(".")[0] == package]


@pytest.fixture
def hook_state() -> Callable[[], dict[str, Any]]:
    """Return a function that returns everything that a recorder could leave behind in JAX."""
    return jax_state
