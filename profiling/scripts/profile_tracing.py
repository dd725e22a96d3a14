"""Show how much of a first fit is JAX's tracing of the model, and what tracing is made of."""

import argparse
import cProfile
import json
import pstats
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

FUNCTIONS = ("exp", "sin", "tanh", "arctan", "cos", "sinh")
"""Each makes another model; the last one's tracing is taken apart."""
Found = Mapping[str, Any]


def main() -> None:
    """Measure in fresh processes, one after the other, and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=7)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps({"fits_ms": fits_ms(), **taken_apart()}))
        return
    command = [sys.executable, __file__, "--child"]
    found: list[Found] = []
    for _ in range(args.processes):
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found.append(json.loads(done.stdout.splitlines()[-1]))
    console = Console()
    console.print(fits_table(found))
    console.print(parts_table(found))
    one = found[0]
    console.print(
        f"The model and its Jacobian have {one['equations']} equations; tracing them makes "
        f"{one['calls']:,} calls of functions, {one['calls'] / one['equations']:.0f} an "
        "equation."
    )


def new_model(name: str) -> Callable[..., Any]:
    """Return a model that no other computes."""
    import jax.numpy as jnp

    function = getattr(jnp, name)
    return lambda x, a, b, c: a * function(-b * x) + c


def fits_ms() -> list[tuple[float, float]]:
    """Return tracing and everything else of one fit of each model, in this fresh process."""
    import jax
    import numpy as np
    import trustfit
    from jitscope.phases import PhaseRecorder

    jax.devices()
    x = np.linspace(0.1, 1.0, 1000)
    noise = 0.01 * np.cos(37.0 * np.arange(1000))
    found: list[tuple[float, float]] = []
    for name in FUNCTIONS[:-1]:
        model = new_model(name)
        y = 2.5 * getattr(np, name)(-1.3 * x) + 0.5 + noise
        with PhaseRecorder() as recorder:
            trustfit.curve_fit(model, x, y, p0=(2.0, 1.2, 0.4))
        trace_ns = recorder.record.phases_ns["trace"] or 0
        found.append((trace_ns / 1e6, (recorder.record.wall_ns - trace_ns) / 1e6))
    return found


def taken_apart() -> Found:
    """Trace one more model and its Jacobian; return equations, calls, and time by JAX's files."""
    import jax
    import numpy as np

    model, x, p = new_model(FUNCTIONS[-1]), np.linspace(0.1, 1.0, 1000), np.ones(3)
    profile = cProfile.Profile()
    with jax.enable_x64(True):
        profile.enable()
        plain = jax.make_jaxpr(lambda p: model(x, *p))(p)
        jacobian = jax.make_jaxpr(jax.jacfwd(lambda p: model(x, *p)))(p)
        profile.disable()
    figures: Any = pstats.Stats(profile)
    own_ms: Counter[str] = Counter()
    for (file, _, _), (_, _, own_s, _, _) in figures.stats.items():
        own_ms[part_of(file)] += 1e3 * own_s
    equations = len(plain.jaxpr.eqns) + len(jacobian.jaxpr.eqns)
    return {"equations": equations, "calls": figures.total_calls, "own_ms": own_ms}


def part_of(file: str) -> str:
    """Return JAX's file, or the package, or that it is C."""
    if file.startswith(("~", "<")):
        return "functions in C, and generated ones"
    parts = Path(file).parts
    if "site-packages" not in parts:
        return "Python's library"
    inside = parts[parts.index("site-packages") + 1 :]
    return "/".join(inside) if inside[0] == "jax" else inside[0]


def fits_table(found: Iterable[Found]) -> Table:
    """Return a row for each fit: medians over the processes, and the range."""
    table = Table(title="First fits of new models, 1,000 points, in one fresh process; ms")
    for heading in ("model", "tracing", "", "everything else", ""):
        table.add_column(heading, justify="left" if heading == "model" else "right")
    by_fit = zip(*(one["fits_ms"] for one in found), strict=True)
    for name, fits in zip(FUNCTIONS[:-1], by_fit, strict=True):
        cells: list[str] = []
        for figures in zip(*fits, strict=True):
            cells += [f"{statistics.median(figures):.1f}"]
            cells += [f"{min(figures):.1f} to {max(figures):.1f}"]
        table.add_row(f"a {name}(-b x) + c", *cells)
    return table


def parts_table(found: Iterable[Found], most: int = 9) -> Table:
    """Return a row for each of JAX's files: its share of tracing under cProfile."""
    total: Counter[str] = Counter()
    for one in found:
        total.update(one["own_ms"])
    table = Table(title="What tracing one more model and its Jacobian is made of")
    table.add_column("where")
    table.add_column("% of its time", justify="right")
    for part, own_ms in total.most_common(most):
        table.add_row(part, f"{100 * own_ms / total.total():.0f}")
    return table


if __name__ == "__main__":
    main()
