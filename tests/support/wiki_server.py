"""Serves a site of wikis with PHP's own web server, whose processes end with the process that asked for them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import wiki_content
from mediawiki_setup import Unavailable
from wiki_site import Site

WORKERS = 4
# Ends PHP and its workers with whoever started them: their pipe closes however that process ends.
_KEEPER = """
import os, signal, subprocess, sys, threading
server = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
def watch():
    os.read(0, 1)
    os.killpg(0, signal.SIGKILL)
threading.Thread(target=watch, daemon=True).start()
sys.exit(server.wait())
"""


@contextmanager
def served(site: Site) -> Iterator[str]:
    """Address at which a site answers meanwhile."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    environment = site.environment(base=base, M4_WIKIS_READY="1", PHP_CLI_SERVER_WORKERS=str(WORKERS))
    options = {
        "opcache.enable": 1,
        "opcache.enable_cli": 1,
        "opcache.validate_timestamps": 0,
        "opcache.max_accelerated_files": 20000,
        "opcache.memory_consumption": 256,
        "memory_limit": "512M",
        "display_errors": 0,
        "error_reporting": 8181,
    }
    settings = [part for name, value in options.items() for part in ("-d", f"{name}={value}")]
    router = wiki_content.FOLDER / "router.php"
    serve = ["php", *settings, "-S", f"127.0.0.1:{port}", "-t", str(site.mediawiki.core), str(router)]
    with (site.folder / "server.log").open("wb") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-c", _KEEPER, *serve],
            stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment, cwd=site.mediawiki.core,
            start_new_session=True,
        )  # fmt: skip
    try:
        _await(base, keeper, site.folder / "server.log")
        yield base
    finally:
        with suppress(ProcessLookupError):
            os.killpg(keeper.pid, signal.SIGKILL)
        keeper.wait()


def _await(base: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(f"{base}/alive", timeout=5).close()
        except OSError:
            if server.poll() is not None:
                break
            time.sleep(0.05)
        else:
            return
    raise Unavailable(f"PHP's web server does not start: {log.read_text(encoding='utf-8', errors='replace')[-500:]}")
