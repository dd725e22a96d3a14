"""Lines that changed between two recordings, and how they are shown."""

import io
from dataclasses import replace

from jitscope.compare_recordings import compare
from jitscope.conversions import ConversionSite
from jitscope.recording import CompileRequest, FunctionPhases, PhasesPass
from jitscope.report.comparison_terminal import MOST_LINES, print_comparison
from jitscope.report.recording_terminal import WIDTH
from rich.console import Console

from .test_compare_recordings import BASE, EMPTY, MS

SITE = ConversionSite("/old/p/fit.py", 9, "main", "to_host", "float()", 4, 16, 2 * MS, MS)


def at(line: int, count: int = 4, **others: str) -> ConversionSite:
    return replace(SITE, line=line, count=count, bytes=4 * count, **others)


def changes(
    base: tuple[ConversionSite, ...], head: tuple[ConversionSite, ...]
) -> list[tuple[str, int | None, int | None]]:
    found = compare(replace(EMPTY, conversions=base), replace(EMPTY, conversions=head)).lines
    return [(one.change, one.base and one.base.line, one.head and one.head.line) for one in found]


def test_lines_that_only_moved_do_not_show_even_in_another_folder():
    moved = (at(10, file="/new/q/fit.py"), at(11, 100, file="/new/q/fit.py"))
    assert changes((at(9), at(10, 100)), moved) == []


def test_added_gone_another_count_and_another_size():
    assert changes((), (at(9),)) == [("added", None, 9)]
    assert changes((at(9),), ()) == [("gone", 9, None)]
    assert changes((at(9),), (at(12, 5),)) == [("another count", 9, 12)]
    assert changes((at(9),), (replace(SITE, bytes=8),)) == [("another size", 9, 9)]


def test_a_new_line_among_others_is_the_one_that_was_added():
    assert changes((at(9), at(20, 8)), (at(9), at(15, 3), at(21, 8))) == [("added", None, 15)]


def test_equal_lines_are_told_apart_by_line_number():
    assert changes((at(9), at(20)), (at(20),)) == [("gone", 9, None)]
    assert changes((at(9), at(20)), (at(9),)) == [("gone", 20, None)]


def test_swapped_counts_on_unmoved_lines_are_two_changes():
    found = changes((at(9, 5), at(10, 100)), (at(9, 100), at(10, 5)))
    assert found == [("another count", 9, 9), ("another count", 10, 10)]


def test_another_function_or_kind_is_another_place():
    other = changes((at(9),), (at(9, function="other"),))
    assert sorted(one[0] for one in other) == ["added", "gone"]
    other = changes((at(9),), (at(9, kind="item()"),))
    assert sorted(one[0] for one in other) == ["added", "gone"]


def test_without_conversions_on_a_side_nothing_is_said_to_be_gone():
    comparison = compare(replace(EMPTY, conversions=(SITE,)), EMPTY)
    assert comparison.lines == ()
    assert any("second has no conversions" in note for note in comparison.notes)


def requests(*found: CompileRequest) -> PhasesPass:
    functions = (FunctionPhases("jit(f)", 1, {"compile": 90 * MS}),)
    return replace(BASE.phases[0], requests=found, functions=functions)


def test_compile_requests_by_line_and_memory_hits_left_out():
    cold = CompileRequest("jit(f)", "/p/fit.py", 7, "cold", 1, "first call", None)
    again = replace(cold, cause="new shape", count=2)
    hit = replace(cold, line=8, outcome="memory hit", cause=None)
    base = replace(EMPTY, phases=(requests(cold),), conversions=())
    head = replace(EMPTY, phases=(requests(cold, again, hit),), conversions=(SITE,))
    compiled, converted = compare(base, head).lines
    assert compiled.change == "another count"
    assert compiled.base is not None
    assert compiled.head is not None
    assert (compiled.base.count, compiled.head.count, compiled.head.line) == (1, 3, 7)
    assert (converted.change, converted.cost_ns) == ("added", 3 * MS)


def test_the_costliest_are_shown_within_the_width_and_names_are_no_markup():
    sites = tuple(
        replace(SITE, function=f"[bold]{'long_name' * 9}{one}", wait_ns=one * MS)
        for one in range(MOST_LINES + 3)
    )
    file = io.StringIO()
    comparison = compare(
        replace(BASE, conversions=()), replace(BASE, conversions=sites, exception="E: [red]")
    )
    console = Console(file=file, width=200)
    print_comparison(comparison, console)
    assert console.width == 200
    text = file.getvalue()
    assert "E: [red]" in text
    assert "[bold]" in text
    assert text.count("added") == MOST_LINES
    assert "3 more lines changed." in text
    assert comparison.lines[0].cost_ns == (MOST_LINES + 3) * MS
    tables = text[text.index("Times") :].splitlines()
    assert max(map(len, tables)) <= WIDTH
