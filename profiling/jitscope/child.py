"""One pass over a program in this fresh process: `python -m jitscope.child OPTIONS -- PROGRAM`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from jitscope import marks
from jitscope.following import Follower
from jitscope.observing import Observation, empty_recording, observe
from jitscope.program import Program, load_module, load_script
from jitscope.recording import PhasesPass
from jitscope.recordings import save_recording

UNOBSERVED = "unobserved"
"""Name of the run without hooks."""


@contextmanager
def _plain() -> Generator[Observation, None, None]:
    observation = Observation()
    start_ns = time.perf_counter_ns()
    try:
        yield observation
    finally:
        wall_ns = time.perf_counter_ns() - start_ns
        observation.fields["phases"] = (PhasesPass(wall_ns, wall_ns, {}),)


class _Caught:
    """Keeps how the program ended, whatever it was, until the recording is written."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        self.error = error
        return True


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m jitscope.child", description=__doc__)
    parser.add_argument("--pass", dest="name", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--dump", type=Path)
    parser.add_argument("--module", action="store_true")
    parser.add_argument("--lines-of", action="append", default=[])
    parser.add_argument("program", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    if args.program[:1] == ["--"]:
        del args.program[0]
    return args


def main() -> None:
    """Run the program and hand over what was recorded; ends as the program ended."""
    args = _arguments()
    name, *arguments = args.program
    process = os.getpid()
    program = (load_module if args.module else load_script)(name, arguments)
    follower = Follower(args.lines_of) if args.name == "lines" else None
    if follower is not None:
        program = Program(follower.followed(program.code), program.module)
    marks.enter_run(follower.add if follower is not None else None)
    caught, entered = _Caught(), False
    unobserved = args.name == UNOBSERVED
    observation = _plain() if unobserved else observe(args.name, follower=follower, dump=args.dump)
    fields: dict[str, object] = {}
    with caught, observation as observed:
        fields, entered = observed.fields, True
        exec(program.code, vars(program.module))
    ended = caught.error
    if ended is not None and not entered:
        # The pass could not start: no ending of the program's.
        raise ended
    if os.getpid() == process:
        # A second Ctrl-C must not cut off what is being written.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        recording = replace(empty_recording(args.program), exception=_ending(ended), **fields)
        save_recording(recording, args.out)
        signal.signal(signal.SIGINT, signal.default_int_handler)
    _end(ended)


def _ending(error: BaseException | None) -> str | None:
    if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return None
    return "".join(traceback.format_exception_only(error)).strip()


def _end(error: BaseException | None) -> None:
    if error is None:
        return
    if isinstance(error, SystemExit):
        raise error
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    sys.excepthook(type(error), error.with_traceback(trace), trace)
    raise SystemExit(130 if isinstance(error, KeyboardInterrupt) else 1)


if __name__ == "__main__":
    main()
