"""Ask git about the measured repository."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from jitscope.errors import UserError


class GitError(UserError):
    """Git refused a command; the message is git's own last line."""


def run_git(root: Path, *arguments: str, given: str | None = None) -> str:
    """Return what a git command prints.

    Parameters
    ----------
    root : Path
        The repository.
    *arguments : str
        Command and arguments, as in ``run_git(root, "rev-parse", "HEAD")``.
    given : str, optional
        What the command reads from standard input.

    Raises
    ------
    UserError
        If git is not installed or `root` is not in a repository.
    GitError
        If git refuses the command.
    """
    command = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(
            command,
            input=given,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "LC_ALL": "C"},  # its messages are read below
            check=False,
        )
    except FileNotFoundError as error:
        raise UserError("git is not installed; history is read through it. Install git.") from error
    if "not a git repository" in done.stderr:
        raise UserError(
            f"{root} is not a git repository; results are kept by commit. "
            "Clone the project with `git clone` instead of copying its files."
        )
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or [f"git {arguments[0]} failed"]
        raise GitError(said[0])
    return done.stdout


def resolve_commit(root: Path, revision: str) -> str:
    """Return the full hash of the commit that a revision names.

    Raises
    ------
    UserError
        If it names none.
    """
    try:
        found = run_git(root, "rev-parse", "--verify", "--end-of-options", revision + "^{commit}")
    except GitError as error:
        raise UserError(
            f"{revision!r} names no commit of this repository ({error}). "
            "`git log --oneline` lists them."
        ) from error
    return found.strip()
