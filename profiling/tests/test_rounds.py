"""Which commits are measured, in which order, and what happens when one of them fails."""

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from jitscope import rounds
from jitscope.errors import UserError
from jitscope.machine import MachineDescription, machine_name

BENCHMARKS = {
    "solve.time_fit": {"version": "1", "type": "time"},
    "counts.track_n": {"version": "1", "type": "track"},
    "version": 2,
}
COLUMNS = ["result", "params", "version", "samples"]


def git(root: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=A Tester", "-c", "user.email=tester@example.org")
    command = ["git", "-C", str(root), *identity, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def commit(root: Path, file: str, text: str) -> str:
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", f"{file} {text}")
    return git(root, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> tuple[Path, list[str]]:
    git(tmp_path, "init", "-q", "-b", "main")
    hashes = [
        commit(tmp_path, "solver/trustfit/__init__.py", "version"),
        commit(tmp_path, "solver/trustfit/_trf.py", "A"),
        commit(tmp_path, "README.md", "words"),
        commit(tmp_path, "solver/trustfit/_trf.py", "B"),
        commit(tmp_path, "README.md", "more words"),
    ]
    return tmp_path, hashes


class FakeAsv:
    """Stands in for asv: adds one sample a call to the results of the commit it was given."""

    def __init__(self, fails: Callable[[str, int], bool] = lambda commit, call: False) -> None:
        self.calls: list[tuple[str, str | None]] = []
        self._fails = fails

    def __call__(
        self, root: Path, arguments: Sequence[str], on_progress: Callable[[float, str], None]
    ) -> int:
        hash_ = arguments[-1].removesuffix("^!")
        bench = arguments[arguments.index("--bench") + 1] if "--bench" in arguments else None
        self.calls.append((hash_, bench))
        folder = root / "results" / "asv"
        path = folder / "here" / f"{hash_[:8]}-env.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        (folder / "benchmarks.json").write_text(json.dumps(BENCHMARKS), encoding="utf-8")
        times = [1.0]
        if path.exists():
            old = json.loads(path.read_text(encoding="utf-8"))["results"]["solve.time_fit"]
            times = [*(old[3][0] if len(old) > 3 and old[3] else []), 1.0]
        failed = self._fails(hash_, len(self.calls))
        results: dict[str, list[object]] = {
            "solve.time_fit": [None, [], "1"] if failed else [[1.0], [], "1", [times]],
            "counts.track_n": [None, [], "1"] if failed else [[7], [], "1"],
        }
        data = {"result_columns": COLUMNS, "results": results}
        path.write_text(json.dumps(data), encoding="utf-8")
        on_progress(100.0, "done")
        return 2 if failed else 0


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = MachineDescription("here", "a processor", 2, "1", "Linux", "x86_64")
    monkeypatch.setattr(rounds, "register_machine", lambda: machine)


def samples_of(root: Path, hash_: str) -> list[float]:
    path = root / "results" / "asv" / "here" / f"{hash_[:8]}-env.json"
    return json.loads(path.read_text(encoding="utf-8"))["results"]["solve.time_fit"][3][0]


def test_the_commits_that_changed_the_solver_and_head(repository: tuple[Path, list[str]]):
    root, hashes = repository
    assert rounds.select_commits(root, None) == [hashes[1], hashes[3], hashes[4]]


def test_a_range_is_taken_as_git_understands_it(repository: tuple[Path, list[str]]):
    root, hashes = repository
    assert rounds.select_commits(root, "HEAD~2..HEAD") == hashes[3:]


@pytest.mark.parametrize("bad", ["nonsense..HEAD", "--output=x", "HEAD..HEAD"])
def test_an_unknown_or_empty_range_is_named(repository: tuple[Path, list[str]], bad: str):
    root, _ = repository
    with pytest.raises(UserError, match=rf"{bad}.*RANGE="):
        rounds.select_commits(root, bad)


def test_outside_of_a_repository_git_is_asked_for(tmp_path: Path):
    with pytest.raises(UserError, match="not a git repository"):
        rounds.select_commits(tmp_path, None)


@pytest.mark.usefixtures("here")
def test_commits_take_turns_until_each_series_has_its_samples(
    repository: tuple[Path, list[str]],
):
    root, hashes = repository
    asv = FakeAsv()
    assert rounds.measure_history(root, revision_range="HEAD~2..HEAD", samples=3, run=asv) == 0
    assert [call[0] for call in asv.calls] == [hashes[3], hashes[4]] * 3
    assert samples_of(root, hashes[3]) == [1.0] * 3
    # Counters are complete after the first round.
    assert asv.calls[0][1] is None
    assert asv.calls[2][1] == r"^solve\.time_fit$"


@pytest.mark.usefixtures("here")
def test_an_interrupted_run_goes_on_where_it_stopped(repository: tuple[Path, list[str]]):
    root, hashes = repository

    class Interrupted(FakeAsv):
        def __call__(self, *arguments: object, **named: object) -> int:
            if len(self.calls) == 3:
                raise KeyboardInterrupt
            return super().__call__(*arguments, **named)  # type: ignore[arg-type]

    with pytest.raises(KeyboardInterrupt):
        rounds.measure_history(root, revision_range="HEAD~2..HEAD", samples=3, run=Interrupted())
    asv = FakeAsv()
    rounds.measure_history(root, revision_range="HEAD~2..HEAD", samples=3, run=asv)
    assert [call[0] for call in asv.calls] == [hashes[4], hashes[3], hashes[4]]
    asv = FakeAsv()
    rounds.measure_history(root, revision_range="HEAD~2..HEAD", samples=3, run=asv)
    assert asv.calls == []


@pytest.mark.usefixtures("here")
def test_a_broken_commit_is_named_skipped_and_harms_no_other(
    repository: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
):
    root, hashes = repository
    asv = FakeAsv(fails=lambda hash_, call: hash_ == hashes[3])
    assert rounds.measure_history(root, revision_range="HEAD~2..HEAD", samples=3, run=asv) == 1
    assert [call[0] for call in asv.calls] == [hashes[3], hashes[4], hashes[4], hashes[4]]
    assert f"broken: {hashes[3][:7]}" in capsys.readouterr().out
    assert samples_of(root, hashes[4]) == [1.0] * 3


@pytest.mark.usefixtures("here")
def test_a_failure_in_a_later_round_loses_no_sample(
    repository: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
):
    root, hashes = repository
    asv = FakeAsv(fails=lambda hash_, call: call == 3)
    assert rounds.measure_history(root, revision_range="HEAD~2..HEAD", samples=3, run=asv) == 1
    assert samples_of(root, hashes[3])[:1] == [1.0]
    assert samples_of(root, hashes[4]) == [1.0] * 3
    assert "failed:" in capsys.readouterr().out


def test_a_machine_is_named_by_processor_and_cores():
    assert machine_name("AMD EPYC", 2) == "amd-epyc-2-cores"
    assert (
        machine_name("Intel(R) Core(TM) i5-2520M CPU @ 2.50GHz", 1) == "intel-core-i5-2520m-1-core"
    )
    assert machine_name("", 4) == "unknown-4-cores"
