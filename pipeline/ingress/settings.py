"""What the ingress must be told: where Redis is, which shops may knock, and how much it will carry."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.broker.names import ADMIT, INTAKE
from pipeline.settings.values import HookSettings, Settings
from pipeline.signature import secret_bytes

SOURCES = frozenset({"returngo", "cin7"})
_MIB = 1024 * 1024
_TOKEN = re.compile(r"[A-Za-z0-9._~-]{16,256}")
_SHOP = re.compile(r"[A-Za-z0-9._-]{1,128}")
_FEWEST_DEDUP_DAYS = 7


@dataclass(frozen=True)
class ShopHooks:
    """The keys to one shop's hook addresses; the first of each is current, the others are still good while rotating.

    `bearer` and `basic` are asked of `authorization_sources` only: Cin7 can send them ("Cin7 blueprint"),
    ReturnGO documents no way to. `hmac_secrets`, when set, are asked of `signature_sources`.
    """

    tokens: tuple[str, ...] = field(repr=False)
    bearer: tuple[str, ...] = field(default=(), repr=False)
    basic: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    hmac_secrets: tuple[str, ...] = field(default=(), repr=False)
    sources: frozenset[str] = SOURCES
    authorization_sources: frozenset[str] = frozenset({"cin7"})
    signature_sources: frozenset[str] = SOURCES

    def __post_init__(self) -> None:
        if not self.tokens:
            raise ValueError("tokens: none given; add at least one unguessable token of 16 characters or more")
        if not all(_TOKEN.fullmatch(token) for token in self.tokens):
            raise ValueError("tokens: use 16 to 256 letters, digits, '-', '_', '.' or '~' (it stands in a URL)")
        for name in ("sources", "authorization_sources", "signature_sources"):
            if not getattr(self, name) <= SOURCES:
                raise ValueError(f"{name}: unknown source; use only {', '.join(sorted(SOURCES))}")
        for secret in self.hmac_secrets:
            secret_bytes(secret)


@dataclass(frozen=True)
class IngressSettings:
    """Everything the ingress needs; times in seconds, sizes in bytes.

    `require_fsync` refuses (503) a Redis that says it does not fsync before it answers; a server that forbids
    `CONFIG GET` is trusted. `broker_prefix` is Celery's `global_keyprefix` (default: `prefix`).
    """

    redis_url: str = field(repr=False)
    shops: Mapping[str, ShopHooks]
    prefix: str = "returnline:"
    body_cap: int = _MIB
    dedup_days: int = 8
    max_inbox: int = 100_000
    header_timeout: float = 10.0
    body_timeout: float = 10.0
    redis_deadline: float = 2.0
    keep_alive: float = 30.0
    shutdown_grace: float = 10.0
    max_bytes_in_flight: int = 128 * _MIB
    hint_queue: str = "intake"
    hint_task: str = ADMIT
    hint_seconds: int = 5
    broker_prefix: str | None = None
    require_fsync: bool = True
    metrics_token: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if self.dedup_days < _FEWEST_DEDUP_DAYS:
            raise ValueError("dedup_days: fewer than 7; a sender may retry for days, keep 7 or more")
        for name in ("body_cap", "max_inbox", "header_timeout", "body_timeout", "redis_deadline", "hint_seconds"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name}: must be more than 0")
        if self.max_bytes_in_flight < self.body_cap:
            raise ValueError("max_bytes_in_flight: less than body_cap; no body could be accepted, raise it")
        for shop in self.shops:
            if not _SHOP.fullmatch(shop):
                raise ValueError(f"shops: {shop!r} cannot stand in a URL; use letters, digits, '-', '_' and '.'")

    @property
    def stream(self) -> str:
        """The Redis key of the inbox stream."""
        return f"{self.prefix}inbox"

    @property
    def queue_key(self) -> str:
        """The Redis list that Celery reads for the intake queue, with its key prefix."""
        return (self.prefix if self.broker_prefix is None else self.broker_prefix) + self.hint_queue


def ingress_settings(settings: Settings, redis_url: str) -> IngressSettings:
    """Returns the ingress's own settings for this installation, on the broker at `redis_url`."""
    return IngressSettings(
        redis_url=redis_url,
        shops={name: _hooks(shop.hooks) for name, shop in settings.shops.items()},
        prefix=settings.prefix,
        broker_prefix=settings.prefix,
        body_cap=settings.ingress.body_cap,
        max_inbox=settings.ingress.max_inbox,
        hint_queue=INTAKE,
        metrics_token=settings.ingress.metrics_token,
    )


def _hooks(hooks: HookSettings) -> ShopHooks:
    return ShopHooks(
        tokens=tuple(filter(None, (hooks.token, hooks.previous_token))),
        bearer=tuple(filter(None, (hooks.bearer,))),
        basic=((hooks.basic_user, hooks.basic_password),) if hooks.basic_user else (),
        hmac_secrets=hooks.hmac_secrets,
        signature_sources=frozenset(hooks.signed_sources),
    )
