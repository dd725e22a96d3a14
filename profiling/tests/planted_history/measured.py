"""Measure the planted history, in rounds as `make history` does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from jitscope.history import History, read_history
from jitscope.rounds import measure_history
from jitscope.series import Series, series_of
from rich.console import Console

from .confusion import Row, cell_of, compare, find, resampled
from .repository import Repository

REPETITIONS = 20


@dataclass(frozen=True)
class Measured:
    """The planted history and what was measured of it."""

    root: Path
    commits: tuple[str, ...]
    history: History
    series: tuple[Series, ...]

    def rows(self, series: Sequence[Series] | None = None) -> tuple[Row, ...]:
        """Judge the series as measured, or others in their place."""
        judged = self.series if series is None else series
        return compare(self.commits, map(cell_of, judged), find(judged))

    def repeated(self, repetitions: int = REPETITIONS, seed: int = 0) -> list[tuple[Row, ...]]:
        """Judge the series with samples drawn anew, again and again."""
        rng = np.random.default_rng(seed)
        return [self.rows(resampled(self.series, rng)) for _ in range(repetitions)]


def measure(folder: Path) -> Measured:
    """Make the repository below an empty folder, and measure all its commits; some minutes."""
    repository = Repository(folder / "repository")
    home = folder / "home"
    home.mkdir()
    with pytest.MonkeyPatch.context() as patch, (folder / "out").open("w") as out:
        patch.setenv("HOME", str(home))  # asv notes the machine there
        patch.setenv("GIT_CEILING_DIRECTORIES", str(folder))
        console = Console(file=out, width=200)
        measure_history(repository.root, f"{repository.begin}..HEAD", console=console)
        return load(repository.root, repository.commits)


def load(root: Path, commits: Sequence[str]) -> Measured:
    """Read what was measured."""
    history = read_history(root)
    return Measured(root, tuple(commits), history, series_of(history))
