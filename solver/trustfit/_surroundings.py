"""What compiled programs depend on beside what they compute: versions, settings, the processor.

All of it is one text, by which programs that are kept on disk are told apart. What is left out
makes no difference to a program; what is in it needlessly costs a compilation at most.
"""

import hashlib
import os
import platform
import sys
import time
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import jax
import jaxlib.version
import numpy as np

import trustfit
from trustfit._backend import runs_on_cpu
from trustfit._stable_text import NoText, stable_text
from trustfit._workers import processors

_FOLDER = Path(__file__).parent
_IMPORTED_S = time.time()
_CPU_INFO = Path("/proc/cpuinfo")
_OF_THE_PROCESSOR = frozenset(
    ("vendor_id", "cpu family", "model", "model name", "stepping", "flags", "Features")
) | {f"CPU {name}" for name in ("implementer", "architecture", "variant", "part", "revision")}
_OF_JAX_ALONE = ("cache", "_log_", "logging", "traceback", "dump", "mtls", "pprint")
"""Parts of the names of settings that change nothing in a program."""


def surroundings() -> str:
    """Return the text of everything; without starting a backend of JAX.

    Raises
    ------
    NoText
        If that cannot be told, or is not for programs to be kept: an accelerator, say.
    """
    if not runs_on_cpu():
        raise NoText("Programs for accelerators are JAX's own to keep.")
    parts = (_unchanging(), settings_of(jax.config), flags_of(os.environ), processors())
    return stable_text(parts)


@lru_cache(maxsize=1)
def _unchanging() -> tuple[Any, ...]:
    versions = (trustfit.__version__, jax.__version__, jaxlib.version.__version__, np.__version__)
    python = (sys.implementation.name, sys.version, sys.byteorder)
    return (versions, python, machine(_CPU_INFO), digest_of(_FOLDER, _IMPORTED_S))


def forget() -> None:
    """Look again at what does not change while a process lasts."""
    _unchanging.cache_clear()


def digest_of(folder: Path, imported_s: float) -> str:
    """Return a digest of the modules in a folder.

    Parameters
    ----------
    folder : Path
        Of a package.
    imported_s : float
        When they were imported, in seconds since 1970.

    Raises
    ------
    NoText
        If one cannot be read, or has been changed since: it says nothing of what runs.
    """
    digest = hashlib.sha256()
    try:
        for path in sorted(folder.glob("*.py")):
            status = path.stat()
            if max(status.st_mtime, status.st_ctime) >= imported_s:
                raise NoText(f"{path.name} has been changed since it was imported.")
            content = path.read_bytes()
            digest.update(f"{path.name} {len(content)}\n".encode())
            digest.update(content)
    except OSError as error:
        raise NoText(f"A module cannot be read: {error}") from error
    return digest.hexdigest()


def machine(cpu_info: Path) -> tuple[Any, ...]:
    """Return what tells processors apart for whom programs are compiled.

    A folder may be shared by many machines. Where the system has no file that tells the features of
    its processors, programs are kept for one machine alone.
    """
    where = (sys.platform, platform.machine())
    try:
        lines = cpu_info.read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    pairs = [(name.strip(), value.strip()) for name, _, value in (x.partition(":") for x in lines)]
    found = frozenset((name, value) for name, value in pairs if name in _OF_THE_PROCESSOR)
    if {name for name, _ in found} & {"flags", "Features"}:
        return (*where, found)
    return (*where, platform.node(), os.environ.get("PROCESSOR_IDENTIFIER", ""))


def settings_of(config: Any) -> tuple[Any, ...]:
    """Return JAX's settings, as they are in this thread and block, by name.

    Raises
    ------
    NoText
        If one has no value that another process can have: a device, say.
    """
    values: Mapping[str, Any] = config.values
    names = [name for name in values if not any(part in name for part in _OF_JAX_ALONE)]
    found = [(name, getattr(config, name, values[name])) for name in sorted(names)]
    stable_text(found)
    return tuple(found)


def flags_of(environment: Mapping[str, str]) -> tuple[Any, ...]:
    """Return the variables that XLA reads."""
    return tuple(item for item in sorted(environment.items()) if "XLA" in item[0])
