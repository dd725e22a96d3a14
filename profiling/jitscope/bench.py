"""Run the airspeed-velocity suite on HEAD, without questions and with errors that name things."""

import importlib.util
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from jitscope import asv_results
from jitscope._git import resolve_commit, run_git
from jitscope.errors import UserError
from jitscope.failures import remember
from jitscope.fresh import child_environment

RESULTS = Path("results") / "asv"
"""Where asv keeps its results, from the project's root; `asv.conf.json` says the same."""
LOG = Path(".asv") / "bench.log"
_FAILED = 2
_NAMED = 6
_GRACE_S = 60.0
_POLL_S = 0.5
_PROGRESS = re.compile(r"\[\s*(?P<percent>[\d.]+)%\][\s·]*(?P<what>[^\n]*)")


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
    failures : str or None
        What failed, in one sentence; everything else was measured and saved.
    """

    commit: str
    machine: str
    results_dir: Path
    uncommitted: bool
    failures: str | None


def run_bench(root: Path) -> Bench:
    """Measure HEAD with quick samples and add them to ``results/asv``.

    Parameters
    ----------
    root : Path
        The project: a git repository with ``asv.conf.json``.

    Raises
    ------
    UserError
        No git, no asv, corrupted results, or asv measured nothing at all.
    """
    commit = resolve_commit(root, "HEAD")
    machine = prepare(root)
    before = asv_results.load_machine(root / RESULTS, machine).get(commit)
    console = Console()
    console.print(f"Measuring {commit[:8]} on {machine}; asv's words go to {LOG}.")
    (root / LOG).parent.mkdir(parents=True, exist_ok=True)
    options = ("--quick", "--append-samples", "--show-stderr", f"{commit}^!")
    with (
        (root / LOG).open("w", encoding="utf-8") as log,
        Progress(console=console, transient=True) as progress,
    ):
        task = progress.add_task("building asv's environment", total=100)

        def show() -> None:
            percent, what = last_progress((root / LOG).read_text(encoding="utf-8"))
            if percent is not None:
                progress.update(task, completed=percent, description=escape(what[:60]))

        code = run_asv(root, "run", *options, machine=machine, output=log, poll=show)
    if before is not None:
        asv_results.restore_lost_samples(before)
    if code not in (0, _FAILED):
        raise UserError(f"asv ended with exit code {code}; the end of {LOG} says why.")
    results = asv_results.load_machine(root / RESULTS, machine).get(commit)
    if results is not None:
        remember(root, machine, results, (root / LOG).read_text(encoding="utf-8", errors="replace"))
    if results is None or asv_results.is_broken(results):
        raise UserError(describe_failures(commit, results))
    failures = describe_failures(commit, results) if code == _FAILED else None
    changed = run_git(root, "status", "--porcelain", "--", "solver/trustfit", "pyproject.toml")
    return Bench(commit, machine, root / RESULTS, bool(changed.strip()), failures)


def last_progress(text: str) -> tuple[float | None, str]:
    """Return the last percentage (0 to 100) that asv printed, and its words; None before any."""
    found = [(float(one["percent"]), one["what"].strip()) for one in _PROGRESS.finditer(text)]
    return found[-1] if found else (None, "")


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
    root: Path,
    command: str,
    *arguments: str,
    machine: str,
    output: IO[str],
    poll: Callable[[], None] = lambda: None,
) -> int:
    """Run an asv command in the project and return its exit code.

    Parameters
    ----------
    output : file
        Where it prints.
    poll : callable
        Called twice a second while it runs.

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
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as asv:
        try:
            while True:
                try:
                    return asv.wait(timeout=_POLL_S)
                except subprocess.TimeoutExpired:
                    poll()
        except KeyboardInterrupt as error:
            asv.send_signal(signal.SIGINT)
            try:
                asv.wait(timeout=_GRACE_S)
            except subprocess.TimeoutExpired:
                os.killpg(asv.pid, signal.SIGKILL)  # what it started would go on measuring
            raise UserError(
                "interrupted; what was measured before is saved, and the same command goes on "
                "from there."
            ) from error


def describe_failures(commit: str, results: asv_results.CommitResults | None) -> str:
    """Say in one sentence what failed on a commit."""
    if results is None:
        return f"nothing was measured on {commit[:8]}; the end of {LOG} says why."
    if asv_results.is_broken(results):
        return (
            f"every benchmark failed on {commit[:8]}: does the commit build and does its solver "
            f"import? The end of {LOG} says why."
        )
    failed = list(asv_results.failures(results))
    named = ", ".join(failed[:_NAMED])
    more = f" and {len(failed) - _NAMED} more" if len(failed) > _NAMED else ""
    return (
        f"{len(failed)} benchmark(s) failed on {commit[:8]}: {named}{more}; {LOG} says "
        "why, and all other results were saved."
    )
