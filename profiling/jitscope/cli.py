"""The `jitscope` command: what the Makefile's targets call.

Every mistake that a user can mend ends in one sentence on standard error and exit code 2.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from jitscope import init, run, schemas, show
from jitscope.errors import UserError

OF_REPORTS = ("asv", "asv_runner", "pandas", "plotly", "pyarrow", "virtualenv")
"""Packages of the extra `report`: history and pages need them, recordings do not."""


def _bench(args: argparse.Namespace) -> int:
    from jitscope.bench import run_bench
    from jitscope.report.publish import publish

    measured = run_bench(args.root)
    if measured.uncommitted:
        print("The solver has uncommitted changes: they were not measured. Commit them first.")
    page = publish(args.root)
    print(f"\nOverview: {page.as_uri()}")
    print(f"Your own bar: this machine is {measured.machine} under 'Machine'.")
    print("Next: `make profile` (where one fit's time goes, to the line),")
    print("      `make serve` (the pages over http, asv's own among them),")
    print("      `make history` (measure what the predictions are judged by).")
    if measured.failures is not None:
        print(f"jitscope: {measured.failures}", file=sys.stderr)
        return 1
    return 0


def _history(args: argparse.Namespace) -> int:
    from jitscope.rounds import measure_history

    history = measure_history(args.root, args.range, samples=args.samples, bench=args.bench)
    for commit in history.broken:
        print(f"{commit[:8]}: broken, nothing of its solver could be measured")
    for commit, names in history.failed.items():
        print(f"{commit[:8]}: failed: {', '.join(names)}")
    if history.broken or history.failed:
        print("To try one of them again, remove its file from results/asv; .asv/history.log says")
        print("why it failed.")
    short = {*history.broken, *history.failed, *history.incomplete}
    complete = len(history.commits) - len(short)
    print(f"{complete} of {len(history.commits)} commits have {args.samples} samples a series.")
    print("`make html` shows them.")
    return 1 if short else 0


def _compare(args: argparse.Namespace) -> int:
    from jitscope.compare import compare_commits, compare_files

    files = [Path(name) for name in (args.base, args.head)]
    if all(path.suffix == ".json" and path.is_file() for path in files):
        return compare_files(*files)
    return compare_commits(args.root, args.base, args.head)


def _profile(args: argparse.Namespace) -> int:
    from jitscope.profiler import run_profile

    return run_profile(args.root, solver=args.solver, names=args.problem)


def _html(args: argparse.Namespace) -> int:
    from jitscope.report.publish import publish

    print(f"Overview: {publish(args.root).as_uri()}")
    return 0


def _calibrate(args: argparse.Namespace) -> int:
    from jitscope.calibrated import run

    return run(args)


def _serve(args: argparse.Namespace) -> int:
    from jitscope.report.serve import serve

    serve(args.root / "results" / "html", port=args.port)
    return 0


def _export(args: argparse.Namespace) -> int:
    from jitscope import export

    return export.run(args)


def _gate(args: argparse.Namespace) -> int:
    from jitscope import gate

    return gate.run(args)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="jitscope", description="Measure where the time of JAX code goes."
    )
    parser.add_argument(
        "--root", type=Path, default=Path.cwd(), help="the repository (default: this folder)"
    )
    commands = parser.add_subparsers(dest="command", required=True)

    bench = commands.add_parser("bench", help="measure HEAD quickly and publish the pages")
    bench.set_defaults(run=_bench)

    history = commands.add_parser("history", help="measure predictions' commits in rounds")
    history.add_argument(
        "--range",
        help="git range, as in v1..main (default: commits with a trailer `Expectation:`, what "
        "they are compared with, and HEAD)",
    )
    history.add_argument("--samples", type=int, default=7, help="samples each series must have")
    history.add_argument(
        "--bench", default="", help="regular expression: the benchmarks to measure (default: all)"
    )
    history.set_defaults(run=_history)

    compare = commands.add_parser("compare", help="compare two recordings, sessions or commits")
    compare.add_argument("base", help="a .json file of `run` or `profile`, or a measured commit")
    compare.add_argument("head", help="the same")
    compare.set_defaults(run=_compare)

    profile = commands.add_parser("profile", help="where a fit's time goes, to the line")
    profile.add_argument(
        "--solver",
        default="trustfit",
        help="name of an adapter, or your own: path/to/adapter.py or module:Class",
    )
    profile.add_argument(
        "--problem", action="append", help="may be repeated (default: the four sizes)"
    )
    profile.set_defaults(run=_profile)

    html = commands.add_parser("html", help="publish the pages from the committed results")
    html.set_defaults(run=_html)

    exported = commands.add_parser("export", help="write the history as Parquet and CSV")
    exported.add_argument("--to", type=Path, help="folder of the tables (default: results/export)")
    exported.set_defaults(run=_export)

    gated = commands.add_parser("gate", help="fail if a counter regressed since a base commit")
    gated.add_argument("--base", required=True, help="revision to compare with")
    gated.add_argument("--head", default="HEAD", help="revision to judge (default: HEAD)")
    gated.add_argument("--times", action="store_true", help="let times and memory fail, too")
    gated.add_argument("--summary", type=Path, help="write the Markdown to this file")
    gated.set_defaults(run=_gate)

    serve = commands.add_parser("serve", help="serve the pages on 127.0.0.1")
    serve.add_argument("--port", type=int, default=8000)
    serve.set_defaults(run=_serve)

    recorded = commands.add_parser("run", help="where the time of a script or a module goes")
    run.add_arguments(recorded)
    recorded.set_defaults(run=run.run)
    shown = commands.add_parser("show", help="print a saved recording or session, or convert it")
    show.add_arguments(shown)
    shown.set_defaults(run=show.run)
    calibrate = commands.add_parser("calibrate", help="what recording itself costs here")
    calibrate.add_argument("--json", type=Path, help="write the figures to this file too")
    calibrate.set_defaults(run=_calibrate)

    schema = commands.add_parser("schema", help="print the JSON schema of a recording or session")
    schemas.add_arguments(schema)
    schema.set_defaults(run=schemas.run)
    scaffold = commands.add_parser("init", help="scaffold an asv suite of phases in a repository")
    init.add_arguments(scaffold)
    scaffold.set_defaults(run=init.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; those of the process by default.

    Returns
    -------
    int
        Exit code: 0 on success, 2 for a mistake of the user's, 130 after Ctrl-C, otherwise
        the command's own.
    """
    args = _parser().parse_args(argv)
    args.root = args.root.resolve()
    try:
        return args.run(args)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in OF_REPORTS:
            raise
        print(
            f"jitscope: this command needs {package}, which is not installed; run "
            "`pip install 'jitscope[report]'`.",
            file=sys.stderr,
        )
        return 2
    except UserError as error:
        print(f"jitscope: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("jitscope: interrupted.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    raise SystemExit(main())
