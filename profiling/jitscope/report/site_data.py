"""Data files of the pages: JSON that a page opened from disk can load by a script element.

A page opened as ``file://`` may not fetch, but may load a script. So each file is a script of one
call, whose argument is JSON in a string: nothing in it is ever read as code, and the browser
parses it as fast as JSON.
"""

import json
import math
from pathlib import Path
from typing import Any

FOLDER = "data"
LARGEST_BYTES = 10_000_000
"""No file may be larger: a browser parses one while the page waits."""
_DIGITS = 5

_ESCAPES = {
    ord("\\"): "\\\\",
    ord("'"): "\\'",
    ord("\u2028"): "\\u2028",
    ord("\u2029"): "\\u2029",
    ord("<"): "\\u003c",
}


def write_data(html: Path, name: str, data: Any) -> Path:
    """Write one data file.

    Parameters
    ----------
    html : Path
        The site's folder.
    name : str
        ASCII letters, digits and hyphens; the page asks for the file by it.
    data
        What JSON can hold; no NaN and no infinity.

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        If a number is NaN or infinite, or the file would be larger than `LARGEST_BYTES`.
    """
    text = json.dumps(data, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    script = f"jitscope.receive('{name}', '{text.translate(_ESCAPES)}');\n".encode()
    if len(script) > LARGEST_BYTES:
        raise ValueError(
            f"The data file {name} would have {len(script)} bytes; at most {LARGEST_BYTES} are "
            "allowed: split it."
        )
    path = html / FOLDER / f"{name}.js"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(script)
    return path


def rounded(value: float | None) -> float | None:
    """Five significant digits, which is more than a chart can show; None stays None."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.{_DIGITS}g}")
