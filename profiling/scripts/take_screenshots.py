"""Take the screenshots of docs/images from the published pages, with Debian's chromium."""

import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]
SHOTS = {
    "phases": ("index.html", 1280, 880),
    "expectations": ("expectations.html", 1280, 880),
    "profile": ("profile.html", 1280, 880),
}
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")


def main() -> None:
    """Write one PNG a page; pages that are not there are left out by name."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("chromium is not installed: `apt-get install chromium`.")
    folder = ROOT / "docs" / "images"
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for name, (file, width, height) in SHOTS.items():
            page_file = ROOT / "results" / "html" / file
            if not page_file.is_file():
                print(f"{file} is not there: `make html` or `make profile` writes it.")
                continue
            page = browser.new_page(viewport={"width": width, "height": height})
            page.goto(page_file.as_uri())
            page.wait_for_timeout(1500)  # Plotly draws after the page has loaded
            page.screenshot(path=folder / f"{name}.png")
            print(folder / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main()
