"""The portal's prices beside the invoice's shares: each is rounded to the coin, so over many pieces they come apart."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from consumers.case import Case
from consumers.shared.refunds_told import portal_price
from schemas.actions import PostCreditNote
from schemas.effects import EffectState
from schemas.money import coin_of
from schemas.returns import Unit
from schemas.terms import Terms


@dataclass(frozen=True, slots=True)
class Prices:
    """What the portal's prices come to beside the invoice's shares. `told` counts the figures the portal rounded."""

    difference: Decimal = Decimal(0)
    pieces: int = 0
    told: int = 0

    @classmethod
    def of(cls, unit: Unit, difference: Decimal) -> Prices:
        """Of one unit; its price is one figure, or two where the tax is told beside it."""
        return cls(difference, 1, 1 if unit.tax_included else 2)

    def __add__(self, other: Prices) -> Prices:
        return Prices(self.difference + other.difference, self.pieces + other.pieces, self.told + other.told)

    def within(self, terms: Terms, currency: str) -> bool:
        """Whether it may pass unasked."""
        return abs(self.difference) <= terms.let_be_of_prices(coin_of(currency), self.pieces, self.told)


def prices_credited(case: Case, currency: str) -> Prices:
    """The same of the units that notes of this return credit already, from what the ledger keeps of them."""
    units = {unit.returned_item_id: unit for unit in case.ret.units}
    notes = [e.action for e in case.effects if e.kind == "credit" and e.state != EffectState.WITHDRAWN]
    known = Prices()
    for goods in (one for note in notes if isinstance(note, PostCreditNote) for one in note.goods):
        unit = units.get(goods.unit)
        paid = portal_price(unit, currency) if unit else None
        gross = unit is not None and (unit.tax_included or unit.paid.currency == currency)
        if unit and gross and paid is not None and goods.gross.currency == currency:
            known += Prices.of(unit, paid.amount - goods.gross.amount)
    return known
