"""The exclusive-time stack, on a clock that only moves when told to."""

from typing import Any

import pytest
from jitscope._spans import SpanStack


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
