"""Resident memory of this process and its peak, as Linux counts them."""

import ctypes
import gc
from pathlib import Path

_PROCESS = Path("/proc/self")


def can_reset_peak() -> bool:
    """Return whether this system lets a process reset its peak: Linux alone does."""
    return (_PROCESS / "clear_refs").exists()


def settle() -> None:
    """Give back what is free, so that a peak afterwards does not grow into it unseen."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:  # glibc's
        trim(0)


def reset_peak() -> int:
    """Forget the peak so far and return the memory that is resident now, in bytes."""
    (_PROCESS / "clear_refs").write_text("5", encoding="ascii")
    return peak_bytes()


def peak_bytes() -> int:
    """Return the peak of resident memory since it was last reset, in bytes."""
    for line in (_PROCESS / "status").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(":")
        if name == "VmHWM":
            return int(value.removesuffix("kB")) * 1024
    raise RuntimeError("/proc/self/status has no VmHWM.")
