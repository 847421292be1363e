"""The practice portal's whole state, hung on the world under one key."""

import copy
import random
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from sandbox.returngo.announcements import News, announce
from sandbox.returngo.outbox import Outbox
from sandbox.returngo.records import Rma, Shipment, Transaction, Unit, Webhook
from sandbox.returngo.settings import PortalSettings

if TYPE_CHECKING:
    from sandbox.world import World

_FIRST_NUMBERS = {
    "rma": 55_500_000,
    "item": 9_900_000,
    "shipment": 880_000,
    "transaction": 4_400_000,
    "webhook": 300,
    "draft": 2_600,
    "order": 700_000_000_000,
    "refund": 940_000_000_000,
}

_KEPT_COPIES = 40


class Portal:
    """Shops, RMAs, transactions, registrations and the outbox; touch it only while holding `lock`."""

    def __init__(self, world: "World", settle_due: "Callable[[Portal, datetime], None]") -> None:
        self.lock = threading.RLock()
        self._settle_due = settle_due
        self.clock = world.clock
        self.settings = PortalSettings()
        self._seed = world.seed
        self._draws: Counter[str] = Counter()
        self.shops: dict[str, str] = {}
        self.rmas: dict[str, Rma] = {}
        self.transactions: dict[int, Transaction] = {}
        self.unsettled: set[int] = set()
        self.webhooks: dict[str, Webhook] = {}
        self.usage: Counter[tuple[str, str]] = Counter()
        self.recent: dict[str, deque[float]] = {}
        self.outbox = Outbox(self.clock.now, self._turn)
        self._numbers = dict(_FIRST_NUMBERS)
        self._past: deque[tuple[float, dict[str, Rma], dict[int, Transaction]]] = deque(maxlen=_KEPT_COPIES)

    def now(self) -> datetime:
        """The world's present, to the second as the portal reports it."""
        return self.clock.now().replace(microsecond=0)

    def number(self, kind: str) -> int:
        """The next id of its kind; ids are unique over all shops."""
        self._numbers[kind] += 1
        return self._numbers[kind]

    def luck(self, purpose: str) -> random.Random:
        """Seeded chance for the next happening of this purpose, untouched by what other threads do meanwhile."""
        self._draws[purpose] += 1
        return random.Random(f"returngo:{self._seed}:{purpose}:{self._draws[purpose]}")

    def change_settings(self, patch: Mapping[str, object]) -> None:
        """Apply a settings patch, also to the outbox."""
        self.settings.change(patch)
        self.outbox.timeout = self.settings.webhook_timeout
        self.outbox.retries = list(self.settings.webhook_retries)

    def tell(self, shop: str, news: News) -> None:
        """Queue webhooks about something that happened in `shop`."""
        registered = [each for each in self.webhooks.values() if each.shop == shop and each.event == news.event]
        if registered:
            luck = self.luck(f"{news.event}:{news.rma_id}")
            announce(news, registered, self.outbox, self.settings, luck)

    def tell_status(self, rma: Rma) -> None:
        """Announce an RMA's present status."""
        self.tell(rma.shop, News("RMA_STATUS_UPDATED", rma.rma_id, rma.status))

    def shop_rmas(self, shop: str) -> list[Rma]:
        """A shop's RMAs, oldest first."""
        return [rma for rma in self.rmas.values() if rma.shop == shop]

    def transactions_of(self, rma: Rma) -> list[Transaction]:
        """The money movements of one RMA, oldest first."""
        return [each for each in self.transactions.values() if each.rma_id == rma.rma_id]

    def find_shipment(self, shop: str, shipment_id: str) -> tuple[Rma, Shipment] | None:
        """A parcel of this shop with the RMA it belongs to."""
        for rma in self.shop_rmas(shop):
            for shipment in rma.shipments:
                if shipment.shipment_id == shipment_id:
                    return rma, shipment
        return None

    def find_unit(self, rma: Rma, returned_item_id: str) -> Unit | None:
        """A unit of this RMA."""
        return next((unit for unit in rma.units if unit.returned_item_id == returned_item_id), None)

    def catch_up(self) -> None:
        """Let everything happen whose time has come."""
        self._settle_due(self, self.now())

    def keep_copy(self) -> None:
        """Remember the present before a write, when reads are to lag behind writes."""
        if self.settings.read_lag > 0:
            self._past.append((self.clock.elapsed(), *copy.deepcopy((self.rmas, self.transactions))))

    @contextmanager
    def as_readers_see_it(self) -> Iterator[None]:
        """Show RMAs and transactions as they were `read_lag` seconds ago while the block runs."""
        since, present = self.clock.elapsed() - self.settings.read_lag, (self.rmas, self.transactions)
        older = next((kept for kept in self._past if kept[0] > since), None)
        if older is not None and self.settings.read_lag > 0:
            self.rmas, self.transactions = older[1], older[2]
        try:
            yield
        finally:
            self.rmas, self.transactions = present

    def _turn(self) -> bool:
        with self.lock:
            self.catch_up()
            return bool(self.unsettled)
