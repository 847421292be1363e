"""What a consumer is given, what it may ask, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from consumers.exchange_names import ExchangeNames
from schemas.actions import Action
from schemas.concerns import Concern, ConcernType
from schemas.merchant import Terms
from schemas.money import Money
from schemas.returns import Return
from schemas.sales import Account, AvailabilityRow, Location, Sale, TaxRule, Tenant


@dataclass(frozen=True, slots=True)
class Done:
    """An effect already in the ledger, as a decision may see it. `state` is the ledger's word, e.g. PLANNED or
    CONFIRMED."""

    key: str
    kind: str
    state: str
    units: tuple[str, ...]
    reference: str = ""
    number: str = ""
    gross: Money | None = None
    details: Mapping[str, str] = field(default_factory=dict)
    action: Action | None = None
    confirmed_at: datetime | None = None

    @property
    def confirmed(self) -> bool:
        """Whether the provider's document is known to exist."""
        return self.state == "CONFIRMED"

    @property
    def taken_back(self) -> bool:
        """Whether the document was seen to stand no more: voided, a draft again, or gone."""
        return bool(self.details.get("taken_back"))


@dataclass(frozen=True, slots=True)
class Case:
    """One return and what the ledger knows about it. `waived` are the exception types a person accepted."""

    shop: str
    ret: Return
    effects: tuple[Done, ...] = ()
    waived: frozenset[ConcernType] = frozenset()
    first_seen: datetime | None = None

    def covered(self, kind: str) -> frozenset[str]:
        """The units that effects of this kind already cover. A refused effect covers its units until a person requeues
        it; a withdrawn one does not."""
        live = (e for e in self.effects if e.kind == kind and e.state != "WITHDRAWN")
        return frozenset(unit for effect in live for unit in effect.units)


@dataclass(frozen=True, slots=True)
class Wait:
    """Not now: why, when to look again at the latest, and the exception a person sees meanwhile."""

    reason: str
    look_again: timedelta
    concern: Concern | None = None


@dataclass(frozen=True, slots=True)
class AliasProposal:
    """A SKU that matched only after ignoring case, spaces, dashes and special characters."""

    portal_sku: str
    cin7_sku: str
    product_id: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do now (an empty plan means all is already true), what waits, and what is declined.

    `waits` and `concerns` together are the whole truth about this consumer and return: an exception that is no longer
    in them closes.
    """

    actions: tuple[Action, ...] = ()
    waits: tuple[Wait, ...] = ()
    refusal: str = ""
    concerns: tuple[Concern, ...] = ()
    remarks: tuple[str, ...] = ()
    aliases: tuple[AliasProposal, ...] = ()

    def all_concerns(self) -> tuple[Concern, ...]:
        """Every exception of this plan, from waits and beside them."""
        return tuple(w.concern for w in self.waits if w.concern) + self.concerns


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
    """One decision maker. Queue, dead-letter queue, metric and console filter all derive from `name`."""

    name: str
    hears: Callable[[Return, Terms], bool]
    gather: Callable[[Case, Terms, Books], Any]
    plan: Callable[[Case, Any, Terms, datetime], Plan]
