"""`jitscope init`: what it writes, what it refuses, and that asv runs the result."""

import json
import math
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from asv.util import load_json
from jitscope import cli, init
from jitscope.errors import UserError
from jitscope.foreign import FIGURES
from jitscope.phases import PHASES
from jitscope.sample import CONDITIONS

PYPROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "little-solver"
version = "1"
[tool.setuptools]
package-dir = { "" = "src" }
packages = ["little_solver"]
"""
FILES = ["asv.conf.json", *(f"benchmarks/{n}.py" for n in ("__init__", "adapter", "bench_phases"))]


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository with a project, `little_solver`, and one commit on `trunk`."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    root = tmp_path / "repository"
    package = root / "src" / "little_solver"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("LITTLE = True\n", encoding="utf-8")
    (root / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    git(root, "init", "-q", "-b", "trunk")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "A")
    return root


def run_init(root: Path, *arguments: str) -> int:
    return cli.main(["--root", str(root), "init", *arguments])


def test_a_suite_is_written_and_the_next_commands_are_printed(
    repository: Path, capsys: pytest.CaptureFixture[str]
):
    assert run_init(repository, "--jitscope", "jitscope==7") == 0
    out = capsys.readouterr().out
    assert [line.split()[1] for line in out.splitlines() if line.startswith("wrote ")] == FILES
    assert "  asv machine --yes\n  asv run HEAD^!\n" in out
    conf: dict[str, Any] = load_json(str(repository / "asv.conf.json"), js_comments=True)
    assert conf["project"] == "little-solver"
    assert conf["branches"] == ["trunk"]
    assert conf["benchmark_dir"] == "benchmarks"
    assert conf["install_command"][1].endswith("--no-deps jitscope==7")
    assert conf["matrix"]["req"] == {"pip+asv_runner": [metadata.version("asv_runner")]}
    adapter = (repository / "benchmarks" / "adapter.py").read_text(encoding="utf-8")
    assert "import little_solver" in adapter
    assert adapter.count("CHANGE") >= 4
    for name in FILES[1:]:
        text = (repository / name).read_text(encoding="utf-8")
        compile(text, name, "exec")
        assert "$" not in text


@pytest.mark.parametrize("existing", FILES)
def test_nothing_is_overwritten_and_then_nothing_is_written(
    repository: Path, capsys: pytest.CaptureFixture[str], existing: str
):
    path = repository / existing
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine", encoding="utf-8")
    assert run_init(repository) == 2
    assert existing in capsys.readouterr().err
    assert path.read_text(encoding="utf-8") == "mine"
    assert [name for name in FILES if (repository / name).exists()] == [existing]


def test_folder_and_package_may_be_named(repository: Path):
    assert run_init(repository, "perf/asv_suite", "--solver", "little_solver.deep") == 0
    text = (repository / "perf" / "asv_suite" / "adapter.py").read_text(encoding="utf-8")
    assert "import little_solver.deep" in text
    conf: dict[str, Any] = load_json(str(repository / "asv.conf.json"), js_comments=True)
    assert conf["benchmark_dir"] == "perf/asv_suite"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["../elsewhere"], "cannot be a package of benchmarks"),
        (["/absolute"], "cannot be a package of benchmarks"),
        (["with-hyphen"], "cannot be a package of benchmarks"),
        (["--solver", "not a package"], "must be a package to import"),
    ],
)
def test_names_that_cannot_be_used_are_refused(
    repository: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
):
    assert run_init(repository, *arguments) == 2
    assert sentence in capsys.readouterr().err
    assert not (repository / "asv.conf.json").exists()


def test_only_the_top_of_a_git_repository_will_do(repository: Path):
    with pytest.raises(UserError, match="lies within the repository"):
        init.make_plan(repository / "src")
    with pytest.raises(UserError, match=r"is not a git repository.*`git init`"):
        init.make_plan(repository.parent)
    git(repository, "checkout", "-q", "--detach")
    with pytest.raises(UserError, match="no branch is checked out"):
        init.make_plan(repository)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pyproject.toml", '[project]\nname = "found"'),
        ("pyproject.toml", '[tool.poetry]\nname = "found"'),
        ("setup.cfg", "[metadata]\nname = found"),
        ("setup.py", "import setuptools\nsetuptools.setup(version='1', name='found')"),
        ("setup.py", "from setuptools import setup\nraise SystemExit\nsetup(name='found')"),
    ],
)
def test_the_project_is_found_without_running_anything(tmp_path: Path, file: str, text: str):
    (tmp_path / file).write_text(text, encoding="utf-8")
    assert init.project_name(tmp_path) == "found"


@pytest.mark.parametrize(
    ("file", "text", "sentence"),
    [
        ("README", "", "no pyproject.toml, setup.cfg or setup.py that names a project"),
        ("setup.py", "setup(name=compute())", "that names a project"),
        ("setup.py", "not Python", "that names a project"),
        ("pyproject.toml", "not TOML", "no valid TOML"),
    ],
)
def test_a_project_without_a_name_is_refused(tmp_path: Path, file: str, text: str, sentence: str):
    (tmp_path / file).write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=sentence):
        init.project_name(tmp_path)


@pytest.mark.parametrize(
    ("files", "package"),
    [
        (["src/my_project/__init__.py", "other/__init__.py"], "my_project"),
        (["my_project.py"], "my_project"),
        (["other/__init__.py", "tests/__init__.py"], "other"),
    ],
)
def test_the_package_is_found(tmp_path: Path, files: list[str], package: str):
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    assert init.package_name(tmp_path, "my-project") == package


def test_a_package_among_several_has_to_be_named(tmp_path: Path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    with pytest.raises(UserError, match="name it with `--solver`"):
        init.package_name(tmp_path, "three")


@pytest.mark.parametrize(
    ("origin", "requirement"),
    [
        (None, "jitscope==7"),
        ({"url": "file://{here}", "dir_info": {"editable": True}}, "-e {here}"),
        ({"url": "file://{here}", "dir_info": {}}, "{here}"),
        ({"url": "file://{here}/gone", "dir_info": {}}, "jitscope==7"),
        (
            {
                "url": "https://example.org/x",
                "vcs_info": {"vcs": "git", "commit_id": "abc"},
                "subdirectory": "profiling",
            },
            "jitscope @ git+https://example.org/x@abc#subdirectory=profiling",
        ),
    ],
)
def test_asv_gets_jitscope_from_where_it_was_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, origin: dict[str, Any] | None, requirement: str
):
    folder = tmp_path / "jitscope-7.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Name: jitscope\nVersion: 7\n", encoding="utf-8")
    if origin is not None:
        text = json.dumps(origin).replace("{here}", str(tmp_path))
        (folder / "direct_url.json").write_text(text, encoding="utf-8")
    monkeypatch.setattr(init, "distribution", lambda _: metadata.Distribution.at(folder))
    assert init.own_requirement() == requirement.replace("{here}", str(tmp_path))


@pytest.mark.slow
def test_asv_measures_the_phases_of_a_foreign_repository(repository: Path, tmp_path: Path):
    assert run_init(repository) == 0
    python = an_interpreter(tmp_path / "venv", repository / "src")
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "ASV_PYTHONPATH")}
    environment["HOME"] = str(tmp_path)
    head = git(repository, "rev-parse", "HEAD").strip()

    def asv(*arguments: str) -> None:
        command = [sys.executable, "-m", "asv", *arguments]
        done = subprocess.run(
            command, cwd=repository, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    asv("machine", "--yes")
    asv("run", "-E", f"existing:{python}", "--quick", "--set-commit-hash", head)
    (path,) = (repository / ".asv" / "results").glob(f"*/{head[:8]}-*.json")
    results = json.loads(path.read_text(encoding="utf-8"))["results"]
    (name,) = (one for one in results if one.startswith("bench_phases."))
    values = dict(zip(axes(results[name][1]), results[name][0], strict=True))
    for problem in ("small", "large"):
        for condition in CONDITIONS:
            one = {figure: values[problem, condition, figure] for figure in FIGURES}
            measured = [one[phase] for phase in PHASES if not math.isnan(one[phase])]
            assert sum(measured) == pytest.approx(one["wall"], rel=1e-9)
            assert one["unobserved_wall"] > 0
        assert values[problem, "cold", "compile"] > 0
        assert values[problem, "warm_disk", "compile"] == 0 < values[problem, "warm_disk", "trace"]
        assert values[problem, "warm_disk", "cache_load"] > 0
        assert values[problem, "warm_memory", "trace"] == 0
        assert math.isnan(values[problem, "warm_memory", "import"])


def axes(parameters: list[list[str]]) -> list[tuple[str, str, str]]:
    problems, conditions, figures = ([text.strip("'") for text in axis] for axis in parameters)
    return [(p, c, f) for p in problems for c in conditions for f in figures]


def an_interpreter(folder: Path, *sources: Path) -> Path:
    """Make a virtual environment that finds our packages, this jitscope and `sources`."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    ours = [Path(init.__file__).parents[1], *sources, *(Path(p) for p in sys.path if p)]
    (site / "here.pth").write_text("\n".join(map(str, ours)) + "\n", encoding="utf-8")
    return folder / "bin" / "python"
