"""`returnline ingress`: the ingress as its own process, from the same settings as everything else."""

from __future__ import annotations

from pathlib import Path

import click

from console.cli._options import settings_options
from pipeline.settings.values import Settings


@click.command()
@settings_options
@click.option("--port", type=click.IntRange(0, 65535), help="Listen here and not on ingress.port; 0 takes a free one.")
@click.option("--port-file", type=click.Path(path_type=Path), help="Write the port here once the ingress answers.")
def command(settings: Settings, port: int | None, port_file: Path | None) -> None:
    """Take webhooks in (POST /hooks/...); stop with SIGTERM."""
    from pipeline import log
    from pipeline.ingress import serve
    from pipeline.ingress.settings import ingress_settings
    from pipeline.running.address import redis_url

    log.for_role(settings, "ingress")
    chosen = settings.ingress.port if port is None else port
    serve(ingress_settings(settings, redis_url(settings)), settings.ingress.host, chosen, port_file)
