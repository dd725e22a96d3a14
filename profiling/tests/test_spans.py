"""The exclusive-time stack, on a clock that only moves when told to."""

from typing import Any

import pytest
from jitscope._spans import Frame, SpanStack, Trail


@pytest.fixture
def stack(clock: Any) -> SpanStack:
    stack = SpanStack(clock, "host")
    stack.start()
    return stack


def test_planted_durations_come_back_exactly(stack: SpanStack, clock: Any):
    clock.advance(1)
    outer = stack.open("trace")
    clock.advance(10)
    inner = stack.open("compile")
    clock.advance(100)
    assert stack.close(inner) == 100
    clock.advance(20)
    assert stack.close(outer) == 30
    clock.advance(2)

    assert stack.finish() == 133
    assert stack.slices_ns == {("", "trace", ""): 30, ("", "compile", ""): 100, ("", "host", ""): 3}


def test_slices_add_up_to_the_interval(stack: SpanStack, clock: Any):
    frames = []
    for step, phase in enumerate(["import", "trace", "lower", "trace", "compile", "to_host"] * 7):
        clock.advance(3**step % 101)
        frames.append(stack.open(phase, stage=f"stage {step % 3}"))
        clock.advance(7**step % 89)
        if step % 3 == 2:
            stack.close(frames.pop())
    assert stack.finish() == sum(stack.slices_ns.values()) == clock.now_ns - 1_000


def test_stage_and_phase_are_inherited(stack: SpanStack, clock: Any):
    stage = stack.open(stage="inner loop")
    clock.advance(5)
    wait = stack.open("device_wait")
    nested = stack.open(stage="factorisation")
    clock.advance(7)
    stack.close(nested)
    stack.close(wait)
    stack.close(stage)
    stack.finish()
    assert stack.slices_ns == {
        ("inner loop", "host", ""): 5,
        ("inner loop", "device_wait", ""): 0,
        ("factorisation", "device_wait", ""): 7,
        ("", "host", ""): 0,
    }


def test_closing_may_rename_the_phase_but_not_what_was_inside(stack: SpanStack, clock: Any):
    load = stack.open("compile")
    inner = stack.open("to_host")
    clock.advance(2)
    stack.close(inner)
    clock.advance(4)
    stack.close(load, "cache_load")
    stack.finish()
    assert stack.slices_ns == {
        ("", "to_host", ""): 2,
        ("", "cache_load", ""): 4,
        ("", "host", ""): 0,
    }
    assert stack.entries == {"to_host": 1, "cache_load": 1, "host": 0}


def test_closing_an_outer_span_closes_those_left_open(stack: SpanStack, clock: Any):
    outer = stack.open("trace")
    forgotten = stack.open("lower")
    clock.advance(9)
    stack.close(outer)
    clock.advance(1)
    assert stack.close(forgotten) == 9
    assert stack.phase == "host"
    assert stack.finish() == 10
    assert stack.slices_ns == {("", "lower", ""): 9, ("", "trace", ""): 0, ("", "host", ""): 1}


def test_only_counted_spans_are_entries(stack: SpanStack):
    for counted in (True, False, True):
        stack.close(stack.open("dispatch", counted=counted))
    stack.close(stack.open(stage="inner loop"))
    stack.finish()
    assert stack.entries["dispatch"] == 2
    assert stack.entries["host"] == 0


def trail_of(most: int, lengths: list[int]) -> Trail:
    """Return a trail of slices with gaps between them, so that none continues another."""
    trail, now = Trail(most), 0
    for length in lengths:
        trail.add(now, now + length, Frame("host", "", "", True))
        now += length + 1
    return trail


def lengths_of(trail: Trail) -> list[int]:
    return [end - start for start, end, _, _ in trail.slices]


@pytest.mark.parametrize(
    ("lengths", "kept"),
    [
        ([5, 1, 4, 2, 3], [5, 4, 3]),
        ([2, 2, 2, 2, 2], [2, 2, 2]),
        ([1, 2, 2, 3, 2], [2, 3, 2]),  # of equal ones the earliest goes
        ([3, 1], [3, 1]),
        ([3, 1, 2], [3, 1, 2]),
    ],
)
def test_the_longest_slices_are_kept_in_order_of_time(lengths: list[int], kept: list[int]):
    trail = trail_of(3, lengths)
    trail.prune()
    assert lengths_of(trail) == kept
    assert trail.dropped == len(lengths) - len(kept)
    assert trail.slices == sorted(trail.slices)
    trail.prune()
    assert lengths_of(trail) == kept


def test_no_more_than_twice_as_many_slices_are_held_meanwhile():
    trail = Trail(4)
    for step in range(100):
        trail.add(200 * step, 200 * step + 100 - step, Frame("host", "", "", True))
        assert len(trail.slices) < 8
    trail.prune()
    assert lengths_of(trail) == [100, 99, 98, 97]
    assert trail.dropped == 96


def test_a_slice_that_goes_on_is_one():
    trail = Trail(2)
    for start, end, phase in [(0, 5, "host"), (5, 9, "host"), (9, 9, "trace"), (9, 12, "host")]:
        trail.add(start, end, Frame(phase, "", "", True))
    trail.add(12, 14, Frame("trace", "", "", True))
    trail.add(15, 16, Frame("trace", "", "", True))
    assert trail.slices == [(0, 12, "host", ""), (12, 14, "trace", ""), (15, 16, "trace", "")]
