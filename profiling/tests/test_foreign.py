"""Samples of foreign solvers: what an adapter file must hold, and how failures show."""

import math
import sys
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import pytest
from jitscope import foreign, foreign_sample
from jitscope.errors import UserError
from jitscope.foreign import figure_s, measure_phases, run_foreign_sample
from jitscope.fresh import ChildFailed
from jitscope.sample import Sample


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    """Write the adapter that `jitscope init` writes, for NumPy as the solver."""
    template = (files("jitscope") / "scaffold" / "adapter.py.txt").read_text(encoding="utf-8")
    values = {"project": "numpy", "project_literal": '"numpy"', "package": "numpy"}
    path = tmp_path / "adapter.py"
    path.write_text(Template(template).substitute(values), encoding="utf-8")
    return path


def change(adapter: Path, old: str, new: str) -> Path:
    text = adapter.read_text(encoding="utf-8")
    assert old in text
    adapter.write_text(text.replace(old, new), encoding="utf-8")
    return adapter


def test_a_first_call_is_split_into_phases_that_add_up(adapter: Path):
    sample = run_foreign_sample(adapter, "small", "cold")
    assert sample.phases_ns is not None
    assert sum(ns or 0 for ns in sample.phases_ns.values()) == sample.wall_ns
    for phase in ("import", "trace", "lower", "compile"):
        assert (sample.phases_ns[phase] or 0) > 0
    assert [module["fun_name"] for module in sample.modules] == ["slope"]
    assert sample.unobserved_wall_ns is None
    assert sample.versions["numpy"] is not None
    assert Path(sample.solver_file).parent.name == "numpy"


def test_an_unobserved_call_has_a_wall_alone(adapter: Path):
    sample = run_foreign_sample(adapter, "small", "cold", observed=False)
    assert sample.phases_ns is None
    assert sample.wall_ns is None
    assert (sample.unobserved_wall_ns or 0) > (sample.unobserved_call_ns or 0) > 0


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("< 1e-3", "< -1", "ValueError: wrong answer"),
        ("import numpy  #", "import no_such_solver  #", "No module named 'no_such_solver'"),
        ("class Solver", "class Other", "needs a class `Solver` with import_solver, solver_file"),
        ("def check", "def verify", "needs a class `Solver` with check."),
    ],
)
def test_an_adapter_that_fails_says_why(adapter: Path, old: str, new: str, reason: str):
    change(adapter, old, new)
    with pytest.raises(ChildFailed, match=f"the cold sample of small failed: .*{reason}"):
        run_foreign_sample(adapter, "small", "cold")


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(UserError, match=r"no adapter file .*adapter\.py; give the path of one\."):
        foreign_sample.load(tmp_path / "adapter.py")


def test_a_file_that_is_no_python_is_named(tmp_path: Path):
    (tmp_path / "adapter.txt").write_text("")
    with pytest.raises(UserError, match=r"no adapter file .*adapter\.txt; give the path of one\."):
        foreign_sample.load(tmp_path / "adapter.txt")


def test_in_an_environment_of_asv_the_solver_must_come_from_there(
    adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ASV_ENV_DIR", str(tmp_path))
    with pytest.raises(ChildFailed, match=r"numpy was imported from .* expected a file below"):
        run_foreign_sample(adapter, "small", "cold")
    monkeypatch.setenv("ASV_ENV_DIR", str(Path(sys.prefix)))
    assert run_foreign_sample(adapter, "small", "cold").solver == "numpy"


class TestCache:
    @pytest.fixture(name="asked")
    def fake_children(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
        """Replace the children by ones that fail for "bad"; return what they were asked for."""
        asked: list[tuple[Any, ...]] = []

        def run(
            _: Path, problem: str, condition: str, *, observed: bool, cache_dir: Any, **__: Any
        ) -> Sample:
            asked.append((problem, condition, observed, cache_dir))
            if problem == "bad":
                raise ChildFailed("it is bad")
            phases_ns = {"compile": 7_000_000_000, "import": None}
            sample = Sample("s", problem, condition, phases_ns, 8, 9, 5, {}, {}, [], {}, "file", {})
            return sample if observed else replace(sample, wall_ns=None, unobserved_wall_ns=3)

        monkeypatch.setattr(foreign, "run_foreign_sample", run)
        return asked

    def test_samples_unmeasured_and_failures(
        self, asked: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setenv("JITSCOPE_SAMPLES", "2")
        cache = measure_phases(Path("adapter.py"), ("good", "bad"))
        compiled = figure_s(cache, "good", "cold", "compile")
        assert compiled == {"samples": [7.0, 7.0], "number": 1}
        unobserved = figure_s(cache, "good", "cold", "unobserved_wall")
        assert unobserved == {"samples": [3e-9, 3e-9], "number": 1}
        later = figure_s(cache, "good", "warm_memory", "unobserved_wall")
        assert later == {"samples": [9e-9, 9e-9], "number": 1}
        assert math.isnan(figure_s(cache, "good", "cold", "import"))  # pyright: ignore[reportArgumentType]
        with pytest.raises(RuntimeError, match="it is bad"):
            figure_s(cache, "bad", "cold", "compile")

    def test_a_later_call_fills_the_cache_that_a_first_call_reads(
        self, asked: list[tuple[Any, ...]]
    ):
        measure_phases(Path("adapter.py"), ("good",))
        assert [one[1:3] for one in asked] == [
            ("cold", True),
            ("cold", False),
            ("warm_memory", True),
            ("warm_disk", True),
            ("warm_disk", False),
        ]
        folders = [one[3] for one in asked]
        assert folders[:2] == [None, None]
        assert len(set(folders[2:])) == 1
        assert folders[2] is not None
