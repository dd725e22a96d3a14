"""A repository of a small JAX solver, each commit of which changes one known thing."""

from __future__ import annotations

import json
import site
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

import jitscope
from asv.util import load_json, write_json
from jitscope import init

from ..nobodys_git import git_of_nobody

_HERE = Path(__file__).parent
_PYPROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "planted-solver"
version = "1"
[tool.setuptools]
packages = ["planted_solver"]
"""
_BASE = {"trace_s": 0.0, "sorts": 0, "sleep_s": 0.002, "converts": False, "comment": "First."}
_COLD = ("cold", "warm_disk")
_WHOLE = ("wall", "unobserved_wall")
Cell = tuple[str, str]
"""A condition and a phase; of counters the name of the figure and its direction."""


@dataclass(frozen=True)
class Planted:
    """One commit.

    Attributes
    ----------
    kind : str
        What was planted, for the table.
    subject : str
        First line of its message.
    constants : mapping
        Of the solver's source, from this commit on.
    steps : mapping
        Cells that must step here, each with "improved" or "regressed".
    follows : frozenset of tuple
        Cells in which what was planted may show, too: they are not judged.
    builds : bool
        Whether the commit can be built.
    readme : str
        New text of the README, if it changes.
    """

    kind: str
    subject: str
    constants: Mapping[str, object] = field(default_factory=dict[str, object])
    steps: Mapping[Cell, str] = field(default_factory=dict[Cell, str])
    follows: frozenset[Cell] = frozenset()
    builds: bool = True
    readme: str = ""

    @property
    def is_clean(self) -> bool:
        """Whether nothing may step here."""
        return not self.steps


def _cells(conditions: tuple[str, ...], *phases: str) -> frozenset[Cell]:
    return frozenset((condition, phase) for condition in conditions for phase in phases)


_TRACED = _cells(_COLD, "trace", *_WHOLE)
_COMPILED = _cells(_COLD, "trace", "lower", "compile", "cache_load", "host", *_WHOLE)
_RUN = _cells((*_COLD, "warm_memory"), "dispatch", "device_wait", "to_host", "host", *_WHOLE)
_SLEPT = _cells((*_COLD, "warm_memory"), "host", *_WHOLE)


def _traced(verdict: str) -> dict[Cell, str]:
    return {(condition, "trace"): verdict for condition in _COLD}


def _converted(verdict: str) -> dict[Cell, str]:
    return {("warm_memory", "to_host"): verdict, ("conversions", "to_host"): verdict}


HISTORY = (
    Planted("the first commit", "Find a slope by gradient descent"),
    Planted("no-op", "Say in the README what it does", readme="Finds slopes."),
    Planted("pure noise", "Reword a comment", {"comment": "Second."}),
    Planted(
        "extra tracing",
        "Look constants up while tracing",
        {"trace_s": 0.8},
        _traced("regressed"),
        _TRACED,
    ),
    Planted("a fix", "Trace as fast as before", {"trace_s": 0.0}, _traced("improved"), _TRACED),
    Planted(
        "extra HLO",
        "Sort the residuals sixty times",
        {"sorts": 60},
        {("cold", "compile"): "regressed", ("instructions", ""): "regressed"},
        _COMPILED | _RUN,
    ),
    Planted(
        "a fix",
        "Sort the residuals no longer",
        {"sorts": 0},
        {("cold", "compile"): "improved", ("instructions", ""): "improved"},
        _COMPILED | _RUN,
    ),
    Planted(
        "a sleep in the host loop",
        "Draw a progress bar in each turn",
        {"sleep_s": 0.003},
        {("warm_memory", "host"): "regressed"},
        _SLEPT,
    ),
    Planted("a broken build", "Break the build", builds=False),
    Planted("the build repaired", "Repair the build"),
    Planted(
        "an extra conversion per iteration",
        "Log the slope in each turn",
        {"converts": True},
        _converted("regressed"),
        _RUN,
    ),
    Planted(
        "a fix",
        "Log the slope no longer",
        {"converts": False},
        _converted("improved"),
        _RUN,
    ),
    Planted("no-op", "Say in the README whom it serves", readme="Finds slopes for all."),
)


class Repository:
    """The generated repository with its suite.

    Parameters
    ----------
    root : Path
        A folder that does not exist.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "planted_solver").mkdir(parents=True)
        self._git("init", "-q", "-b", "main")
        self._git("commit", "-q", "--allow-empty", "-m", "Begin")
        self.begin = self._git("rev-parse", "HEAD")
        self.commits: tuple[str, ...] = self._commit_all()
        self._write_suite()

    def _commit_all(self) -> tuple[str, ...]:
        constants: dict[str, object] = dict(_BASE)
        source = Template((_HERE / "solver.py.template").read_text(encoding="utf-8"))
        made: list[str] = []
        readme = "A solver."
        for planted in HISTORY:
            constants |= planted.constants
            readme = planted.readme or readme
            project = _PYPROJECT if planted.builds else "this is no project\n"
            self._write("planted_solver/__init__.py", source.substitute(constants))
            self._write("pyproject.toml", project)
            self._write("README", readme)
            self._git("add", "-A")
            self._git("commit", "-q", "-m", planted.subject)
            made.append(self._git("rev-parse", "HEAD"))
        return tuple(made)

    def _write_suite(self) -> None:
        """Write the suite as a maintainer would: `jitscope init`, then the places to change."""
        init.write_suite(self.root, init.make_plan(self.root))
        for name in ("adapter", "bench_counts"):
            text = (_HERE / f"{name}.py.template").read_text(encoding="utf-8")
            self._write(f"benchmarks/{name}.py", text)
        path = str(self.root / "asv.conf.json")
        conf = load_json(path, js_comments=True)
        conf["results_dir"] = "results/asv"
        conf["build_cache_size"] = len(HISTORY)
        conf["matrix"]["req"] = {}
        wheel = "python -m pip wheel --quiet --no-deps --no-build-isolation"
        # JAX, asv's runner and jitscope are those that run this: only the solver is each commit's.
        self._write("link.py", _LINK.format(paths=json.dumps(_paths())))
        conf["build_command"] = [
            "in-dir={conf_dir} python link.py",
            wheel + " -w {build_cache_dir} {build_dir}",
        ]
        conf["install_command"] = [
            "in-dir={env_dir} python -m pip install --quiet --no-deps --no-index {wheel_file}"
        ]
        write_json(path, conf)

    def _write(self, name: str, text: str) -> None:
        (self.root / name).write_text(text, encoding="utf-8")

    def _git(self, *arguments: str) -> str:
        return git_of_nobody(self.root, *arguments)


_LINK = """
import json
import pathlib
import sysconfig

folder = pathlib.Path(sysconfig.get_path("purelib"))
(folder / "linked.pth").write_text("\\n".join(json.loads('''{paths}''')) + "\\n")
"""


def _paths() -> list[str]:
    return [str(Path(jitscope.__file__).parents[1]), *site.getsitepackages()]
