"""The two drivers: what each may do, and that they agree."""

import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from trustfit import _state as states
from trustfit._bounds import Bounds
from trustfit._options import check_request
from trustfit._program import Program, Start, solve
from trustfit._state import problem_of, setup_of
from trustfit._stepped import STAGES

from .cases import Case, assert_same_solution
from .test_agreement import BOUNDED, CASES


def watched(_: Any) -> None:
    """Make the solve a stepped one, and do nothing."""


def assert_drivers_agree(case: Case, rtol: float = 1e-12, **options: Any) -> None:
    fused, stepped = case.ours(**options), case.ours(**options, callback=watched)
    assert (fused.status, fused.nfev, fused.njev, fused.npolish) == (
        stepped.status,
        stepped.nfev,
        stepped.njev,
        stepped.npolish,
    )
    assert_same_solution(fused, stepped, rtol)


@pytest.mark.parametrize("x_scale", [1.0, "jac"])
@pytest.mark.parametrize("name", CASES)
def test_drivers_agree_without_bounds(name: str, x_scale: Any):
    assert_drivers_agree(CASES[name], x_scale=x_scale)


@pytest.mark.parametrize("name", BOUNDED)
def test_drivers_agree_within_bounds(name: str):
    case, bounds = BOUNDED[name]
    assert_drivers_agree(CASES[case], bounds=bounds)


@pytest.mark.parametrize("loss", ["soft_l1", "huber", "cauchy", "arctan"])
def test_drivers_agree_on_losses(loss: str):
    assert_drivers_agree(CASES["gaussian near"], loss=loss, f_scale=0.07)


@pytest.mark.parametrize("max_nfev", [1, 2, 5])
def test_drivers_agree_on_the_way(max_nfev: int):
    assert_drivers_agree(CASES["gaussian far"], max_nfev=max_nfev)
    assert_drivers_agree(CASES["rosenbrock"], max_nfev=max_nfev)
    # At zero this J has rank 1 of 3, and beside it columns that rounding tells apart: what the
    # last bits of exp() differ by, the next steps amplify, until the minimum sets it right.
    rtol = 1e-12 if max_nfev < 5 else 1e-10
    assert_drivers_agree(CASES["decay from zero"], rtol=rtol, max_nfev=max_nfev)


def program_and_arguments(bounds: Bounds | None, loss: Any) -> tuple[Program, Start, Any]:
    options = check_request(2, x_scale="jac", loss=loss).options
    x0 = np.array([-1.2, 1.0])
    program = Program(setup_of(options), loss, "gram", keep_rows=True)
    return program, Start(x0, None), problem_of(options, bounds, x0)


def rows(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Rosenbrock's function, with a function in it that nothing else in a solve would call."""

    def residual(x: jax.Array) -> tuple[jax.Array, jax.Array]:
        f = jnp.array([10 * (x[1] - x[0] ** 2), jnp.arcsinh(1 - x[0])])
        return f, f

    J, f = jax.jacfwd(residual, has_aux=True)(x)
    return f, J


BOX = Bounds(np.array([-2.0, -2.0]), np.array([2.0, 2.0]))


@pytest.mark.parametrize("bounds", [None, BOX], ids=["free", "box"])
@pytest.mark.parametrize("loss", ["linear", "soft_l1"])
def test_nothing_enters_or_leaves_the_fused_loop(bounds: Bounds | None, loss: str):
    program, start, problem = program_and_arguments(bounds, loss)
    with jax.enable_x64(True):
        compiled = jax.jit(lambda start, problem: solve(rows, program, start, problem))
        start, problem = jax.device_put((start, problem))
        with jax.transfer_guard("disallow"):
            packed, _ = jax.block_until_ready(compiled(start, problem))
        with pytest.raises(Exception, match="host-to-device"), jax.transfer_guard("disallow"):
            compiled(*program_and_arguments(bounds, loss)[1:])
    np.testing.assert_allclose(packed[:2], [1, 1], rtol=1e-6)


def test_the_users_function_stands_in_the_program_once():
    program, start, problem = program_and_arguments(BOX, "cauchy")
    with jax.enable_x64(True):
        jaxpr = jax.make_jaxpr(lambda start, problem: solve(rows, program, start, problem))(
            start, problem
        )
    assert len(re.findall(r"\basinh\b", str(jaxpr))) == 1


def test_a_program_holds_what_the_call_asks_for_only():
    def size(bounds: Bounds | None, loss: str, **changes: Any) -> int:
        program, start, problem = program_and_arguments(bounds, loss)
        program = program._replace(**changes)
        with jax.enable_x64(True):
            jaxpr = jax.make_jaxpr(lambda start, problem: solve(rows, program, start, problem))(
                start, problem
            )
        return str(jaxpr).count("\n")

    whole = size(BOX, "cauchy")
    assert size(None, "cauchy") < 0.8 * whole
    assert size(BOX, "linear") < whole
    assert size(BOX, "cauchy", setup=states.Setup(jac_scale=False, polish=True)) < whole
    assert size(BOX, "cauchy", setup=states.Setup(jac_scale=True, polish=False)) < whole


def test_scopes_of_the_fused_driver_are_the_stages_of_the_stepped_one():
    program, start, problem = program_and_arguments(BOX, "linear")
    with jax.enable_x64(True):
        lowered = jax.jit(lambda start, problem: solve(rows, program, start, problem)).lower(
            start, problem
        )
        text = lowered.compile().as_text()
    assert text is not None
    names = set(re.findall(r"body/([a-zA-Z][a-zA-Z -]+)/", text))
    assert set(STAGES.values()) <= names
