"""Settings for tests: one shop, no real address, every interval short."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.settings.load import read
from pipeline.settings.values import Settings

TOKEN = "hook-token-of-alder-0001"


def alder() -> dict[str, Any]:
    """The plain values of the shop "alder", complete and without secrets of anybody."""
    return {
        "returngo": {
            "base_url": "http://127.0.0.1:9",
            "shop_name": "alder.myshopify.com",
            "api_key": "rg-key-of-alder",
        },
        "cin7": {
            "base_url": "http://127.0.0.1:9/ExternalApi/v2",
            "account_id": "cin7-account-of-alder",
            "application_key": "cin7-key-of-alder",
        },
        "hooks": {"token": TOKEN},
    }


def some_settings(data: Path, **changes: Any) -> Settings:
    """Settings on this data folder; `changes` replace top-level tables."""
    return read({"data_dir": str(data), "ingress": {"port": 0}, "shops": {"alder": alder()}, **changes})
