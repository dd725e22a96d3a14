"""A stand-in for asv, and small repositories for it to measure."""

import json
import math
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jitscope import bench
from jitscope.errors import UserError

COLUMNS = ["result", "params", "version", "stats_number", "samples"]
TIMED, COUNTED = "bench_a.Timed.time_it", "bench_b.Counted.track_count"
VERSIONS = {TIMED: "1", COUNTED: "1"}


def git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), "-c", "user.name=t", "-c", "user.email=t@t", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def commit(root: Path, files: dict[str, str], subject: str) -> str:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(root, "add", "-A")
    git(root, "commit", "-q", "--no-gpg-sign", "-m", subject)
    return git(root, "rev-parse", "HEAD")


def row(samples: list[float] | None, *, version: str = "1") -> list[Any]:
    """Return a timed row of two parameters, of which the second does not apply."""
    return [[0.1, math.nan], [["'p'", "'q'"]], version, [1, None], [samples, None]]


FAILED_ROW = [None, [["'p'", "'q'"]], "1", None, None]
COUNTED_ROW = [[12.0, 13.0], [["'p'", "'q'"]], "1", None, None]


class FakeAsv:
    """Stands in for `asv run`: adds one sample to what it is told to measure."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.runs: list[tuple[str, bool]] = []
        self.broken: set[str] = set()
        self.interrupt_after = 10**6

    def path(self, commit: str) -> Path:
        return self.root / bench.RESULTS / "box" / f"{commit[:8]}-env.json"

    def run(self, suite: Any, commits: Sequence[str], *options: str) -> int:
        (self.root / bench.RESULTS / "box").mkdir(parents=True, exist_ok=True)
        if options[-1] == "just-discover":
            known = {name: {"version": version} for name, version in VERSIONS.items()}
            path = self.root / bench.RESULTS / "benchmarks.json"
            path.write_text(json.dumps({**known, "version": 2}))
            return 0
        if len(self.runs) == self.interrupt_after:
            raise UserError("interrupted; what was measured before is saved")
        assert {"--quick", "--append-samples", "--record-samples"} <= set(options)
        (commit,) = commits
        counted = "--bench" not in options
        self.runs.append((commit, counted))
        if commit in self.broken:
            self.write(commit, {TIMED: FAILED_ROW, COUNTED: FAILED_ROW})
            return 2
        path = self.path(commit)
        rows = json.loads(path.read_text())["results"] if path.exists() else {}
        before = rows[TIMED][4][0] if TIMED in rows else []
        rows[TIMED] = row([*before, 0.1])
        if counted:
            rows[COUNTED] = COUNTED_ROW
        else:
            pattern = options[options.index("--bench") + 1]
            assert pattern == r"^bench_a\.Timed\.time_it(\(|$)"
        self.write(commit, rows)
        return 0

    def write(self, commit: str, rows: dict[str, Any]) -> None:
        data = {"commit_hash": commit, "result_columns": COLUMNS, "results": rows, "version": 2}
        self.path(commit).parent.mkdir(parents=True, exist_ok=True)
        self.path(commit).write_text(json.dumps(data))
