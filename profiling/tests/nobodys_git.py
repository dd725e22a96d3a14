"""git without the configuration of whoever runs the tests, as an author that is nobody."""

import os
import subprocess
from pathlib import Path

NOBODY = {"NAME": "Planted Author", "EMAIL": "planted@example.org"}


def git_of_nobody(root: Path, *arguments: str, date: str = "2025-01-01T00:00:00+00:00") -> str:
    """Run git in a repository; return what it printed."""
    nobody = {**NOBODY, "DATE": date}
    whose = {f"GIT_{who}_{k}": v for who in ("AUTHOR", "COMMITTER") for k, v in nobody.items()}
    none = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    done = subprocess.run(
        ["git", "-C", str(root), *arguments],
        capture_output=True,
        check=True,
        env={**os.environ, **whose, **none},
    )
    return done.stdout.decode().strip()
