"""`returnline metrics`: the figures for Prometheus, as their own process on the loopback address."""

from __future__ import annotations

import signal
import threading

import click

from console.cli._options import settings_options
from pipeline.settings.values import Settings


@click.command()
@settings_options
def command(settings: Settings) -> None:
    """Serve figures for Prometheus on 127.0.0.1:metrics_port; stop with SIGTERM."""
    from prometheus_client import start_http_server

    from console.metrics import registry_of
    from pipeline import log
    from pipeline.parts import Parts

    if not settings.metrics_port:
        raise click.UsageError("metrics_port: is 0 (off); set a port in the settings or RETURNLINE_METRICS_PORT")
    log.for_role(settings, "metrics")
    parts = Parts(settings)
    server, thread = start_http_server(settings.metrics_port, "127.0.0.1", registry_of(parts))
    asked = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: asked.set())
    signal.signal(signal.SIGINT, lambda *_: asked.set())
    asked.wait()
    server.shutdown()
    server.server_close()
    thread.join()
    parts.close()
