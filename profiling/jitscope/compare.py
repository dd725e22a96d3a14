"""Compare two recordings, or two measured commits with asv's own table."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from jitscope._git import resolve_commit
from jitscope.bench import RESULTS
from jitscope.errors import UserError
from jitscope.machine import describe_machine


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
    machines = {
        commit: {path.parent.name for path in (root / RESULTS).glob(f"*/{commit[:8]}-*.json")}
        for commit in hashes
    }
    for revision, commit in zip((base, head), hashes, strict=True):
        if not machines[commit]:
            raise UserError(
                f"No result of commit {revision} ({commit[:8]}) in {RESULTS}. "
                f"Measure it: `make history RANGE={revision}^!`."
            )
    shared = set.intersection(*machines.values())
    if not shared:
        raise UserError(
            f"{base} and {head} were measured on different machines. Measure both on this one: "
            f"`make history RANGE={base}^!` and `make history RANGE={head}^!`."
        )
    here = describe_machine().name
    machine = here if here in shared else min(shared)
    print(f"Measured on {machine}:")
    command = [sys.executable, "-m", "asv", "compare", "--machine", machine]
    command += ["--split", "--factor", "1.05", *hashes]
    return subprocess.run(command, cwd=root, check=False).returncode


def compare_files(base: Path, head: Path) -> int:
    """Print what differs between two recordings.

    Parameters
    ----------
    base, head : Path
        Their files.

    Returns
    -------
    int
        1 if a counter regressed, otherwise 0.

    Raises
    ------
    UserError
        If a file is no recording.
    """
    from rich.console import Console

    from jitscope.compare_recordings import compare
    from jitscope.recordings import load_recording
    from jitscope.report.comparison_terminal import print_comparison

    comparison = compare(load_recording(base), load_recording(head))
    print_comparison(comparison, Console())
    return int(comparison.counter_regressed)
