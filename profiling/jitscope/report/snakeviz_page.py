"""A cProfile dump as snakeviz shows it, in one HTML file without a server or a network.

The page is made of what the installed snakeviz serves. Names of functions and files are data: they
lie in blocks of JSON that no browser runs, and a Content-Security-Policy names the hash of every
script that it may run.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from html import escape
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from pstats import Stats
from typing import Any
from urllib.parse import quote

from jitscope.errors import UserError
from jitscope.report.rendering import TEMPLATES, embedded_json

_HEAD = "<!-- jitscope: head -->"
_META = re.compile(r"<meta charset=[^>]*>")
_TITLE = re.compile(r"<title>.*?</title>", re.S)
_IMPORTS = re.compile(r"// Try loading JS from CDN.*?(?=var depth = 0;)", re.S)
_DEPTH = re.compile(r'<option value="(5|10)"[^>]*>')
_STYLED = re.compile(r' style="[^"]*"')
_SCRIPT = re.compile(r"""<script src=["']/static/([\w./-]+)["'][^>]*></script>""")
_SHEET = re.compile(r"""<link href=["']/static/([\w./-]+)["'][^>]*>""")
_LINK = re.compile(r"""<a\b[^>]*\bhref=["']https?:[^>]*>(.*?)</a>""", re.S)
_IMAGE = re.compile(r"""url\(["']?\.\./([\w./-]+)["']?\)""")
_INLINE = re.compile(r"<(script|style)(?: id=\"[\w-]+\")?>(.*?)</\1>", re.S)


def page_of(dump: Path) -> Path:
    """Return where the page of a dump lies: beside it."""
    return dump.with_name(f"{dump.name}.html")


def write_snakeviz_page(dump: Path, page: Path, *, title: str, back: str | None = None) -> None:
    """Write the page.

    Parameters
    ----------
    dump : Path
        What `cProfile.Profile.dump_stats` wrote.
    page : Path
    title : str
    back : str, optional
        Path of the page that this one belongs to, relative to the folder of `page`.

    Raises
    ------
    UserError
        The dump cannot be read or holds nothing to show, or snakeviz is of an unknown form.
    """
    rows, callees = _statistics(dump)
    skeleton = _skeleton()
    policy = _policy(skeleton)
    head, found, rest = skeleton.partition(_HEAD)
    before, body, after = rest.partition("<body>")
    assert found
    assert body
    meta = (
        '<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">\n'
        f"<title>{escape(title)}</title>"
    )
    address = escape(quote(back or ""))
    link = f'\n<a class="back" href="{address}">Back to the report</a>' if back else ""
    data = "".join(
        f'\n<script type="application/json" id="jitscope-{name}">{embedded_json(value)}</script>'
        for name, value in (("rows", rows), ("callees", callees))
    )
    # Joined, never replaced: what is put in may hold anything.
    text = "".join((head, meta, before, body, link, data, after))
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(text, encoding="utf-8")


def _statistics(dump: Path) -> tuple[Any, Any]:
    from snakeviz.stats import json_stats, table_rows

    try:
        stats = Stats(str(dump))
    except (OSError, EOFError, ValueError, TypeError) as error:
        raise UserError(
            f"{dump} is not a cProfile dump ({error}); record it again with `--passes cprofile`."
        ) from error
    rows, callees = table_rows(stats), json_stats(stats)
    if not callees:
        raise UserError(f"{dump} holds no call within another; profile more of the program.")
    if all(str(row[-1]).isprintable() for row in rows):
        return rows, callees
    # snakeviz takes names apart by lines. All are escaped or none, so that no two become equal.
    return _escaped(rows), _escaped(callees)


def _escaped(data: Any) -> Any:
    if isinstance(data, str):
        return data.encode("unicode_escape").decode("ascii")
    if isinstance(data, dict):
        return {_escaped(key): _escaped(value) for key, value in data.items()}
    return [_escaped(one) for one in data] if isinstance(data, list) else data


def _skeleton() -> str:
    """Return snakeviz's page without data, its scripts, sheets and images inside."""
    from tornado.template import Loader

    package = files("snakeviz")
    static = package / "static"
    template = Loader(str(package / "templates")).load("viz.html")
    rows = 'JSON.parse(document.getElementById("jitscope-rows").textContent)'
    html = template.generate(
        profile_name="cProfile", table_rows=rows, callees="jitscope_callees"
    ).decode()
    html = _replaced(_META, html, lambda found: _HEAD)
    html = _replaced(_TITLE, html, lambda found: "")
    html = _replaced(_IMPORTS, html, lambda found: "")
    html = _replaced(_LINK, html, lambda found: f"<span>{found[1]}</span>")
    # Ten levels below the import of JAX take snakeviz minutes, five a second or two.
    html = _replaced(_DEPTH, html, _depth)
    # The policy allows no style attributes; snakeviz.css stands in for them.
    html = _replaced(_STYLED, html, lambda found: "")
    html = _replaced(_SHEET, html, lambda found: f"<style>{_sheet(static, found[1])}</style>")
    own = (TEMPLATES / "snakeviz.css").read_text(encoding="utf-8")
    html = html.replace("</head>", f"<style>{own}</style>\n</head>", 1)
    return _replaced(_SCRIPT, html, lambda found: _script(static, found[1]))


def _depth(found: re.Match[str]) -> str:
    return f'<option value="{found[1]}"{" selected" if found[1] == "5" else ""}>'


def _replaced(pattern: re.Pattern[str], text: str, by: Callable[[re.Match[str]], str]) -> str:
    replaced, times = pattern.subn(by, text)
    if not times:
        raise UserError(
            f"the page of snakeviz {version('snakeviz')} has another form than expected (nothing "
            f"matches {pattern.pattern!r}); install snakeviz 2.2."
        )
    return replaced


def _sheet(static: Traversable, name: str) -> str:
    folder = static.joinpath(*Path(name).parts[:-1], "..")
    text = static.joinpath(*Path(name).parts).read_text(encoding="utf-8")
    return _IMAGE.sub(lambda found: _image(folder.joinpath(*Path(found[1]).parts)), text)


def _image(file: Traversable) -> str:
    # The sheet names some that snakeviz does not have.
    if not file.is_file():
        return "none"
    return f"url(data:image/png;base64,{base64.b64encode(file.read_bytes()).decode()})"


def _script(static: Traversable, name: str) -> str:
    code = static.joinpath(*Path(name).parts).read_text(encoding="utf-8")
    tag = _inline(Path(name).name.partition(".")[0], code)
    if name != "snakeviz.js":
        return tag
    return _inline("glue", (TEMPLATES / name).read_text(encoding="utf-8")) + "\n" + tag


def _inline(name: str, code: str) -> str:
    code = code.replace("</script", r"<\/script")
    return f'<script id="jitscope-{name}">{code}</script>'


def _policy(html: str) -> str:
    hashes: dict[str, list[str]] = {"script": [], "style": []}
    for kind, text in _INLINE.findall(html):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        hashes[kind].append(f"'sha256-{digest}'")
    return (
        f"default-src 'none'; script-src {' '.join(hashes['script'])}; worker-src blob:; "
        f"style-src {' '.join(hashes['style'])}; img-src data:; base-uri 'none'; form-action 'none'"
    )
