"""Run the airspeed-velocity suite on HEAD, without questions and with errors that name things."""

import importlib.util
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from jitscope import asv_results
from jitscope.errors import UserError
from jitscope.fresh import child_environment

RESULTS = Path("results") / "asv"
"""Where asv keeps its results, from the project's root; `asv.conf.json` says the same."""
_FAILED = 2
_NAMED = 6
_GRACE_S = 60.0


@dataclass(frozen=True)
class Bench:
    """What was measured.

    Attributes
    ----------
    commit : str
        Full hash of HEAD.
    machine : str
        asv's name of this machine.
    results_dir : Path
        asv's results.
    uncommitted : bool
        Whether the solver has changes that no commit has: they were not measured.
    """

    commit: str
    machine: str
    results_dir: Path
    uncommitted: bool


def run_bench(root: Path) -> Bench:
    """Measure HEAD with quick samples and add them to ``results/asv``.

    Parameters
    ----------
    root : Path
        The project: a git repository with ``asv.conf.json``.

    Raises
    ------
    UserError
        No git, no asv, corrupted results, or benchmarks that failed (named); what was measured
        is saved all the same.
    """
    commit = git(root, "rev-parse", "--verify", "HEAD")
    machine = prepare(root)
    code = run_asv(
        root, "run", "--quick", "--append-samples", "--show-stderr", "HEAD", machine=machine
    )
    if code not in (0, _FAILED):
        raise UserError(f"asv ended with exit code {code}; its last lines above say why.")
    results = asv_results.load_machine(root / RESULTS, machine).get(commit)
    if code == _FAILED or results is None:
        raise UserError(describe_failures(commit, results))
    changed = git(root, "status", "--porcelain", "--", "solver/trustfit", "pyproject.toml")
    return Bench(commit, machine, root / RESULTS, bool(changed))


def prepare(root: Path) -> str:
    """Check asv and its results, and return this machine's name, known to asv from now on.

    Raises
    ------
    UserError
        asv is not installed, or a results file is corrupted.
    """
    if importlib.util.find_spec("asv") is None:
        raise UserError("`asv` is not installed; run `pip install 'jitscope[report]'`.")
    if not (root / "asv.conf.json").is_file():
        raise UserError(f"{root} has no asv.conf.json; run this in the project's root folder.")
    asv_results.check_all(root / RESULTS)
    from jitscope.machine import register

    return register()


def run_asv(
    root: Path, command: str, *arguments: str, machine: str, output: IO[str] | None = None
) -> int:
    """Run an asv command in the project and return its exit code.

    Parameters
    ----------
    output : file, optional
        Where it prints; by default where we do.

    Raises
    ------
    UserError
        Interrupted: asv was given the time to stop what it had started.
    """
    # In a session of its own the terminal's Ctrl-C reaches asv once, through us.
    with subprocess.Popen(
        [sys.executable, "-m", "asv", command, "--machine", machine, *arguments],
        cwd=root,
        env=child_environment(),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=None if output is None else subprocess.STDOUT,
        start_new_session=True,
    ) as asv:
        try:
            return asv.wait()
        except KeyboardInterrupt as error:
            asv.send_signal(signal.SIGINT)
            try:
                asv.wait(timeout=_GRACE_S)
            except subprocess.TimeoutExpired:
                asv.kill()
            raise UserError(
                "interrupted; what was measured before is saved, and the same command goes on "
                "from there."
            ) from error


def describe_failures(commit: str, results: asv_results.CommitResults | None) -> str:
    """Say in one sentence what failed on a commit."""
    if results is None:
        return f"nothing was measured on {commit[:8]}; asv's output says why."
    if asv_results.is_broken(results):
        return (
            f"every benchmark failed on {commit[:8]}: does the commit build and does its solver "
            "import? asv's output says why."
        )
    failed = list(asv_results.failures(results))
    named = ", ".join(failed[:_NAMED])
    more = f" and {len(failed) - _NAMED} more" if len(failed) > _NAMED else ""
    return (
        f"{len(failed)} benchmark(s) failed on {commit[:8]}: {named}{more}; asv's output says "
        "why, and all other results were saved."
    )


def git(root: Path, *arguments: str) -> str:
    """Run git in the project and return what it prints.

    Raises
    ------
    UserError
        git is not installed, or the project is not a repository with a commit.
    """
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise UserError("`git` is not installed, and asv measures commits: install it.") from error
    if done.returncode != 0:
        reason = done.stderr.strip().splitlines()
        raise UserError(
            f"git cannot read {root} ({reason[-1] if reason else 'no reason given'}); asv measures "
            "commits, so work in a clone of the repository."
        )
    return done.stdout.strip()
