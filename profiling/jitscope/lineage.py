"""Which commits of a first-parent history hold the same solver.

Between two commits that changed the solver lie others that did not: a prediction, a page, results.
What was measured on one of them was measured on the same solver, so it may stand for the other.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from jitscope._git import run_git

SOLVER = "solver/trustfit"
"""The solver's folder, from the project's root."""


def solver_trees(root: Path, commits: Sequence[str]) -> dict[str, str | None]:
    """Return git's name of the solver's tree at each commit.

    Parameters
    ----------
    root : Path
        The repository.
    commits : sequence of str
        Full hashes.

    Returns
    -------
    dict of str to str or None
        Equal names are equal trees, byte for byte; None where a commit has no solver.

    Raises
    ------
    UserError
        If git fails.
    """
    asked = "".join(f"{commit}:{SOLVER}\n" for commit in commits)
    # A missing object is answered "COMMIT:PATH missing".
    answers = run_git(root, "cat-file", "--batch-check=%(objectname)", given=asked).splitlines()
    names = (None if answer.endswith(" missing") else answer for answer in answers)
    return dict(zip(commits, names, strict=True))


def same_solver(
    commit: str, ancestry: Mapping[str, str | None], trees: Mapping[str, str | None]
) -> tuple[str, ...]:
    """Return a commit and the ancestors right before it that hold the same solver, nearest first.

    Parameters
    ----------
    commit : str
        Full hash, a key of `ancestry`.
    ancestry : mapping
        Commit -> its first parent; None for the first commit.
    trees : mapping
        As `solver_trees` returns it; commits without a solver are like no other.
    """
    found = [commit]
    parent = ancestry.get(commit)
    while parent is not None and trees.get(commit) and trees.get(parent) == trees[commit]:
        found.append(parent)
        parent = ancestry.get(parent)
    return tuple(found)
