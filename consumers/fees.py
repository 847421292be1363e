"""Fees the merchant keeps from a return: per item, or once for the whole return however its items close."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from consumers.case import Case
from consumers.matter import Matter, Placed
from consumers.payouts import CANCELLATION, fees_of, shop_rate
from schemas.actions import PostCreditNote
from schemas.merchant import ChargeRule
from schemas.money import FOUR_PLACES
from schemas.returns import Unit


@dataclass(frozen=True, slots=True)
class Fee:
    """One fee, gross, in the sale's currency. `unit` is "" for a fee of the whole return."""

    kind: str
    unit: str
    amount: Decimal


def fees_due(matter: Matter, units: Sequence[Placed]) -> list[Fee]:
    """The fees of these units, and those of the whole return that no earlier note of it has taken."""
    taken = set(taken_kinds(matter.case))
    fees: list[Fee] = []
    for one in sorted(units, key=lambda p: p.unit.returned_item_id):
        for kind, amount in fees_of(one.unit).items():
            once = _once(matter.terms.fees.get(kind))
            if amount <= 0 or (once and kind in taken):
                continue
            fees.append(_fee(kind, "" if once else one.unit.returned_item_id, amount, [one.unit], matter))
            taken |= {kind} if once else set()
    if matter.case.ret.cancellation_fee > 0 and CANCELLATION not in taken:
        everyone = [one.unit for one in units]
        fees.append(_fee(CANCELLATION, "", matter.case.ret.cancellation_fee, everyone, matter))
    return fees


def _once(rule: ChargeRule | None) -> bool:
    return rule is not None and rule.once_per_return


def _fee(kind: str, unit: str, amount: Decimal, of: Iterable[Unit], matter: Matter) -> Fee:
    # Without a rate of its own the sale's currency is the shopper's: placing has checked the prices against it.
    rate = shop_rate(of, matter.sale.currency) or Decimal(1)
    return Fee(kind, unit, (amount * rate).quantize(FOUR_PLACES))


def taken_kinds(case: Case) -> list[str]:
    """The fee kinds that notes of this return have already dealt with."""
    notes = [e.action for e in case.effects if e.kind == "credit" and e.state != "WITHDRAWN"]
    extras = [extra for note in notes if isinstance(note, PostCreditNote) for extra in note.extras]
    return [extra.kind.removeprefix("fee:") for extra in extras if extra.kind.startswith("fee:")]


def summed_by_kind(fees: Iterable[Fee]) -> dict[str, Decimal]:
    """One amount per kind of fee: each becomes one line of a note."""
    sums: dict[str, Decimal] = {}
    for fee in fees:
        sums[fee.kind] = sums.get(fee.kind, Decimal(0)) + fee.amount
    return sums
