"""Take the screenshots of docs/images with Debian's chromium.

They are of the published pages, and of a recording of `example_fit.py` that is made for them.
"""

import io
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from jitscope.recording import PASSES
from jitscope.recordings import load_recording
from jitscope.report.recording_terminal import WIDTH, print_recording
from playwright.sync_api import sync_playwright
from rich.console import Console

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = Path(__file__).with_name("example_fit.py")
SIZE = (1280, 880)
PUBLISHED = {
    "overview": "index.html",
    "timeline": "timeline.html",
    "compare": "compare.html",
    "expectations": "expectations.html",
    "profile": "profile.html",
}
LONGEST = "amd-epyc-2-cores, JAX 0.10.2, jaxlib 0.10.2, NumPy 2.4.6, Python 3.11"
"""The setup with the most commits."""
VIEWS = {
    "timeline": f"#problem=gaussian_10000&condition=warm_memory&setup={quote(LONGEST)}",
    "compare": "#base=6683fba8&to=44818191&problem=gaussian_10000",
}
"""What is chosen on a page, by its address."""
FROM = {"timeline": ".panel", "compare": ".card >> nth=1"}
"""What stands at the top of the picture, where that is not the top of the page."""
MOST_BYTES = 300_000
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")


def record_example(folder: Path) -> dict[str, Path]:
    """Record the example with every pass; the pages to photograph, by name of the picture."""
    shutil.copy(EXAMPLE, folder)
    options = ["--passes", ",".join(PASSES), "--runs", "7", "--no-report"]
    files = ["-o", "recording.json", "--html", "recording.html"]
    command = [sys.executable, "-m", "jitscope.cli", "run", *options, *files, EXAMPLE.name]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    console = Console(width=WIDTH, record=True, file=io.StringIO(), force_terminal=True)
    with chdir(folder):  # names of files are shown relative to it
        print_recording(load_recording(folder / "recording.json"), console)
    # The font would come from elsewhere; any other of fixed width does.
    svg = re.sub(r"@font-face \{.*?\}", "", console.export_svg(title="jitscope run"), flags=re.S)
    # By itself it would be scaled to the window's height, and be too small to read.
    (folder / "terminal.html").write_text(f"<body style='margin: 0'>{svg}", encoding="utf-8")
    return {
        "terminal": folder / "terminal.html",
        "recording": folder / "recording.html",
        "snakeviz": folder / "recording.prof.html",
    }


def photograph(pages: Mapping[str, Path], folder: Path, chromium: str) -> None:
    """Write one PNG a page; pages that are not there are left out by name."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for name, file in pages.items():
            if not file.is_file():
                print(f"{file.name} is not there: `make html` or `make profile` writes it.")
                continue
            page = browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]})
            page.goto(file.as_uri() + VIEWS.get(name, ""))
            page.wait_for_timeout(1500)  # Plotly draws after the page has loaded
            if name == "snakeviz":
                page.locator("#chart rect").first.wait_for(timeout=120_000)
            if name in FROM:
                page.locator(FROM[name]).evaluate("(part) => part.scrollIntoView()")
            shot = folder / f"{name}.png"
            page.screenshot(path=shot)
            if shot.stat().st_size > MOST_BYTES:
                raise SystemExit(f"{shot} has {shot.stat().st_size} bytes; show less of the page.")
            print(shot)
        browser.close()


def main() -> None:
    """Take all of them, or those whose names are given."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("chromium is not installed: `apt-get install chromium`.")
    images = ROOT / "docs" / "images"
    images.mkdir(parents=True, exist_ok=True)
    published = {name: ROOT / "results" / "html" / file for name, file in PUBLISHED.items()}
    if wanted := sys.argv[1:]:
        photograph({name: published[name] for name in wanted}, images, chromium)
        return
    with TemporaryDirectory() as folder:
        photograph({**published, **record_example(Path(folder))}, images, chromium)


if __name__ == "__main__":
    main()
