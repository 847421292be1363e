"""What each return of the day is entitled to, worked out from the sales alone. Nothing of Returnline is used here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from sandbox.demo.day.words import (
    FEE_INCOME,
    MAIN,
    PAID_FROM,
    PERCENT,
    QUARANTINE,
    SHIPPING_INCOME,
    TO_CARD,
    VAT_20,
    WRITE_OFFS,
    Back,
    Day,
    Ending,
    ReturnOfDay,
    SaleOfDay,
    Sold,
)

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
    """What one return must get: amounts per tax rule (fees taken off), and pieces restocked per (SKU, location).

    `fees` is what was kept, `shipping` what was given back of it; `written_off` are the restocked pieces per SKU that
    left again; `refunds` is what the portal paid, per account.
    """

    currency: str
    amounts: Mapping[str, Amounts]
    pieces: Mapping[tuple[str, str], int]
    lines: int
    fees: Amounts = Amounts()
    shipping: Amounts = Amounts()
    written_off: Mapping[str, int] = field(default_factory=dict)
    refunds: Mapping[str, Decimal] = field(default_factory=dict)

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
        amounts[VAT_20] -= fee_of(back)
    fees = sum((fee_of(back) for back in one.back), Amounts())
    shipping = shipping_of(sale) if one.shipping_back else Amounts()
    amounts[VAT_20] += shipping
    gone = {sale.lines[back.line].sku: back.quantity for back in one.back if back.written_off}
    amounts = defaultdict(Amounts, {rule: each for rule, each in amounts.items() if each != Amounts()})
    return Entitlement(
        sale.currency,
        dict(amounts),
        dict(pieces),
        len(one.back) + one.shipping_back,
        fees,
        shipping,
        gone,
        refunds_of(sale, one) if one.refunded else {},
    )


def shipping_of(sale: SaleOfDay) -> Amounts:
    """What the invoice charges for shipping."""
    return invoiced(Sold("", 1, sale.shipping), inclusive=sale.tax_inclusive)


def fee_of(back: Back) -> Amounts:
    """The fee on these pieces; the shops post it with 20 %."""
    gross = back.fee * back.quantity
    net = (gross * HUNDRED / (HUNDRED + PERCENT[VAT_20])).quantize(FOUR, ROUND_HALF_UP)
    return Amounts(net, gross - net)


def refunds_of(sale: SaleOfDay, one: ReturnOfDay) -> dict[str, Decimal]:
    """What the portal pays, by the account it is paid from."""
    paid: defaultdict[str, Decimal] = defaultdict(Decimal)
    for back in one.back:
        each, tax = piece(sale.lines[back.line], inclusive=sale.tax_inclusive)
        gross = each if sale.tax_inclusive else each + tax
        paid[PAID_FROM[back.resolution]] += (gross - back.fee) * back.quantity
    if one.shipping_back:
        paid[PAID_FROM[one.back[0].resolution]] += shipping_of(sale).gross
    return dict(paid)


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
        for sku, count in entitlement.written_off.items():
            moved[sku, QUARANTINE] -= count
    return {place: count for place, count in moved.items() if count}


def moved_accounts(day: Day, costs: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """How far each account must have moved, base currency, debit positive. `costs` is the unit cost of each SKU.

    Credits reverse sales (200), tax (820) and receivables (610); a fee kept is income (260), and shipping given back
    comes out of its own (210). Restocked goods come back into stock (630) out of cost of sales (310), damaged ones
    leave it again for the write-offs (403). A refund clears the receivable from where it was paid (712, 850). The
    invoices that were still drafts in the morning are booked during the day; of an order that is imported again, the
    new invoice, which is paid (712).
    """
    accounts = ("200", FEE_INCOME, SHIPPING_INCOME, "310", WRITE_OFFS, "610", "630", "820", *PAID_FROM.values())
    moved = dict.fromkeys(accounts, ZERO)
    due = entitlements(day)
    for one in day.returns:
        if one.name in due:
            _credit(moved, day.sale(one.order_name).rate, due[one.name], costs)
    again = {one.order_name for one in day.returns if one.imported_again}
    for sale in day.sales:
        if sale.invoice == "DRAFT":
            for line in sale.lines:
                booked = invoiced(line, inclusive=sale.tax_inclusive)
                _post(moved, booked, -sale.rate)
                if sale.order_name in again:
                    moved["610"] -= booked.gross * sale.rate
                    moved[PAID_FROM[TO_CARD]] += booked.gross * sale.rate
    return moved


def _credit(moved: dict[str, Decimal], rate: Decimal, entitled: Entitlement, costs: Mapping[str, Decimal]) -> None:
    _post(moved, entitled.total, rate)
    moved["200"] += (entitled.fees.net - entitled.shipping.net) * rate
    moved[FEE_INCOME] -= entitled.fees.net * rate
    moved[SHIPPING_INCOME] += entitled.shipping.net * rate
    for account, paid in entitled.refunds.items():
        moved["610"] += paid * rate
        moved[account] -= paid * rate
    for sku, count in entitled.written_off.items():
        moved["630"] -= costs[sku] * count
        moved[WRITE_OFFS] += costs[sku] * count
    for (sku, _), count in entitled.pieces.items():
        moved["630"] += costs[sku] * count
        moved["310"] -= costs[sku] * count


def _post(moved: dict[str, Decimal], amounts: Amounts, rate: Decimal) -> None:
    moved["200"] += amounts.net * rate
    moved["820"] += amounts.tax * rate
    moved["610"] -= amounts.gross * rate
