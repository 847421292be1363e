"""What a consumer is, what a task of a shop is, and the books a consumer may ask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from consumers.case import Case, Plan
from consumers.shared.order_names import ExchangeNames
from schemas.concerns import Concern
from schemas.returns import Return
from schemas.sales import Account, AvailabilityRow, Location, Sale, TaxRule, Tenant
from schemas.terms import Terms


class Books(Protocol):
    """The questions a consumer may ask of Cin7 Core. Answers may come from memory where that is safe; a Sale is always
    read fresh."""

    def sale_of(self, order_name: str, order_id: str) -> Sale | Concern:
        """The one sale of this order, or why there is none (not found, ambiguous, consolidated)."""

    def read_sale(self, sale_id: str) -> Sale | None:
        """The sale that an earlier effect of the return already names; None where Cin7 has it no more."""

    def location(self, name: str) -> Location | None:
        """A location by exact name or GUID."""

    def tax_rule(self, name: str) -> TaxRule | None:
        """A tax rule by exact name."""

    def account(self, code: str) -> Account | None:
        """An account by code."""

    def tenant(self) -> Tenant:
        """The company's settings: lock date, time zone, currency."""

    def stock_of(self, sku: str) -> tuple[AvailabilityRow, ...]:
        """The stock of exactly this Cin7 SKU, read fresh: one row per location, bin and batch."""

    def keeps_stock(self, sku: str) -> bool:
        """Whether Cin7 keeps stock of this SKU; services and non-inventory products are always there."""

    def exchange_sale(self, names: ExchangeNames) -> Sale | Concern | None:
        """The sale of an exchange's new order, read fresh; None while Cin7 has none, a Concern where several fit."""

    def alias(self, sku: str) -> str | None:
        """The Cin7 SKU a person or an earlier unique match tied to this portal SKU."""

    def claimed_notes(self, sale_id: str) -> frozenset[str]:
        """Numbers and task ids of this sale's foreign credit notes that returns already adopted."""

    def learned_rule(self) -> str:
        """What a line Total means for this company ("plain" or "plus_tax"), as an earlier sale showed it; else ""."""


@dataclass(frozen=True, slots=True)
class Consumer:
    """One decision maker about returns. Queue, dead-letter queue, metric and console filter all derive from `name`."""

    name: str
    hears: Callable[[Return, Terms], bool]
    gather: Callable[[Case, Terms, Books], Any]
    plan: Callable[[Case, Any, Terms, datetime], Plan]


@dataclass(frozen=True, slots=True)
class ShopTask:
    """Work whose subject is a shop as a whole, never one return: it has no case, plans no effects and holds no sale.

    Queue, dead-letter queue, metric and console filter derive from `name`, as a consumer's do; what it does stands in
    `tasks.stages.shop_tasks`.
    """

    name: str
