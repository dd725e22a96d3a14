"""Compare two recordings or sessions, or two measured commits with asv's own table."""

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
    """Print what differs between two recordings, or between two sessions.

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
        If a file is neither, or one is a recording and the other one a session.
    """
    from rich.console import Console

    from jitscope.compare_recordings import compare
    from jitscope.compare_sessions import compare_sessions
    from jitscope.recording import Recording
    from jitscope.report.comparison_terminal import print_comparison, print_session_comparison
    from jitscope.saved import load_saved
    from jitscope.session import Session

    first, second = load_saved(base), load_saved(head)
    if isinstance(first, Session) and isinstance(second, Session):
        sessions = compare_sessions(first, second)
        print_session_comparison(sessions, Console())
        return int(sessions.counter_regressed)
    if isinstance(first, Recording) and isinstance(second, Recording):
        comparison = compare(first, second)
        print_comparison(comparison, Console())
        return int(comparison.counter_regressed)
    kinds = ["session" if isinstance(one, Session) else "recording" for one in (first, second)]
    raise UserError(f"{base} is a {kinds[0]} and {head} a {kinds[1]}; compare two of a kind.")
