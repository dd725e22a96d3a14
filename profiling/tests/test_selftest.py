"""The self-test: passes here, is remembered, and fails loudly on what it cannot count."""

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from jitscope import selftest
from jitscope.selftest import EXPECTED, count_known_program, require_supported_jax


@pytest.fixture
def never_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise AssertionError("the self-test ran again")

    monkeypatch.setattr(selftest, "_counts_of_a_fresh_interpreter", fail)


def pretend(monkeypatch: pytest.MonkeyPatch, **changed: int) -> None:
    counts = EXPECTED | {name.replace("_", " "): count for name, count in changed.items()}
    monkeypatch.setattr(selftest, "_counts_of_a_fresh_interpreter", lambda: counts)


def test_the_installed_jax_counts_as_expected():
    assert count_known_program() == EXPECTED


@pytest.mark.slow
def test_a_fresh_process_passes_without_importing_jax_itself(tmp_path: Path):
    script = (
        "import sys; from pathlib import Path\n"
        "from jitscope.selftest import require_supported_jax\n"
        "require_supported_jax(Path(sys.argv[1]))\n"
        "assert not {'jax', 'jaxlib', 'numpy'} & set(sys.modules)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    subprocess.run(command, check=True, env=os.environ, timeout=300)
    [remembered] = tmp_path.iterdir()
    assert json.loads(remembered.read_text()) == EXPECTED


def test_a_pass_is_remembered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: pytest.FixtureRequest
):
    pretend(monkeypatch)
    require_supported_jax(tmp_path)
    request.getfixturevalue("never_run")
    require_supported_jax(tmp_path)
    with pytest.raises(AssertionError, match="ran again"):
        require_supported_jax(tmp_path / "another folder")


def test_a_wrong_count_is_an_error_and_not_remembered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    pretend(monkeypatch, traces=0)
    expected = rf"unsupported JAX {version('jax')}: .* counted 0 traces, not 1; use jax>=0.10,<0.13"
    for _ in range(2):
        with pytest.raises(RuntimeError, match=expected):
            require_supported_jax(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["", "{", "[]", '{"traces": 1}'])
def test_a_damaged_memory_is_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str):
    pretend(monkeypatch)
    require_supported_jax(tmp_path)
    [remembered] = tmp_path.iterdir()
    remembered.write_text(content)
    require_supported_jax(tmp_path)
    assert json.loads(remembered.read_text()) == EXPECTED


def test_a_folder_that_cannot_be_written_is_no_obstacle(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    pretend(monkeypatch)
    blocked = tmp_path / "a file"
    blocked.write_text("")
    require_supported_jax(blocked)
    assert blocked.read_text() == ""


def test_the_user_cache_folder_follows_the_standard(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    pretend(monkeypatch)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    require_supported_jax()
    assert len(list((tmp_path / "cache" / "jitscope").iterdir())) == 1
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    require_supported_jax()
    assert len(list((tmp_path / "home" / ".cache" / "jitscope").iterdir())) == 1


def test_a_jax_that_fails_is_unsupported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    broken = tmp_path / "jax"
    broken.mkdir()
    (broken / "__init__.py").write_text("raise ImportError('no such symbol')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(RuntimeError, match=r"unsupported JAX .*ImportError: no such symbol"):
        require_supported_jax(tmp_path / "cache")


def test_another_version_is_tested_anew(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: pytest.FixtureRequest
):
    pretend(monkeypatch)
    require_supported_jax(tmp_path)

    def other_version(package: str) -> Any:
        return "9.9" if package == "jaxlib" else version(package)

    monkeypatch.setattr(selftest, "version", other_version)
    request.getfixturevalue("never_run")
    with pytest.raises(AssertionError, match="ran again"):
        require_supported_jax(tmp_path)
