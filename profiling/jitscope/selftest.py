"""Does the installed JAX still report what the recorders count on?

A fresh interpreter runs a small program with known counts under every recorder, once for each
combination of versions; a pass is remembered on disk. The process that asks does not import
JAX, so that it may be measured cold.
"""

import hashlib
import json
import os
import subprocess
import sys
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from jitscope._support import unsupported

EXPECTED = {
    "traces": 1,
    "modules compiled": 1,
    "jaxpr equations": 1,
    "conversions to the host": 8,
    "bytes to the host": 80,
    "conversions to the device": 3,
    "bytes to the device": 28,
    "compilations among the phases": 1,
    "executions among the phases": 3,
}


def require_supported_jax(cache_folder: Path | None = None) -> None:
    """Make sure that the recorders count correctly with the installed JAX.

    Parameters
    ----------
    cache_folder : Path, optional
        Where passes are remembered; by default ``jitscope`` in ``$XDG_CACHE_HOME`` or
        ``~/.cache``. If it cannot be written to, the test runs each time.

    Raises
    ------
    RuntimeError
        A count is wrong or a recorder fails: this JAX cannot be measured.
    """
    folder = cache_folder or user_cache_folder()
    passed = folder / f"selftest-{fingerprint()}.json" if folder else None
    if passed is not None and read_json(passed) == EXPECTED:
        return
    counts = _counts_of_a_fresh_interpreter()
    for what, expected in EXPECTED.items():
        if counts.get(what) != expected:
            raise unsupported(f"the self-test counted {counts.get(what)} {what}, not {expected}")
    if passed is not None:
        with suppress(OSError):
            write_json(passed, counts)


def _counts_of_a_fresh_interpreter() -> dict[str, int]:
    package_parent = str(Path(__file__).resolve().parents[1])
    path = os.pathsep.join(filter(None, [package_parent, os.environ.get("PYTHONPATH", "")]))
    run = subprocess.run(
        [sys.executable, "-m", "jitscope.selftest"],
        env={**os.environ, "PYTHONPATH": path, "JAX_ENABLE_COMPILATION_CACHE": "false"},
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode != 0:
        reason = (run.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise unsupported(f"the self-test failed ({reason})")
    return json.loads(run.stdout.splitlines()[-1])


def fingerprint() -> str:
    """Identify what the outcome depends on: versions, interpreter and the recorders' source."""
    digest = hashlib.sha256(sys.version.encode())
    for package in ("jax", "jaxlib", "numpy"):
        digest.update(f"{package} {version(package)}".encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:32]


def user_cache_folder() -> Path | None:
    """Return the folder for what is remembered between runs; None without a home folder."""
    configured = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if configured.is_absolute():
        return configured / "jitscope"
    try:
        return Path.home() / ".cache" / "jitscope"
    except RuntimeError:  # no home folder
        return None


def read_json(path: Path) -> object:
    """Return what a file holds; None if it cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def write_json(path: Path, data: object) -> None:
    """Write a file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}")
    unfinished.write_text(json.dumps(data, indent=1), encoding="utf-8")
    unfinished.replace(path)


def count_known_program() -> dict[str, int]:
    """Run the program under every recorder; imports JAX and warms the process.

    Returns
    -------
    dict
        The counts, by the keys of `EXPECTED`.
    """
    import jax
    import numpy as np

    from jitscope.conversions import ConversionRecorder
    from jitscope.counters import CounterRecorder
    from jitscope.phases import PhaseRecorder

    values = np.ones(3, np.float32)
    doubled, scaled = jax.jit(lambda x: x + x), jax.jit(lambda x, factor: factor * x)
    with CounterRecorder() as counters:
        result = doubled(values)
    scaled(values, 2.0)
    scalar = jax.device_put(np.float32(1))
    with ConversionRecorder() as conversions:
        scaled(values, 2.0)
        jax.device_put(values + 1)
        np.asarray(result)
        np.add(result, result)
        result.tolist()
        np.from_dlpack(result)
        jax.device_get((scalar, result))
        float(scalar)
    with PhaseRecorder() as phases:
        scaled(values, 2.0)
        doubled(result)
        jax.jit(lambda x: x + 1)(values)
    to_host = [site for site in conversions.sites if site.direction == "to_host"]
    to_device = [site for site in conversions.sites if site.direction == "to_device"]
    return {
        "traces": counters.counters.traces,
        "modules compiled": counters.counters.compiled,
        "jaxpr equations": counters.counters.jaxpr_equations or 0,
        "conversions to the host": sum(site.count for site in to_host),
        "bytes to the host": sum(site.bytes for site in to_host),
        "conversions to the device": sum(site.count for site in to_device),
        "bytes to the device": sum(site.bytes for site in to_device),
        "compilations among the phases": len(phases.record.modules),
        "executions among the phases": phases.record.calls["dispatch"],
    }


if __name__ == "__main__":
    print(json.dumps(count_known_program()))
