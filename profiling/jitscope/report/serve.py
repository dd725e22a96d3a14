"""Serve the published site to this machine alone."""

import functools
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from jitscope.errors import UserError

HOST = "127.0.0.1"
PORTS_TRIED = 50


class _Server(ThreadingHTTPServer):
    daemon_threads = True


def bind(folder: Path, port: int = 8000) -> ThreadingHTTPServer:
    """Return a server of `folder` on the first free port from `port` on, not yet started.

    Raises
    ------
    UserError
        If the folder holds no site, or no port is free.
    """
    if not (folder / "index.html").is_file():
        raise UserError(f"{folder} holds no published site: run `make html` first.")
    if not 0 <= port < 65536:
        raise UserError(f"`port` must be from 0 to 65535; got {port}. 8000 is the default.")
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(folder))
    for candidate in range(port, min(port + PORTS_TRIED, 65536)):
        try:
            return _Server((HOST, candidate), handler)
        except OSError:
            continue
    raise UserError(
        f"No port from {port} to {port + PORTS_TRIED - 1} is free: name another with `--port`."
    )


def serve(folder: Path, port: int = 8000) -> None:
    """Serve `folder` on 127.0.0.1 until Ctrl-C.

    Parameters
    ----------
    folder : Path
        What `jitscope.report.publish.publish` wrote.
    port : int
        The port to begin with; the next free one is taken, and said.

    Raises
    ------
    UserError
        As `bind`.
    """
    with bind(folder, port) as server:
        try:
            if server.server_port != port:
                print(f"Port {port} is taken, so this is {server.server_port}.")
            address = f"http://{HOST}:{server.server_port}/"
            print(f"{folder} is at {address}, for this machine only; Ctrl-C ends it.", flush=True)
            server.serve_forever()
        except KeyboardInterrupt:
            print("\nStopped.")
