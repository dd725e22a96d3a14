"""What a user's mistake looks like on the command line: one sentence and exit code 2."""

import subprocess
import sys
from pathlib import Path

import pytest
from jitscope import cli


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    git = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "init", "-q", "-b", "main"], cwd=tmp_path, check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "A"], cwd=tmp_path, check=True)
    return tmp_path


def run(root: Path, *arguments: str) -> int:
    return cli.main(["--root", str(root), *arguments])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["profile", "--problem", "nonsense"], "unknown problem 'nonsense'"),
        (["profile", "--solver", "nonsense"], "unknown solver 'nonsense'"),
        (["history", "--range", "nonsense..HEAD"], "unknown commit range 'nonsense..HEAD'"),
        (["compare", "nonsense", "HEAD"], "'nonsense' names no commit"),
        (["compare", "HEAD", "HEAD"], "No result of commit HEAD"),
        (["serve"], "make html"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(
    repository: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
):
    assert run(repository, *arguments) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.startswith("jitscope: ")
    assert error.count("\n") == 1


@pytest.mark.parametrize("arguments", [["bench"], ["html"], ["history"], ["compare", "A", "B"]])
def test_outside_of_git_that_is_said(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert run(tmp_path, *arguments) == 2
    assert "not a git repository" in capsys.readouterr().err


def test_results_that_are_damaged_are_named_and_kept(
    repository: Path, capsys: pytest.CaptureFixture[str]
):
    folder = repository / "results" / "asv" / "somewhere"
    folder.mkdir(parents=True)
    (folder.parent / "benchmarks.json").write_text('{"version": 2}', encoding="utf-8")
    (repository / "results" / "expectations.toml").write_text("", encoding="utf-8")
    damaged = folder / "01234567-env.json"
    damaged.write_text('{"commit_hash": "0123', encoding="utf-8")
    assert run(repository, "html") == 2
    assert "01234567-env.json" in capsys.readouterr().err
    assert damaged.read_text(encoding="utf-8") == '{"commit_hash": "0123'


def test_ctrl_c_ends_without_a_traceback(
    repository: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("jitscope.report.publish.publish", interrupt)
    assert run(repository, "html") == 130
    assert capsys.readouterr().err == "jitscope: interrupted.\n"


def test_python_m_jitscope_is_the_command():
    command = [sys.executable, "-m", "jitscope", "show", "/nowhere/at-all.json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("jitscope: ")
    assert "at-all.json" in done.stderr


def test_the_package_can_be_run_as_the_command(tmp_path: Path):
    command = [sys.executable, "-m", "jitscope", "show", str(tmp_path / "none.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2
    assert done.stderr.startswith("jitscope: ")
    assert "none.json cannot be read" in done.stderr
