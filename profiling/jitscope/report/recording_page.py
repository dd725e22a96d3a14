"""A recording as one self-contained HTML file, readable without JavaScript, which it has none of.

Names and paths of the program are text throughout; the policy of the page allows its sheet alone.
"""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path
from urllib.parse import quote

from jitscope._files import write_whole
from jitscope.figures import MIN_SAMPLES
from jitscope.opportunities import opportunities
from jitscope.recording import Recording
from jitscope.report import recording_view as view
from jitscope.report.rendering import render, sheet_of
from jitscope.report.snakeviz_page import page_of

MOST_ROWS = 200
"""Rows of a table; the file has all of them."""
SECTIONS = {
    "phases": "Phases",
    "compiled": "Compiled",
    "conversions": "Conversions",
    "device": "Device",
    "lines": "Lines",
    "counters": "Counters",
    "opportunities": "Opportunities",
    "cprofile": "cProfile",
}


def write_page(recording: Recording, path: Path) -> None:
    """Write the page; it links the page of the cProfile dump if that one is there.

    Parameters
    ----------
    recording : Recording
    path : Path

    Raises
    ------
    UserError
        The file cannot be written.
    """
    dump = recording.cprofile
    beside = page_of(Path(dump)) if dump is not None else None
    linked = None
    if beside is not None and beside.is_file():
        linked = quote(os.path.relpath(beside, path.parent))
    write_whole(path, render_recording(recording, dump_page=linked))


def render_recording(
    recording: Recording, *, dump_page: str | None, back: str | None = None
) -> str:
    """Return the page's HTML.

    Parameters
    ----------
    recording : Recording
    dump_page : str or None
        Address of the page of the cProfile dump; None if there is none.
    back : str, optional
        Address of the page that this one belongs to.
    """
    sheet = sheet_of("site.css", "recording.css")
    digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
    counters = recording.counters
    return render(
        "recording.html",
        policy=(
            f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
        ),
        sheet=sheet,
        what=" ".join(recording.command) or "a block of a process",
        sections=SECTIONS.items(),
        back=back,
        recording=recording,
        phases=view.phases_view(recording),
        conversions=view.conversion_rows(recording),
        device=None if recording.device is None else view.device_view(recording.device),
        lines=view.line_rows(recording),
        counters=None if counters is None else view.counter_rows(counters),
        opportunities=opportunities(recording),
        dump_page=dump_page,
        most=MOST_ROWS,
        least=MIN_SAMPLES,
    )
