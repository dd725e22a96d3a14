"""A recording as one self-contained HTML file: the terminal's report, with nothing to load."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme

from jitscope.recording import Recording
from jitscope.report.recording_terminal import WIDTH, print_recording

_LIGHT = TerminalTheme(
    (255, 255, 255),
    (27, 34, 48),
    [
        *((27, 34, 48), (176, 32, 32), (24, 110, 60), (150, 100, 0)),
        *((33, 85, 165), (120, 40, 140), (0, 110, 120), (90, 98, 112)),
    ],
)
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="UTF-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'">
<title>A jitscope recording</title>
<style>
{stylesheet}
body {{ color: #1b2230; background: #ffffff; margin: 2rem; }}
pre {{ font-family: ui-monospace, Menlo, Consolas, monospace; overflow-x: auto; }}
@media (prefers-color-scheme: dark) {{
  body {{ color: #e4e8ef; background: #14181f; }}
  body span {{ color: inherit !important; }}
}}
</style>
</head>
<body>
<main><pre tabindex="0" aria-label="Report of the recording"><code>{code}</code></pre></main>
</body>
</html>
"""


def write_page(recording: Recording, path: Path) -> None:
    """Write the page; names and paths of the program are shown as text.

    Parameters
    ----------
    recording : Recording
    path : Path
    """
    console = Console(width=WIDTH, record=True, file=io.StringIO(), force_terminal=True)
    print_recording(recording, console)
    page = console.export_html(theme=_LIGHT, code_format=_PAGE)
    path.write_text(page, encoding="utf-8")
