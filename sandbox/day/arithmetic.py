"""What each return of the day is entitled to, worked out from the sales alone. Nothing of Returnline is used here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from sandbox.day.words import MAIN, PERCENT, QUARANTINE, Back, Day, Ending, ReturnOfDay, SaleOfDay, Sold

CENT, FOUR = Decimal("0.01"), Decimal("0.0001")
ZERO, HUNDRED = Decimal(0), Decimal(100)


@dataclass(frozen=True, slots=True)
class Amounts:
    """Net, tax and gross, major units of one currency."""

    net: Decimal = ZERO
    tax: Decimal = ZERO

    @property
    def gross(self) -> Decimal:
        """Net and tax together."""
        return self.net + self.tax

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(self.net + other.net, self.tax + other.tax)

    def __sub__(self, other: Amounts) -> Amounts:
        return Amounts(self.net - other.net, self.tax - other.tax)


def invoiced(line: Sold, *, inclusive: bool) -> Amounts:
    """What an invoice line says; the practice tenant cuts its tax at four places."""
    shown = (line.quantity * line.price * (HUNDRED - line.discount) / HUNDRED).quantize(FOUR, ROUND_HALF_UP)
    percent = PERCENT[line.tax_rule]
    tax = (shown * percent / (HUNDRED + percent if inclusive else HUNDRED)).quantize(FOUR, ROUND_DOWN)
    return Amounts(shown - tax if inclusive else shown, tax)


def piece(line: Sold, *, inclusive: bool) -> tuple[Decimal, Decimal]:
    """What the portal says was paid for one piece, and the tax in it, to the cent."""
    whole = invoiced(line, inclusive=inclusive)
    paid = whole.gross if inclusive else whole.net
    return (paid / line.quantity).quantize(CENT, ROUND_HALF_UP), (whole.tax / line.quantity).quantize(
        CENT, ROUND_HALF_UP
    )


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What one return must get: amounts per tax rule, and pieces back on hand per (SKU, location)."""

    currency: str
    amounts: Mapping[str, Amounts]
    pieces: Mapping[tuple[str, str], int]
    lines: int

    @property
    def total(self) -> Amounts:
        """All tax rules together."""
        return sum(self.amounts.values(), Amounts())


def entitlements(day: Day) -> dict[str, Entitlement]:
    """Per return that must end credited. Two returns of one line share it: the last pieces take what is left."""
    left = {
        (sale.order_name, number): (line.quantity, invoiced(line, inclusive=sale.tax_inclusive))
        for sale in day.sales
        for number, line in enumerate(sale.lines)
    }
    return {one.name: _entitled(day.sale(one.order_name), one, left) for one in day.returns if _credited(one)}


def _credited(one: ReturnOfDay) -> bool:
    return one.ending is Ending.CREDITED


def _entitled(sale: SaleOfDay, one: ReturnOfDay, left: dict[tuple[str, int], tuple[int, Amounts]]) -> Entitlement:
    amounts: defaultdict[str, Amounts] = defaultdict(Amounts)
    pieces: defaultdict[tuple[str, str], int] = defaultdict(int)
    for back in one.back:
        place = (sale.order_name, back.line)
        count, rest = left[place]
        share = _share(rest, back, count, inclusive=sale.tax_inclusive)
        left[place] = (count - back.quantity, rest - share)
        sold = sale.lines[back.line]
        amounts[sold.tax_rule] += share
        pieces[sold.sku, QUARANTINE if back.faulty else MAIN] += back.quantity
    return Entitlement(sale.currency, dict(amounts), dict(pieces), len(one.back))


def _share(rest: Amounts, back: Back, count: int, *, inclusive: bool) -> Amounts:
    if back.quantity == count:
        return rest
    shown = rest.gross if inclusive else rest.net
    part = (shown * back.quantity / count).quantize(FOUR, ROUND_HALF_UP)
    tax = (rest.tax * back.quantity / count).quantize(FOUR, ROUND_DOWN)
    return Amounts(part - tax if inclusive else part, tax)


def moved_stock(day: Day) -> dict[tuple[str, str], int]:
    """Pieces that must be back on hand at the end, per (SKU, location)."""
    moved: defaultdict[tuple[str, str], int] = defaultdict(int)
    for entitlement in entitlements(day).values():
        for place, count in entitlement.pieces.items():
            moved[place] += count
    return dict(moved)


def moved_accounts(day: Day, costs: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """How far each account must have moved, base currency, debit positive. `costs` is the unit cost of each SKU.

    Credits reverse sales (200), tax (820) and receivables (610); restocked goods come back into stock (630) out of
    cost of sales (310); the invoices that were still drafts in the morning are booked during the day.
    """
    moved = dict.fromkeys(("200", "310", "610", "630", "820"), ZERO)
    due = entitlements(day)
    for one in day.returns:
        if one.name in due:
            _credit(moved, day.sale(one.order_name).rate, due[one.name], costs)
    for sale in day.sales:
        if sale.invoice == "DRAFT":
            for line in sale.lines:
                booked = invoiced(line, inclusive=sale.tax_inclusive)
                _post(moved, booked, -sale.rate)
    return moved


def _credit(moved: dict[str, Decimal], rate: Decimal, entitled: Entitlement, costs: Mapping[str, Decimal]) -> None:
    _post(moved, entitled.total, rate)
    for (sku, _), count in entitled.pieces.items():
        moved["630"] += costs[sku] * count
        moved["310"] -= costs[sku] * count


def _post(moved: dict[str, Decimal], amounts: Amounts, rate: Decimal) -> None:
    moved["200"] += amounts.net * rate
    moved["820"] += amounts.tax * rate
    moved["610"] -= amounts.gross * rate
