"""Scopes of operations, shares of wall time and the wire format, on data made up here."""

import pytest
from jitscope import _protobuf
from jitscope._hlo import HloModule, Instruction, scope_path
from jitscope._timeline import Execution, shares_ns
from jitscope.device import attribute


@pytest.mark.parametrize(
    ("op_name", "scope"),
    [
        ("jit(f)/while/body/add", "(unscoped)"),
        ("jit(f)/while/body/solve/vmap(jvp(step))/sin", "solve/step"),
        ("jit(f)/vmap(transpose(jvp(outer/inner)))/mul", "outer/inner"),
        ("jit(f)/a/jit(solve)/while/body/closed_call/lt", "a"),
        ("jit(f)/a/vmap(jvp(jit(norm)))/div", "a"),
        ("jit(f)/cond/branch_1_fun/chosen/exp", "chosen"),
        ("jit(f)/vmap(transpose(jvp(a)))/vmap(jvp(a))/checkpoint/rematted_computation/sub", "a"),
        ("jit(h)/while/body/solve/fac/jit(s)/while/jit(h)/while/body/solve/fac/x", "solve/fac"),
        ("jit(h)/a/jit(g)/step/while/jit(g)/step/x", "a/step"),
        ("jit(s)/while/body/jit(i)/a/b/while/a/b/while/body/while/a/b/while/body/add", "a/b"),
        ("jit(s)/while/outer/add", "while/outer"),
        ("reduce_sum", "(unscoped)"),
        ("", "(unscoped)"),
    ],
)
def test_scopes_are_read_from_the_origin_of_an_operation(op_name: str, scope: str):
    assert scope_path(op_name) == scope


def test_operations_that_run_at_once_share_the_wall_time():
    assert shares_ns([(0, 10, "a"), (10, 20, "b")]) == {"a": 10, "b": 10}
    assert shares_ns([(0, 10, "a"), (5, 15, "b"), (40, 41, "c")]) == {"a": 8, "b": 7, "c": 1} or (
        shares_ns([(0, 10, "a"), (5, 15, "b"), (40, 41, "c")]) == {"a": 7, "b": 8, "c": 1}
    )
    thirds = shares_ns([(0, 100, "a"), (0, 100, "b"), (0, 100, "c")])
    assert sum(thirds.values()) == 100
    assert set(thirds.values()) == {33, 34}
    assert shares_ns([(3, 3, "empty")]) == {"empty": 0}


def kernel(name: str, opcode: str, scope: str, *called: int) -> Instruction:
    return Instruction(name, opcode, f"jit(f)/{scope}/x", called)


def test_a_call_is_a_kernel_unless_what_it_calls_ran_by_itself():
    module = HloModule(
        "jit_f",
        {
            0: (kernel("while.1", "while", "a", 1), kernel("call.2", "call", "a", 2)),
            1: (kernel("call.3", "call", "a", 3),),
            2: (kernel("sine.4", "sine", "b"), kernel("add.5", "add", "c")),
            3: (kernel("tan.6", "tan", "d"),),
        },
    )
    ran = [("while.1", 0, 100), ("call.3", 5, 60), ("tan.6", 10, 50), ("call.2", 60, 70)]
    executions = [Execution(7, "jit_f", op, start, end) for op, start, end in ran]
    device = attribute(executions, {"jit_f(7)": module}, wall_ns=65)
    assert [(op.op, op.scopes, op.time_ns) for op in device.ops] == [
        ("tan.6", ("d",), 40),
        ("call.2", ("b", "c"), 5),
    ]
    assert [(one.scope, one.time_ns) for one in device.scopes] == [("d", 40), ("(mixed)", 5)]
    gone = attribute(executions, {}, wall_ns=65)
    assert {one.scope for one in gone.scopes} == {"(unknown)"}
    assert {(op.kind, op.scopes) for op in gone.ops} == {("unknown", ())}


def test_protocol_buffers_are_read_and_broken_ones_refused():
    message = memoryview(b"\x08\x96\x01\x12\x02hi\x1a\x02\x01\x02\x18\x03")
    assert _protobuf.integer(message, 1) == 150
    assert _protobuf.text(message, 2) == "hi"
    assert _protobuf.integers(message, 3) == [1, 2, 3]
    with pytest.raises(ValueError, match="cut off"):
        list(_protobuf.fields(memoryview(b"\x12\x05hi")))
    with pytest.raises(ValueError, match="ends within a number"):
        list(_protobuf.fields(memoryview(b"\x08\x96")))
