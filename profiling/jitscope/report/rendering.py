"""What every page needs: templates with autoescape, embedded data, numbers a person can read."""

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

TEMPLATES = Path(__file__).parent / "templates"

CONTENT_SECURITY_POLICY = (
    # `file:` because a page opened from disk has no origin that 'self' could name; Plotly sets
    # style attributes and draws its image exports from blobs.
    "default-src 'none'; script-src 'self' file:; style-src 'self' file: 'unsafe-inline'; "
    "img-src 'self' data: blob:; base-uri 'none'; form-action 'none'"
)


@dataclass(frozen=True)
class Neighbours:
    """Which of the pages that not every run makes lie beside the one that is rendered.

    Attributes
    ----------
    asv : bool
        asv's own site, in ``asv/``.
    profile : bool
        The newest session, ``profile.html``.
    history : bool
        The pages of the measured commits.
    """

    asv: bool
    profile: bool
    history: bool = True


_JSON_ESCAPES = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


def embedded_json(data: Any) -> Markup:
    """Return JSON that is safe inside ``<script type="application/json">``.

    Raises
    ------
    ValueError
        If a number is NaN or infinite, which a browser's ``JSON.parse`` refuses.
    """
    text = json.dumps(data, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.translate(_JSON_ESCAPES))


def number(value: float) -> str:
    """Three significant digits without an exponent: 1234.5 as "1,234", 0.01234 as "0.0123"."""
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}"


def interval(lo: float | None, hi: float | None) -> str:
    """The two ends, or a word for an interval that too few samples leave open."""
    return "no interval" if lo is None or hi is None else f"{number(lo)} to {number(hi)}"


def count(value: float) -> str:
    """A count as it is, without a decimal point that it does not need."""
    return f"{value:,.0f}" if value == round(value) else number(value)


def shortened(file: str) -> str:
    """Return a path within its package or below this folder, and others by their last three parts.

    Installed packages come first: a virtual environment may well lie in this folder.
    """
    path = Path(file)
    for installed in ("site-packages", "dist-packages"):
        if installed in path.parts[:-1]:
            return os.path.join(*path.parts[path.parts.index(installed) + 1 :])
    if path.is_relative_to(Path.cwd()):
        return str(path.relative_to(Path.cwd()))
    return str(path) if len(path.parts) <= 4 else os.path.join("…", *path.parts[-3:])


def place(file: str, line: int) -> str:
    """Return a line as file:line, the file shortened."""
    return f"{shortened(file)}:{line}"


def with_code(text: str) -> Markup:
    """Return text with what stands between backticks as code."""
    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else escape(part)
        for place, part in enumerate(parts)
    )


def sheet_of(*names: str) -> Markup:
    """Return our own style sheets, for a page that stands alone."""
    return Markup("\n".join((TEMPLATES / name).read_text(encoding="utf-8") for name in names))


def render(template: str, **values: Any) -> str:
    """Render one template; every value is escaped."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = environment.filters
    filters |= {"number": number, "interval": interval, "count": count}
    filters |= {"place": place, "shortened": shortened, "with_code": with_code}
    values = {"content_security_policy": CONTENT_SECURITY_POLICY, "sheet": None, **values}
    return environment.get_template(template).render(**values)
