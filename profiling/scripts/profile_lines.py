"""Show line_profiler's figures of a solver's driver, the conversions of each line beside."""

import argparse

import cattrs
from jitscope import adapters, fresh
from jitscope.conversions import ConversionSite
from jitscope.lines import LineTime, annotate
from rich.console import Console
from rich.markup import escape
from rich.table import Table


def main() -> None:
    """Record lines and conversions in two processes and print them joined."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("problem", nargs="?", default="exponential_1000")
    parser.add_argument("--solver", default="trustfit")
    args = parser.parse_args()
    options = ["--solver", args.solver, "--problem", args.problem]
    try:
        stepped = adapters.get(args.solver).has_stepped_driver()
        options += ["--stepped"] if stepped else []
        lines, sites = (
            fresh.run_child("jitscope.passes", [name, *options], what=f"the {name} pass")
            for name in ("lines", "conversions")
        )
    except (fresh.ChildFailed, ValueError) as error:
        raise SystemExit(str(error)) from error
    driver = "stepped driver (users run the fused one)" if stepped else "driver"
    table = Table(title=f"{args.solver}, {args.problem}: the {driver} in one warm fit")
    for heading in ("line", "hits", "time µs", "to host", "to device", "source"):
        source = heading == "source"
        table.add_column(heading, justify="left" if source else "right", no_wrap=source)
    for row in annotate(
        cattrs.structure(lines, tuple[LineTime, ...]),
        cattrs.structure(sites, tuple[ConversionSite, ...]),
    ):
        table.add_row(
            str(row.time.line),
            str(row.time.hits),
            f"{row.time.time_ns / 1e3:.1f}",
            str(row.to_host or ""),
            str(row.to_device or ""),
            escape(row.time.source),
        )
    Console().print(table)


if __name__ == "__main__":
    main()
