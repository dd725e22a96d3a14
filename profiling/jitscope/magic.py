"""``%%jitscope``: record one cell of IPython, or of a notebook, after ``%load_ext jitscope``."""

from __future__ import annotations

import keyword
from pathlib import Path
from typing import Any

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, cell_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from jitscope.errors import UserError
from jitscope.inprocess import RecordedBlock, record
from jitscope.recording import PASSES


@magics_class
class JitscopeMagics(Magics):
    """The cell magic."""

    @magic_arguments()
    @argument("passname", nargs="?", default="phases", help=f"one of {', '.join(PASSES)}")
    @argument("--light", action="store_true", help="phases of compilation alone, at little cost")
    @argument("--function", action="append", default=[], help="follow its lines (may be repeated)")
    @argument("--into", metavar="NAME", help="keep the session in this variable")
    @argument("--save", metavar="FILE", help="write the recording as JSON")
    @argument("--html", metavar="FILE", help="write one self-contained page")  # pyright: ignore[reportUntypedFunctionDecorator]
    @cell_magic
    def jitscope(self, line: str, cell: str) -> None:
        """Record one pass over a cell, which runs once, and print where its time went.

        IPython's own work for a cell, about a millisecond, counts as Python.
        """
        args = parse_argstring(self.jitscope, line)
        session = self._session(args)
        try:
            session.__enter__()
        except (RuntimeError, UserError) as error:
            raise UsageError(str(error)) from error
        error: BaseException | None = None
        unread: BaseException | None = None
        try:
            # It shows exceptions itself, and lets none of them pass.
            result = self._shell().run_cell(cell)
            error, unread = result.error_in_exec, result.error_before_exec
        finally:
            session.__exit__(None if error is None else type(error), error, None)
        if unread is None:
            self._report(session, args)

    def _shell(self) -> InteractiveShell:
        assert isinstance(self.shell, InteractiveShell)
        return self.shell

    def _session(self, args: Any) -> RecordedBlock:
        if args.into is not None and (not args.into.isidentifier() or keyword.iskeyword(args.into)):
            raise UsageError(f"--into takes the name of a variable; got {args.into!r}.")
        for path in filter(None, (args.save, args.html)):
            if not Path(path).absolute().parent.is_dir():
                raise UsageError(f"{path} cannot be written: there is no such folder.")
        names = self._shell().user_ns
        unknown = [name for name in args.function if not callable(names.get(name))]
        if unknown:
            raise UsageError(f"--function takes functions of earlier cells; got {unknown[0]!r}.")
        functions = [names[name] for name in args.function]
        mode = "light" if args.light else "full"
        try:
            return record(args.passname, mode=mode, functions=functions)
        except UserError as error:
            raise UsageError(str(error)) from error

    def _report(self, session: RecordedBlock, args: Any) -> None:
        from rich.console import Console

        from jitscope.report.recording_page import write_page
        from jitscope.report.recording_terminal import print_recording

        print_recording(session.recording, Console())
        if args.into is not None:
            self._shell().user_ns[args.into] = session
        if args.save is not None:
            session.save(args.save)
        if args.html is not None:
            write_page(session.recording, Path(args.html))


def load(shell: InteractiveShell) -> None:
    """Add the magic to a shell."""
    shell.register_magics(JitscopeMagics)
