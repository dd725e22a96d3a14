import numpy as np
import pytest
from jitscope import fresh, recompiles
from jitscope.recompiles import CHANGES


def test_the_model_closes_over_what_it_is_given():
    x = np.linspace(-1, 1, 5)
    model = recompiles.closing_over(0.5, (2.0,))(np)
    assert model(x, 3.0, 0.0, 1.0)[2] == 6.5
    other = recompiles.closing_over(0.25, (2.0,))(np)
    assert model.__code__ is other.__code__


@pytest.mark.slow
def test_a_solver_without_a_compiler_compiles_nothing():
    counts = fresh.run_child("jitscope.recompiles", ["--solver", "scipy_lm"], what="the count")
    assert counts == dict.fromkeys(CHANGES, 0)


@pytest.mark.slow
def test_trustfit_compiles_its_first_fit():
    counts = fresh.run_child("jitscope.recompiles", [], what="the count")
    assert list(counts) == list(CHANGES)
    assert 1 <= counts["first fit"] <= 2
