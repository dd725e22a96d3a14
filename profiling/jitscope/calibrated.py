"""What the recorders cost on this machine, measured once and remembered on disk.

``python -m jitscope.calibrated`` measures in this fresh interpreter and prints JSON. A recording
carries the figures; `jitscope calibrate` measures them anew.
"""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import cattrs
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from jitscope.fresh import run_child
from jitscope.machine import describe_machine
from jitscope.overhead import POINTS, Cost, Overhead, Share, calibrate, verdict
from jitscope.selftest import fingerprint, read_json, user_cache_folder, write_json


@dataclass(frozen=True)
class Budget:
    """What the project allows a field of `Overhead`.

    Attributes
    ----------
    field, what : str
        Its name, and what recording adds to, in words.
    most : float or None
        None where nothing is asked of it.
    unit : {"µs", "%"}
    """

    field: str
    what: str
    most: float | None
    unit: Literal["µs", "%"]


BUDGETS = (
    Budget("per_light_call_ns", "a jitted call, light mode", 20.0, "µs"),
    Budget("light_share", "a first call, light mode", 2.0, "%"),
    Budget("per_jit_call_ns", "a jitted call, full mode", 80.0, "µs"),
    # A call and a conversion.
    Budget("per_host_call_ns", "a jitted call with a host value, full mode", 90.0, "µs"),
    Budget("per_conversion_ns", "a conversion", 10.0, "µs"),
    Budget("per_span_ns", "a span of one's own", 20.0, "µs"),
    Budget("device_share", "a compiled fit, device pass", 10.0, "%"),
    Budget("per_operation_ns", "an operation in a loop, device pass", None, "µs"),
)


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
    print(
        "jitscope: measures what recording costs on this machine, this once: ten seconds or so.",
        file=sys.stderr,
    )
    return measured_overhead(folder)


def measured_overhead(folder: Path | None = None) -> Overhead:
    """Measure the recorders' cost in a process of its own, and remember it.

    Raises
    ------
    UserError
        If it could not be measured.
    """
    found = run_child("jitscope.calibrated", [], what="measuring what recording costs")
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
    table = Table(title="What recording adds here", box=SIMPLE_HEAD, show_edge=False)
    for heading in ("to", "median", "95% interval", "at most", "verdict"):
        table.add_column(heading, justify="left" if heading in ("to", "verdict") else "right")
    for budget in BUDGETS:
        table.add_row(budget.what, *row_of(budget, getattr(found, budget.field)))
    console = Console()
    console.print(table)
    console.print(f"[dim]The fit is of {POINTS:,} points.[/]")
    return 0


def row_of(budget: Budget, cost: Cost | Share | None) -> tuple[str, str, str, str]:
    """Return the cells for a cost: median, interval, budget and verdict."""
    most = "" if budget.most is None else f"{budget.most:g} {budget.unit}"
    if cost is None:
        return "not measured", "", most, ""
    if isinstance(cost, Share):
        middle, low, high = cost.median_percent, cost.low_percent, cost.high_percent
    else:
        middle, low, high = (ns / 1e3 for ns in (cost.median_ns, cost.low_ns, cost.high_ns))
    judged = "" if budget.most is None else verdict(low, high, budget.most)
    return f"{middle:.1f} {budget.unit}", f"{low:.1f} to {high:.1f}", most, judged


def _path(folder: Path | None) -> Path | None:
    folder = folder or user_cache_folder()
    if folder is None:
        return None
    machine = describe_machine()
    name = "".join(c if c.isalnum() else "-" for c in f"{machine.cpu}-{machine.cores}")
    return folder / f"overhead-{name}-{fingerprint()}.json"


def measure_here() -> Overhead:
    """Measure everything in this process, in some ten seconds; call it in one of its own."""
    from jitscope.shares import device_share, light_share, operation_cost

    return replace(
        calibrate(),
        light_share=light_share(),
        device_share=device_share(),
        per_operation_ns=operation_cost(),
    )


if __name__ == "__main__":
    print(json.dumps(asdict(measure_here())))
