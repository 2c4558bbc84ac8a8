"""Runs the site: gunicorn with threads, started from a program, stopped within three seconds.

Rules of this room: modules are loaded before the fork, so that workers start at once; everything with a connection or a
key is made after it, by each worker for itself; gunicorn's own log goes where ours goes and no request line is logged.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.workers import gthread

from registry import logs
from registry.assembly import assemble
from registry.settings import Settings, load
from web.application import create_app

STOP_SECONDS = 2  # what running requests get; the rest of the three seconds is for letting go

# A thread waits so long for the first byte of a connection that was opened, and for the rest of a body that nobody
# read; with gunicorn's five seconds a few idle connections would hold all threads, and the stop.
gthread.DEFAULT_WORKER_DATA_TIMEOUT = 0.5


class _Log(Logger):
    """gunicorn's log, as lines of ours."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for name in ("gunicorn.error", "gunicorn.access"):
            own = logging.getLogger(name)
            own.handlers.clear()
            own.propagate = True
        logging.getLogger("gunicorn.error").setLevel(logging.WARNING)


class Site(BaseApplication):
    """gunicorn for one instance folder."""

    def __init__(self, instance: Path, settings: Settings) -> None:
        self.instance = instance
        self.settings = settings
        self._made: Flask | None = None
        super().__init__()

    def load_config(self) -> None:
        """Settings of the site in gunicorn's words."""
        site = self.settings.site
        wanted = {
            "bind": f"[{site.address}]:{site.port}" if ":" in site.address else f"{site.address}:{site.port}",
            "workers": site.workers,
            "threads": site.threads,
            "worker_class": "gthread",
            "worker_tmp_dir": str(self.instance),
            "timeout": 120,
            "graceful_timeout": STOP_SECONDS,
            "keepalive": 15,
            "accesslog": None,
            "logger_class": _Log,
            "control_socket_disable": True,
            "forwarded_allow_ips": "",
            "limit_request_line": 2048,
            "limit_request_fields": 60,
            "proc_name": "decline-call site",
            "worker_exit": self._let_go,
        }
        for name, value in wanted.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """The application of one worker, with a registry of its own."""
        self._made = create_app(assemble(self.instance))
        return self._made

    def _let_go(self, _arbiter: Any, _worker: Any) -> None:
        """Write down what a worker that ends has counted, and close its database."""
        if self._made is not None:
            self._made.extensions["tallies"].write(at_once=True)
            self._made.extensions["registry"].close()


def serve(instance: Path, settings: Settings | None = None) -> None:
    """Run the site of a prepared instance until SIGTERM or SIGINT; ends the process."""
    logs.configure("console" if sys.stderr.isatty() else "json")
    Site(instance, settings or load(instance / "settings.toml")).run()
