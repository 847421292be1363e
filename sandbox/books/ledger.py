"""The whole set of books of one tenant."""

from __future__ import annotations

import random
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from sandbox.books.catalogue import Catalogue, Place
from sandbox.books.journal import Journal, Leg
from sandbox.books.numbers import ZERO, four
from sandbox.books.sales import Sale
from sandbox.books.stock import StockRoom
from sandbox.books.warehouse import Adjustment, Transfer, WriteOff

ACCOUNTS = {
    "receivable": "610",
    "inventory": "630",
    "cost_of_sales": "310",
    "tax": "820",
    "equity": "300",
    "exchange": "840",
    "rounding": "860",
}
NUMBER_STARTS = {"SO": 20400, "INV": 19000, "CR": 730, "TR": 500, "IWO": 40, "ST": 90}
BOOK_RULES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "tax_rounding": ("truncate", ("truncate", "half_up")),
    "total_rule": ("plain", ("plain", "plus_tax")),
    "restock_cost": ("original", ("original", "latest")),
    "restock_posts": ("with_authorise", ("with_authorise", "manual")),
    "auto_discount_percent": ("0", ()),
}


class Rules(Protocol):
    """Where the books look up how this tenant behaves."""

    def __getitem__(self, name: str) -> Any:
        """Return the value of a rule."""


class Refused(Exception):  # noqa: N818  (the books say no)
    """The books refuse a document; `text` is what the tenant's API says, `code` the ErrorCode inside the body."""

    def __init__(self, text: str, code: int = 400) -> None:
        super().__init__(text)
        self.text, self.code = text, code


@dataclass
class Tenant:
    """Company settings, as GET /me shows them."""

    company: str = "Practice Apparel Ltd"
    currency: str = "GBP"
    time_zone: str = "Europe/London"
    lock_date: date | None = None
    tax_method: str = "Row Total"
    decimals_in_quantity: str = "N2"
    auto_discounts: bool = False


@dataclass
class Event:
    """Something a webhook may tell: its type and the body as it goes out."""

    kind: str
    body: Any


@dataclass
class Webhook:
    """A registered webhook."""

    id: str
    kind: str
    url: str
    auth: str = "noauth"
    user: str = ""
    password: str = ""
    bearer: str = ""
    headers: list[dict[str, str]] = field(default_factory=list)
    active: bool = True


class Books:
    """Everything one tenant keeps; operations on it are in the sibling modules."""

    def __init__(self, seed: int = 0, rules: Rules | None = None) -> None:
        self.seed = seed
        self.rules: Rules = rules if rules is not None else DEFAULT_RULES
        self.tenant = Tenant()
        self.catalogue = Catalogue()
        self.stock = StockRoom()
        self.journal = Journal()
        self.sales: dict[str, Sale] = {}
        self.transfers: dict[str, Transfer] = {}
        self.write_offs: dict[str, WriteOff] = {}
        self.adjustments: dict[str, Adjustment] = {}
        self.webhooks: dict[str, Webhook] = {}
        self.stand_alone: dict[str, tuple[str, str, datetime]] = {}
        self.outbox: list[Event] = []
        self.stock_changed: dict[str, None] = {}
        self._rng = random.Random(f"books-{seed}")
        self._numbers: Counter[str] = Counter(NUMBER_STARTS)

    def guid(self) -> str:
        """Return a new GUID; the same seed gives the same sequence."""
        return str(uuid.UUID(int=self._rng.getrandbits(128), version=4))

    def number(self, prefix: str) -> str:
        """Return the next document number of a series."""
        self._numbers[prefix] += 1
        return f"{prefix}-{self._numbers[prefix]:05d}"

    def post(
        self, task_id: str, day: date, reference: str, narration: str, legs: Mapping[str, Decimal] | list[Leg]
    ) -> None:
        """Post legs (base currency); above 0 debit, below 0 credit."""
        rows = legs if isinstance(legs, list) else [Leg(account, amount) for account, amount in legs.items()]
        self.journal.post(self.guid(), task_id, day, reference, narration, rows)

    def local_day(self, now: datetime) -> date:
        """Return the business date of a moment in the tenant's time zone."""
        return now.astimezone(ZoneInfo(self.tenant.time_zone)).date()

    def sale(self, sale_id: str) -> Sale | None:
        """Find a sale by GUID, either case."""
        return self.sales.get(sale_id.lower())

    def sale_of_task(self, task_id: str) -> Sale | None:
        """Find the sale that holds a task: an invoice, a credit note or a fulfilment."""
        wanted = task_id.lower()
        for sale in self.sales.values():
            if wanted in (sale.id, *sale.task_ids()):
                return sale
        return None

    def place(self, place_id: str) -> Place:
        """Return a place that a stored document names.

        Raises Refused when it is no longer there.
        """
        place = self.catalogue.place(place_id)
        if place is None:
            raise Refused(f"Location '{place_id}' was not found in Locations reference book")
        return place

    def touch(self, sale: Sale, now: datetime) -> None:
        """Bump a sale's Updated."""
        sale.updated = now

    def tell(self, kind: str, body: Any) -> None:
        """Put an event in the outbox."""
        self.outbox.append(Event(kind, body))

    def check_unlocked(self, day: date) -> None:
        """Raise Refused for a posting on or before the lock date (exact text unpublished; ours)."""
        lock = self.tenant.lock_date
        if lock is not None and day <= lock:
            raise Refused(f"Date {day:%d/%m/%Y} is in a locked period. Lock date is {lock:%d/%m/%Y}")

    def check(self) -> None:
        """Assert what must hold at any time: debits equal credits, inventory equals the layers, nothing below zero.

        Raises AssertionError with the figures.
        """
        balances = self.journal.trial_balance()
        total = sum(balances.values(), ZERO)
        if total != 0:
            raise AssertionError(f"trial balance is off by {total}")
        inventory, layers = balances.get(ACCOUNTS["inventory"], ZERO), self.stock.value()
        # Each movement rounds its cost to four decimals, so a split layer may differ in the last place.
        if abs(inventory - layers) > Decimal("0.0001") * (len(self.journal.entries) + 1):
            raise AssertionError(f"inventory account says {inventory}, the cost layers {four(layers)}")
        if any(layer.quantity <= 0 for layer in self.stock.layers):
            raise AssertionError("a cost layer holds no units")


class _Defaults:
    def __getitem__(self, name: str) -> Any:
        return BOOK_RULES[name][0]


DEFAULT_RULES = _Defaults()
