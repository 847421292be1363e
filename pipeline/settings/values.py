"""The settings as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from schemas.terms import Terms

CONFIG_VARIABLE = "RETURNLINE_CONFIG"


DATA_VARIABLE = "RETURNLINE_DATA"


class SettingsInvalidError(ValueError):
    """The settings cannot be used. `problems` holds every one of them, each naming the key and the fix."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("settings refused:\n" + "\n".join(f"  - {problem}" for problem in problems))


@dataclass(frozen=True, slots=True)
class IngressSettings:
    """Where the webhooks arrive. `body_cap` in bytes, `max_inbox` in entries; port 0 takes a free one.

    `public_url` is the address the outside knows us by; `doctor` compares the registered webhooks with it.
    """

    host: str = "127.0.0.1"
    port: int = 8480
    body_cap: int = 1_048_576
    max_inbox: int = 100_000
    public_url: str = ""
    metrics_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Intervals:
    """Every interval, in seconds. The meaning of each stands beside it in the example settings file."""

    sweep: float = 5.0
    returngo_poll: float = 300.0
    transactions_poll: float = 900.0
    rotation: float = 21_600.0
    sales_poll: float = 300.0
    notes_poll: float = 600.0
    drafts_poll: float = 900.0
    reference_refresh: float = 3_600.0
    webhook_watchdog: float = 1_800.0
    lookup_waits: tuple[float, ...] = (5.0, 15.0, 45.0, 120.0)
    quiet_period: float = 90.0
    write_deadline: float = 30.0
    read_deadline: float = 20.0
    lease: float = 180.0
    park_min: float = 60.0
    park_max: float = 21_600.0
    quota_patience: float = 20.0
    availability_min: float = 60.0
    availability_max: float = 900.0
    task_soft_limit: float = 150.0
    task_limit: float = 180.0
    visibility: float = 900.0


@dataclass(frozen=True, slots=True)
class FlowerSettings:
    """Flower, read-only, on the loopback address only, and only behind a password."""

    enabled: bool = False
    port: int = 5555
    user: str = "flower"
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ReturnGoSettings:
    """Access to one ReturnGO shop. `daily_limit` calls a UTC day; `comment_field` "" learns the field by trying."""

    shop_name: str
    api_key: str = field(repr=False)
    base_url: str = "https://api.returngo.ai"
    daily_limit: int = 2000
    comment_field: str = ""


@dataclass(frozen=True, slots=True)
class Cin7Settings:
    """Access to one Cin7 Core company: `limit` calls in any `window` seconds ("Cin7 blueprint": 60 in 60).

    `reserve` of them are kept for money; `margin` of them are never used, against clocks and networks that jitter.
    """

    account_id: str = field(repr=False)
    application_key: str = field(repr=False)
    base_url: str = "https://inventory.dearsystems.com/ExternalApi/v2"
    limit: int = 60
    window: float = 60.0
    reserve: int = 15
    margin: int = 1


@dataclass(frozen=True, slots=True)
class ShopifySettings:
    """Access to one Shopify shop's inventory; `location_id` is the Shopify location whose Available we set."""

    shop: str
    access_token: str = field(repr=False)
    base_url: str = ""
    location_id: str = ""


@dataclass(frozen=True, slots=True)
class HookSettings:
    """What a sender of webhooks must know. `previous_token` stays good while the token is being changed."""

    token: str = field(repr=False)
    previous_token: str = field(default="", repr=False)
    bearer: str = field(default="", repr=False)
    basic_user: str = ""
    basic_password: str = field(default="", repr=False)
    hmac_secrets: tuple[str, ...] = field(default=(), repr=False)
    signed_sources: tuple[str, ...] = ("returngo", "cin7")


@dataclass(frozen=True, slots=True)
class Shop:
    """One merchant's shop: its two (or three) outside systems, its webhook keys and its terms."""

    name: str
    returngo: ReturnGoSettings
    cin7: Cin7Settings
    hooks: HookSettings
    shopify: ShopifySettings | None = None
    terms: Terms = field(default_factory=Terms)


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole installation. `redis_url` "" means the embedded server under `data_dir`."""

    shops: Mapping[str, Shop]
    data_dir: Path = Path("data")
    config_path: Path | None = None
    redis_url: str = field(default="", repr=False)
    prefix: str = "returnline:"
    database_url: str = field(default="", repr=False)
    ingress: IngressSettings = field(default_factory=IngressSettings)
    intervals: Intervals = field(default_factory=Intervals)
    flower: FlowerSettings = field(default_factory=FlowerSettings)
    metrics_port: int = 0
    sentry_dsn: str = field(default="", repr=False)
    log_level: str = "info"

    def shop(self, name: str) -> Shop:
        """The shop of this name. Raises KeyError with the known names."""
        if name not in self.shops:
            raise KeyError(f"no shop named {name!r}; the settings have {', '.join(self.shops)}")
        return self.shops[name]

    def same_company(self, name: str) -> tuple[str, ...]:
        """The shops whose books are in one and the same Cin7 company, this one among them, in a stable order."""
        own = self.shop(name).cin7
        return tuple(sorted(other for other, shop in self.shops.items() if _company(shop.cin7) == _company(own)))


def _company(cin7: Cin7Settings) -> tuple[str, str]:
    return cin7.base_url.rstrip("/").casefold(), cin7.account_id.casefold()
