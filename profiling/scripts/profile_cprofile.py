"""Write cProfile dumps of a solver's first and of a warm call, for snakeviz."""

import argparse
from pathlib import Path

from jitscope import fresh


def main() -> None:
    """Record in a process of its own and print the commands that open the dumps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("problem", nargs="?", default="exponential_1000")
    parser.add_argument("--solver", default="trustfit")
    parser.add_argument("--folder", type=Path, default=Path("results/profile"))
    args = parser.parse_args()
    options = ["--solver", args.solver, "--problem", args.problem, "--folder", str(args.folder)]
    try:
        dumps = fresh.run_child("jitscope.passes", ["cprofile", *options], what="the cProfile pass")
    except fresh.ChildFailed as error:
        raise SystemExit(str(error)) from error
    for call, dump in dumps.items():
        print(f"{call} call: snakeviz {dump}")


if __name__ == "__main__":
    main()
