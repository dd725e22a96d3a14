"""Compare two measured commits with asv's own table."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from jitscope._git import resolve_commit
from jitscope.errors import UserError


def compare_commits(root: Path, base: str, head: str) -> int:
    """Print what differs between two commits, improved and worse benchmarks apart.

    Parameters
    ----------
    root : Path
        The repository.
    base, head : str
        Revisions as git understands them.

    Returns
    -------
    int
        asv's exit code.

    Raises
    ------
    UserError
        If a revision names no commit, or no result of it is there.
    """
    hashes = [resolve_commit(root, revision) for revision in (base, head)]
    for revision, commit in zip((base, head), hashes, strict=True):
        if not any((root / "results" / "asv").glob(f"*/{commit[:8]}*.json")):
            raise UserError(
                f"No result of commit {revision} ({commit[:8]}) in results/asv. "
                f"Measure it: `make history RANGE={revision}^!`."
            )
    command = [sys.executable, "-m", "asv", "compare", "--split", "--factor", "1.05", *hashes]
    return subprocess.run(command, cwd=root, check=False).returncode
