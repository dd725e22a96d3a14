"""`jitscope init`: an asv suite that follows the phases of any repository's solver.

Writes `asv.conf.json` and a package of benchmarks with a first adapter, and overwrites nothing.
"""

from __future__ import annotations

import argparse
import ast
import configparser
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution, version
from importlib.resources import files
from pathlib import Path
from string import Template
from urllib.parse import urlsplit
from urllib.request import url2pathname

from jitscope._git import GitError, run_git
from jitscope.errors import UserError

FOLDER = "benchmarks"
"""Where the benchmarks go if no other folder is named."""
_TEMPLATES = ("__init__.py", "adapter.py", "bench_phases.py")


@dataclass(frozen=True)
class Plan:
    """What is written.

    Attributes
    ----------
    project : str
        The distribution that asv builds.
    package : str
        What is imported of it.
    branch : str
        Whose commits asv follows.
    requirement : str
        How pip installs jitscope into asv's environments.
    folder : str
        Of the benchmarks, relative to the repository.
    """

    project: str
    package: str
    branch: str
    requirement: str
    folder: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `run` reads."""
    parser.add_argument(
        "folder", nargs="?", default=FOLDER, help=f"of the benchmarks (default: {FOLDER})"
    )
    parser.add_argument(
        "--solver", help="the package to import (default: found by the project's name)"
    )
    parser.add_argument(
        "--jitscope",
        metavar="REQUIREMENT",
        help="how pip installs jitscope into asv's environments (default: as it is installed here)",
    )


def run(args: argparse.Namespace) -> int:
    """Write the suite and say what comes next."""
    root: Path = args.root
    plan = make_plan(root, args.folder, solver=args.solver, requirement=args.jitscope)
    for path in write_suite(root, plan):
        print(f"wrote {path.relative_to(root)}")
    print(f"\nThe suite runs as it is, with a toy call in {plan.folder}/adapter.py.")
    print("Put your solver's call in its place, where CHANGE stands. Next:")
    print("  asv machine --yes")
    print("  asv run HEAD^!")
    print("Then `asv publish` and `asv preview` show pages, and `.asv` belongs into .gitignore.")
    return 0


def make_plan(
    root: Path, folder: str = FOLDER, *, solver: str | None = None, requirement: str | None = None
) -> Plan:
    """Find out what the suite of a repository is made of.

    Parameters
    ----------
    root : Path
        The repository.
    folder : str
        Of the benchmarks, below it.
    solver : str, optional
        The package to import; found by the project's name by default.
    requirement : str, optional
        How pip installs jitscope; by default as it is installed here.

    Raises
    ------
    UserError
        No git repository, no name of a project, or names that cannot be used.
    """
    _check_root(root)
    relative = Path(folder)
    if relative.is_absolute() or not all(part.isidentifier() for part in relative.parts):
        raise UserError(
            f"{folder!r} cannot be a package of benchmarks; name a folder below {root} that Python "
            f"can import, as {FOLDER}."
        )
    project = project_name(root)
    package = solver or package_name(root, project)
    if not all(part.isidentifier() for part in package.split(".")):
        raise UserError(f"`--solver` must be a package to import; got {package!r}.")
    return Plan(
        project, package, _branch(root), requirement or own_requirement(), relative.as_posix()
    )


def write_suite(root: Path, plan: Plan) -> tuple[Path, ...]:
    """Write the files of a suite and return them.

    Raises
    ------
    UserError
        One of them exists; then none is written.
    """
    written = {root / path: text for path, text in _texts(plan).items()}
    existing = [str(path.relative_to(root)) for path in written if path.exists()]
    if existing:
        raise UserError(
            f"nothing was written, as {', '.join(existing)} exist already; move them away, "
            "or name another folder."
        )
    for path, text in written.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tuple(written)


def project_name(root: Path) -> str:
    """Return the name of the project in pyproject.toml, setup.cfg or setup.py.

    Raises
    ------
    UserError
        None of them tells.
    """
    for name in _project_names(root):
        if name:
            return name
    raise UserError(
        f"{root} has no pyproject.toml, setup.cfg or setup.py that names a project; asv builds "
        "and installs one for each commit."
    )


def _project_names(root: Path) -> Iterator[str | None]:
    pyproject = root / "pyproject.toml"
    if pyproject.is_file():
        try:
            data = tomllib.loads(pyproject.read_text(encoding="utf-8"))
        except tomllib.TOMLDecodeError as error:
            raise UserError(f"{pyproject} is no valid TOML: {error}.") from error
        yield data.get("project", {}).get("name")
        yield data.get("tool", {}).get("poetry", {}).get("name")
    config = configparser.ConfigParser(interpolation=None)
    with suppress(configparser.Error):  # a broken one names nothing
        config.read(root / "setup.cfg", encoding="utf-8")
    yield config.get("metadata", "name", fallback=None)
    setup = root / "setup.py"
    if setup.is_file():
        yield _name_in_setup(setup.read_text(encoding="utf-8"))


def _name_in_setup(source: str) -> str | None:
    """Return the literal `name` that is given to ``setup()``; the file is not run."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return None
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("setup"):
            for keyword in call.keywords:
                value = keyword.value
                if keyword.arg == "name" and isinstance(value, ast.Constant):
                    return str(value.value)
    return None


def package_name(root: Path, project: str) -> str:
    """Return the package of a project: named like it, or the only one there is.

    Raises
    ------
    UserError
        Neither can be found.
    """
    name = re.sub(r"[-.]+", "_", project)
    sources = (root / "src", root)
    for candidate in (name, name.lower()):
        for source in sources:
            if (source / candidate / "__init__.py").is_file() or (
                source / f"{candidate}.py"
            ).is_file():
                return candidate
    others = {"test", "tests", "docs", "examples", "benchmarks"}
    for source in sources:
        found = [path.parent.name for path in source.glob("*/__init__.py")]
        packages = [one for one in found if one not in others]
        if len(packages) == 1:
            return packages[0]
    raise UserError(f"found no package of {project} below {root}; name it with `--solver`.")


def own_requirement() -> str:
    """Return how pip installs this jitscope: from where it was installed, if that still exists.

    An editable install stays one, so that asv's environments measure with the code as it is.
    """
    try:
        installed = distribution("jitscope")
    except PackageNotFoundError:
        return "jitscope"
    origin = json.loads(installed.read_text("direct_url.json") or "{}")
    url = origin.get("url", "")
    if url.startswith("file:"):
        path = Path(url2pathname(urlsplit(url).path))
        if path.exists():
            editable = origin.get("dir_info", {}).get("editable", False)
            return f"-e {path}" if editable else str(path)
    elif "vcs_info" in origin:
        vcs = origin["vcs_info"]
        within = f"#subdirectory={origin['subdirectory']}" if "subdirectory" in origin else ""
        return f"jitscope @ {vcs['vcs']}+{url}@{vcs['commit_id']}{within}"
    return f"jitscope=={installed.version}"


def _texts(plan: Plan) -> Mapping[str, str]:
    values = {
        "project": plan.project,
        "package": plan.package,
        "project_literal": json.dumps(plan.project),
        "branch_literal": json.dumps(plan.branch),
        "folder_literal": json.dumps(plan.folder),
        "install_literal": json.dumps(_install_command(plan.requirement)),
        "runner": _pinned_runner(),
    }
    names = {"asv.conf.json": "asv.conf.json", **{f"{plan.folder}/{n}": n for n in _TEMPLATES}}
    scaffold = files("jitscope") / "scaffold"
    return {
        path: Template((scaffold / f"{name}.txt").read_text(encoding="utf-8")).substitute(values)
        for path, name in names.items()
    }


def _install_command(requirement: str) -> str:
    option, path = ("-e ", requirement[3:]) if requirement.startswith("-e ") else ("", requirement)
    quoted = f"'{path}'" if re.search(r"\s", path) else path
    # Without dependencies: the recorders need JAX and NumPy alone, which are the solver's matter.
    return f"in-dir={{env_dir}} python -m pip install --quiet --no-deps {option}{quoted}"


def _pinned_runner() -> str:
    """Return asv's runner as it is here: environments would take the newest otherwise."""
    try:
        return f'"pip+asv_runner": [{json.dumps(version("asv_runner"))}]'
    except PackageNotFoundError:
        return ""


def _check_root(root: Path) -> None:
    try:
        top = Path(run_git(root, "rev-parse", "--show-toplevel").strip())
    except GitError:
        raise  # git's own words, as of a folder that belongs to somebody else
    except UserError as error:
        raise UserError(
            f"{root} is not a git repository; asv measures commits: `git init` and commit first."
        ) from error
    if top.resolve() != root.resolve():
        raise UserError(f"{root} lies within the repository {top}; run `jitscope init` there.")


def _branch(root: Path) -> str:
    try:
        return run_git(root, "symbolic-ref", "--short", "HEAD").strip()
    except GitError as error:
        raise UserError("no branch is checked out; asv follows a branch.") from error
