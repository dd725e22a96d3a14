"""`jitscope show`: print a saved recording or session, or convert it."""

from __future__ import annotations

import argparse
from pathlib import Path

from jitscope.errors import UserError
from jitscope.recording import Recording
from jitscope.session import Session


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "file", type=Path, help="a .json file of `jitscope run` or `jitscope profile`"
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="write one self-contained page")
    parser.add_argument("--speedscope", type=Path, metavar="FILE", help="write a timeline")
    parser.add_argument("--json", action="store_true", help="print the file as it is")


def run(args: argparse.Namespace) -> int:
    """Print what the file holds where nothing else was asked for."""
    from jitscope.saved import load_saved

    saved = load_saved(args.file)
    if args.speedscope:
        _write_timeline(saved, args.file, args.speedscope)
    if args.html:
        _write_page(saved, args.html, args.root)
    if args.json:
        print(args.file.read_text(encoding="utf-8"), end="")
    elif not (args.html or args.speedscope):
        _print(saved, args.root)
    return 0


def _write_timeline(saved: Recording | Session, file: Path, to: Path) -> None:
    from jitscope.report.speedscope import write_speedscope

    if isinstance(saved, Session):
        raise UserError(
            f"{file} is a session, whose calls have no timeline; record one with "
            "`jitscope run --speedscope FILE script.py`."
        )
    write_speedscope(saved, to)


def _write_page(saved: Recording | Session, to: Path, root: Path) -> None:
    if isinstance(saved, Session):
        from jitscope.report.profile_page import write_session_alone

        write_session_alone(saved, root, to)
    else:
        from jitscope.report.recording_page import write_page

        write_page(saved, to)


def _print(saved: Recording | Session, root: Path) -> None:
    from rich.console import Console

    if isinstance(saved, Session):
        from jitscope.report.terminal import print_session

        # Narrower, tables lose their figures.
        print_session(saved, root, Console(width=max(100, Console().width)))
    else:
        from jitscope.report.recording_terminal import print_recording

        print_recording(saved, Console())
