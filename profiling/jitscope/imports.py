"""Measure how long a package takes to import, beside what it needs, in this fresh interpreter.

``python -m jitscope.imports --package NAME --after jax`` imports the package right after another
one, and prints one JSON object as its last line: what each took, and how many modules came in.
"""

import argparse
import importlib
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path


def measure(package: str, after: str, expected_prefix: Path | None = None) -> dict[str, float]:
    """Import `after`, then the package.

    Returns
    -------
    figures : dict
        `after_s`, `added_s`: time of both; `added_modules`: how many the second one brought.

    Raises
    ------
    ValueError
        The package is imported already, or does not lie below `expected_prefix`.
    """
    if package in sys.modules:
        raise ValueError(f"{package} is imported already: measure in a fresh interpreter.")
    after_s, _ = _timed(after)
    added_s, added_modules = _timed(package)
    file = Path(sys.modules[package].__file__ or "").resolve()
    if expected_prefix is not None and not file.is_relative_to(expected_prefix.resolve()):
        raise ValueError(
            f"{package} was imported from {file}, expected a file below {expected_prefix}: "
            "install the commit that is to be measured there, and not editable."
        )
    return {"after_s": after_s, "added_s": added_s, "added_modules": added_modules}


def _timed(package: str) -> tuple[float, int]:
    before, start_ns = len(sys.modules), time.perf_counter_ns()
    importlib.import_module(package)
    return (time.perf_counter_ns() - start_ns) / 1e9, len(sys.modules) - before


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the figures as JSON; a mistake is one sentence on stderr and exit code 2."""
    parser = argparse.ArgumentParser(prog="python -m jitscope.imports", description=__doc__)
    parser.add_argument("--package", required=True)
    parser.add_argument("--after", default="jax", help="imported first, and not counted")
    parser.add_argument("--expected-prefix", type=Path, help="where the package must lie")
    args = parser.parse_args(argv)
    try:
        figures = measure(args.package, args.after, args.expected_prefix)
    except (ImportError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
