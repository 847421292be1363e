"""The composition root: builds the ledger, the clients and the broker from the settings. Nothing else does."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from pipeline.broker.app import celery_app, send
from pipeline.broker.names import CONSUME, dead_queue
from pipeline.calls.call import Call, Http, Observer
from pipeline.calls.quota import DailyQuota, Quota
from pipeline.cin7 import Cin7, Cin7Access
from pipeline.inbox import Inbox
from pipeline.ledger import Ledger, audit
from pipeline.returngo.client import ReturnGo, ReturnGoAccess
from pipeline.running.address import redis_url
from pipeline.settings.values import Settings, Shop
from pipeline.shopify.client import CostGate, Shopify, ShopifyAccess
from schemas.terms import Terms

#: Seconds after which an outstanding hint is taken for lost.
HINT_SECONDS = 10


def utc_now() -> datetime:
    """The one place where the clock of the machine is read."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class For:
    """On whose behalf calls are made: it is written beside every attempt."""

    return_id: int | None = None
    entry_id: int | None = None
    effect_id: int | None = None


_on_behalf: ContextVar[For] = ContextVar("on_behalf", default=For())  # noqa: B039 - a frozen value


@contextmanager
def on_behalf(**changes: int | None) -> Iterator[None]:
    """Calls made inside are written down for this return, entry or effect."""
    token = _on_behalf.set(replace(_on_behalf.get(), **changes))
    try:
        yield
    finally:
        _on_behalf.reset(token)


@dataclass(slots=True)
class ShopParts:
    """The clients of one shop."""

    shop: Shop
    cin7: Cin7
    returngo: ReturnGo
    cin7_quota: Quota
    returngo_quota: DailyQuota
    shopify: Shopify | None = None

    @property
    def name(self) -> str:
        """The shop's name in the settings."""
        return self.shop.name

    @property
    def terms(self) -> Terms:
        """The merchant's decisions."""
        return self.shop.terms


@dataclass
class Parts:
    """Everything one process works with. Built lazily and after a fork, so that no connection is shared between
    processes."""

    settings: Settings
    clock: Callable[[], datetime] = utc_now
    consumers: tuple[str, ...] = ()
    #: How the latest call of this process to a system ended, by shop and system.
    latest: dict[tuple[str, str], str] = field(default_factory=dict)
    _shops: dict[str, ShopParts] = field(default_factory=dict)

    @cached_property
    def worker(self) -> str:
        """This process, as leases and attempts name it."""
        return f"{socket.gethostname()}:{os.getpid()}"

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger."""
        return Ledger(self.settings.database_url)

    @cached_property
    def redis(self) -> Redis:
        """A client without hidden retries: a repeated command is our decision."""
        return Redis.from_url(
            redis_url(self.settings),
            socket_timeout=10,
            socket_connect_timeout=3,
            health_check_interval=25,
            retry=Retry(NoBackoff(), 0),
        )

    @cached_property
    def inbox(self) -> Inbox:
        """The intake's side of the inbox. A batch left by a dead intake is taken over after a third of a lease:
        admitting takes no calls."""
        return Inbox(self.redis, self.settings.prefix, idle_ms=int(self.settings.intervals.lease * 1000 / 3))

    @cached_property
    def app(self) -> Any:
        """The Celery application for sending hints."""
        return celery_app(self.settings, self.consumers, url=redis_url(self.settings))

    def hint(self, task: str, queue: str, **kwargs: Any) -> bool:
        """Say that there is work; a lost hint is repaired by the sweep."""
        return send(self.app, task, queue, **kwargs)

    def hint_entry(self, entry_id: int, consumer: str) -> bool:
        """Say that an entry is due; one hint is outstanding until the entry is taken up or a while has passed."""
        try:
            if not self.redis.set(self._outstanding(entry_id), 1, nx=True, ex=HINT_SECONDS):
                return True
        except RedisError:
            return False
        return self.hint(CONSUME, consumer, entry_id=entry_id)

    def show_dead(self, queue: str, entry_id: int, subject: str) -> None:
        """Let the dead-letter queue show that a letter was written; the ledger keeps the letter itself."""
        self.hint("dead.letter", dead_queue(queue), entry_id=entry_id, subject=subject)

    def taken_up(self, entry_id: int) -> None:
        """The hint has arrived: a wake from now on sends a new one."""
        with contextlib.suppress(RedisError):
            self.redis.delete(self._outstanding(entry_id))

    def _outstanding(self, entry_id: int) -> str:
        return f"{self.settings.prefix}hint:{entry_id}"

    def shop(self, name: str) -> ShopParts:
        """The clients of this shop. Raises KeyError for a shop that the settings do not know."""
        if name not in self._shops:
            self._shops[name] = self._build(self.settings.shop(name))
        return self._shops[name]

    def close(self) -> None:
        """Close every connection this process opened."""
        if "_http" in self.__dict__:
            self._http.close()
        if "redis" in self.__dict__:
            self.redis.close()
        if "ledger" in self.__dict__:
            self.ledger.close()

    @cached_property
    def _http(self) -> Http:
        return Http()

    def _build(self, shop: Shop) -> ShopParts:
        intervals, cin7, returngo = self.settings.intervals, shop.cin7, shop.returngo
        deadlines = {"read_deadline": intervals.read_deadline, "write_deadline": intervals.write_deadline}
        quota = Quota(
            self.redis,
            cin7.application_key,
            limit=cin7.limit,
            window=cin7.window,
            reserve=cin7.reserve,
            margin=cin7.margin,
            prefix=f"{self.settings.prefix}quota",
        )
        daily = DailyQuota(
            self.redis, returngo.api_key, limit=returngo.daily_limit, prefix=f"{self.settings.prefix}daily"
        )
        opens = Cin7Access(
            cin7.base_url, cin7.account_id, cin7.application_key, patience=intervals.quota_patience, **deadlines
        )
        portal = ReturnGoAccess(
            returngo.base_url, returngo.shop_name, returngo.api_key, comment_field=returngo.comment_field, **deadlines
        )
        return ShopParts(
            shop,
            Cin7(opens, quota, self._http, observe=self._observer(shop.name), clock=self.clock),
            ReturnGo(portal, daily, self._http, observe=self._observer(shop.name), clock=self.clock),
            quota,
            daily,
            self._shopify(shop),
        )

    def _shopify(self, shop: Shop) -> Shopify | None:
        if shop.shopify is None:
            return None
        access = ShopifyAccess(
            shop.shopify.shop,
            shop.shopify.access_token,
            shop.shopify.base_url,
            read_deadline=self.settings.intervals.read_deadline,
            write_deadline=self.settings.intervals.write_deadline,
        )
        gate = CostGate(self.redis, access.access_token, prefix=f"{self.settings.prefix}shopify")
        return Shopify(access, gate, self._http, observe=self._observer(shop.name), clock=self.clock)

    def _observer(self, shop: str) -> Observer:
        def keep(call: Call) -> None:
            whose = _on_behalf.get()
            self.latest[shop, call.system] = call.outcome
            attempt = audit.Attempt(
                at=call.at,
                shop=shop,
                system=call.system,
                lane=call.priority,
                method=call.method,
                path=f"{call.path}?{call.query}"[:200] if call.query else call.path[:200],
                status=call.status,
                outcome=call.outcome,
                seconds=call.seconds,
                sent=call.request,
                answered=call.excerpt,
                return_id=whose.return_id,
                entry_id=whose.entry_id,
                effect_id=whose.effect_id,
                worker=self.worker,
            )
            with self.ledger.write() as conn:
                audit.keep(conn, attempt)

        return keep
