"""Run asv as a subprocess, with its progress shown and its output kept in a log."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

_PROGRESS = re.compile(r"\[\s*(?P<percent>[\d.]+)%\]\s*·*\s*(?P<what>.*)")

LOG = Path(".asv") / "last-run.log"


def run_asv(root: Path, arguments: Sequence[str], on_progress: Callable[[float, str], None]) -> int:
    """Run `asv` with arguments and follow it line by line.

    Parameters
    ----------
    root : Path
        The repository; its `.asv/last-run.log` receives everything that asv prints.
    arguments : sequence of str
        Arguments of asv.
    on_progress : callable
        Told the percentage (0 to 100) and asv's words, once a line that has a percentage.

    Returns
    -------
    int
        asv's exit code: 0, 2 if a build or a benchmark failed, 1 for everything else.
    """
    log = root / LOG
    log.parent.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "asv", *arguments]
    with (
        log.open("w", encoding="utf-8") as kept,
        subprocess.Popen(
            command,
            cwd=root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        ) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            kept.write(line)
            kept.flush()
            found = _PROGRESS.search(line)
            if found:
                on_progress(float(found["percent"]), found["what"].strip())
        return process.wait()
