"""What the recorders cost on this machine, measured once and remembered on disk.

``python -m jitscope.calibrated`` measures in this fresh interpreter and prints JSON. A recording
carries the figures; `jitscope calibrate` measures them anew.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import cattrs
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from jitscope.errors import UserError
from jitscope.machine import describe_machine
from jitscope.overhead import Cost, Overhead, calibrate
from jitscope.selftest import fingerprint, read_json, user_cache_folder, write_json

BUDGETS = {
    "per_light_call_ns": ("a jitted call, light mode", 20.0),
    "per_jit_call_ns": ("a jitted call, full mode", 80.0),
    "per_conversion_ns": ("a conversion", 10.0),
    "per_span_ns": ("a span of one's own", 20.0),
}
"""Fields of `Overhead` in words, and what the project allows each of them, in microseconds."""


def remembered_overhead(folder: Path | None = None) -> Overhead:
    """Return the recorders' cost here, measured in a process of its own if it is not known yet.

    Parameters
    ----------
    folder : Path, optional
        Where it is remembered; by default where the self-test is. Where it cannot be written to,
        it is measured each time.

    Raises
    ------
    UserError
        If it could not be measured.
    """
    path = _path(folder)
    known = None if path is None else read_json(path)
    if known is not None:
        with suppress(cattrs.BaseValidationError, cattrs.StructureHandlerNotFoundError):
            return cattrs.structure(known, Overhead)
    return measured_overhead(folder)


def measured_overhead(folder: Path | None = None) -> Overhead:
    """Measure the recorders' cost in a process of its own, and remember it.

    Raises
    ------
    UserError
        If it could not be measured.
    """
    run = subprocess.run(
        [sys.executable, "-m", "jitscope.calibrated"],
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode != 0:
        reason = (run.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise UserError(f"the recorders' own cost could not be measured: {reason}")
    found = json.loads(run.stdout.splitlines()[-1])
    path = _path(folder)
    if path is not None:
        with suppress(OSError):
            write_json(path, found)
    return cattrs.structure(found, Overhead)


def run(args: argparse.Namespace) -> int:
    """Measure, remember, and show what the recorders cost, beside what they may cost."""
    found = measured_overhead()
    if args.json:
        write_json(args.json, asdict(found))
    table = Table(title="What recording costs here, µs", box=SIMPLE_HEAD, show_edge=False)
    for heading in ("what", "median", "95% interval", "at most", ""):
        table.add_column(heading, justify="left" if heading in ("what", "") else "right")
    for name, (what, most_us) in BUDGETS.items():
        cost: Cost | None = getattr(found, name)
        if cost is None:
            table.add_row(what, "not measured", "", f"{most_us:g}", "")
            continue
        ends = f"{cost.low_ns / 1e3:.1f} to {cost.high_ns / 1e3:.1f}"
        verdict = verdict_of(cost, most_us)
        table.add_row(what, f"{cost.median_ns / 1e3:.1f}", ends, f"{most_us:g}", verdict)
    Console().print(table)
    return 0


def verdict_of(cost: Cost, most_us: float) -> str:
    """Return whether all of the interval keeps a budget in microseconds, or breaks it."""
    if cost.high_ns <= most_us * 1e3:
        return "met"
    return "missed" if cost.low_ns > most_us * 1e3 else "undecided"


def _path(folder: Path | None) -> Path | None:
    folder = folder or user_cache_folder()
    if folder is None:
        return None
    machine = describe_machine()
    name = "".join(c if c.isalnum() else "-" for c in f"{machine.cpu}-{machine.cores}")
    return folder / f"overhead-{name}-{fingerprint()}.json"


if __name__ == "__main__":
    print(json.dumps(asdict(calibrate())))
