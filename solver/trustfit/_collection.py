"""Compiling without Python's cyclic garbage collector in the way.

Tracing and lowering make some hundred thousand objects, nearly all of which live on. The collector
looks for garbage among them again and again, with all those of JAX and the user's program: a
quarter of a first call.
"""

import contextlib
import gc
from collections.abc import Generator


@contextlib.contextmanager
def collection_paused() -> Generator[None]:
    """Pause the collector, of the whole process, if it is not paused already."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
