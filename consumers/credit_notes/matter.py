"""One decision's desk: the case, the sale and everything learned about it, and the units placed on invoice lines."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from consumers.case import AliasProposal, Case
from consumers.credit_notes.entitlement import Figures
from consumers.credit_notes.facts import CreditFacts
from consumers.credit_notes.remaining import SoldLine
from consumers.shared.gate import UnitStanding
from consumers.shared.line_total_rule import TotalConflict, TotalRule
from consumers.shared.waits import HOUR, Held
from consumers.shared.whose_sale import several_orders
from schemas.concerns import ConcernType
from schemas.money import Money, coin_of
from schemas.returns import Unit
from schemas.sales import Location, Sale, StockLine, Tenant
from schemas.terms import ConsolidatedSales, Terms


@dataclass(frozen=True, slots=True)
class Matter:
    """What every check may look at."""

    case: Case
    sale: Sale
    facts: CreditFacts
    tenant: Tenant
    terms: Terms
    now: datetime
    rule: TotalRule = TotalRule.PLAIN
    tax_rounding: str = ROUND_HALF_UP
    conflict: TotalConflict | None = None

    @property
    def coin(self) -> Decimal:
        """The smallest unit of the sale's currency, in major units."""
        return coin_of(self.sale.currency)

    def money(self, amount: Decimal) -> Money:
        """An amount of the sale's currency."""
        return Money(amount, self.sale.currency)

    @property
    def consolidated(self) -> bool:
        """Whether the sale holds several orders of a day, so that its charges and lines are not this order's alone."""
        return several_orders(self.sale, self.case.ret.order_name)

    @property
    def undivided(self) -> str:
        """Why nothing may be credited before a person divides a sale of several orders; "" where it may."""
        asks = self.terms.consolidated_sales is ConsolidatedSales.ASK
        if not asks or not self.consolidated or self.accepted(ConcernType.CONSOLIDATED_SALE_AMBIGUOUS):
            return ""
        return f"sale {self.sale.order_number} holds several orders; which of its goods are this order's is not known"

    def accepted(self, kind: ConcernType) -> bool:
        """Whether a person accepted this exception."""
        return kind in self.case.accepted


@dataclass(frozen=True, slots=True)
class Placed:
    """A ready unit on its invoice line. `each` is what one piece is worth; `destination` None means no restock.

    `fate` is the word for its goods: a disposition, "keep", "not_stock", "drop_ship", "awaited" (credited before it
    came), or "" where a person or another system puts it back.
    `parts` are its restock lines.
    """

    standing: UnitStanding
    sold: SoldLine
    proposal: AliasProposal | None = None
    each: Figures | None = None
    destination: Location | None = None
    fate: str = ""
    parts: tuple[StockLine, ...] = ()

    @property
    def unit(self) -> Unit:
        """The unit itself."""
        return self.standing.unit

    def worth(self, matter: Matter) -> Money:
        """Gross of one piece as the invoice has it; what the shopper paid where that is not known."""
        return matter.money(self.each.gross(matter.sale.tax_inclusive)) if self.each else self.unit.gross


def hold(placed: Placed, matter: Matter, kind: ConcernType, cause: str, next_step: str, **details: str) -> Held:
    """The unit waits, with its entitlement at risk."""
    return Held(placed.unit, cause, HOUR, kind, next_step, placed.worth(matter), details)
