"""`make bench`: the suite on HEAD, one quick sample a series."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from jitscope import recorded
from jitscope._git import resolve_commit
from jitscope.asv_command import LOG, run_asv
from jitscope.errors import UserError
from jitscope.machine import register_machine


def run_bench(root: Path) -> int:
    """Measure HEAD once and add the samples to its results.

    Parameters
    ----------
    root : Path
        The repository.

    Returns
    -------
    int
        0, or 1 if a benchmark failed; the others' results are kept then.

    Raises
    ------
    UserError
        If this is no git checkout, a results file is damaged, or asv measured nothing.
    """
    console = Console()
    head = resolve_commit(root, "HEAD")
    machine = register_machine().name
    before = recorded.load_results(root, machine, head)
    console.print(f"Measuring {head[:8]} on {escape(machine)}, one sample a series.")
    arguments = ["run", "--quick", "--append-samples", "--machine", machine]
    arguments.append(f"{head}^!")
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("setting up asv's environment", total=100)

        def show(percent: float, what: str) -> None:
            progress.update(task, completed=percent, description=escape(what[:60]))

        code = run_asv(root, arguments, show)
    after = recorded.load_results(root, machine, head)
    if after is None or after.broken:
        raise UserError(f"asv measured nothing of {head[:8]} (exit code {code}). See {LOG}.")
    recorded.restore_lost(before, after)
    failed = after.failed()
    for name in failed:
        console.print(f"[red]failed:[/] {escape(name)} (why: {LOG})")
    return 1 if failed else 0
