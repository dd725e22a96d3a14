"""How a solve is served that could be one compiled program: by that program, or by NumPy.

Compiling takes some hundred times as long as a small fit. So, unless a call says otherwise, the
first fit of a model is a loop on the host, the one of the stepped driver, around the model's own
traced operations, evaluated by NumPy (`trustfit._host_model`): nothing is compiled. Its program is
made in the background (`trustfit._background`) at the second fit, or as soon as a fit takes as long
as making it would; calls use it once it is ready. A fit that is overtaken begins again in the
program, so that its result is that of either way, and does not depend on when that happened.

A call waits for its program, as all did before there was another way, where NumPy would take
longer by an estimate (than compiling, or than loading what is on disk), where it has no rule for an
operation, and with an accelerator. A process
that was forked from one in which JAX had started stays with NumPy, as XLA would hang there.
"""

import math
import os
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import jax
import numpy as np

from trustfit import _fused as fused
from trustfit import _quick as quick
from trustfit import _stepped as stepped
from trustfit import _streamed as streamed
from trustfit._backend import backend_started, runs_on_cpu
from trustfit._background import Compilations
from trustfit._bounds import Bounds
from trustfit._compiled import Recipe
from trustfit._driver import Wish
from trustfit._kept import DISK
from trustfit._model import Model
from trustfit._program import Start, program_for
from trustfit._result import UnacceleratedWarning
from trustfit._settings import Options, Solution
from trustfit._state import problem_of
from trustfit._types import FloatArray
from trustfit._warnings import warn

if TYPE_CHECKING:
    from trustfit._host_model import HostProgram

_EVALUATIONS = 15
"""How many a fit takes, about."""

_LOADING_S = 0.06
"""How long it takes to load a program from disk, about."""


class Call(NamedTuple):
    """A solve, as `trustfit._fused.minimize` takes it."""

    model: Model
    x0: FloatArray
    bounds: Bounds | None
    options: Options
    rows: bool

    def by_program(self) -> Solution:
        """Solve by the compiled program, which is compiled now if it is not yet."""
        return fused.minimize(self.model, self.x0, self.bounds, self.options, rows=self.rows)

    def recipe(self) -> Recipe:
        """Return what the program is compiled for."""
        program = program_for(self.options, keep_rows=self._keep_rows)
        return self.model.recipe(program, Start(self.x0, None), self._problem)

    def is_kept(self) -> bool:
        """Return whether there may be a program on disk."""
        return self.model.is_kept(self.recipe(), Start(self.x0, None), self._problem)

    def lowered(self, recipe: Recipe) -> Sequence[object]:
        """Return what the program consists of, to be compiled."""
        rows = self.rows and not self._keep_rows
        return self.model.lowered(recipe, Start(self.x0, None), self._problem, rows=rows)

    @property
    def _keep_rows(self) -> bool:
        return self.rows and not self.model.traced.by_points

    @property
    def _problem(self) -> "fused.states.Problem":
        return problem_of(self.options, self.bounds, self.x0)


class _Overtaken(Exception):
    """A program has become ready while its call was served by NumPy."""


class Server:
    """Serves calls, and remembers which of their programs there are.

    Attributes
    ----------
    compilations : Compilations
        In the background.
    is_child : bool
        Whether XLA would hang, in a process forked from one in which JAX had started.
    """

    def __init__(self) -> None:
        self.compilations = Compilations()
        self.is_child = False

    def minimize(self, call: Call, wish: Wish) -> Solution:
        """Minimize the cost, as `trustfit._fused.minimize` does.

        Parameters
        ----------
        call : Call
            What to minimize, and how.
        wish : {'auto', 'compiled', 'numpy'}
            How to serve it.

        Raises
        ------
        ValueError
            If the residuals or the Jacobian are not finite at x0; or if 'numpy' is wished for, and
            has no rule for an operation.
        """
        if wish == "compiled":
            return call.by_program()
        if wish == "numpy":
            return self._by_numpy(call, _known(call), None)
        if not self.is_child and _is_for_program_alone(call.model):
            return call.by_program()
        used_before = self.compilations.use(call.model.traced) > 0 and not self.is_child
        recipe = call.recipe() if used_before else None
        if recipe is not None and self._is_ready(recipe):
            return self._by_program(call, recipe)
        from trustfit._host_model import host_program  # with its rules, only where it serves

        program = host_program(call.model.traced, call.model.m)
        if isinstance(program, frozenset) or self._is_too_slow(call, program):
            return self._by_program(call, recipe)
        if self.is_child:
            return self._by_numpy(call, program, None)
        race = Race(self.compilations, call, recipe)
        if used_before:
            race.start()
        try:
            return self._by_numpy(call, program, race)
        except _Overtaken:
            return self._by_program(call, race.recipe)

    def _is_ready(self, recipe: Recipe) -> bool:
        if self.compilations.progress(recipe) == "ready":
            return True
        self._tell_of_failure(recipe)
        return False

    def _is_too_slow(self, call: Call, program: "HostProgram") -> bool:
        estimated_s = _EVALUATIONS * program.estimated_s(call.model.m)
        if self.is_child or estimated_s <= _LOADING_S:
            return False
        return estimated_s > self.compilations.expected_s or call.is_kept()

    def _tell_of_failure(self, recipe: Recipe) -> None:
        error = self.compilations.failure(recipe)
        if error is not None:
            warn(
                f"The model could not be compiled ({type(error).__name__}: {error}). Its fits stay "
                "with NumPy, which takes longer; pass `driver='compiled'` to see where it fails.",
                UnacceleratedWarning,
            )

    def _by_program(self, call: Call, recipe: Recipe | None) -> Solution:
        solution = call.by_program()
        self.compilations.finish(call.recipe() if recipe is None else recipe)
        return solution

    def _by_numpy(self, call: Call, program: "HostProgram", race: "Race | None") -> Solution:
        from trustfit._host_model import host_functions

        look = _no_look if race is None else race.look
        functions = host_functions(call.model, program, look)
        solution = stepped.minimize(functions, call.x0, call.bounds, call.options)
        jac = np.ascontiguousarray(solution.jac) if call.rows else solution.jac
        return solution._replace(jac=jac, driver="numpy")

    def begin_as_child(self) -> None:
        """Forget what belongs to the process that this one was forked from."""
        self.compilations.forget()
        quick.forget()
        self.is_child = self.is_child or backend_started()


def _no_look() -> None:
    """Look for nothing."""


def _is_for_program_alone(model: Model) -> bool:
    return model.m == 0 or streamed.is_for(model) or _is_watched() or not runs_on_cpu()


def _is_watched() -> bool:
    """Return whether JAX is to look for NaN or infinity in what programs return."""
    return bool(jax.config.jax_debug_nans or jax.config.jax_debug_infs)  # pyright: ignore[reportAttributeAccessIssue]


def _known(call: Call) -> "HostProgram":
    from trustfit._host_model import host_program

    program = host_program(call.model.traced, call.model.m)
    if isinstance(program, frozenset):
        raise ValueError(
            f"`driver` 'numpy' has no rule for {', '.join(sorted(program))}. Leave `driver` out, "
            "for the model to be compiled."
        )
    return program


class Race:
    """A call served by NumPy, and its program: whichever is there first answers.

    The program is started once NumPy has taken as long as making the program would, or will, by the
    quickest of its turns so far. A first evaluation, with all that is there for the first time, and
    a moment in which the machine was busy say nothing of the turns to come, while what they would
    start takes this thread longer than most fits.

    Parameters
    ----------
    compilations : Compilations
        In the background.
    call : Call
        What NumPy serves.
    recipe : Recipe or None
        Of the program, if it is known.
    clock : callable
        Returns seconds.
    """

    def __init__(
        self,
        compilations: Compilations,
        call: Call,
        recipe: Recipe | None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._compilations = compilations
        self._call = call
        self._recipe = recipe
        self._clock = clock
        self._begin_s = 0.0
        self._last_s = 0.0
        self._quickest_s = math.inf
        self._looks = 0
        self._started = False

    @property
    def recipe(self) -> Recipe:
        """What the program is compiled for."""
        if self._recipe is None:
            self._recipe = self._call.recipe()
        return self._recipe

    def start(self) -> None:
        """Have the program made in the background."""
        self._started = True
        self._compilations.start(self.recipe, lambda: self._call.lowered(self.recipe))

    def look(self) -> None:
        """Look how things stand, before an evaluation.

        Raises
        ------
        _Overtaken
            If the program is ready.
        """
        if self._started:
            if self._compilations.progress(self.recipe) == "ready":
                raise _Overtaken
            return
        now_s = self._clock()
        if self._looks == 0:
            self._begin_s = now_s
        else:
            self._quickest_s = min(self._quickest_s, now_s - self._last_s)
            if self._is_slow(now_s - self._begin_s):
                self.start()
        self._last_s = now_s
        self._looks += 1

    def _is_slow(self, elapsed_s: float) -> bool:
        left = max(_EVALUATIONS - self._looks, 0) if self._looks > 1 else 0
        return elapsed_s + left * self._quickest_s > self._compilations.expected_s


SERVER = Server()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=SERVER.begin_as_child)


def wait_until_compiled(timeout_s: float | None = None) -> bool:
    """Wait until no program is being compiled, or written to disk, in the background.

    Parameters
    ----------
    timeout_s : float, optional
        How long at most; by default as long as it takes.

    Returns
    -------
    bool
        Whether none is any more.

    Notes
    -----
    A model's program is started by its second fit, and serves those that begin once it is ready.
    """
    return SERVER.compilations.wait(timeout_s) and DISK.wait(timeout_s)
