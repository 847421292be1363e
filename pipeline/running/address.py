"""Where Redis or Valkey is."""

from __future__ import annotations

from pipeline.running import valkey
from pipeline.settings.values import Settings


class BrokerMissingError(RuntimeError):
    """There is no Redis to talk to; the message says how to get one."""


def redis_url(settings: Settings) -> str:
    """Returns `redis_url` of the settings, else the address of the embedded server that runs under `data_dir`.

    Raises BrokerMissingError when the embedded server is not running.
    """
    if settings.redis_url:
        return settings.redis_url
    server = valkey.adopt(valkey.folder_of(settings.data_dir))
    if server is None:
        raise BrokerMissingError(
            f"no embedded server runs under {settings.data_dir}; start `returnline up`, or set REDIS_URL"
        )
    return server.url
