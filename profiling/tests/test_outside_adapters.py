"""Adapters of the user's own: found, checked, and profiled like any other."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jitscope import adapters, cli, fresh, profiler
from jitscope.errors import UserError
from jitscope.report import publish
from jitscope.report.tables import missing_notes
from jitscope.session import CallPhases, ProblemProfile, load_session

from .solvers import example_of_the_docs


@pytest.fixture(name="file")
def example(tmp_path: Path) -> Path:
    path = tmp_path / "own_adapter.py"
    path.write_text(example_of_the_docs(), encoding="utf-8")
    return path


def test_a_file_and_its_class_are_found(file: Path):
    found = adapters.get(str(file))
    assert found.name == "my_solver"
    assert type(found) is type(adapters.get(f"{file}:Solver"))
    assert found is not adapters.get(str(file))


def test_a_module_on_the_path_is_found(file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(file.parent)
    assert adapters.get("own_adapter:Solver").name == "my_solver"
    assert adapters.package("own_adapter:Solver") == "jax"
    del sys.modules["own_adapter"]


def test_files_of_one_name_stay_apart(file: Path, tmp_path: Path):
    other = tmp_path / "other" / file.name
    other.parent.mkdir()
    other.write_text(example_of_the_docs().replace("my_solver", "another"), encoding="utf-8")
    assert adapters.get(str(file)).name == "my_solver"
    assert adapters.get(str(other)).name == "another"


@pytest.mark.parametrize(
    ("code", "which", "sentence"),
    [
        ("", "", "has no class 'Solver'; write one, or name another as"),
        ("Solver = 3", "", "has no class 'Solver'"),
        ("", ":Mine", "has no class 'Mine'"),
        ("class Solver: name = 'x'", "", "is no adapter without import_solver, solver_file"),
        (
            "from jitscope.adapters.base import JittedSolver as J\nclass Solver(J): name = 'x'",
            "",
            "the class Solver still needs one_fit",
        ),
        (
            "from jitscope.adapters.scipy import Solver as S\nclass Solver(S): name = '../x'",
            "",
            "`name` must be of letters, .* got '../x'",
        ),
    ],
)
def test_what_is_no_adapter_is_said(tmp_path: Path, code: str, which: str, sentence: str):
    path = tmp_path / "adapter.py"
    path.write_text(code, encoding="utf-8")
    with pytest.raises(UserError, match=sentence):
        adapters.get(f"{path}{which}")


def test_a_missing_file_or_module_is_said(tmp_path: Path):
    with pytest.raises(UserError, match=r"there is no adapter file .*nowhere\.py"):
        adapters.get(str(tmp_path / "nowhere.py"))
    with pytest.raises(UserError, match="there is no module 'nowhere_at_all'; install it"):
        adapters.get("nowhere_at_all.inside:Solver")


def test_what_a_file_raises_passes_through_each_time(tmp_path: Path):
    path = tmp_path / "adapter.py"
    path.write_text("import nowhere_at_all", encoding="utf-8")
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="nowhere_at_all"):
            adapters.get(str(path))


def test_the_import_of_what_a_file_imports_is_measured(file: Path):
    sample = fresh.run_sample("linear_100", "cold", solver=str(file))
    assert sample.phases_ns is not None
    imported_ns = sample.phases_ns["import"]
    assert imported_ns is not None
    assert imported_ns > 20_000_000  # JAX, which the file imports at its top
    assert sample.phases_ns["compile"]
    assert sample.versions["jax"]
    assert sum(ns for ns in sample.phases_ns.values() if ns is not None) == sample.wall_ns
    assert fresh.run_sample("linear_100", "warm_memory", solver=str(file)).modules == []


def test_what_it_cannot_fit_fails_in_a_sentence(file: Path):
    arguments = ["conversions", "--solver", str(file), "--problem", "bounded_gaussian_1000"]
    with pytest.raises(fresh.ChildFailed, match="planted failed: my_solver takes neither bounds"):
        fresh.run_child("jitscope.passes", arguments, what="planted")


def test_an_unknown_solver_of_a_child_is_said():
    command = [sys.executable, "-m", "jitscope.sample", "--problem", "linear_100", "--solver", "x"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "unknown solver 'x'; the solvers are trustfit, " in done.stderr


def test_a_solver_that_is_not_installed_ends_the_command_before_any_pass(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    class Absent:
        def import_solver(self) -> None:
            raise UserError("`jaxopt` is not installed; run `pip install 'jitscope[jaxopt]'`.")

    monkeypatch.setattr(profiler, "find_spec", lambda _: None)
    monkeypatch.setattr(adapters, "get", lambda _: Absent())
    assert cli.main(["--root", str(tmp_path), "profile", "--solver", "jaxopt"]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("jitscope: `jaxopt` is not installed; run `pip install")
    assert said.out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_command_profiles_it_like_any_other(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(profiler, "LENGTHS", ())
    monkeypatch.chdir(file.parent)  # a relative path, and a folder that is no repository
    command = ["profile", "--solver", file.name, "--problem", "linear_100"]
    assert cli.main(["--root", str(tmp_path), *command]) == 0
    (path,) = (tmp_path / "results" / "sessions").glob("*.json")
    (profile,) = load_session(path).problems
    assert profile.failures == {}
    assert profile.solver == file.name
    assert profile.first_call is not None
    assert profile.first_call.modules > 0
    assert profile.conversions
    assert {"first", "warm"} == set(profile.cprofile)
    said = " ".join(capsys.readouterr().out.split())
    page = (tmp_path / "results" / "html" / "profile.html").read_text(encoding="utf-8")
    for text in (said, page):
        assert "own_adapter.py names no stages of its solve" in text
        assert "There are no lines and no iterations" in text
    assert "index.html" not in page  # there is no history to link


def profiled(**changed: Any) -> ProblemProfile:
    call = CallPhases(9, 8, {"host": 9}, {"": {"host": 9}}, {}, modules=0)
    fields: dict[str, Any] = {
        "problem": "p", "size": "small", "solver": "s", "first_call": call, "warm_call": call,
        "outer_iterations": None, "inner_iterations": None, "conversions": (), "lines": (),
        "cprofile": {}, "failures": {},
    }  # fmt: skip
    return ProblemProfile(**fields | changed)


def test_each_thing_that_cannot_be_had_is_a_sentence():
    assert [note.partition(",")[0] for note in missing_notes(profiled())] == [
        "s names no stages of its solve",
        "There are no lines and no iterations",
        "One warm fit by s converts nothing between NumPy and JAX.",
        "The first call of s compiles nothing with XLA.",
    ]
    # What failed says why by itself.
    failed = profiled(first_call=None, warm_call=None, conversions=None, lines=None)
    assert missing_notes(failed) == []


def test_a_page_needs_a_session(tmp_path: Path):
    with pytest.raises(UserError):
        publish.publish_session(tmp_path, tmp_path / "nowhere.json")
