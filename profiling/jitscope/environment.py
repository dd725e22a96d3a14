"""What a measurement ran on: interpreter, packages, processor, commit."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from jitscope._git import GitError, run_git
from jitscope.errors import UserError
from jitscope.machine import describe_machine

PACKAGES = (
    *("jax", "jaxlib", "numpy", "scipy", "nlsq", "optimistix"),
    *("trustfit", "jitscope", "line_profiler"),
)


@dataclass(frozen=True)
class Environment:
    """Everything that a figure of a session depends on.

    Attributes
    ----------
    python : str
        Version of the interpreter.
    system : str
        Operating system and architecture.
    cpu : str
        Model of the processor.
    cores : int
        Logical cores.
    packages : mapping of str to str or None
        Installed versions; None where a package is not installed.
    commit : str or None
        Full hash of the checked-out commit; None outside a git checkout.
    modified : bool or None
        Whether tracked files differ from that commit; None outside a git checkout.
    """

    python: str
    system: str
    cpu: str
    cores: int
    packages: Mapping[str, str | None]
    commit: str | None
    modified: bool | None


def describe_environment(root: Path) -> Environment:
    """Describe this process's environment and the checkout at `root`."""
    machine = describe_machine()
    commit = _git(root, "rev-parse", "HEAD")
    status = _git(root, "status", "--porcelain", "--untracked-files=no")
    return Environment(
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        cpu=machine.cpu,
        cores=machine.cores,
        packages={name: _version(name) for name in PACKAGES},
        commit=commit,
        modified=None if status is None else bool(status),
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _git(root: Path, *arguments: str) -> str | None:
    try:
        return run_git(root, *arguments).strip()
    except (GitError, UserError):
        return None
