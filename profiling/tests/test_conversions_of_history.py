"""The commit that removed the conversions, and its parent, measured from their own sources."""

import io
import os
import subprocess
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from jitscope import fresh

ROOT = Path(__file__).resolve().parents[2]
SIX_LINES = (
    "cost = np.array(cost_jnp)",
    "g = np.array(g_jnp)",
    "s, V, uf = (np.array(val) for val in triple)",
    "predicted_reduction = np.array(predicted_reduction_jnp)",
    "cost_new = np.array(cost_new_jnp)",
)


def git(*arguments: str) -> bytes:
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, check=True, capture_output=True).stdout


def commit_that_fulfils(expectation: str) -> str:
    found = git("log", "--format=%H", f"--grep=^Expectation: {expectation}$").decode().split()
    assert found, "the history is not here: `git fetch --unshallow`"
    return found[-1]


def source(site: dict[str, Any]) -> str:
    lines = Path(site["file"]).read_text(encoding="utf-8").splitlines()
    return lines[site["line"] - 1].strip()


class Solver:
    """The solver of one commit, laid out in a folder of its own."""

    def __init__(self, commit: str, folder: Path) -> None:
        archive = io.BytesIO(git("archive", commit, "solver/trustfit"))
        with tarfile.open(fileobj=archive) as files:
            files.extractall(folder, filter="data")
        self.path = folder / "solver"

    def run(self, module: str, *arguments: str) -> Any:
        # Today's measuring code, wherever it is imported from, and that commit's solver.
        path = os.pathsep.join((str(self.path), str(ROOT / "profiling")))
        environment = {**fresh.child_environment(), "PYTHONPATH": path}
        options = [*arguments, "--solver", "trustfit", "--problem", "exponential_1000"]
        return fresh.run_child(module, options, what=module, environment=environment)

    def conversions_to_host(self) -> tuple[Counter[str], list[dict[str, Any]]]:
        """Count by source text of the line; and the sites themselves."""
        found = self.run("jitscope.passes", "conversions")
        sites = [site for site in found if site["direction"] == "to_host"]
        counts: Counter[str] = Counter()
        for site in sites:
            assert Path(site["file"]).is_relative_to(os.path.realpath(self.path))
            counts[source(site)] += site["count"]
        return counts, sites


@pytest.mark.slow
def test_the_six_lines_are_named_with_exact_counts_and_then_gone(tmp_path: Path):
    removed = commit_that_fulfils("reduce-conversions")
    before = Solver(f"{removed}^", tmp_path / "before")
    counts, sites = before.conversions_to_host()
    evaluations = before.run("jitscope.count", "--once")
    trials, accepted = evaluations["nfev"] - 1, evaluations["njev"] - 1
    # Every outer iteration of this fit ends in an accepted step.
    assert {text: counts[text] for text in SIX_LINES} == dict(
        zip(SIX_LINES, (1, 1 + accepted, 3 * accepted, trials, trials), strict=True)
    )
    # The gradient is converted on two lines: at the start, and after each accepted step.
    assert len({(site["file"], site["line"]) for site in sites if source(site) in SIX_LINES}) == 6

    after = Solver(removed, tmp_path / "after")
    counts, sites = after.conversions_to_host()
    assert not any("np.array(" in text for text in counts)
    assert {site["kind"] for site in sites} == {"device_get"}
