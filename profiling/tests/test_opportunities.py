"""Amdahl's bound from measured shares, and the mends."""

import math
from dataclasses import replace
from typing import Any, get_args

import pytest
from jitscope.mends import advice_for, mend_of
from jitscope.opportunities import opportunities
from jitscope.recording import Cause, CompileRequest, PhasesPass

from .test_recording_terminal import EMPTY, SITE, phases_pass


def by_cost(*runs: PhasesPass) -> dict[str, Any]:
    return {one.cost: one for one in opportunities(replace(EMPTY, phases=runs))}


def test_the_bound_is_amdahls_and_the_largest_comes_first():
    found = opportunities(replace(EMPTY, phases=(phases_pass(),)))
    assert [one.cost for one in found] == ["compile", "compile jit(step)", "Python"]
    assert math.isclose(found[0].most, 1 / (1 - 0.6))
    assert math.isclose(found[2].most, 1 / (1 - 0.4))
    assert found[0].most_interval is None


def test_shares_are_of_each_run():
    runs = tuple(phases_pass(scale) for scale in (1, 1, 1, 1, 1, 1, 50))
    interval = by_cost(*runs)["compile"].most_interval
    assert interval is not None
    assert math.isclose(interval[0], 2.5)
    assert math.isclose(interval[1], 2.5)


def test_what_is_all_of_the_time_has_no_bound():
    whole = PhasesPass(10, None, {"host": 10})
    assert by_cost(whole)["Python"].most == math.inf


def test_compiling_again_is_bounded_by_its_cause():
    def run(*taken_ns: int | None) -> PhasesPass:
        requests = (
            CompileRequest("jit(f)", None, None, "cold", 1, "first call", None, 300),
            *(
                CompileRequest("jit(f)", None, None, "cold", 1, "new shape", str(ns), ns)
                for ns in taken_ns
            ),
            CompileRequest("jit(f)", None, None, "memory hit", 9, None, None),
        )
        return PhasesPass(1000, None, {"compile": 600, "host": 400}, requests=requests)

    found = by_cost(*[run(100, 150)] * 7)
    again = found["compile again: new shape"]
    assert (again.share.value, again.share.lo, again.share.hi) == (0.25, 0.25, 0.25)
    assert again.most == pytest.approx(1 / 0.75)
    assert "compile again: first call" not in found
    assert "compile again: new dtype" not in found
    # What one request took is not known, so neither is what all of them did.
    assert "compile again: new shape" not in by_cost(run(100, None))
    assert by_cost(run(), run(), run(500))["compile"].share.value == 0.6
    assert "compile again: new shape" not in by_cost(run(), run(), run(500))


def test_what_was_not_measured_or_not_seen_is_left_out():
    assert opportunities(EMPTY) == ()
    assert set(by_cost(PhasesPass(10, None, {"host": 10, "compile": None, "dispatch": 0}))) == {
        "Python"
    }


@pytest.mark.parametrize("cause", get_args(Cause))
def test_every_cause_has_its_advice(cause: Cause):
    assert advice_for(CompileRequest("jit(f)", None, None, "cold", 1, cause, None)).endswith(".")


def test_a_memory_hit_needs_no_advice():
    assert advice_for(CompileRequest("jit(f)", None, None, "memory hit", 1, None, None)) == ""


def test_every_kind_of_conversion_has_a_mend_that_fits_its_direction():
    assert "device_put" in mend_of(replace(SITE, direction="to_device", kind="jit argument"))
    assert "jnp.where" in mend_of(SITE)
    for direction in ("to_host", "to_device"):
        assert mend_of(replace(SITE, direction=direction, kind="never heard of")).endswith(".")
