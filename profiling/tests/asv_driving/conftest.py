"""A project whose commits can be measured, by a stand-in for asv."""

from pathlib import Path

import pytest
from jitscope import machine, rounds

from .fake_asv import FakeAsv, commit, git


@pytest.fixture(name="project")
def make_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository: no solver, solver A, notes, solver B (predicted), notes (HEAD)."""
    root = tmp_path / "project"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    (root / ".gitignore").write_text(".asv\nresults\n")
    commit(root, {"asv.conf.json": "{}", "solver/trustfit/__init__.py": ""}, "layout")
    for number, name in enumerate("AB"):
        source = f"def curve_fit():\n    return {number}\n"
        claim = "\n\nExpectation: b" if name == "B" else ""
        commit(root, {"solver/trustfit/__init__.py": source}, f"solver {name}{claim}")
        commit(root, {"notes.txt": name, "solver/tests/test_it.py": name}, f"notes {name}")
    monkeypatch.setattr(machine, "register", lambda: "box")
    return root


@pytest.fixture(name="asv")
def fake_asv(project: Path, monkeypatch: pytest.MonkeyPatch) -> FakeAsv:
    asv = FakeAsv(project)
    monkeypatch.setattr(rounds.Suite, "run", lambda *args: asv.run(*args))
    return asv
