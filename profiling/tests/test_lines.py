"""Lines come back with exact hits, and meet the conversions recorded for them elsewhere."""

import importlib
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Literal

import pytest
from jitscope.conversions import ConversionRecorder, ConversionSite
from jitscope.following import Follower
from jitscope.lines import AnnotatedLine, LineTime, annotate, record_lines

DRIVER = """\
import time


def loop(n):
    total = 0
    for i in range(n):
        total += i  # marked: n times
    time.sleep(0.02)  # marked: slow
    return total


def unused():
    return 1
"""


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "planted_driver.py").write_text(DRIVER, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("planted_driver")
    del sys.modules["planted_driver"]


def test_hits_are_exact_and_the_slow_line_is_the_slow_one(driver: ModuleType):
    lines = record_lines(lambda: driver.loop(13), ["planted_driver"])
    marked = {line.source.partition("# marked: ")[2]: line for line in lines}
    assert marked["n times"].hits == 13
    assert marked["slow"].hits == 1
    assert 15e6 < marked["slow"].time_ns < 500e6
    assert max(lines, key=lambda line: line.time_ns) is marked["slow"]
    assert {line.function for line in lines} == {"loop"}
    assert {line.file for line in lines} == {str(Path(str(driver.__file__)).resolve())}


def test_an_exception_passes_through_and_profiling_ends(driver: ModuleType):
    with pytest.raises(TypeError):
        record_lines(lambda: driver.loop("three"), ["planted_driver"])
    assert sys.gettrace() is None
    assert sys.getprofile() is None


def test_lines_meet_the_conversions_of_the_same_file_and_line(tmp_path: Path):
    real = tmp_path / "real.py"
    real.touch()
    link = tmp_path / "link.py"
    link.symlink_to(real)
    line = LineTime(str(real), 7, "f", 2, 100, "x = np.array(y)")

    def site(
        file: Path, number: int, direction: Literal["to_host", "to_device"], count: int
    ) -> ConversionSite:
        return ConversionSite(str(file), number, "f", direction, "numpy", count, 8, 10, 20)

    sites = (
        site(link, 7, "to_host", 2),
        site(real, 7, "to_device", 3),
        site(real, 8, "to_host", 50),
    )
    (row,) = annotate([line], sites)
    assert (row.to_host, row.to_device, row.wait_ns, row.copy_ns) == (2, 3, 20, 40)
    (alone,) = annotate([LineTime(str(real), 9, "f", 1, 1, "")], sites)
    assert (alone.to_host, alone.to_device, alone.wait_ns, alone.copy_ns) == (0, 0, 0, 0)


one_line_functions_have_rows = pytest.mark.skipif(
    sys.version_info >= (3, 12), reason="Python has no line events of a function of one line there"
)
"""A limit of Python's own, which the docs state; what holds in spite of it is tested everywhere."""

SHARED = """\
import time

import jax.numpy as jnp
import numpy as np

first = lambda x: (time.sleep(0.02), np.asarray(x)); second = lambda x: (time.sleep(0.04), x)
def outer(x): return (lambda y: (time.sleep(0.02), np.asarray(y)))(x)
x = jnp.arange(3.0)
first(x)
first(x)
second(x)
outer(x)
"""


def rows_of(source: str, file: Path) -> list[AnnotatedLine]:
    """Follow a program and record its conversions, each in a run of its own."""
    file.write_text(source, encoding="utf-8")
    code = compile(source, str(file), "exec")
    with ConversionRecorder() as recorder:
        exec(code, {})
    follower = Follower()
    followed = follower.followed(code)
    with follower.following():
        exec(followed, {})
    return list(annotate(follower.lines(), recorder.sites))


def test_a_conversion_is_counted_in_one_of_the_functions_that_share_a_line(tmp_path: Path):
    rows = rows_of(SHARED, tmp_path / "sharing.py")
    converted: Counter[int] = Counter()
    for row in rows:
        converted[row.time.line] += row.to_host
    assert +converted == {6: 2, 7: 1}


@one_line_functions_have_rows
def test_functions_that_share_a_line_have_rows_of_their_own(tmp_path: Path):
    rows = rows_of(SHARED, tmp_path / "sharing.py")
    named = {(row.time.line, row.time.function): row for row in rows}
    both = named[6, "<lambda>"]
    assert (both.time.hits, both.to_host, both.is_shared) == (3, 2, False)
    assert both.time.time_ns == pytest.approx(80e6, rel=0.2)
    outer, inner = named[7, "outer"], named[7, "<lambda>"]
    assert (outer.to_host, inner.to_host) == (0, 1)
    assert (outer.is_shared, inner.is_shared) == (True, True)
    assert inner.source.startswith("<lambda>: def outer(x)")
    assert outer.time.time_ns == pytest.approx(20e6, rel=0.3)


def test_a_comprehension_leaves_the_conversion_to_its_function():
    site = ConversionSite("/a.py", 7, "h", "to_host", "numpy", 2, 8, 10, 20)
    lines = [LineTime("/a.py", 7, name, 1, ns, "...") for name, ns in (("<listcomp>", 5), ("h", 9))]
    comprehension, function = annotate(lines, [site])
    assert (comprehension.to_host, function.to_host) == (0, 2)


def test_a_conversion_of_an_unknown_function_goes_to_the_costliest_of_a_line():
    site = ConversionSite("/a.py", 7, "gone", "to_host", "numpy", 2, 8, 10, 20)
    lines = [LineTime("/a.py", 7, name, 1, ns, "...") for name, ns in (("f", 5), ("g", 9))]
    assert [row.to_host for row in annotate(lines, [site])] == [0, 2]


NESTED = """\
import time
f = lambda x: (lambda y: time.sleep(0.02))(x)
f(1)
"""


@one_line_functions_have_rows
def test_functions_of_one_name_that_stand_one_in_another_share_their_line(tmp_path: Path):
    rows = rows_of(NESTED, tmp_path / "nested.py")
    rows = [row for row in rows if row.time.function == "<lambda>"]
    assert [(row.time.hits, row.is_shared) for row in rows] == [(1, True), (1, True)]
    assert [row.time.time_ns for row in rows] == pytest.approx([20e6, 20e6], rel=0.3)


def test_rows_of_one_name_on_a_line_are_shared_and_the_modules_is_no_function():
    lines = [LineTime("/a.py", 7, name, 1, 5, "...") for name in ("<lambda>", "<lambda>")]
    assert [row.is_shared for row in annotate(lines, [])] == [True, True]
    lines = [LineTime("/a.py", 7, name, 1, 5, "...") for name in ("<module>", "<lambda>")]
    assert [row.is_shared for row in annotate(lines, [])] == [False, False]
