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

from jitscope._support import UNSUPPORTED, unsupported

EXPECTED = {
    "first starts of backends": 1,
    "traces": 1,
    "modules compiled": 1,
    "modules of known size": 1,
    "jaxpr equations": 1,
    "operations on numbers": 3,
    "host syncs": 3,
    "conversions to the host": 8,
    "bytes to the host": 80,
    "conversions to the device": 4,
    "bytes to the device": 40,
    "compilations among the phases": 1,
    "executions among the phases": 3,
    "copies to the device among the phases": 4,
    "copies to the host among the phases": 1,
    "waits among the phases": 4,
    "threads that compiled": 1,
    "arguments handled": 1,
    "parts of a jitted call": 2,
    "calls with arrays": 4,
    "calls on the fast path": 4,
    "requests: first call": 3,
    "requests: new shape": 1,
    "requests: new dtype": 1,
    "requests: new static argument": 1,
    "requests: memory hit": 1,
    "requests: new function object": 1,
    "scopes of the device": 1,
    "scopes that are unknown": 0,
    "arrays put on the device": 1,
    "modules loaded from disk": 1,
    "modules of uncertain scopes": 1,
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
    # Filtered, a traceback ends with a remark on the filter in place of the error.
    settings = {"JAX_ENABLE_COMPILATION_CACHE": "false", "JAX_TRACEBACK_FILTERING": "off"}
    run = subprocess.run(
        [sys.executable, "-m", "jitscope.selftest"],
        env={**os.environ, "PYTHONPATH": path, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode != 0:
        reason = (run.stderr.strip().splitlines() or ["it said nothing"])[-1]
        kind, _, sentence = reason.partition(": ")
        if kind == "RuntimeError" and sentence.startswith(UNSUPPORTED):
            raise RuntimeError(sentence)  # it says all that there is to say
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


if __name__ == "__main__":
    from jitscope._known_program import count_known_program

    print(json.dumps(count_known_program()))
