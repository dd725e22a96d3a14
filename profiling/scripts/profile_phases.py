"""Show the phases of a solver's first call in a fresh process, and of a warm call."""

import argparse

from jitscope import fresh
from jitscope.phases import PHASES
from jitscope.sample import Sample
from rich.console import Console
from rich.table import Table


def main() -> None:
    """Run two samples in processes of their own and print them side by side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("problem", nargs="?", default="exponential_1000")
    parser.add_argument("--solver", default="trustfit")
    args = parser.parse_args()
    samples: dict[str, Sample] = {}
    for condition, one in fresh.measure_conditions(args.problem, solver=args.solver):
        if isinstance(one, fresh.ChildFailed):
            raise SystemExit(str(one))
        samples[condition] = one
    table = Table(title=f"{args.solver}, {args.problem}: one sample each, ms")
    for heading in ("phase", *samples):
        table.add_column(heading, justify="left" if heading == "phase" else "right")
    for phase in PHASES:
        parts = ((one.phases_ns or {}).get(phase) for one in samples.values())
        table.add_row(phase, *map(_ms, parts))
    table.add_row("sum = wall", *(_ms(sample.wall_ns) for sample in samples.values()))
    table.add_row(
        "the same, without hooks", *(_ms(sample.unobserved_wall_ns) for sample in samples.values())
    )
    Console().print(table)


def _ms(duration_ns: int | None) -> str:
    return "-" if duration_ns is None else f"{duration_ns / 1e6:.2f}"


if __name__ == "__main__":
    main()
