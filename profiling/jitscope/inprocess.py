"""`jitscope.record()`: one pass over a ``with`` block of this process."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Self

from jitscope.following import Follower
from jitscope.observing import Mode, empty_recording, observe
from jitscope.recording import Recording
from jitscope.recordings import save_recording

_RECORDING = Lock()  # held by the one block that may record


def is_recording() -> bool:
    """Return whether a block of this process is being recorded."""
    return _RECORDING.locked()


class RecordedBlock:
    """What `record` returns; `recording` exists once its ``with`` block has ended."""

    def __init__(self, name: str, mode: Mode, follower: Follower | None) -> None:  # noqa: D107
        self._pass = observe(name, mode=mode, follower=follower)
        self._fields: dict[str, Any] = {}
        self._recording: Recording | None = None

    @property
    def recording(self) -> Recording:
        """What was recorded.

        Raises
        ------
        RuntimeError
            The recording has not ended.
        """
        if self._recording is None:
            raise RuntimeError("`recording` exists once the `with` block has ended.")
        return self._recording

    def __enter__(self) -> Self:
        """Start the pass.

        Raises
        ------
        RuntimeError
            Another recording of this process has not ended.
        """
        if not _RECORDING.acquire(blocking=False):
            raise RuntimeError(
                "a recorder is active already, and two would measure each other; leave it first."
            )
        try:
            self._fields = self._pass.__enter__().fields
        except BaseException:
            _RECORDING.release()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the pass; exceptions pass through."""
        try:
            self._pass.__exit__(kind, error, traceback)
        finally:
            _RECORDING.release()
            ended = None if error is None else f"{type(error).__name__}: {error}"
            self._recording = replace(empty_recording(()), exception=ended, **self._fields)

    def save(self, path: str | Path) -> None:
        """Write the recording as JSON."""
        save_recording(self.recording, Path(path))

    def print(self) -> None:
        """Print the report to standard error."""
        from rich.console import Console

        from jitscope.report.recording_terminal import print_recording

        print_recording(self.recording, Console(stderr=True))


def record(
    passname: str = "phases",
    *,
    mode: Mode = "full",
    functions: Iterable[Callable[..., Any]] = (),
    modules: Iterable[str] = (),
) -> RecordedBlock:
    """Record one pass over a ``with`` block.

    Parameters
    ----------
    passname : str
        One of `jitscope.recording.PASSES`.
    mode : {"full", "light"}
        Of the phases.
    functions, modules
        What the lines pass follows.
    """
    follower = Follower(modules) if passname == "lines" else None
    for function in functions if follower is not None else ():
        follower.add(function) if follower is not None else None
    return RecordedBlock(passname, mode, follower)
