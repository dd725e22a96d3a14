"""Start fresh interpreters, one a sample, in a clean environment.

What the parent process has compiled, cached or configured for JAX must not reach the sample:
an inherited compilation cache alone makes a first call many times faster.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from jitscope.errors import UserError
from jitscope.sample import Sample

TIMEOUT_S = 300.0
"""Longest that one sample may take, in seconds."""
_KEPT = frozenset({"JAX_PLATFORMS"})
"""The one setting of JAX that says what is measured rather than how."""
_FILLING_THE_CACHE_FIRST = ("cold", "warm_memory", "warm_disk")


class ChildFailed(UserError):
    """A fresh interpreter gave no measurement; the message says why."""


def child_environment(cache_dir: Path | None = None) -> dict[str, str]:
    """Return the environment of a sample: ours without settings of JAX, XLA and trustfit.

    Parameters
    ----------
    cache_dir : Path, optional
        Folder of the persistent compilation cache, which then takes every program; trustfit's own
        lies in it. By default there are no such caches.
    """
    environment = {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT or not name.startswith(("JAX_", "XLA_", "TRUSTFIT_"))
    }
    # Without byte code of ours, each fresh process would compile the recorders anew.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    # String hashes decide the order of sets, and so could change what is compiled.
    environment["PYTHONHASHSEED"] = "0"
    # Else JAX adds lines of its own below the error that says what went wrong.
    environment["JAX_TRACEBACK_FILTERING"] = "off"
    if cache_dir is None:
        return environment | {"JAX_ENABLE_COMPILATION_CACHE": "false", "TRUSTFIT_CACHE": "off"}
    return environment | {
        "TRUSTFIT_CACHE": str(cache_dir / "trustfit"),
        "JAX_ENABLE_COMPILATION_CACHE": "true",
        "JAX_COMPILATION_CACHE_DIR": str(cache_dir),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }


def run_child(
    module: str,
    arguments: Sequence[str],
    *,
    what: str,
    environment: Mapping[str, str] | None = None,
    timeout_s: float = TIMEOUT_S,
) -> dict[str, Any]:
    """Run ``python -m module`` in a fresh interpreter and return the JSON of its last line.

    Parameters
    ----------
    what : str
        Names the measurement in error messages, as "the cold sample of linear_100".
    environment : mapping, optional
        By default `child_environment()`.

    Raises
    ------
    ChildFailed
        It ended with an error, died, took too long or printed no JSON.
    """
    # -P: a solver in the current folder must not stand in for the installed one.
    command = [sys.executable, "-P", "-m", module, *arguments]
    try:
        done = subprocess.run(
            command,
            env=dict(child_environment() if environment is None else environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ChildFailed(f"{what} failed: it took longer than {timeout_s:g} s.") from error
    if done.returncode != 0:
        raise ChildFailed(f"{what} failed: {_reason(done)}")
    lines = done.stdout.splitlines()
    try:
        return json.loads(lines[-1])
    except (IndexError, ValueError) as error:
        raise ChildFailed(f"{what} failed: it printed no measurement.") from error


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    if done.returncode < 0:
        return f"the interpreter died of {signal.Signals(-done.returncode).name}."
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return lines[-1] if lines else f"exit code {done.returncode} and no message."


def run_sample(
    problem: str,
    condition: str,
    *,
    solver: str = "trustfit",
    observed: bool = True,
    stepped: bool = False,
    plain: bool = False,
    cache_dir: Path | None = None,
    expected_prefix: Path | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Sample:
    """Measure one sample in a fresh interpreter.

    Parameters
    ----------
    problem, condition, solver : str
        Names, as `jitscope.sample` takes them.
    observed : bool
        False measures the wall alone, without hooks.
    stepped : bool
        True measures a call through the solver's stepped driver.
    plain : bool
        True measures a call that asks for parameters and covariance only.
    cache_dir : Path, optional
        Folder of the persistent compilation cache; none by default.
    expected_prefix : Path, optional
        The solver must have been imported from below it.

    Raises
    ------
    ChildFailed
        There is no measurement, or it is of a wrong answer or of the wrong solver.
    """
    arguments = ["--solver", solver, "--problem", problem, "--condition", condition]
    if not observed:
        arguments.append("--unobserved")
    if stepped:
        arguments.append("--stepped")
    if plain:
        arguments.append("--plain")
    if expected_prefix is not None:
        arguments += ["--expected-prefix", str(expected_prefix)]
    figures = run_child(
        "jitscope.sample",
        arguments,
        what=f"the {condition} sample of {problem} with {solver}{', stepped' if stepped else ''}",
        environment=child_environment(cache_dir),
        timeout_s=timeout_s,
    )
    return Sample(**figures)


def measure_conditions(
    problem: str,
    *,
    solver: str = "trustfit",
    expected_prefix: Path | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Iterator[tuple[str, Sample | ChildFailed]]:
    """Measure one sample of each condition, and yield it or why there is none.

    Cold and warm_disk samples come from two interpreters, one observed and one not. The
    process that measures warm_memory fills the persistent cache that warm_disk reads.

    Yields
    ------
    condition : str
        One of `jitscope.sample.CONDITIONS`.
    sample : Sample or ChildFailed
        With observed and unobserved wall.
    """

    def run(condition: str, cache_dir: Path | None, observed: bool) -> Sample:
        return run_sample(
            problem,
            condition,
            solver=solver,
            observed=observed,
            cache_dir=cache_dir,
            expected_prefix=expected_prefix,
            timeout_s=timeout_s,
        )

    return in_conditions(run)


def in_conditions(
    run: Callable[[str, Path | None, bool], Sample],
) -> Iterator[tuple[str, Sample | ChildFailed]]:
    """Measure one sample of each condition; see `measure_conditions`.

    Parameters
    ----------
    run : callable
        Measures one sample in a fresh interpreter; takes the condition, the folder of the
        persistent compilation cache or None, and whether hooks are installed.
    """
    with tempfile.TemporaryDirectory(prefix="jitscope-cache-") as folder:
        for condition in _FILLING_THE_CACHE_FIRST:
            cache_dir = None if condition == "cold" else Path(folder)
            try:
                sample = run(condition, cache_dir, True)
                if condition != "warm_memory":
                    twin = run(condition, cache_dir, False)
                    sample = replace(
                        sample,
                        unobserved_wall_ns=twin.unobserved_wall_ns,
                        unobserved_call_ns=twin.unobserved_call_ns,
                    )
            except ChildFailed as error:
                yield condition, error
            else:
                yield condition, sample
