import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest
from jitscope.errors import UserError
from jitscope.report.serve import bind

PROFILING = Path(__file__).resolve().parents[2]


@pytest.fixture
def site_folder(tmp_path: Path) -> Path:
    (tmp_path / "index.html").write_text("a page")
    return tmp_path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_no_site_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="make html"):
        bind(tmp_path / "html")


def test_it_listens_on_this_machine_only(site_folder: Path) -> None:
    with bind(site_folder, free_port()) as server:
        assert server.server_address[0] == "127.0.0.1"


def test_it_serves_the_folder_and_nothing_above(site_folder: Path) -> None:
    (site_folder / "inside").mkdir()
    (site_folder / "inside" / "index.html").write_text("inside")
    with bind(site_folder / "inside", free_port()) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        with urllib.request.urlopen(f"{address}/") as answer:
            assert answer.read() == b"inside"
        with urllib.request.urlopen(f"{address}/%2e%2e/index.html") as answer:
            assert answer.read() == b"inside"
        server.shutdown()


def test_a_taken_port_gives_the_next_free_one(site_folder: Path) -> None:
    port = free_port()
    with bind(site_folder, port) as first, bind(site_folder, port) as second:
        assert first.server_port == port
        assert second.server_port > port


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_cannot_be_is_one_sentence(site_folder: Path, port: int) -> None:
    with pytest.raises(UserError, match=f"from 0 to 65535; got {port}"):
        bind(site_folder, port)


def test_ctrl_c_ends_it_cleanly(site_folder: Path) -> None:
    port = free_port()
    # Where the tests run in the background, a shell lets children ignore Ctrl-C; Python's own
    # handler is what a user at a terminal has.
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from pathlib import Path; from jitscope.report.serve import serve;"
        "serve(Path(sys.argv[1]), int(sys.argv[2]))"
    )
    with (
        bind(site_folder, port),
        subprocess.Popen(
            [sys.executable, "-c", code, str(site_folder), str(port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(PROFILING)},
        ) as served,
    ):
        assert served.stdout is not None
        first_line, second_line = served.stdout.readline(), served.stdout.readline()
        served.send_signal(signal.SIGINT)
        try:
            rest, errors = served.communicate(timeout=20)
        finally:
            served.kill()  # else a server that goes on would hold the tests for ever
    assert first_line.startswith(f"Port {port} is taken")
    assert "is at http://127.0.0.1:" in second_line
    assert rest.strip() == "Stopped."
    assert errors == ""
    assert served.returncode == 0
