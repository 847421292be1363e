"""From a number of returns and a seed to a whole day, always the same for the same two numbers."""

from __future__ import annotations

import random
from decimal import Decimal
from math import ceil

from sandbox.demo.day.cases import Case, special_cases
from sandbox.demo.day.happening import steps_of
from sandbox.demo.day.words import ADVANCED, SIMPLE, VAT_5, VAT_20, Back, Day, ReturnOfDay, SaleOfDay, Sold

_SHELF = (
    ("TEE-BLK-S", "30"), ("TEE-BLK-M", "30"), ("TEE-BLK-L", "29.50"), ("HOODIE-GRY-S", "55"),
    ("HOODIE-GRY-XL", "54.95"), ("DRESS-RED", "79.99"), ("DRESS-BLU", "79.99"), ("SOCK-3PK", "12.99"),
    ("SCARF-WOL", "35"), ("JEANS-32", "89"), ("BOOT-42", "140"),
)  # fmt: skip
_REASONS = ("Does not fit", "Changed my mind", "Not as pictured", "Arrived late")


def make_day(returns: int, seed: int) -> Day:
    """A day of `returns` returns: the special cases first, ordinary ones after, and sales nobody brings back.

    Raises ValueError for less than one return.
    """
    if returns < 1:
        raise ValueError("returns: a day needs at least 1")
    luck = random.Random(seed)
    cases = _first(special_cases(), returns)
    while (count := _count(cases)) < returns:
        cases.append(_ordinary(luck, 2000 + count))
    kept = [case.sale for case in cases]
    strangers = [_sale(luck, f"#{5000 + number}") for number in range(max(1, ceil(returns * 1.2) - len(kept)))]
    all_returns = tuple(one for case in cases for one in case.returns)
    span = min(28.0, 10.0 + 0.45 * returns) if returns <= 60 else 0.5 * returns
    return Day(seed, span, (*kept, *strangers), all_returns, steps_of(all_returns, span, luck))


def _first(cases: tuple[Case, ...], returns: int) -> list[Case]:
    kept: list[Case] = []
    for case in cases:
        if _count(kept) + len(case.returns) <= returns:
            kept.append(case)
    return kept


def _count(cases: list[Case]) -> int:
    return sum(len(case.returns) for case in cases)


def _ordinary(luck: random.Random, number: int) -> Case:
    order = f"#{number}"
    sale = _sale(luck, order)
    chosen = luck.randrange(len(sale.lines))
    quantity = luck.randint(1, sale.lines[chosen].quantity)
    faulty = luck.random() < 0.15
    back = Back(chosen, quantity, "Faulty" if faulty else luck.choice(_REASONS), faulty=faulty)
    words = f"{quantity} of {sale.lines[chosen].quantity}{', faulty' if faulty else ''}"
    return Case(sale, (ReturnOfDay(f"ordinary {number}", words, order, (back,)),))


def _sale(luck: random.Random, order: str) -> SaleOfDay:
    chosen = luck.sample(_SHELF, luck.choice((1, 1, 2, 3)))
    rule = VAT_5 if luck.random() < 0.1 else VAT_20
    lines = tuple(
        Sold(sku, luck.choice((1, 1, 1, 2, 3)), Decimal(price), rule, _discount(luck)) for sku, price in chosen
    )
    foreign = luck.random() < 0.15
    return SaleOfDay(
        order,
        lines,
        kind=luck.choice((SIMPLE, ADVANCED)),
        tax_inclusive=luck.random() < 0.6,
        currency="EUR" if foreign else "GBP",
        rate=Decimal("0.85") if foreign else Decimal(1),
        invoice=luck.choice(("PAID", "PAID", "AUTHORISED")),
        days_ago=luck.randint(2, 25),
    )


def _discount(luck: random.Random) -> Decimal:
    return Decimal(luck.choice(("0", "0", "0", "10", "12.5")))
