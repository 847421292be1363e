"""The ingress: takes webhooks in, writes them down before it answers, and knows nothing of what they mean."""

from pathlib import Path

from pipeline.ingress.settings import IngressSettings, ShopHooks

__all__ = ["IngressSettings", "ShopHooks", "serve"]


def serve(settings: IngressSettings, host: str, port: int, port_file: Path | None = None) -> None:
    """Serve the hook addresses until SIGTERM; see `pipeline.ingress.server.serve`."""
    from pipeline.ingress.server import serve as run

    run(settings, host, port, port_file)
