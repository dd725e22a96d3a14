"""Show which lines hand data between NumPy and JAX in one warm fit."""

import argparse
from pathlib import Path
from typing import Any

from jitscope import fresh
from jitscope.report.tables import relative_place
from rich.console import Console
from rich.markup import escape
from rich.table import Table


def main() -> None:
    """Record in a process of its own and print the costliest lines first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("problem", nargs="?", default="exponential_1000")
    parser.add_argument("--solver", default="trustfit")
    args = parser.parse_args()
    options = ["conversions", "--solver", args.solver, "--problem", args.problem]
    try:
        sites: Any = fresh.run_child("jitscope.passes", options, what="the conversions pass")
    except fresh.ChildFailed as error:
        raise SystemExit(str(error)) from error
    table = Table(title=f"{args.solver}, {args.problem}: conversions of one warm fit")
    for heading in ("line", "direction", "kind", "count", "bytes", "wait µs", "copy µs"):
        table.add_column(heading, overflow="fold")
    for site in sorted(sites, key=lambda site: -(site["wait_ns"] + site["copy_ns"])):
        table.add_row(
            escape(f"{relative_place(site['file'], Path.cwd())}:{site['line']}"),
            site["direction"],
            escape(site["kind"]),
            str(site["count"]),
            str(site["bytes"]),
            f"{site['wait_ns'] / 1e3:.1f}",
            f"{site['copy_ns'] / 1e3:.1f}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
