"""`jitscope show`: print a saved recording, or convert it."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("file", type=Path, help="a recording's .json file")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write one self-contained page")
    parser.add_argument("--speedscope", type=Path, metavar="FILE", help="write a timeline")
    parser.add_argument("--json", action="store_true", help="print the recording as JSON")


def run(args: argparse.Namespace) -> int:
    """Print the recording where nothing else was asked for."""
    from jitscope.recordings import load_recording

    recording = load_recording(args.file)
    if args.html:
        from jitscope.report.recording_page import write_page

        write_page(recording, args.html)
    if args.speedscope:
        from jitscope.report.speedscope import write_speedscope

        write_speedscope(recording, args.speedscope)
    if args.json:
        print(args.file.read_text(encoding="utf-8"), end="")
    elif not (args.html or args.speedscope):
        from rich.console import Console

        from jitscope.report.recording_terminal import print_recording

        print_recording(recording, Console())
    return 0
