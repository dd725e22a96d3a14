"""One recording pass in this fresh process: `python -m jitscope.passes NAME`.

Passes never share a process, because what one records another one would disturb. The answer is
one JSON value on the last line of standard output. With ``--stepped`` the recorded call goes
through the solver's stepped driver instead of being the user's own.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from jitscope import adapters, problems
from jitscope.adapters import Adapter
from jitscope.errors import UserError
from jitscope.sample import check_answer


def _conversions(adapter: Adapter, folder: Path) -> object:
    from jitscope.conversions import ConversionRecorder

    del folder
    adapter.run()
    with ConversionRecorder() as recorder:
        adapter.run()
    return [asdict(site) for site in recorder.sites]


def _lines(adapter: Adapter, folder: Path) -> object:
    from jitscope.lines import record_lines

    del folder
    adapter.run()
    modules = {target.split(":")[0] for target in adapter.stages()}
    return [asdict(line) for line in record_lines(adapter.run, sorted(modules))]


def _device(adapter: Adapter, folder: Path) -> object:
    from jitscope.device import DeviceRecorder

    del folder
    adapter.run()
    with DeviceRecorder() as recorder:
        adapter.run()
    return asdict(recorder.device)


def _counters(adapter: Adapter, folder: Path) -> object:
    from jitscope.counters import CounterRecorder

    del folder
    with CounterRecorder() as recorder:
        adapter.run()
    return asdict(recorder.counters)


def _cprofile(adapter: Adapter, folder: Path) -> object:
    dumps: dict[str, str] = {}
    folder.mkdir(parents=True, exist_ok=True)
    for call in ("first", "warm"):
        if call == "warm":
            adapter.warm_up()
        path = folder / f"{adapter.name}-{call}.prof"
        with cProfile.Profile() as profile:
            adapter.run()
        profile.dump_stats(path)
        dumps[call] = str(path)
    return dumps


PASSES: dict[str, Callable[[Adapter, Path], object]] = {
    "conversions": _conversions,
    "lines": _lines,
    "device": _device,
    "counters": _counters,
    "cprofile": _cprofile,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one pass and print what it recorded.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name.

    Returns
    -------
    int
        0, or 2 for a mistake of the user's, in one sentence on stderr; any other failure is an
        exception, which the parent process reports.
    """
    parser = argparse.ArgumentParser(prog="python -m jitscope.passes", description=__doc__)
    parser.add_argument("name", choices=sorted(PASSES))
    parser.add_argument("--solver", required=True, type=adapters.known)
    parser.add_argument("--problem", required=True)
    parser.add_argument("--stepped", action="store_true", help="through the stepped driver")
    parser.add_argument("--folder", type=Path, default=Path.cwd(), help="where dumps go")
    args = parser.parse_args(argv)
    try:
        recorded = _record(args)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(recorded))
    return 0


def _record(args: argparse.Namespace) -> object:
    adapter, problem = adapters.get(args.solver), problems.get(args.problem)
    if args.name != "cprofile":
        adapter.wait_for_programs()  # what is looked at is in them
    adapter.prepare(problem, stepped=args.stepped)
    recorded = PASSES[args.name](adapter, args.folder)
    check_answer(problem, adapter.result())
    return recorded


if __name__ == "__main__":
    raise SystemExit(main())
