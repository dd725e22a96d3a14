"""`jitscope run`: record a script or a module, each pass in a process of its own."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from jitscope.errors import UserError
from jitscope.recording import PASSES, Recording


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `jitscope run`."""
    parser.add_argument("--passes", default="phases", help=f"of {','.join(PASSES)}, by commas")
    parser.add_argument("--runs", type=int, default=1, help="runs of the phases pass")
    parser.add_argument("--lines-of", action="append", default=[], metavar="MODULE")
    parser.add_argument("-o", "--output", type=Path, help="the recording's file")
    parser.add_argument("--json", type=Path, help="write the recording here too")
    parser.add_argument("--html", type=Path, help="write a page")
    parser.add_argument("--speedscope", type=Path, help="write a timeline for speedscope")
    parser.add_argument("--no-report", action="store_true", help="print no report")
    parser.add_argument("-m", dest="module", action="store_true", help="run a module")
    parser.add_argument("program", nargs=argparse.REMAINDER, metavar="script.py ARGS")


def run(args: argparse.Namespace) -> int:
    """Record the program; the exit code is the program's own."""
    names = args.passes.split(",")
    _check(args, names)
    from jitscope.selftest import require_supported_jax

    try:
        require_supported_jax()
    except RuntimeError as error:
        raise UserError(str(error)) from error
    output = args.output or _default_output(args.program[0])
    plan = [name for name in names for _ in range(args.runs if name == "phases" else 1)]
    recording, code = _record(args, plan, output)
    recording = _with_overhead(recording)
    _write(args, recording, output)
    return code


def _with_overhead(recording: Recording) -> Recording:
    from jitscope.calibrated import remembered_overhead

    try:
        return replace(recording, overhead=remembered_overhead())
    except UserError as error:
        return replace(recording, failures={**recording.failures, "calibration": str(error)})


def _check(args: argparse.Namespace, names: Sequence[str]) -> None:
    if not args.program:
        raise UserError("nothing to run; write `jitscope run script.py` or `jitscope run -m name`.")
    unknown = [name for name in names if name not in PASSES]
    if unknown or len(set(names)) < len(names):
        raise UserError(f"--passes takes each of {','.join(PASSES)} once; got {args.passes}.")
    if not args.module and not Path(args.program[0]).is_file():
        raise UserError(f"{args.program[0]} is no file; name a script, or a module with -m.")
    for path in (args.output, args.json, args.html, args.speedscope):
        # Before anything runs, so that nothing measured is lost.
        if path is not None and not path.absolute().parent.is_dir():
            raise UserError(f"{path} cannot be written: there is no folder {path.parent}.")
    if args.speedscope and "phases" not in names:
        raise UserError("--speedscope needs the phases pass; add it to --passes.")
    if args.runs < 1:
        raise UserError(f"--runs must be at least 1; got {args.runs}.")


def _default_output(program: str) -> Path:
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    return Path(f"jitscope-{Path(program).stem}-{now}.json").absolute()


def _say(text: str) -> None:
    print(f"jitscope: {text}", file=sys.stderr, flush=True)


def _record(args: argparse.Namespace, plan: Sequence[str], output: Path) -> tuple[Recording, int]:
    from jitscope.observing import empty_recording
    from jitscope.recordings import load_recording

    merged = empty_recording(args.program)
    codes: dict[bool, int] = {}
    twin = len(plan) > 1 and "phases" in plan
    total = len(plan) + twin
    if total > 1:
        observed = ", once of them unobserved" if twin else ""
        _say(f"the script will run {total} times ({', '.join(plan)}{observed}).")
    with tempfile.TemporaryDirectory() as folder:
        unobserved_ns = _unobserved(args, Path(folder), output) if twin else None
        for number, name in enumerate(plan):
            if total > 1:
                _say(f"run {number + 1 + twin} of {total}: {name}")
            found = Path(folder) / f"{number}.json"
            ended = _wait(_child(args, name, found, output))
            handed_over = found.is_file()
            codes[handed_over] = codes.get(handed_over, 0) or ended
            if handed_over:
                merged = _merge(merged, load_recording(found))
            else:
                reason = f"the process handed over no recording (exit code {ended})"
                merged = replace(merged, failures={**merged.failures, name: reason})
            if ended in (130, -2):
                break
    # A pass that failed by itself says nothing about how the program ends.
    code = codes.get(True, codes.get(False, 0))
    phases = tuple(replace(one, unobserved_wall_ns=unobserved_ns) for one in merged.phases)
    return replace(merged, phases=phases), code if code >= 0 else 128 - code


def _child(args: argparse.Namespace, name: str, found: Path, output: Path) -> list[str]:
    ending = {"lines": ".lprof", "cprofile": ".prof"}.get(name)
    dump = ["--dump", str(output.absolute().with_suffix(ending))] if ending else []
    follow = [part for module in args.lines_of for part in ("--lines-of", module)]
    module = ["--module"] if args.module else []
    options = ["--pass", name, "--out", str(found), *dump, *follow, *module]
    return [sys.executable, "-m", "jitscope.child", *options, "--", *args.program]


def _unobserved(args: argparse.Namespace, folder: Path, output: Path) -> int | None:
    from jitscope.recordings import load_recording

    _say("run 1: unobserved")
    found = folder / "unobserved.json"
    code = _wait(_child(args, "unobserved", found, output))
    return None if code or not found.is_file() else load_recording(found).phases[0].wall_ns


def _wait(command: Sequence[str]) -> int:
    process = subprocess.Popen(command)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            # A terminal interrupts the program too, which then writes what it recorded.
            continue


def _merge(merged: Recording, one: Recording) -> Recording:
    names = ("conversions", "lines", "device", "counters", "cprofile", "lprof", "exception")
    values = {name: getattr(one, name) for name in names if getattr(one, name) is not None}
    return replace(merged, phases=merged.phases + one.phases, **values)


def _write_snakeviz(dump: Path, report: Path | None) -> None:
    from jitscope.report.snakeviz_page import page_of, write_snakeviz_page

    page = page_of(dump)
    back = report and os.path.relpath(report, page.parent)
    try:
        write_snakeviz_page(dump, page, title=f"cProfile of {dump.stem}", back=back)
    except UserError as error:
        # The dump is there all the same, and so is all else.
        _say(str(error))


def _write(args: argparse.Namespace, recording: Recording, output: Path) -> None:
    from jitscope.recordings import save_recording

    for path in filter(None, (output, args.json)):
        save_recording(recording, path)
    _say(f"recorded in {output}")
    if recording.cprofile:
        _write_snakeviz(Path(recording.cprofile), args.html)
    if args.html:
        from jitscope.report.recording_page import write_page

        write_page(recording, args.html)
    if args.speedscope and recording.phases:
        from jitscope.report.speedscope import write_speedscope

        write_speedscope(recording, args.speedscope)
    if not args.no_report:
        from rich.console import Console

        from jitscope.report.recording_terminal import print_recording

        print_recording(recording, Console(stderr=True))
