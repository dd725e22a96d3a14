"""The phases of a fresh process: its imports, and its cache on disk."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FRESH = """
import dataclasses, json, sys
from jitscope.phases import PhaseRecorder
assert "jax" not in sys.modules
with PhaseRecorder() as recorder:
    with recorder.span("import"):
        import jax
        import numpy
    with recorder.span("backend"):
        jax.devices()
    numpy.asarray(jax.jit(lambda x: (x @ x.T).sum() ** 2)(numpy.ones((30, 30))))
print(json.dumps(dataclasses.asdict(recorder.record)))
"""


def fresh_record(cache: Path) -> dict[str, Any]:
    environment = {
        **os.environ,
        "JAX_PLATFORMS": "cpu",
        "JAX_COMPILATION_CACHE_DIR": str(cache),
        "JAX_ENABLE_COMPILATION_CACHE": "1",
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    script = [sys.executable, "-c", FRESH]
    run = subprocess.run(script, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.mark.slow
def test_a_fresh_process_measures_its_imports_and_its_disk_cache(tmp_path: Path):
    cold, warm = fresh_record(tmp_path), fresh_record(tmp_path)
    for record in (cold, warm):
        phases_ns = record["phases_ns"]
        assert all(own_ns is not None for own_ns in phases_ns.values())
        assert sum(phases_ns.values()) == record["wall_ns"]
        assert phases_ns["import"] > 50e6
        assert phases_ns["backend"] > 0
        assert phases_ns["trace"] > 0
    assert cold["phases_ns"]["compile"] > 0 == cold["phases_ns"]["cache_load"]
    assert warm["phases_ns"]["cache_load"] > 0 == warm["phases_ns"]["compile"]
    assert [module["cache_hit"] for module in cold["modules"] + warm["modules"]] == [False, True]
